/* The tokens of an account as they are kept: one JSON object. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oauth.h"
#include "strbuf.h"

struct error;

#define TOKEN_RECORD (48 << 10) /* octets of one */

struct token_record {
	/* what it is for: other settings than those that it was got by make it useless */
	char provider[512], client[512], user[512], asked[OAUTH_SCOPE];
	struct strbuf access, refresh; /* secret */
	int64_t expires;               /* of the access token, seconds since 1970 */
	int64_t issued;                /* when it was got */
	int64_t granted;               /* when a person logged in; 0: nobody did */
	int64_t renewed;         /* when the refresh token came; it may be the one of the login */
	int64_t refresh_expires; /* 0: not known */
	char scope[OAUTH_SCOPE]; /* what was granted */
	char token_url[HTTP_URL], revoke_url[HTTP_URL]; /* of an issuer that has told */
};
#define TOKEN_RECORD_NONE                                                                          \
	{                                                                                          \
		.access = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX),                                     \
		.refresh = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX)                                     \
	}

void token_record_done(struct token_record *r);
/* WITH_REFRESH false: as the kernel's keyring has it. OUT is secret. */
void token_record_print(struct strbuf *out, const struct token_record *r, bool with_refresh);
/* RET is TOKEN_RECORD_NONE. False: this is no record, or one of a version to come. */
bool token_record_parse(struct token_record *ret, const char *s, size_t n)
	__attribute__((warn_unused_result));
/* Takes down what was granted at NOW; what a grant does not say stays as it was. */
void token_record_take(struct token_record *r, const struct oauth_grant *g, int64_t now);
/* True iff the access token is good for SECONDS more. A clock that has been set back makes it not
 * good. */
bool token_record_is_fresh(const struct token_record *r, int64_t now, int64_t seconds);
