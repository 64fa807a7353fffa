/* Logging in and out, and looking at what there is. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "keys.h"
#include "profile.h"
#include "provider.h"
#include "token_private.h"

#define DAY 86400

/* The kernel's keyring gives the new token, or none. */
static void
forget_cache(const struct token_settings *t, const struct token_store *store)
{
	char cache[64];

	token_name_cache(t, store, cache);
	keys_remove(cache);
}

bool
token_keep(const struct token_settings *t, const struct oauth_grant *grant, int64_t deadline,
	struct token_record *record, struct strbuf *where, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(TOKEN_RECORD);
	struct token_store store;
	bool good;
	int lock = -1;

	token_describe(t, record);
	if (!t->known && t->server.token)
		snprintf(record->token_url, sizeof(record->token_url), "%s", t->server.token);
	if (!t->known && t->server.revoke)
		snprintf(record->revoke_url, sizeof(record->revoke_url), "%s", t->server.revoke);
	token_record_take(record, grant, clock_wall());
	record->granted = record->issued;
	token_record_print(&value, record, true);
	good = token_store_init(&store, t->profile, err) &&
	       (lock = token_store_lock(&store, deadline, err)) >= 0 &&
	       token_store_write(&store, store.place, &value, deadline, where, err);
	if (good) {
		forget_cache(t, &store);
		token_store_mark(&store, TOKEN_MARK_LOGIN);
	}
	if (lock >= 0)
		close(lock);
	token_store_done(&store);
	strbuf_done(&value);
	return good;
}

bool
token_drop(const struct token_settings *t, int64_t deadline, unsigned *ret_count, struct error *err)
{
	struct token_store store;
	bool good;
	int lock = -1;

	*ret_count = 0;
	good = token_store_init(&store, t->profile, err) &&
	       (lock = token_store_lock(&store, deadline, err)) >= 0 &&
	       token_store_remove(&store, deadline, ret_count, err);
	forget_cache(t, &store);
	token_store_mark(&store, TOKEN_MARK_LOGIN);
	if (lock >= 0)
		close(lock);
	token_store_done(&store);
	return good;
}

bool
token_look(const struct token_settings *t, int64_t deadline, struct token_record *ret,
	const char **ret_where, struct error *err)
{
	static const char *const words[] = { [SECRET_PLACE_KEYRING] = "the Secret Service",
		[SECRET_PLACE_FILE] = "a private file",
		[SECRET_PLACE_SEALED] = "a file that systemd-creds encrypts" };
	struct getting g;
	bool good;

	*ret_where = "";
	good = getting_begin(&g, t->profile, deadline, err);
	if (good && t->grant != TOKEN_BY_PERSON) {
		if (getting_from_cache(&g, false))
			*ret_where = "the kernel's keyring";
	} else if (good) {
		good = getting_from_store(&g, err);
		if (good && g.place > SECRET_PLACE_AUTO && g.place < SECRET_PLACE_NOWHERE)
			*ret_where = words[g.place];
		if (good && !token_is_ours(&g.settings, &g.record))
			*ret_where = "";
	}
	if (good) {
		*ret = g.record;
		g.record = (struct token_record)TOKEN_RECORD_NONE;
	}
	getting_end(&g);
	return good;
}

int64_t
token_end(const struct token_settings *t, const struct token_record *r, bool *ret_by_use)
{
	/* how long a refresh token lives without being used */
	static const struct {
		const char *name;
		int days;
	} idle[] = { { "microsoft", 90 }, { "google", 180 } };

	*ret_by_use = false;
	if (t->grant != TOKEN_BY_PERSON || !r->refresh.len)
		return 0;
	if (r->refresh_expires)
		return r->refresh_expires;
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		if (t->known && strcmp(t->known->name, idle[i].name) == 0) {
			*ret_by_use = true;
			return r->renewed + (int64_t)idle[i].days * DAY;
		}
	return 0;
}

void
token_add_mark(struct strbuf *out, const struct profile *p, bool prepared)
{
	struct token_store store;

	if (!token_is_used(p))
		return;
	if (token_store_init(&store, p, NULL) &&
		(!prepared || token_file_prepare(store.directory.s, NULL)))
		token_store_add_mark(out, &store, TOKEN_MARK_LOGIN);
	token_store_done(&store);
}
