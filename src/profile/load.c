#include "load.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "import.h"
#include "io.h"
#include "parse.h"
#include "strbuf.h"
#include "text.h"
#include "trusted.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define PREFIX      "SENDOFF_"
#define FILES_MAX   2
#define NO_FILE     FILES_MAX /* what the environment's account belongs to */
#define PATH_OCTETS 8192

/* Accounts on their way. */
struct load {
	struct profile_list list;
	struct profile defaults[FILES_MAX]; /* of each file */
	size_t file[PROFILE_ACCOUNTS + 1];  /* of each account */
	int depth[PROFILE_ACCOUNTS + 1];    /* -1 while its inheritance is being resolved */
};

/* A configuration of msmtp, translated. What holds a password in clear must be readable by nobody
 * else. */
static bool
read_msmtp(struct load *l, const struct strbuf *text, const char *path, struct error *err)
{
	bool secret = false;

	return import_load(text->s, text->len, path, &l->list, &secret, err) &&
	       (!secret || trusted_check(path, TRUSTED_SECRET, err));
}

static bool
read_file(struct load *l, size_t file, const char *path, enum trusted_kind kind, bool may_miss,
	struct error *err)
{
	struct strbuf text = STRBUF_INIT_SECRET(PROFILE_FILE_MAX);
	struct error why = ERROR_NONE;
	bool missing = false, good;
	size_t first = l->list.n;

	good = trusted_read(path, kind, &text, &missing, &why);
	if (good && import_is_msmtp(text.s, text.len))
		good = read_msmtp(l, &text, path, err);
	else if (good)
		good = parse_config(text.s, text.len, path, &l->list, &l->defaults[file], err);
	else if (may_miss && missing)
		good = true;
	else if (err && !err->fault)
		*err = why;
	for (size_t i = first; i < l->list.n; i++)
		l->file[i] = file;
	strbuf_done(&text);
	return good;
}

bool
profile_is_system(const struct profile *p)
{
	static const char file[] = SYSCONFDIR "/sendoff/config:";

	return strncmp(p->origin, file, sizeof(file) - 1) == 0;
}

/* Whether the variable that goes with the key is set; an empty one counts as not set, as containers
 * cannot leave it out. */
