#include "oauth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "jwt.h"
#include "oauth_private.h"

#define FORM_MAX  (64 << 10)
#define JWT_MAX   (16 << 10)
#define JWT_LIFE  300 /* seconds that an assertion holds; ... */
#define JWT_LATE  30  /* ... it holds from then on, for clocks that differ */
#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define JWT_AUTH  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

void
oauth_grant_done(struct oauth_grant *g)
{
	strbuf_done(&g->access);
	strbuf_done(&g->refresh);
}

/* Appends "KEY":"VALUE" of an object, with a comma in front unless it is the first. */
static void
add_member(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addf(out, "%s\"%s\":\"", out->len > 1 ? "," : "", key);
	for (const char *s = value; *s; s++)
		if (*s == '"' || *s == '\\')
			strbuf_addf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			strbuf_addf(out, "\\u%04x", (unsigned)*s);
		else
			strbuf_addc(out, *s);
	strbuf_addc(out, '"');
}

static void
add_times(struct strbuf *out, unsigned life)
{
	long long now = (long long)clock_wall();

	strbuf_addf(out, ",\"iat\":%lld,\"exp\":%lld}", now, now + life);
}

/* RFC 7523 section 3. */
static bool
add_client_assertion(
	struct strbuf *form, const struct oauth_client *c, const char *audience, struct error *err)
{
	struct strbuf claims = STRBUF_INIT(JWT_MAX), jwt = STRBUF_INIT_SECRET(JWT_MAX);
	struct oauth_request once;
	bool good = oauth_request_init(&once, err);

	if (good) {
		strbuf_addc(&claims, '{');
		add_member(&claims, "iss", c->id);
		add_member(&claims, "sub", c->id);
		add_member(&claims, "aud", audience);
		add_member(&claims, "jti", once.state);
		strbuf_addf(&claims, ",\"nbf\":%lld", (long long)clock_wall() - JWT_LATE);
		add_times(&claims, JWT_LIFE);
		good = jwt_sign(c->key, claims.s, &jwt, err);
	}
	if (good) {
		http_add_parameter(form, "client_assertion_type", JWT_AUTH);
		http_add_parameter(form, "client_assertion", jwt.s);
	}
	strbuf_done(&claims);
	strbuf_done(&jwt);
	return good;
}

bool
oauth_post(const struct oauth_server *s, const struct oauth_client *c, const char *url,
	struct strbuf *form, int64_t deadline, struct oauth_answer *ret, struct error *err)
{
	struct http_request request = {
		.url = url, .trust = s->trust, .digest = oauth_answer_digest
	};
	struct http_reply reply = HTTP_REPLY_NONE;
	bool good;

	if (c && c->secret && s->basic) {
		request.user = c->id;
		request.password = c->secret->s;
	} else if (c) {
		http_add_parameter(form, "client_id", c->id);
		http_add_parameter(form, "client_secret", c->secret ? c->secret->s : NULL);
	}
	if (c && c->key && !add_client_assertion(form, c, s->token, err))
		return false;
	if (form->full)
		return error_set(err, FAULT_CONFIG, "the request for a token is too long");
	request.form = form->s;
	good = http_fetch(&request, deadline, &reply, err);
	ret->status = reply.status;
	if (good && !oauth_answer_parse(ret, reply.body.s, reply.body.len))
		good = error_set(err, FAULT_TEMPORARY, "an answer cannot be understood");
	http_reply_done(&reply);
	return good;
}

/* Asks the token endpoint with FORM, which is used up. */
static bool
ask(const struct oauth_server *s, const struct oauth_client *c, struct strbuf *form,
	int64_t deadline, struct oauth_grant *ret, struct error *err)
{
	struct oauth_answer answer;
	bool good;

	oauth_answer_init(&answer);
	good = oauth_post(s, c, s->token, form, deadline, &answer, err) &&
	       oauth_answer_take(&answer, s->token, ret, err);
	oauth_answer_done(&answer);
	strbuf_done(form);
	return good;
}

bool
oauth_refresh(const struct oauth_server *s, const struct oauth_client *c, const char *token,
	const char *scope, int64_t deadline, struct oauth_grant *ret, struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);

	http_add_parameter(&form, "grant_type", "refresh_token");
	http_add_parameter(&form, "refresh_token", token);
	http_add_parameter(&form, "scope", scope);
	return ask(s, c, &form, deadline, ret, err);
}

bool
oauth_by_client(const struct oauth_server *s, const struct oauth_client *c, const char *scope,
	int64_t deadline, struct oauth_grant *ret, struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);

	http_add_parameter(&form, "grant_type", "client_credentials");
	http_add_parameter(&form, "scope", scope);
	return ask(s, c, &form, deadline, ret, err);
}

bool
oauth_by_assertion(const struct oauth_server *s, const char *account, const struct jwt_key *key,
	const char *user, const char *scope, int64_t deadline, struct oauth_grant *ret,
	struct error *err)
{
	struct strbuf claims = STRBUF_INIT(JWT_MAX), jwt = STRBUF_INIT_SECRET(JWT_MAX);
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);
	bool good;

	strbuf_addc(&claims, '{');
	add_member(&claims, "iss", account);
	if (user)
		add_member(&claims, "sub", user);
	add_member(&claims, "scope", scope);
	add_member(&claims, "aud", s->token);
	add_times(&claims, JWT_LIFE);
	good = jwt_sign(key, claims.s, &jwt, err);
	if (good) {
		http_add_parameter(&form, "grant_type", JWT_GRANT);
		http_add_parameter(&form, "assertion", jwt.s);
	}
	strbuf_done(&claims);
	strbuf_done(&jwt);
	return good && ask(s, NULL, &form, deadline, ret, err);
}

bool
oauth_by_code(const struct oauth_server *s, const struct oauth_client *c, const char *code,
	const char *verifier, const char *redirect, int64_t deadline, struct oauth_grant *ret,
	struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);

	http_add_parameter(&form, "grant_type", "authorization_code");
	http_add_parameter(&form, "code", code);
	http_add_parameter(&form, "redirect_uri", redirect);
	http_add_parameter(&form, "code_verifier", verifier);
	return ask(s, c, &form, deadline, ret, err);
}

bool
oauth_revoke(const struct oauth_server *s, const struct oauth_client *c, const char *token,
	int64_t deadline, struct error *err)
{
	struct strbuf form = STRBUF_INIT_SECRET(FORM_MAX);
	enum oauth_refusal refusal;
	struct oauth_answer answer;
	bool good;

	http_add_parameter(&form, "token", token);
	http_add_parameter(&form, "token_type_hint", "refresh_token");
	oauth_answer_init(&answer);
	good = oauth_post(s, c, s->revoke, &form, deadline, &answer, err) &&
	       (answer.status / 100 == 2 ||
		       strcmp(answer.text[ANSWER_ERROR].s, "invalid_token") == 0 ||
		       oauth_answer_refused(&answer, s->revoke, &refusal, err));
	oauth_answer_done(&answer);
	strbuf_done(&form);
	return good;
}
