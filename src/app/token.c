#include "token.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "hash.h"
#include "keys.h"
#include "log.h"
#include "profile.h"
#include "provider.h"
#include "token_private.h"
#include "token_record.h"
#include "token_settings.h"
#include "token_store.h"

#define MARGIN   120 /* seconds that a token must hold for a submission */
#define STORE_MS (60 * CLOCK_SECOND)
#define DAY      86400

static uint64_t last; /* what the token was that was given last, as a sum */
static bool renewed;

bool
token_was_renewed(void)
{
	return renewed;
}

bool
token_is_used(const struct profile *p)
{
	return profile_is_set(p, OPT_OAUTH);
}

const char *
token_mechanism(const struct profile *p)
{
	const struct provider_oauth *o = provider_oauth_by_name(profile_text(p, OPT_OAUTH));

	return o ? o->mechanism : NULL;
}

static uint64_t
sum_of(const struct strbuf *token)
{
	return hash_of(1, token->s, token->len);
}

/* A key for one grant: other settings do not find it. */
void
token_name_cache(const struct token_settings *t, const struct token_store *store, char out[64])
{
	const char *parts[] = { t->provider, t->client.id ?: "", t->scope ?: "",
		profile_text(t->profile, OPT_OAUTH_SERVICE_ACCOUNT) ?: "", t->server.token ?: "" };
	struct hash h;

	hash_init(&h, t->grant);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		hash_add(&h, parts[i], strlen(parts[i]) + 1);
	snprintf(
		out, 64, "sendoff:token:%s:%016llx", store->base, (unsigned long long)hash_end(&h));
}

bool
getting_begin(struct getting *g, const struct profile *p, int64_t deadline, struct error *err)
{
	*g = (struct getting){ .record = TOKEN_RECORD_NONE, .place = SECRET_PLACE_NOWHERE };
	g->deadline = clock_sooner(deadline, clock_in(STORE_MS));
	if (!token_settings_init(&g->settings, p, err) || !token_store_init(&g->store, p, err))
		return false;
	token_name_cache(&g->settings, &g->store, g->cache);
	return true;
}

void
getting_end(struct getting *g)
{
	token_record_done(&g->record);
	token_settings_done(&g->settings);
	token_store_done(&g->store);
}

static void
clear_record(struct token_record *r)
{
	token_record_done(r);
	*r = (struct token_record)TOKEN_RECORD_NONE;
}

/* True iff R was got by the settings that hold now. */
bool
token_is_ours(const struct token_settings *t, const struct token_record *r)
{
	return strcmp(r->provider, t->provider) == 0 &&
	       strcmp(r->client, t->client.id ?: "") == 0 && strcmp(r->user, t->user ?: "") == 0;
}

static bool
uses_cache(const struct getting *g)
{
	return profile_choice(g->settings.profile, OPT_SECRET_CACHE) != 0;
}

/* A token that may be used. Of one that was refused, only another. */
static bool
is_usable(const struct getting *g, bool forced)
{
	return token_record_is_fresh(&g->record, clock_wall(), MARGIN) &&
	       (!forced || sum_of(&g->record.access) != last);
}

bool
getting_from_cache(struct getting *g, bool forced)
{
	struct strbuf value = STRBUF_INIT_SECRET(TOKEN_RECORD);
	bool good;

	good = uses_cache(g) && keys_read(g->cache, &value, NULL) &&
	       token_record_parse(&g->record, value.s, value.len) &&
	       token_is_ours(&g->settings, &g->record) && is_usable(g, forced);
	strbuf_done(&value);
	if (!good)
		clear_record(&g->record);
	return good;
}

static void
to_cache(const struct getting *g)
{
	struct strbuf value = STRBUF_INIT_SECRET(TOKEN_RECORD);
	int64_t left = g->record.expires - clock_wall() - MARGIN;

	if (!uses_cache(g) || left <= 0)
		return;
	token_record_print(&value, &g->record, false);
	if (!value.full)
		(void)!keys_write(g->cache, &value, (unsigned)left);
	strbuf_done(&value);
}