static const char *
variable(const struct option *o, char name[80])
{
	size_t n = strlen(PREFIX);
	const char *value;

	memcpy(name, PREFIX, n);
	for (const char *s = o->name; *s && n < 79; s++)
		name[n++] = (char)(*s == '-' ? '_' : *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
	name[n] = '\0';
	value = secure_getenv(name);
	return value && *value ? value : NULL;
}

/* A variable that looks like one of ours but is none: a typing mistake must not send mail by the
 * wrong way. */
static bool
check_variable(const char *entry, struct error *err)
{
	const char *name = entry + strlen(PREFIX);
	size_t n = strcspn(name, "=");
	const struct option *like;
	char key[64], known[80];

	if (strncmp(entry, PREFIX, strlen(PREFIX)) != 0 || strncmp(name, "TEST_", 5) == 0 ||
		(n == 6 && memcmp(name, "CONFIG", n) == 0) || n >= sizeof(key))
		return true;
	for (size_t i = 0; i < n; i++)
		key[i] = (char)(name[i] == '_'                     ? '-'
				: name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a'
								   : name[i]);
	key[n] = '\0';
	if (strcmp(key, "password") == 0)
		return error_set(err, FAULT_CONFIG,
			PREFIX
			"PASSWORD: an environment is no place for a password; accepted: " PREFIX
			"PASSWORD_FILE");
	if (option_by_name(key, n, WHERE_FILE) || !(like = option_like(key, WHERE_FILE)))
		return true;
	variable(like, known);
	return error_set(err, FAULT_CONFIG, "%.*s: is not known; accepted: %s, if that is meant",
		(int)(n + strlen(PREFIX)), entry, known);
}

static bool
read_environment(struct load *l, struct error *err)
{
	struct error why = ERROR_NONE;
	struct profile *p;
	const char *value;
	char name[80];

	if (!variable(&options[OPT_HOST], name) && !variable(&options[OPT_SOCKET], name))
		return true;
	for (char **entry = environ; *entry; entry++)
		if (!check_variable(*entry, err))
			return false;
	l->file[l->list.n] = NO_FILE;
	p = profile_list_add(&l->list, "environment", "environment");
	for (size_t id = 0; id < OPT_COUNT; id++) {
		if (!(options[id].where & WHERE_FILE) || !(value = variable(&options[id], name)) ||
			profile_set(p, (enum option_id)id, value, name, &why))
			continue;
		why.fault = FAULT_CONFIG; /* a control character too */
		if (err && !err->fault)
			*err = why;
		return false;
	}
	return true;
}

static struct profile *
find(const struct profile_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

/* Takes away what an account before it hides. */
static void
hide(struct load *l)
{
	struct profile_list *all = &l->list;
	struct profile_list kept = { all->v, 0 };

	for (size_t i = 0; i < all->n; i++)
		if (find(&kept, all->v[i].name)) {
			profile_done(&all->v[i]);
		} else {
			l->file[kept.n] = l->file[i];
			all->v[kept.n++] = all->v[i];
		}
	all->n = kept.n;
}

/* Fills in what account AT inherits, and the defaults of its file behind it. */
static bool
inherit(struct load *l, size_t at, struct error *err)
{
	struct profile *p = &l->list.v[at], *from;
	const struct setting *s = &p->settings[OPT_INHERIT];
	size_t other;

	if (l->depth[at] > 0)
		return true;
	if (l->depth[at] < 0)
		return error_set(err, FAULT_CONFIG,
			"%s: inherit: account %s inherits from itself; accepted: another account",
			s->origin, p->name);
	l->depth[at] = -1;
	if (s->origin) {
		if (!(from = find(&l->list, s->v[0])))
			return error_set(err, FAULT_CONFIG,
				"%s: inherit: there is no account %s; accepted: the name of an "
				"account",
				s->origin, s->v[0]);
		other = (size_t)(from - l->list.v);
		if (!inherit(l, other, err))
			return false;
		if (l->depth[other] >= PROFILE_DEPTH)
			return error_set(err, FAULT_CONFIG,
				"%s: inherit: too deep; accepted: %d accounts one from another",
				s->origin, PROFILE_DEPTH);
		profile_inherit(p, from);
		l->depth[at] = l->depth[other] + 1;
	} else {
		l->depth[at] = 1;
	}
	if (l->file[at] != NO_FILE)
		profile_inherit(p, &l->defaults[l->file[at]]);
	return true;
}

bool
load_accounts(const char *const *paths, size_t n, enum trusted_kind kind, bool may_miss,
	bool environment, struct profile_list *ret, struct error *err)
{
	struct load *l = xcalloc(1, sizeof(*l));
	bool good;

	for (size_t i = 0; i < FILES_MAX; i++)
		profile_init(&l->defaults[i], "defaults", "");
	good = !environment || read_environment(l, err);
	for (size_t i = 0; good && i < n && i < FILES_MAX; i++)
		good = read_file(l, i, paths[i], kind, may_miss, err);
	if (good)
		hide(l);
	for (size_t i = 0; good && i < l->list.n; i++)
		good = inherit(l, i, err);
	if (!good)
		profile_list_done(&l->list);
	*ret = l->list;
	for (size_t i = 0; i < FILES_MAX; i++)
		profile_done(&l->defaults[i]);
	free(l);
	return good;
}

/* Where the user's own file is; false where there is no home. */
static bool
user_file(bool environment, struct strbuf *path)
{
	const char *folder = environment ? secure_getenv("XDG_CONFIG_HOME") : NULL, *home;
	struct passwd *entry;

	if (folder && *folder == '/') {
		strbuf_adds(path, folder);
	} else {
		entry = environment ? NULL : getpwuid(geteuid());
		home = environment ? io_home() : entry ? entry->pw_dir : NULL;
		if (!home || *home != '/')
			return false;
		strbuf_addf(path, "%s/.config", home);
	}
	strbuf_adds(path, "/sendoff/config");
	return !path->full;
}

/* Is FILE behind a directory that the user may not enter? HOME can be somebody else's, such as
 * root's when sudo sends mail for the user it was started by. */
static bool
out_of_reach(const char *file)
{
	struct stat st;

	return lstat(file, &st) < 0 && errno == EACCES;
}

/* The files of WHERE, the one that counts most first; USER holds the path of the user's own. */
static size_t
find_files(const struct profile_sources *where, struct strbuf *user, const char **paths,
	bool *ret_named)
{
	const char *named = where->file;
	bool environment = where->use_environment && !named;
	size_t n = 0;

	if (environment) {
		named = secure_getenv("SENDOFF_CONFIG");
		if (named && !*named)
			named = NULL;
	}
	*ret_named = named != NULL;
	if (named) {
		paths[n++] = named;
		return n;
	}
	if (user_file(environment, user) && !out_of_reach(user->s))
		paths[n++] = user->s;
	paths[n++] = SYSCONFDIR "/sendoff/config";
	return n;
}

bool
profile_load(const struct profile_sources *where, struct profile_list *ret, struct error *err)
{
	struct strbuf user = STRBUF_INIT(PATH_OCTETS);
	enum trusted_kind kind = where->file && where->root_only ? TRUSTED_ROOT : TRUSTED_CONFIG;
	const char *paths[FILES_MAX];
	bool named, good;
	size_t n = find_files(where, &user, paths, &named);

	good = load_accounts(
		paths, n, kind, !named, where->use_environment && !where->file, ret, err);
	strbuf_done(&user);
	return good;
}

void
profile_each_file(
	const struct profile_sources *where, void (*each)(void *ctx, const char *path), void *ctx)
{
	struct strbuf user = STRBUF_INIT(PATH_OCTETS);
	const char *paths[FILES_MAX];
	bool named;
	size_t n = find_files(where, &user, paths, &named);

	for (size_t i = 0; i < n; i++)
		each(ctx, paths[i]);
	strbuf_done(&user);
}
