/* What wire/ is told about the smarthost of an account: settings, password, trace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"
#include "settings.h"
#include "trace.h"

struct error;
struct profile;
struct submission;

struct smarthost {
	struct wire_settings settings; /* its strings are the account's */
	struct secret secret;
	struct strbuf password; /* kept for a second attempt */
	struct strbuf mail_auth; /* of the wishes */
	bool asked, got;
	struct trace trace;
};

#define SMARTHOST_NONE                                                                             \
	{                                                                                          \
		.secret = SECRET_NONE, .password = STRBUF_INIT_SECRET(SECRET_MAX),                 \
		.mail_auth = STRBUF_INIT(512)                                              \
	}

/* Fills in the settings of ACCOUNT, which must outlive *H as the place of *H must not change, and
 * starts to ask for the password where one will be needed. *H needs smarthost_close in any case. */
bool smarthost_open(struct smarthost *h, const struct submission *s, const struct profile *account,
	struct error *err) __attribute__((warn_unused_result));
void smarthost_close(struct smarthost *h);
/* When the account's timeout will have passed, counted from now. */
int64_t smarthost_deadline(const struct profile *p);
