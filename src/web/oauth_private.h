/* What the files of oauth.h share: oauth.c (requests), oauth_answer.c (answers), oauth_device.c. */
#pragma once

#include "oauth.h"

/* The strings and numbers of an answer, in the order in which the child tells them. */
enum answer_text {
	ANSWER_ERROR,
	ANSWER_DESCRIPTION,
	ANSWER_ACCESS,
	ANSWER_REFRESH,
	ANSWER_TYPE,
	ANSWER_SCOPE,
	ANSWER_DEVICE_CODE,
	ANSWER_USER_CODE,
	ANSWER_URI,
	ANSWER_URI_OLD, /* verification_url: before RFC 8628, and Google still */
	ANSWER_COMPLETE,
	ANSWER_TEXTS
};
enum answer_number { ANSWER_EXPIRES, ANSWER_REFRESH_EXPIRES, ANSWER_INTERVAL, ANSWER_NUMBERS };

struct oauth_answer {
	struct strbuf text[ANSWER_TEXTS]; /* secret; empty: not there */
	uint64_t number[ANSWER_NUMBERS];  /* 0: not there */
	bool json;
	int status;
};
void oauth_answer_init(struct oauth_answer *a);
void oauth_answer_done(struct oauth_answer *a);

/* POSTs FORM to URL as client C does it, which is added to the form. C may be NULL. False: there
 * was no answer. */
bool oauth_post(const struct oauth_server *s, const struct oauth_client *c, const char *url,
	struct strbuf *form, int64_t deadline, struct oauth_answer *ret, struct error *err)
	__attribute__((warn_unused_result));
/* What an answer that is no success means. Returns false. */
bool oauth_answer_refused(
	struct oauth_answer *a, const char *url, enum oauth_refusal *ret, struct error *err);
/* Takes tokens out of an answer of the token endpoint at URL. */
bool oauth_answer_take(struct oauth_answer *a, const char *url, struct oauth_grant *ret,
	struct error *err) __attribute__((warn_unused_result));
/* The digest, as http_digest; for tests and fuzzing too. Takes in any body. */
bool oauth_answer_digest(
	void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err);
bool oauth_answer_parse(struct oauth_answer *a, const char *s, size_t n)
	__attribute__((warn_unused_result));
