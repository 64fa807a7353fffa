/* Answers of an authorization server (RFC 6749 sections 5.1 and 5.2, RFC 8628 section 3.2). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "field.h"
#include "json.h"
#include "oauth_private.h"
#include "text.h"

#define YEARS (10 * 366 * 86400LL) /* no life of a token is longer */

/* In the order of the enumerations. */
static const char *const keys[ANSWER_TEXTS + ANSWER_NUMBERS + 1] = { "error", "error_description",
	"access_token", "refresh_token", "token_type", "scope", "device_code", "user_code",
	"verification_uri", "verification_url", "verification_uri_complete", "expires_in",
	"refresh_token_expires_in", "interval" };

void
oauth_answer_init(struct oauth_answer *a)
{
	*a = (struct oauth_answer){ .status = 0 };
	for (size_t i = 0; i < ANSWER_TEXTS; i++)
		a->text[i] = (struct strbuf)STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX);
}

void
oauth_answer_done(struct oauth_answer *a)
{
	for (size_t i = 0; i < ANSWER_TEXTS; i++)
		strbuf_done(&a->text[i]);
}

/* Takes in any body: what it means is told by the status too. */
bool
oauth_answer_digest(
	void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err)
{
	struct strbuf fields = STRBUF_INIT_SECRET(HTTP_MAX);
	bool json = json_fields(body, n, keys, &fields, NULL) && !fields.full;

	(void)ctx;
	(void)status;
	(void)err;
	ret->secret = true;
	field_add_number(ret, json);
	if (json)
		strbuf_add(ret, fields.s, fields.len);
	strbuf_done(&fields);
	return true;
}

/* The next string, if it is fit to be used: tokens and addresses are printable (RFC 6749 appendix
 * A), descriptions are made so when they are shown. */
static bool
take_text(const char **at, const char *end, enum answer_text which, struct strbuf *out)
{
	char *text;
	size_t n;

	if (!field_take_string(at, end, &text))
		return false;
	n = text ? strlen(text) : 0;
	if (n && n <= OAUTH_TOKEN_MAX &&
		(which == ANSWER_DESCRIPTION || !text_has_control(text, n)))
		strbuf_add(out, text, n);
	if (n)
		explicit_bzero(text, n);
	free(text);
	return true;
}

static bool
take_number(const char **at, const char *end, uint64_t *ret)
{
	char *text;

	if (!field_take_string(at, end, &text))
		return false;
	if (!text || !text_number(text, 0, YEARS, ret))
		*ret = 0;
	free(text);
	return true;
}

bool
oauth_answer_parse(struct oauth_answer *a, const char *s, size_t n)
{
	const char *end = s + n;
	bool good = field_take_bool(&s, end, &a->json);

	for (size_t i = 0; good && a->json && i < ANSWER_TEXTS; i++)
		good = take_text(&s, end, (enum answer_text)i, &a->text[i]);
	for (size_t i = 0; good && a->json && i < ANSWER_NUMBERS; i++)
		good = take_number(&s, end, &a->number[i]);
	return good && s == end;
}

/* Descriptions hold line ends sometimes. */
static void
show(char *out, size_t size, struct strbuf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (strchr("\r\n\t", text->s[i]))
			text->s[i] = ' ';
	text_printable(out, size, text->s, text->len);
}

