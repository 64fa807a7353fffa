#include "configure.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "import.h"
#include "io.h"
#include "parse.h"
#include "trusted.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A line of a file on its way through: between S and END, the next one begins at NEXT. */
struct line {
	const char *s, *end, *next;
};

static bool
take_line(const char *at, const char *end, struct line *ret)
{
	const char *newline;

	if (at == end)
		return false;
	newline = memchr(at, '\n', (size_t)(end - at));
	ret->next = newline ? newline + 1 : end;
	ret->end = newline ? newline : end;
	ret->s = at;
	/* a byte order mark */
	if (ret->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		ret->s += 3;
	while (ret->s < ret->end && blank(*ret->s))
		ret->s++;
	while (ret->s < ret->end && blank(ret->end[-1]))
		ret->end--;
	return true;
}

/* Whether the line begins the section of account NAME; the file has been parsed without mistakes.
 */
static bool
begins(const struct line *l, const char *name)
{
	const char *s = l->s + 1, *end = l->end - 1;
	size_t n = strlen(name);

	while (s < end && blank(*s))
		s++;
	while (s < end && blank(end[-1]))
		end--;
	if (end - s < 8 || memcmp(s, "account", 7) != 0 || !blank(s[7]))
		return false;
	for (s += 7; s < end && blank(*s);)
		s++;
	return (size_t)(end - s) == n && memcmp(s, name, n) == 0;
}

/* Where the section of NAME stands: from its first line to the end of its last key. False: nowhere.
 */
static bool
find_section(const struct strbuf *text, const char *name, size_t *ret_start, size_t *ret_end)
{
	const char *at = text->s, *end = text->s + text->len;
	bool found = false;
	struct line l;

	for (; take_line(at, end, &l); at = l.next) {
		if (l.s == l.end || *l.s == '#')
			continue;
		if (*l.s == '[' && found)
			break;
		if (*l.s == '[' && begins(&l, name)) {
			found = true;
			*ret_start = (size_t)(at - text->s);
		}
		if (found)
			*ret_end = (size_t)(l.next - text->s);
	}
	return found;
}

/* Where PATH is in the end, symbolic links followed; it need not exist. */
static char *
real_path(const char *path, struct error *err)
{
	char *real = realpath(path, NULL), *copy;
	struct stat st;

	if (real) {
		copy = xstrdup(real);
		free(real);
		return copy;
	}
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		error_set(err, FAULT_CONFIG, "%s is a symbolic link that leads nowhere", path);
		return NULL;
	}
	return xstrdup(path);
}

/* Who may write in the directory may put another file in the place of ours. */
static bool
check_directory(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *directory =
		slash ? xstrndup(path, (size_t)(slash - path + (slash == path))) : xstrdup(".");
	struct stat st;
	bool good = true;

	if (stat(directory, &st) < 0)
		good = errno == ENOENT || errno == ENOTDIR ||
		       error_sys(err, FAULT_CONFIG, errno, "unable to look at %s", directory);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		good = error_set(err, FAULT_CONFIG,
			"%s belongs to another user, who could change what is written there",
			directory);
	else if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		good = error_set(err, FAULT_CONFIG, "everybody may write in %s (chmod o-w %s)",
			directory, directory);
	free(directory);
	return good;
}

static bool
parse(const struct strbuf *text, const char *path, struct profile_list *ret,
	struct profile *defaults, struct error *err)
{
	profile_init(defaults, "defaults", "");
	return parse_config(text->s, text->len, path, ret, defaults, err);
}

bool
configure_open(struct configure *c, const char *path, struct error *err)
{
	struct error why = ERROR_NONE;
	struct profile defaults;
	struct stat st;
	bool missing = false, good;

	if (!(c->path = real_path(path, err)) || !check_directory(c->path, err))
		return false;
	if (!trusted_read(c->path, TRUSTED_CONFIG, &c->before, &missing, &why)) {
		if (!missing && err && !err->fault)
			*err = why;
		return missing;
	}
	c->exists = true;
	c->mode = stat(c->path, &st) == 0 ? st.st_mode & 07777 : 0600;
	if (import_is_msmtp(c->before.s, c->before.len))
		return error_set(err, FAULT_CONFIG,
			"%s is a configuration of msmtp, in which nothing is written here: name "
			"another file (--config FILE)",
			c->path);
	good = parse(&c->before, c->path, &c->accounts, &defaults, err);
	profile_done(&defaults);
	return good;
}

