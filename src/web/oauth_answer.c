/* Answers of an authorization server (RFC 6749 sections 5.1 and 5.2, RFC 8628 section 3.2). */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "field.h"
#include "oauth_private.h"
#include "text.h"

#define YEARS (10 * 366 * 86400LL) /* no life of a token is longer */

static const char *const texts[ANSWER_TEXTS] = { "error", "error_description", "access_token",
	"refresh_token", "token_type", "scope", "device_code", "user_code", "verification_uri",
	"verification_url", "verification_uri_complete" };
static const char *const numbers[ANSWER_NUMBERS] = { "expires_in", "refresh_token_expires_in",
	"interval" };

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

/* A string of printable characters, or nothing. Descriptions hold line ends sometimes. */
static void
add_text(struct strbuf *out, const json_t *object, enum answer_text which)
{
	const json_t *value = json_object_get(object, texts[which]);
	struct strbuf shown = STRBUF_INIT(1024);
	const char *s = json_string_value(value);
	size_t n = json_string_length(value);

	if (s && which == ANSWER_DESCRIPTION) {
		for (size_t i = 0; i < n && i < 400; i++)
			strbuf_addc(&shown, strchr("\r\n\t", s[i]) ? ' ' : s[i]);
		s = shown.s;
		n = shown.len;
	} else if (s && (n > OAUTH_TOKEN_MAX || text_has_control(s, n))) {
		s = NULL;
	}
	if (s)
		field_add(out, s, n);
	else
		field_add(out, "", 0);
	strbuf_done(&shown);
}

/* Some servers write their numbers as strings. */
static uint64_t
number_of(const json_t *object, enum answer_number which)
{
	const json_t *value = json_object_get(object, numbers[which]);
	uint64_t n = 0;

	if (json_is_integer(value))
		return json_integer_value(value) > 0 && json_integer_value(value) < YEARS
			       ? (uint64_t)json_integer_value(value)
			       : 0;
	if (json_is_real(value) && json_real_value(value) >= 1 && json_real_value(value) < YEARS)
		return (uint64_t)json_real_value(value);
	if (!json_is_string(value) || !text_number(json_string_value(value), 0, YEARS, &n))
		return 0;
	return n;
}

bool
oauth_answer_digest(
	void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err)
{
	json_t *object = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);

	(void)ctx;
	(void)status;
	(void)err;
	ret->secret = true;
	field_add_number(ret, json_is_object(object));
	for (size_t i = 0; i < ANSWER_TEXTS; i++)
		add_text(ret, object, (enum answer_text)i);
	for (size_t i = 0; i < ANSWER_NUMBERS; i++)
		field_add_number(ret, number_of(object, (enum answer_number)i));
	json_decref(object);
	return true;
}

bool
oauth_answer_parse(struct oauth_answer *a, const char *s, size_t n)
{
	const char *end = s + n, *text;
	bool good = field_take_bool(&s, end, &a->json);

	for (size_t i = 0; good && i < ANSWER_TEXTS; i++) {
		good = field_take(&s, end, &text, &n) && n <= OAUTH_TOKEN_MAX;
		if (good && (i == ANSWER_DESCRIPTION || !text_has_control(text, n)))
			strbuf_add(&a->text[i], text, n);
	}
	for (size_t i = 0; good && i < ANSWER_NUMBERS; i++)
		good = field_take_number(&s, end, YEARS, &a->number[i]);
	return good && s == end;
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
	const struct oauth_answer *a, const char *url, enum oauth_refusal *ret, struct error *err)
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
	if (a->text[ANSWER_DESCRIPTION].len)
		text_printable(
			shown, 300, a->text[ANSWER_DESCRIPTION].s, a->text[ANSWER_DESCRIPTION].len);
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
