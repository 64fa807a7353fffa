/* Extensions that a message asks for (struct wishes), and limits that a server has (RFC 9422). */
#pragma once

#include <stdbool.h>

struct address;
struct error;
struct session;
struct strbuf;

/* Whether the server offers all that the settings wish for, and promises it: checked before
 * anything of the message leaves. FAULT_UNAVAILABLE at stage mail names extension, server and
 * setting. */
bool wish_check(const struct session *s, struct error *err) __attribute__((warn_unused_result));
/* Appends the parameters of MAIL for them, each behind a blank, and notes them in the report. */
void wish_add_parameters(struct session *s, struct strbuf *line);

/* Whether a recipient at A may be named on this connection beside those that were (RCPTDOMAINMAX);
 * its domain counts from then on. */
bool wish_admits_domain(struct session *s, const struct address *a);