void
configure_done(struct configure *c)
{
	free(c->path);
	strbuf_done(&c->before);
	strbuf_done(&c->after);
	profile_list_done(&c->accounts);
	*c = (struct configure)CONFIGURE_NONE;
}

bool
configure_has(const struct configure *c, const char *name)
{
	for (size_t i = 0; i < c->accounts.n; i++)
		if (strcmp(c->accounts.v[i].name, name) == 0)
			return true;
	return false;
}

static void
add_value(struct strbuf *out, const struct option *o, const char *value)
{
	bool path = o->kind == KIND_PATH && strncmp(value, "pkcs11:", 7) != 0;
	const char *home = path ? io_home() : NULL;
	size_t n = home ? strlen(home) : 0;

	if (n > 1 && strncmp(value, home, n) == 0 && value[n] == '/') {
		strbuf_addc(out, '~');
		value += n;
	}
	for (; *value; value++) {
		if (*value == '$' && path)
			strbuf_addc(out, '$');
		strbuf_addc(out, *value);
	}
}

void
configure_add_setting(struct strbuf *out, enum option_id id, const struct setting *s)
{
	strbuf_addf(out, "%s = ", options[id].name);
	for (size_t at = 0; at < s->n; at++) {
		if (at)
			strbuf_adds(out, ", ");
		add_value(out, &options[id], s->v[at]);
	}
	strbuf_addc(out, '\n');
}

void
configure_add_account(struct strbuf *out, const struct profile *p)
{
	strbuf_addf(out, "[account %s]\n", p->name);
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (p->settings[id].origin && (options[id].where & WHERE_FILE))
			configure_add_setting(out, (enum option_id)id, &p->settings[id]);
}

/* Replaces, or appends behind an empty line. */
static void
put_section(struct configure *c, const char *name, const struct strbuf *section)
{
	size_t start = c->before.len, end = start;
	bool found = find_section(&c->before, name, &start, &end);

	strbuf_clear(&c->after);
	strbuf_add(&c->after, c->before.s, start);
	if (!found && start && c->before.s[start - 1] != '\n')
		strbuf_addc(&c->after, '\n');
	if (!found && start)
		strbuf_addc(&c->after, '\n');
	strbuf_add(&c->after, section->s, section->len);
	strbuf_add(&c->after, c->before.s + end, c->before.len - end);
}

static bool
same_settings(const struct profile *a, const struct profile *b)
{
	for (size_t id = 0; id < OPT_COUNT; id++) {
		const struct setting *s = &a->settings[id], *t = &b->settings[id];

		if (!(options[id].where & WHERE_FILE))
			continue;
		if (s->n != t->n)
			return false;
		for (size_t i = 0; i < s->n; i++)
			if (strcmp(s->v[i], t->v[i]) != 0)
				return false;
	}
	return true;
}

/* Is what is read from the text what it was made from, all other accounts included? */
static bool
check_result(struct configure *c, const struct profile *p, struct error *err)
{
	struct profile_list l = { NULL, 0 };
	size_t others = c->accounts.n - configure_has(c, p->name), same = 0;
	struct profile defaults;
	bool good = parse(&c->after, c->path, &l, &defaults, err), right = false;

	for (size_t i = 0; good && i < l.n; i++) {
		struct profile *q = &l.v[i];

		if (strcmp(q->name, p->name) == 0) {
			right = same_settings(p, q);
			profile_inherit(q, &defaults);
			good = profile_check(q, err);
			continue;
		}
		for (size_t j = 0; j < c->accounts.n; j++)
			same += strcmp(c->accounts.v[j].name, q->name) == 0 &&
				same_settings(&c->accounts.v[j], q);
	}
	if (good && (!right || same != others))
		good = error_set(err, FAULT_SOFTWARE,
			"%s would not say what is meant: add the account by hand", c->path);
	profile_list_done(&l);
	profile_done(&defaults);
	return good;
}

bool
configure_put(struct configure *c, const struct profile *p, struct error *err)
{
	struct strbuf section = STRBUF_INIT_SECRET(PROFILE_FILE_MAX);
	bool good;

	configure_add_account(&section, p);
	put_section(c, p->name, &section);
	good = !section.full && !c->after.full;
	strbuf_done(&section);
	if (!good)
		return error_set(err, FAULT_CONFIG, "%s would be larger than %d octets", c->path,
			PROFILE_FILE_MAX);
	return check_result(c, p, err);
}
