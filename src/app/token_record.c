#include "token_record.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "json.h"
#include "text.h"

#define VERSION  1
#define LIFE     3600 /* of an access token where the server does not say */
#define LIFE_MAX (30 * 86400LL)
#define BACK     120 /* seconds that the clock may be set back without notice */

/* What jansson holds of tokens must not be left in memory. */
static void
wipe_and_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void
token_record_done(struct token_record *r)
{
	strbuf_done(&r->access);
	strbuf_done(&r->refresh);
}

static void
put_text(json_t *o, const char *key, const char *value)
{
	if (*value)
		json_put(o, key, json_text(value));
}

static void
put_number(json_t *o, const char *key, int64_t value)
{
	if (value)
		json_put(o, key, json_integer(value));
}

static int
add_piece(const char *s, size_t n, void *ctx)
{
	strbuf_add(ctx, s, n);
	return 0;
}

void
token_record_print(struct strbuf *out, const struct token_record *r, bool with_refresh)
{
	json_t *o;

	json_set_alloc_funcs(malloc, wipe_and_free);
	o = json_object();
	json_put(o, "version", json_integer(VERSION));
	put_text(o, "provider", r->provider);
	put_text(o, "client", r->client);
	put_text(o, "user", r->user);
	put_text(o, "asked", r->asked);
	put_text(o, "scope", r->scope);
	put_text(o, "token_url", r->token_url);
	put_text(o, "revoke_url", r->revoke_url);
	put_number(o, "expires", r->expires);
	put_number(o, "issued", r->issued);
	put_number(o, "granted", r->granted);
	put_number(o, "renewed", r->renewed);
	put_number(o, "refresh_expires", r->refresh_expires);
	put_text(o, "access_token", r->access.s);
	if (with_refresh)
		put_text(o, "refresh_token", r->refresh.s);
	if (json_dump_callback(o, add_piece, out, JSON_COMPACT) != 0)
		alloc_failed();
	json_decref(o);
}

static bool
take_text(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	size_t n = s ? json_string_length(json_object_get(o, key)) : 0;

	*out = '\0';
	if (!s)
		return true;
	if (n >= size || text_has_control(s, n))
		return false;
	memcpy(out, s, n + 1);
	return true;
}

static bool
take_token(const json_t *o, const char *key, struct strbuf *out)
{
	const char *s = json_string_value(json_object_get(o, key));
	size_t n = s ? json_string_length(json_object_get(o, key)) : 0;

	if (!s)
		return true;
	if (text_has_control(s, n))
		return false;
	strbuf_add(out, s, n);
	return !out->full;
}

static int64_t
take_number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 && n < INT64_MAX / 4 ? n : 0;
}

bool
token_record_parse(struct token_record *r, const char *s, size_t n)
{
	json_t *o;
	bool good;

	json_set_alloc_funcs(malloc, wipe_and_free);
	o = json_loadb(s, n, JSON_REJECT_DUPLICATES, NULL);
	good = json_integer_value(json_object_get(o, "version")) == VERSION &&
	       take_text(o, "provider", r->provider, sizeof(r->provider)) &&
	       take_text(o, "client", r->client, sizeof(r->client)) &&
	       take_text(o, "user", r->user, sizeof(r->user)) &&
	       take_text(o, "asked", r->asked, sizeof(r->asked)) &&
	       take_text(o, "scope", r->scope, sizeof(r->scope)) &&
	       take_text(o, "token_url", r->token_url, sizeof(r->token_url)) &&
	       take_text(o, "revoke_url", r->revoke_url, sizeof(r->revoke_url)) &&
	       take_token(o, "access_token", &r->access) &&
	       take_token(o, "refresh_token", &r->refresh);
	r->expires = take_number(o, "expires");
	r->issued = take_number(o, "issued");
	r->granted = take_number(o, "granted");
	r->renewed = take_number(o, "renewed");
	r->refresh_expires = take_number(o, "refresh_expires");
	json_decref(o);
	return good;
}

void
token_record_take(struct token_record *r, const struct oauth_grant *g, int64_t now)
{
	uint64_t seconds = g->seconds ? g->seconds : LIFE;

	strbuf_clear(&r->access);
	strbuf_add(&r->access, g->access.s, g->access.len);
	r->issued = now;
	r->expires = now + (int64_t)(seconds < LIFE_MAX ? seconds : LIFE_MAX);
	if (g->refresh.len) {
		strbuf_clear(&r->refresh);
		strbuf_add(&r->refresh, g->refresh.s, g->refresh.len);
		r->refresh_expires = 0;
	}
	r->renewed = now;
	if (g->refresh_seconds)
		r->refresh_expires = now + (int64_t)g->refresh_seconds;
	if (*g->scope)
		memcpy(r->scope, g->scope, sizeof(r->scope));
	else if (!*r->scope)
		memcpy(r->scope, r->asked, sizeof(r->scope));
}

bool
token_record_is_fresh(const struct token_record *r, int64_t now, int64_t seconds)
{
	return r->access.len && now > r->issued - BACK && r->expires - now > seconds;
}
