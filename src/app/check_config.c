/* The configuration: its files, its variables, and the files that it names. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkup.h"
#include "fallback.h"
#include "strbuf.h"
#include "text.h"
#include "trusted.h"

extern char **environ;

void
check_owner(char out[80], uid_t uid)
{
	struct passwd *entry = getpwuid(uid);

	if (entry)
		snprintf(out, 80, "%s", entry->pw_name);
	else
		snprintf(out, 80, "uid %u", (unsigned)uid);
}

/* Whoever may write to its directory may put another file in the place of this one. */
static void
check_directory(struct checkup *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct strbuf dir = STRBUF_INIT(8192), remedy = STRBUF_INIT(9000);
	char owner[80];
	struct stat st;

	strbuf_add(
		&dir, slash ? path : ".", slash ? (slash == path ? 1 : (size_t)(slash - path)) : 1);
	if (stat(dir.s, &st) == 0) {
		check_owner(owner, st.st_uid);
		strbuf_addf(&remedy, "chmod go-w %s", dir.s);
		if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
			check_warn(c, FINDING_DIRECTORY, remedy.s,
				"%s (%s, %o) can be written by others, who could replace the "
				"configuration",
				dir.s, owner, st.st_mode & 07777);
		else
			check_good(c, FINDING_DIRECTORY, "%s (%s, %o)", dir.s, owner,
				st.st_mode & 07777);
	}
	strbuf_done(&dir);
	strbuf_done(&remedy);
}

struct files {
	struct checkup *c;
	unsigned found;
	bool tell;
};

static void
look_at(void *ctx, const char *path)
{
	struct files *f = ctx;
	char owner[80], mode[8];
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	f->found++;
	if (!f->tell)
		return;
	check_owner(owner, st.st_uid);
	check_text(f->c, "path", path);
	check_text(f->c, "owner", owner);
	snprintf(mode, sizeof(mode), "%04o", st.st_mode & 07777);
	check_text(f->c, "mode", mode);
	check_good(f->c, FINDING_FILES, "%s (%s, %o)", path, owner, st.st_mode & 07777);
	check_directory(f->c, path);
}

/* "SENDOFF_PASSWORD_FILE" is password-file. */
static bool
is_known(const char *name, size_t n)
{
	char key[64];

	if (n == 6 && memcmp(name, "CONFIG", 6) == 0)
		return true;
	if (n >= sizeof(key))
		return false;
	for (size_t i = 0; i < n; i++)
		key[i] = (char)(name[i] == '_'                     ? '-'
				: name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a'
								   : '?');
	return option_by_name(key, n, WHERE_FILE) != NULL;
}

static void
check_environment(struct checkup *c)
{
	struct strbuf used = STRBUF_INIT(2000), odd = STRBUF_INIT(2000);
	bool place = false, keys = false;

	for (char **entry = environ; *entry; entry++) {
		size_t n = strcspn(*entry, "=");
		struct strbuf *to;

		if (n <= 8 || strncmp(*entry, "SENDOFF_", 8) != 0 ||
			strncmp(*entry, "SENDOFF_TEST_", 13) == 0)
			continue;
		to = is_known(*entry + 8, n - 8) ? &used : &odd;
		if (n == 12 && (!memcmp(*entry, "SENDOFF_HOST", 12)))
			place = true;
		else if (n == 14 && !memcmp(*entry, "SENDOFF_SOCKET", 14))
			place = true;
		else if (n != 14 || memcmp(*entry, "SENDOFF_CONFIG", 14) != 0)
			keys = true;
		strbuf_adds(to, to->len ? ", " : "");
		strbuf_add(to, *entry, n);
	}
	if (odd.len)
		check_warn(c, FINDING_ENVIRONMENT,
			"unset it, or see the keys in sendoff.conf(5): SENDOFF_TLS_PIN is tls-pin",
			"no such setting: %s", odd.s);
	else if (keys && !place)
		check_warn(c, FINDING_ENVIRONMENT, "set SENDOFF_HOST, too, or unset them",
			"%s: without SENDOFF_HOST they describe no account, and do nothing",
			used.s);
	else if (used.len)
		check_good(c, FINDING_ENVIRONMENT, "in use: %s", used.s);
	else
		check_good(c, FINDING_ENVIRONMENT, "no SENDOFF_ variable is set");
	strbuf_done(&used);
	strbuf_done(&odd);
}

bool
check_configuration(
	struct checkup *c, const char *name, struct profile_list *ret, struct error *wrong)
{
	const struct profile_sources where = submission_sources(&c->line);
	struct files files = { .c = c };
	struct error err = ERROR_NONE;
	bool good;

	*ret = (struct profile_list){ NULL, 0 };
	good = profile_load(&where, ret, &err);
	/* before anything is told */
	if (good && ret->n && name && !profile_select(ret, name, NULL, wrong))
		return false;
	files.tell = good;
	profile_each_file(&where, look_at, &files);
	if (!good)
		check_error(c, FINDING_FILES, false, &err,
			"put that right: sendoff.conf(5) describes every key");
	else if (!ret->n)
		check_fail(c, FINDING_FILES, FAULT_CONFIG,
			"sendoff setup ADDRESS writes an account; sendoff.conf(5) describes it",
			files.found ? "no account is configured"
				    : "there is no configuration, and no account");
	check_environment(c);
	return good && ret->n;
}