/* Reads the record. What was got by other settings counts as nothing. */
bool
getting_from_store(struct getting *g, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(TOKEN_RECORD);
	struct error why = ERROR_NONE;
	bool good;

	clear_record(&g->record);
	g->place = SECRET_PLACE_NOWHERE;
	good = token_store_read(&g->store, g->deadline, &value, &g->place, &why);
	if (good && g->place != SECRET_PLACE_NOWHERE &&
		!token_record_parse(&g->record, value.s, value.len)) {
		clear_record(&g->record);
		good = error_set(&why, FAULT_CONFIG,
			"what is kept for account %s is damaged: run sendoff login %s",
			g->settings.profile->name, g->settings.profile->name);
	}
	strbuf_done(&value);
	if (good)
		return true;
	return error_set(err, why.fault == FAULT_CREATE ? FAULT_TEMPORARY : why.fault,
		"account %s: unable to read the access that was granted: %s",
		g->settings.profile->name, why.text);
}

static bool
is_logged_in(const struct getting *g, struct error *err)
{
	const char *name = g->settings.profile->name;

	if (!g->record.refresh.len && !g->record.access.len)
		return error_set(err, FAULT_PERMISSION,
			"nobody has granted access for account %s: run sendoff login %s", name,
			name);
	if (!token_is_ours(&g->settings, &g->record))
		return error_set(err, FAULT_PERMISSION,
			"access for account %s was granted to another oauth-client-id, provider or "
			"user: run sendoff login %s",
			name, name);
	return true;
}

static bool
write_record(struct getting *g, struct strbuf *where, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(TOKEN_RECORD);
	bool good;

	token_record_print(&value, &g->record, true);
	good = !value.full || error_set(err, FAULT_PROTOCOL, "the tokens are too long to be kept");
	/* a new token must not be lost because the caller is in a hurry */
	good = good &&
	       token_store_write(&g->store, g->place, &value, clock_in(STORE_MS), where, err);
	strbuf_done(&value);
	return good;
}

/* A refresh token was replaced, and the old one is worth nothing: where it cannot be put back it is
 * kept in another place rather than lost. */
static bool
save_renewed(struct getting *g, struct error *err)
{
	struct error why = ERROR_NONE;

	if (write_record(g, NULL, &why))
		return true;
	if (g->place != SECRET_PLACE_FILE) {
		g->place = SECRET_PLACE_FILE;
		if (write_record(g, NULL, NULL))
			return true;
	}
	return error_set(err, FAULT_TEMPORARY,
		"account %s: the renewed access could not be kept: %s", g->settings.profile->name,
		why.text);
}

static bool
refresh(struct getting *g, struct oauth_grant *grant, struct error *err)
{
	struct token_settings *t = &g->settings;
	const char *name = t->profile->name;

	if (!g->record.refresh.len)
		return error_set(err, FAULT_PERMISSION,
			"access for account %s has expired, and the provider gave no refresh "
			"token: "
			"run sendoff login %s",
			name, name);
	/* an issuer has told at the login */
	if (!t->server.token && *g->record.token_url)
		t->server.token = g->record.token_url;
	if (!token_settings_ask(t, false, g->deadline, err))
		return error_prefix(err, "account %s", name);
	/* the old token dies with the answer: what cannot be written is known before */
	if (!write_record(g, NULL, err))
		return error_prefix(err,
			"account %s: access cannot be renewed, since it could not be "
			"kept",
			name);
	return oauth_refresh(
		&t->server, &t->client, g->record.refresh.s, NULL, g->deadline, grant, err);
}

static bool
ask_as_client(struct getting *g, struct oauth_grant *grant, struct error *err)
{
	struct token_settings *t = &g->settings;

	if (!token_settings_ask(t, false, g->deadline, err))
		return error_prefix(err, "account %s", t->profile->name);
	if (t->grant == TOKEN_BY_ACCOUNT)
		return oauth_by_assertion(&t->server, t->account, &t->key, t->user, t->scope,
			g->deadline, grant, err);
	return oauth_by_client(&t->server, &t->client, t->scope, g->deadline, grant, err);
}

void
token_describe(const struct token_settings *t, struct token_record *r)
{
	snprintf(r->provider, sizeof(r->provider), "%s", t->provider);
	snprintf(r->client, sizeof(r->client), "%s", t->client.id ?: "");
	snprintf(r->user, sizeof(r->user), "%s", t->user ?: "");
	snprintf(r->asked, sizeof(r->asked), "%s", t->scope ?: "");
}

