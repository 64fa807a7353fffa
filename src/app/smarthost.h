/* What wire/ is told about the smarthost of an account: settings, password, trace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"
#include "settings.h"
#include "trace.h"
#include "wishes.h"

struct error;
struct profile;
struct submission;

struct smarthost {
	struct wire_settings settings; /* its strings are the account's */
	struct secret secret;
	struct strbuf password;  /* kept for a second attempt */
	struct strbuf mail_auth; /* of the wishes */
	struct strbuf proxy_password;
	char proxy_user[256];
	const struct profile *account;
	const int *keeper;       /* of the submission */
	struct strbuf cert, key; /* pkcs11: URIs as wire/ gets them */
	struct strbuf pin;       /* of the token, once it was asked for */
	bool started;            /* the secret's source was asked, or may not be asked any more */
	bool asked, got;
	bool renewed;     /* the password is a token that was made for us, ... */
	int64_t token_at; /* ... or looked up, then (clock_ms) */
	struct trace trace;
};

#define SMARTHOST_NONE                                                                             \
	{                                                                                          \
		.secret = SECRET_NONE, .password = STRBUF_INIT_SECRET(SECRET_MAX),                 \
		.mail_auth = STRBUF_INIT(WISHES_MAIL_AUTH),                                        \
		.proxy_password = STRBUF_INIT_SECRET(SECRET_MAX), .cert = STRBUF_INIT(8192),       \
		.key = STRBUF_INIT(8192), .pin = STRBUF_INIT_SECRET(SECRET_MAX)                    \
	}

/* Fills in the settings of ACCOUNT, which must outlive *H as the place of *H must not change, and
 * starts to ask for the password where one will be needed. *H needs smarthost_close in any case. */
bool smarthost_open(struct smarthost *h, const struct submission *s, const struct profile *account,
	struct error *err) __attribute__((warn_unused_result));
/* The parts of it: settings and files; then the proxy and the password, which takes a process where
 * a command or the keyring has it. */
bool smarthost_prepare(struct smarthost *h, const struct submission *s,
	const struct profile *account, struct error *err) __attribute__((warn_unused_result));
bool smarthost_ask(struct smarthost *h, const struct profile *account, struct error *err)
	__attribute__((warn_unused_result));
/* The proxy alone, with its password from the file: for who brings a password of his own, or none.
 */
bool smarthost_set_proxy(struct smarthost *h, const struct profile *account, struct error *err)
	__attribute__((warn_unused_result));
/* Fills in the wishes of a message: OWN, which is borrowed, and where that says nothing the
 * account's. Once more for each message that goes the same way. FAULT_CONFIG, FAULT_USAGE. */
bool smarthost_wish(struct smarthost *h, const struct profile *account, const struct wishes *own,
	struct error *err) __attribute__((warn_unused_result));
/* After a login with an access token was refused for *WHY: gets another one in its place, for a new
 * connection. True iff there is one: the account uses tokens, and this one had not just been made.
 */
bool smarthost_renew(struct smarthost *h, const struct error *why, struct error *err)
	__attribute__((warn_unused_result));
/* Wipes the password; it cannot be had again. */
void smarthost_forget(struct smarthost *h);
void smarthost_close(struct smarthost *h);
/* When the account's timeout will have passed, counted from now. */
int64_t smarthost_deadline(const struct profile *p);
