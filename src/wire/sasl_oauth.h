/* OAUTHBEARER (RFC 7628) and XOAUTH2, which libgsasl has not: one message that holds an access
 * token, and what a server says when it does not like it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct sasl_credentials;
struct sasl_mechanism;
struct strbuf;

/* Appends the only message of M, base64, to OUT, which is secret. FAULT_CONFIG for a user or a
 * token that the message cannot hold: a token is no password, and what looks like one is not sent.
 */
bool sasl_oauth_message(const struct sasl_mechanism *m, const struct sasl_credentials *with,
	struct strbuf *out, struct error *err) __attribute__((warn_unused_result));
/* What ends the exchange after the server's complaint, base64: it wants an answer before it refuses
 * (RFC 7628 section 3.2.3). */
const char *sasl_oauth_acknowledge(const struct sasl_mechanism *m);

/* Puts into OUT (SIZE octets) what the server says in a 334 (N octets of base64, which stand for a
 * JSON object): "status invalid_token, scope mail", printable and short; whatever it is in place of
 * JSON or base64, as it is. "" for nothing. */
void sasl_oauth_complaint(char *out, size_t size, const char *challenge, size_t n);