/* Asks the authorization server. The lock is held. */
static bool
renew(struct getting *g, struct error *err)
{
	struct oauth_grant grant = OAUTH_GRANT_NONE;
	struct error why = ERROR_NONE;
	bool person = g->settings.grant == TOKEN_BY_PERSON, good;

	good = person ? refresh(g, &grant, &why) : ask_as_client(g, &grant, &why);
	/* somebody else's certificate, a page in place of an answer, a name that is not known: a
	 * hotel's network does that too, and no mail is given up for it */
	if (why.fault == FAULT_UNAVAILABLE || why.fault == FAULT_PROTOCOL ||
		why.fault == FAULT_NOHOST)
		why.fault = FAULT_TEMPORARY;
	if (!good && (grant.refusal || strncmp(why.text, "account ", 8) != 0) &&
		strncmp(why.text, "access for account ", 19) != 0)
		token_settings_explain(&g->settings, grant.refusal, &why, err);
	else if (!good && err && !err->fault)
		*err = why;
	if (good) {
		if (!person)
			token_describe(&g->settings, &g->record);
		token_record_take(&g->record, &grant, clock_wall());
		renewed = true;
		good = !person || save_renewed(g, err);
	}
	oauth_grant_done(&grant);
	return good;
}

/* The slow way: one process at a time. */
static bool
get_locked(struct getting *g, bool forced, struct error *err)
{
	bool person = g->settings.grant == TOKEN_BY_PERSON, good;
	int lock = token_store_lock(&g->store, g->deadline, err);

	if (lock < 0)
		return error_prefix(err, "account %s", g->settings.profile->name);
	/* somebody else may have done it meanwhile */
	if (!person)
		good = getting_from_cache(g, forced) || renew(g, err);
	else
		good = getting_from_store(g, err) && is_logged_in(g, err) &&
		       (is_usable(g, forced) || renew(g, err));
	if (good)
		to_cache(g);
	close(lock);
	return good;
}

/* Once a day at most. */
static void
log_end(const struct getting *g)
{
	const struct profile *p = g->settings.profile;
	struct strbuf line = STRBUF_INIT(1024);
	int64_t now = clock_wall(), until;
	struct log l = LOG_NONE;
	bool by_use;

	until = token_end(&g->settings, &g->record, &by_use);
	if (!until || by_use || until - now > TOKEN_WARNING ||
		now - token_store_marked(&g->store, TOKEN_MARK_WARNED) < DAY ||
		!log_open(&l, profile_text(p, OPT_LOG), "sendoff", NULL))
		return;
	strbuf_addf(&line, "account=%s warning=\"access ends at ", p->name);
	clock_add_rfc3339(&line, (time_t)until);
	strbuf_addf(&line, ": run sendoff login %s\"", p->name);
	if (l.sink != LOG_SINK_NONE && log_write(&l, true, line.s, NULL))
		token_store_mark(&g->store, TOKEN_MARK_WARNED);
	log_close(&l);
	strbuf_done(&line);
}

static bool
get(struct getting *g, bool forced, struct error *err)
{
	if (getting_from_cache(g, forced))
		return true;
	if (g->settings.grant != TOKEN_BY_PERSON)
		return get_locked(g, forced, err);
	if (!getting_from_store(g, err) || !is_logged_in(g, err))
		return false;
	if (is_usable(g, forced))
		to_cache(g);
	else if (!get_locked(g, forced, err))
		return false;
	log_end(g);
	return true;
}

bool
token_get(const struct profile *p, bool forced, int64_t deadline, struct strbuf *ret,
	struct error *err)
{
	struct getting g;
	bool good;

	renewed = false;
	good = getting_begin(&g, p, deadline, err) && get(&g, forced, err);
	if (good) {
		ret->secret = true;
		strbuf_clear(ret);
		strbuf_add(ret, g.record.access.s, g.record.access.len);
		last = sum_of(&g.record.access);
		good = !ret->full || error_set(err, FAULT_SOFTWARE, "no room for the token");
	}
	getting_end(&g);
	return good;
}
