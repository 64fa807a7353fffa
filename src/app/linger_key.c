#include "linger_key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "field.h"
#include "memo.h"
#include "profile.h"
#include "settings.h"
#include "strbuf.h"
#include "token.h"

#define RECORD_MAX (4 << 20)
#define FILES_MAX  32 /* configuration files that one account is made of */

/* True iff the option says how the connection is made. How long it may take does not. */
static bool
is_of_connection(const struct option *o)
{
	return (o->group == OPTION_GROUP_SERVER || o->group == OPTION_GROUP_TLS ||
		       o->group == OPTION_GROUP_AUTH || o->group == OPTION_GROUP_OAUTH) &&
	       o->id != OPT_TIMEOUT && o->id != OPT_LINGER;
}

static void
add_settings(struct strbuf *record, const struct profile *p)
{
	const struct setting *set;

	field_add_string(record, SENDOFF_VERSION);
	field_add_number(record, geteuid());
	field_add_string(record, p->name);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		set = &p->settings[i];
		if (!is_of_connection(&options[i]) || !set->origin)
			continue;
		field_add_number(record, i);
		field_add_number(record, set->n);
		for (size_t k = 0; k < set->n; k++)
			field_add_string(record, set->v[k]);
	}
}

static void
add_state(struct strbuf *record, const char *path)
{
	struct stat st;

	field_add_string(record, path);
	if (!path || stat(path, &st))
		field_add_number(record, 0);
	else
		memo_add_state(record, &st);
}

/* The file in "FILE:LINE", once. */
static void
add_origin(struct strbuf *record, const char *origin, struct strbuf *seen)
{
	struct strbuf path = STRBUF_INIT(8192);
	const char *colon = origin && *origin == '/' ? strrchr(origin, ':') : NULL;

	if (colon)
		strbuf_add(&path, origin, (size_t)(colon - origin));
	strbuf_addc(&path, '\n');
	if (colon && !strstr(seen->s, path.s)) {
		strbuf_add(seen, path.s, path.len);
		strbuf_truncate(&path, path.len - 1);
		add_state(record, path.s);
	}
	strbuf_done(&path);
}

static void
add_files(struct strbuf *record, const struct profile *p)
{
	static const enum option_id files[] = { OPT_TLS_TRUST, OPT_TLS_CRL, OPT_TLS_CERT,
		OPT_TLS_KEY, OPT_TLS_KEY_PIN_FILE, OPT_PASSWORD_FILE, OPT_NETRC,
		OPT_PROXY_PASSWORD_FILE };
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	struct strbuf seen = STRBUF_INIT(FILES_MAX * 4096), path = STRBUF_INIT(8192);

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		add_state(record, profile_text(p, files[i]));
	if (folder && profile_is_set(p, OPT_PASSWORD_CREDENTIAL)) {
		strbuf_addf(&path, "%s/%s", folder, profile_text(p, OPT_PASSWORD_CREDENTIAL));
		add_state(record, path.s);
	}
	if (token_is_used(p)) {
		strbuf_clear(&path);
		token_add_mark(&path, p, false);
		add_state(record, path.s);
	}
	add_origin(record, p->origin, &seen);
	for (size_t i = 0; i < OPT_COUNT; i++)
		add_origin(record, p->settings[i].origin, &seen);
	if (seen.full)
		record->full = true;
	strbuf_done(&seen);
	strbuf_done(&path);
}

bool
linger_keys(const struct profile *account, const struct wire_settings *settings,
	struct memo_key *name, struct memo_key *key)
{
	struct strbuf record = STRBUF_INIT_SECRET(RECORD_MAX);
	bool good;

	add_settings(&record, account);
	field_add_string(&record, settings->ehlo_name);
	good = memo_hash(name, &record);
	add_files(&record, account);
	good = good && memo_hash(key, &record);
	strbuf_done(&record);
	return good;
}
