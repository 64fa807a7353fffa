/* The device grant (RFC 8628): a code that a person enters in a browser elsewhere. */
#include <string.h>
#include <strings.h>

#include "error.h"
#include "oauth_private.h"

#define FORM_MAX (64 << 10)
#define GRANT    "urn:ietf:params:oauth:grant-type:device_code"
#define INTERVAL 5 /* seconds, RFC 8628 section 3.2 */
#define SLOWEST  120
#define LIFE     900 /* where the server does not say how long */
#define LIFE_MAX 3600

/* An https address for people. */
static bool
take_address(char *out, const struct strbuf *from)
{
	if (from->len >= HTTP_URL || strncasecmp(from->s, "https://", 8) != 0 ||
		strchr(from->s, ' '))
		return false;
	memcpy(out, from->s, from->len + 1);
	return true;
}

static bool
take(struct oauth_answer *a, const char *url, struct oauth_device *ret, struct error *err)
{
	const struct strbuf *uri = &a->text[ANSWER_URI], *code = &a->text[ANSWER_USER_CODE];
	enum oauth_refusal refusal;

	if (!uri->len)
		uri = &a->text[ANSWER_URI_OLD];
	if (a->status != 200 || !a->text[ANSWER_DEVICE_CODE].len || !code->len)
		return oauth_answer_refused(a, url, &refusal, err);
	if (code->len >= sizeof(ret->user_code) || !take_address(ret->uri, uri))
		return error_set(err, FAULT_TEMPORARY,
			"the server gives a code or an address that nobody can use");
	if (!take_address(ret->complete, &a->text[ANSWER_COMPLETE]))
		*ret->complete = '\0';
	memcpy(ret->user_code, code->s, code->len + 1);
	strbuf_clear(&ret->code);
	strbuf_add(&ret->code, a->text[ANSWER_DEVICE_CODE].s, a->text[ANSWER_DEVICE_CODE].len);
	ret->interval = a->number[ANSWER_INTERVAL] ?: INTERVAL;
	if (ret->interval > SLOWEST)
		ret->interval = SLOWEST;
	ret->seconds = a->number[ANSWER_EXPIRES] ?: LIFE;
	if (ret->seconds > LIFE_MAX)
		ret->seconds = LIFE_MAX;
	return true;
}

bool
oauth_device_begin(const struct oauth_server *s, const struct oauth_client *c, const char *scope,
	int64_t deadline, struct oauth_device *ret, struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);
	struct oauth_answer answer;
	bool good;

	http_add_parameter(&form, "scope", scope);
	oauth_answer_init(&answer);
	good = oauth_post(s, c, s->device, &form, deadline, &answer, err) &&
	       take(&answer, s->device, ret, err);
	oauth_answer_done(&answer);
	strbuf_done(&form);
	return good;
}

bool
oauth_device_ask(const struct oauth_server *s, const struct oauth_client *c,
	const struct oauth_device *d, int64_t deadline, struct oauth_grant *ret, struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);
	struct oauth_answer answer;
	bool good;

	http_add_parameter(&form, "grant_type", GRANT);
	http_add_parameter(&form, "device_code", d->code.s);
	oauth_answer_init(&answer);
	good = oauth_post(s, c, s->token, &form, deadline, &answer, err) &&
	       oauth_answer_take(&answer, s->token, ret, err);
	oauth_answer_done(&answer);
	strbuf_done(&form);
	return good;
}

void
oauth_device_done(struct oauth_device *d)
{
	strbuf_done(&d->code);
}
