/* Imported accounts as a file. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "configure.h"
#include "import.h"

/* The same values from the same line of the source. */
static bool
same_setting(const struct setting *a, const struct setting *b)
{
	if (!a->origin || !b->origin || a->n != b->n || strcmp(a->origin, b->origin) != 0)
		return false;
	for (size_t at = 0; at < a->n; at++)
		if (strcmp(a->v[at], b->v[at]) != 0)
			return false;
	return true;
}

/* Is the setting the same, from the same line, in all accounts? */
static bool
is_common(const struct profile_list *l, size_t id)
{
	if (l->n < 2 || id == OPT_MATCH_FROM || id == OPT_INHERIT)
		return false;
	for (size_t at = 1; at < l->n; at++)
		if (!same_setting(&l->v[at].settings[id], &l->v[0].settings[id]))
			return false;
	return true;
}

/* How many settings P would inherit from FROM as they are; 0 if it would inherit something that it
 * does not have, since nothing unsets what is inherited. */
static size_t
shared(const struct profile *p, const struct profile *from)
{
	size_t same = 0;

	/* a password that is not written yet will be */
	if (from->password_origin && !profile_is_set(p, OPT_PASSWORD_COMMAND) &&
		(!p->password_origin || strcmp(p->password_origin, from->password_origin) != 0))
		return 0;
	for (size_t id = 0; id < OPT_COUNT; id++) {
		if (!from->settings[id].origin || id == OPT_MATCH_FROM || id == OPT_INHERIT)
			continue;
		if (!p->settings[id].origin)
			return 0;
		same += same_setting(&p->settings[id], &from->settings[id]);
	}
	return same;
}

static size_t
count(const struct profile *p)
{
	size_t n = 0;

	for (size_t id = 0; id < OPT_COUNT; id++)
		n += p->settings[id].origin != NULL;
	return n;
}

/* The account of those that inherit nothing themselves with which account AT has most in common, at
 * least half of what it has; its own index for none. */
static size_t
parent(const struct profile_list *l, const size_t *parents, size_t at)
{
	size_t best = count(&l->v[at]) / 2, found = at, n;

	for (size_t other = 0; other < at; other++) {
		if (parents[other] != other)
			continue;
		n = shared(&l->v[at], &l->v[other]);
		if (n > best) {
			best = n;
			found = other;
		}
	}
	return found;
}

/* A file name that a shell takes as it is, wherever the name of the account came from. */
static void
add_file(struct strbuf *out, const char *name)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	strbuf_adds(out, "~/.config/sendoff/");
	for (const char *s = name; *s; s++)
		strbuf_addc(out, strchr(plain, *s) && (s > name || *s != '.') ? *s : '_');
	strbuf_adds(out, ".password");
}

/* Where the password is, and what to do with it. */
static void
add_remedy(struct strbuf *out, const struct profile *p)
{
	if (!p->password) {
		strbuf_addf(out,
			"# The command for the password is in %s, and was not copied.\n"
			"#password-command = COMMAND\n",
			p->password_origin);
		return;
	}
	strbuf_addf(out,
		"# The password stands in clear in %s.\n"
		"# It was not copied: store it in a file of its own, by typing it, the Enter key "
		"and "
		"Ctrl-D,\n#   (umask 077; cat >",
		p->password_origin);
	add_file(out, p->name);
	strbuf_adds(out, ")\n# and take away the number sign in front of the next line.\n"
			 "#password-file = ");
	add_file(out, p->name);
	strbuf_addc(out, '\n');
}

static void
add_account(struct strbuf *out, const struct profile_list *l, size_t at, size_t other)
{
	const struct profile *p = &l->v[at], *from = other != at ? &l->v[other] : NULL;

	strbuf_addf(out, "%s[account %s]\n", out->len ? "\n" : "", p->name);
	if (from)
		strbuf_addf(out, "inherit = %s\n", from->name);
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (p->settings[id].origin && !is_common(l, id) &&
			!(from && id != OPT_MATCH_FROM &&
				same_setting(&p->settings[id], &from->settings[id])))
			configure_add_setting(out, (enum option_id)id, &p->settings[id]);
	if (p->password_origin && !(from && from->password_origin &&
					  strcmp(from->password_origin, p->password_origin) == 0))
		add_remedy(out, p);
}

void
import_write(const struct import *i, struct strbuf *out)
{
	const struct profile_list *l = &i->accounts;
	size_t *parents = xcalloc(l->n + 1, sizeof(*parents));
	bool any = false;

	for (size_t id = 0; id < OPT_COUNT; id++) {
		if (!is_common(l, id))
			continue;
		if (!any)
			strbuf_addf(out, "%s[defaults]\n", out->len ? "\n" : "");
		any = true;
		configure_add_setting(out, (enum option_id)id, &l->v[0].settings[id]);
	}
	for (size_t at = 0; at < l->n; at++) {
		parents[at] = parent(l, parents, at);
		add_account(out, l, at, parents[at]);
	}
	free(parents);
}