static const struct {
	const char *error;
	enum oauth_refusal refusal;
	enum fault fault;
} meanings[] = {
	{ "invalid_grant", OAUTH_GRANT_GONE, FAULT_PERMISSION },
	/* OpenID Connect Core section 3.1.2.6, as Microsoft answers a refresh */
	{ "interaction_required", OAUTH_GRANT_GONE, FAULT_PERMISSION },
	{ "login_required", OAUTH_GRANT_GONE, FAULT_PERMISSION },
	{ "consent_required", OAUTH_GRANT_GONE, FAULT_PERMISSION },
	{ "access_denied", OAUTH_DENIED, FAULT_PERMISSION },
	{ "authorization_declined", OAUTH_DENIED, FAULT_PERMISSION },
	{ "expired_token", OAUTH_EXPIRED, FAULT_PERMISSION },
	{ "authorization_pending", OAUTH_PENDING, FAULT_TEMPORARY },
	{ "slow_down", OAUTH_SLOW_DOWN, FAULT_TEMPORARY },
	{ "invalid_client", OAUTH_CLIENT, FAULT_CONFIG },
	{ "unauthorized_client", OAUTH_CLIENT, FAULT_CONFIG },
	{ "deleted_client", OAUTH_CLIENT, FAULT_CONFIG },
	{ "disabled_client", OAUTH_CLIENT, FAULT_CONFIG },
	{ "invalid_scope", OAUTH_SCOPE_WRONG, FAULT_CONFIG },
	{ "invalid_target", OAUTH_SCOPE_WRONG, FAULT_CONFIG },
	{ "invalid_request", OAUTH_OTHER, FAULT_CONFIG },
	{ "unsupported_grant_type", OAUTH_OTHER, FAULT_CONFIG },
};

/* "https://HOST/..." */
static int
host_length(const char *url)
{
	return (int)strcspn(url + 8, "/?#");
}

bool
oauth_answer_refused(
	struct oauth_answer *a, const char *url, enum oauth_refusal *ret, struct error *err)
{
	const char *said = a->text[ANSWER_ERROR].s;
	enum fault fault = FAULT_TEMPORARY;
	char shown[420] = "", why[64];

	*ret = OAUTH_NOT_REFUSED;
	/* a server in trouble may say anything (RFC 9110 section 15.6) */
	if (a->status / 100 == 5 || a->status == 429 || a->status == 408 || !*said)
		return error_set(err, FAULT_TEMPORARY, "%.*s answers with status %d and %s",
			host_length(url), url + 8, a->status,
			!a->json ? "something else than JSON"
			: *said  ? "an error of its own"
				 : "without a token");
	*ret = OAUTH_OTHER;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcmp(said, meanings[i].error) == 0) {
			*ret = meanings[i].refusal;
			fault = meanings[i].fault;
		}
	text_printable(why, sizeof(why), said, strlen(said));
	show(shown, 300, &a->text[ANSWER_DESCRIPTION]);
	return error_set(err, fault, "%.*s says %s%s%s", host_length(url), url + 8, why,
		*shown ? ": " : "", shown);
}

bool
oauth_answer_take(
	struct oauth_answer *a, const char *url, struct oauth_grant *ret, struct error *err)
{
	const struct strbuf *scope = &a->text[ANSWER_SCOPE], *type = &a->text[ANSWER_TYPE];

	if (a->status != 200 || !a->text[ANSWER_ACCESS].len || a->text[ANSWER_ERROR].len)
		return oauth_answer_refused(a, url, &ret->refusal, err);
	if (type->len && strcasecmp(type->s, "Bearer") != 0)
		return error_set(err, FAULT_TEMPORARY,
			"%.*s gives a token of a kind that mail servers do not take",
			host_length(url), url + 8);
	strbuf_clear(&ret->access);
	strbuf_clear(&ret->refresh);
	strbuf_add(&ret->access, a->text[ANSWER_ACCESS].s, a->text[ANSWER_ACCESS].len);
	strbuf_add(&ret->refresh, a->text[ANSWER_REFRESH].s, a->text[ANSWER_REFRESH].len);
	if (scope->len < sizeof(ret->scope))
		memcpy(ret->scope, scope->s, scope->len + 1);
	ret->seconds = a->number[ANSWER_EXPIRES];
	ret->refresh_seconds = a->number[ANSWER_REFRESH_EXPIRES];
	ret->refusal = OAUTH_NOT_REFUSED;
	return true;
}