bool
check_settings(struct checkup *c, const struct profile *p)
{
	struct error err = ERROR_NONE;

	check_text(c, "origin", p->origin);
	if (profile_check(p, &err)) {
		check_good(c, FINDING_SETTINGS, "%s", p->origin);
		return true;
	}
	check_error(c, FINDING_SETTINGS, false, &err,
		"change the setting that is named; sendoff accounts shows where each comes from");
	return false;
}

/* The fallback of the account NAME, which exists. */
static const char *
next_of(const struct profile_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return profile_unless_none(&l->v[i], OPT_FALLBACK);
	return NULL;
}

void
check_fallback(struct checkup *c, const struct profile *p)
{
	struct strbuf names = STRBUF_INIT(4000);
	struct error err = ERROR_NONE;
	struct submission s = { .account = *p }; /* borrowed, and looked at only */
	const char *name = profile_unless_none(p, OPT_FALLBACK);

	if (!name || !c->accounts)
		return;
	s.accounts = *c->accounts;
	if (!fallback_check(&s, &err)) {
		check_error(c, FINDING_FALLBACK, false, &err,
			"without that no message is sent, not even by this account: correct "
			"fallback");
		return;
	}
	while (name) {
		strbuf_addf(&names, "%s%s", names.len ? ", then " : "", name);
		name = next_of(c->accounts, name);
	}
	check_text(c, "accounts", names.s);
	check_good(c, FINDING_FALLBACK,
		"account %s where this one cannot be used; sendoff check looks at each", names.s);
	strbuf_done(&names);
}

/* Containers mount their secrets readable by all. */
static bool
is_mounted(const struct profile *p, enum option_id id)
{
	return strncmp(p->settings[id].origin, "SENDOFF_", 8) == 0 ||
	       strncmp(profile_text(p, id), "/run/secrets/", 13) == 0;
}

static const char *
remedy_for(const struct error *why, bool secret)
{
	if (strstr(why->text, "(chmod") || strstr(why->text, "(chown"))
		return "run the command in brackets, or change the setting";
	if (why->sys != EACCES)
		return "make the file, or change the setting";
	return secret ? "name a file of this user's own; others' secrets are for submit = service"
		      : "let this user read it and pass the directories above it, or change the "
			"setting";
}

/* One file; adds it to SEEN when it is as it should be. */
static void
check_named(struct checkup *c, const struct profile *p, enum option_id id, bool secret,
	struct strbuf *seen)
{
	const char *path = profile_text(p, id);
	bool mounted = secret && id == OPT_PASSWORD_FILE && is_mounted(p, id);
	struct error err = ERROR_NONE;
	struct stat st;

	if (!trusted_check(path,
		    mounted             ? TRUSTED_MOUNTED_SECRET
		    : secret            ? TRUSTED_SECRET
		    : id == OPT_ALIASES ? TRUSTED_CONFIG
					: TRUSTED_PUBLIC,
		    &err)) {
		error_prefix(&err, "%s (%s)", options[id].name, p->settings[id].origin);
		check_error(c, FINDING_NAMED, false, &err, remedy_for(&err, secret));
		return;
	}
	if (mounted && stat(path, &st) == 0 && (st.st_mode & S_IROTH)) {
		check_warn(c, FINDING_NAMED,
			"mount it with mode 400 and the owner that the container runs as",
			"%s: %s can be read by everybody (%o)", options[id].name, path,
			st.st_mode & 07777);
		return;
	}
	strbuf_addf(seen, "%s%s %s", seen->len ? ", " : "", options[id].name, path);
}

/* It is made, or written to, when a message is sent. */
static void
check_log(struct checkup *c, const struct profile *p)
{
	const char *path = profile_text(p, OPT_LOG), *slash = path ? strrchr(path, '/') : NULL;
	struct strbuf dir = STRBUF_INIT(8192);
	bool good = true;

	if (path && *path == '/' && slash) {
		strbuf_add(&dir, path, slash == path ? 1 : (size_t)(slash - path));
		good = access(path, W_OK) == 0 ||
		       (errno == ENOENT && access(dir.s, W_OK | X_OK) == 0);
	}
	if (!good)
		check_warn(c, FINDING_NAMED,
			"make its directory, let this user write there, or set log to another file",
			"log (%s): %s cannot be written: %s; messages are sent without a record",
			p->settings[OPT_LOG].origin, path, strerror(errno));
	strbuf_done(&dir);
}

void
check_named_files(struct checkup *c, const struct profile *p)
{
	static const struct {
		enum option_id id;
		bool secret;
	} files[] = { { OPT_PASSWORD_FILE, true }, { OPT_PROXY_PASSWORD_FILE, true },
		{ OPT_TLS_KEY, true }, { OPT_TLS_KEY_PIN_FILE, true },
		{ OPT_OAUTH_CLIENT_SECRET_FILE, true }, { OPT_OAUTH_KEY, true },
		{ OPT_OAUTH_SERVICE_ACCOUNT, true }, { OPT_TLS_TRUST, false },
		{ OPT_TLS_CRL, false }, { OPT_TLS_CERT, false }, { OPT_OAUTH_CERT, false },
		{ OPT_OAUTH_TRUST, false }, { OPT_ALIASES, false } };
	struct strbuf seen = STRBUF_INIT(4000);

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *path =
			profile_is_set(p, files[i].id) ? profile_text(p, files[i].id) : NULL;

		/* words of tls-trust, pkcs11: URIs, descriptors */
		if (path && *path == '/' && strncmp(path, "/dev/", 5) != 0)
			check_named(c, p, files[i].id, files[i].secret, &seen);
	}
	if (seen.len)
		check_good(c, FINDING_NAMED, "%s", seen.s);
	check_log(c, p);
	strbuf_done(&seen);
}
