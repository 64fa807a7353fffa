/* What a message asks for beyond delivery: from the settings of its account. */
#pragma once

#include <stdbool.h>
#include <time.h>

struct error;
struct profile;
struct strbuf;
struct submission;
struct wire_wishes;

/* Key hold-by, in the order of the table. */
enum { HOLD_BY_AUTO, HOLD_BY_QUEUE, HOLD_BY_SERVER };

/* Fills in the wishes of ACCOUNT, seen from NOW. MAIL_AUTH holds what the wishes point to.
 * FAULT_USAGE for a mistake on the command line, FAULT_CONFIG for one in a file or variable;
 * FAULT_CONFIG also for
 * --in or --at where nobody may hold the message. */
bool wishes_fill(struct wire_wishes *w, struct strbuf *mail_auth, const struct profile *account,
	time_t now, struct error *err) __attribute__((warn_unused_result));
/* The first wish that the command line has for this message, of which an entry of the queue knows
 * nothing, or NULL: a message that asked for REQUIRETLS must not leave without it later. */
const char *wishes_lost(const struct submission *s);
/* When --in or --at want the message to leave; *RET is 0 where neither is given. Errors as above. */
bool wishes_hold_until(const struct profile *account, time_t now, time_t *ret, struct error *err)
	__attribute__((warn_unused_result));
