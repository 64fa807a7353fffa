#include <string.h>

#include "address.h"
#include "error.h"
#include "profile.h"
#include "strbuf.h"
#include "text.h"

#define LISTED_MAX 300 /* octets of the names in a message */

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* One character of UTF-8. */
static const char *
next(const char *s)
{
	do
		s++;
	while (((unsigned char)*s & 0xc0) == 0x80);
	return s;
}

/* Goes back to the last star only, so that no pattern takes more than the product of the lengths.
 */
bool
profile_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern == '?') {
			pattern++;
			text = next(text);
		} else if (*pattern && lower(*pattern) == lower(*text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = again = next(again);
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool
any_fits(const struct profile *p, const char *text)
{
	const char *const *v;
	size_t n;

	v = profile_list_of(p, OPT_MATCH_FROM, &n);
	for (size_t i = 0; i < n; i++)
		if (profile_fits(v[i], text))
			return true;
	return false;
}

static struct profile *
by_sender(struct profile_list *l, const struct address *sender)
{
	struct strbuf whole = STRBUF_INIT(1024), plain = STRBUF_INIT(1024);
	struct profile *found = NULL;
	size_t plus;

	if (!sender || !sender->local || !*sender->local)
		return NULL;
	plus = strcspn(sender->local, "+");
	strbuf_adds(&whole, sender->local);
	strbuf_add(&plain, sender->local, plus);
	if (sender->domain) {
		strbuf_addf(&whole, "@%s", sender->domain);
		strbuf_addf(&plain, "@%s", sender->domain);
	}
	for (size_t i = 0; i < l->n && !found; i++)
		if (any_fits(&l->v[i], whole.s) ||
			(plus && sender->local[plus] && any_fits(&l->v[i], plain.s)))
			found = &l->v[i];
	strbuf_done(&whole);
	strbuf_done(&plain);
	return found;
}

static struct profile *
by_name(struct profile_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static void
add_names(struct strbuf *out, const struct profile_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (out->len + strlen(l->v[i].name) > LISTED_MAX) {
			strbuf_adds(out, ", ...");
			return;
		}
		strbuf_addf(out, "%s%s", i ? ", " : "", l->v[i].name);
	}
}

struct profile *
profile_select(
	struct profile_list *l, const char *name, const struct address *sender, struct error *err)
{
	struct strbuf names = STRBUF_INIT(LISTED_MAX + 16);
	struct profile *found;

	if (name)
		found = by_name(l, name);
	else if (!(found = by_sender(l, sender)) && !(found = by_name(l, "environment")) &&
		 !(found = by_name(l, "default")) && l->n == 1)
		found = &l->v[0];
	if (found)
		return found;
	add_names(&names, l);
	if (!l->n)
		error_set(err, FAULT_CONFIG,
			"no account is configured (sendoff setup ADDRESS makes one; or write "
			"[account default] and host = NAME into ~/.config/sendoff/config, or use "
			"--host)");
	else if (name)
		error_set(
			err, FAULT_CONFIG, "there is no account %s; there are: %s", name, names.s);
	else
		error_set(err, FAULT_CONFIG,
			"none of several accounts is meant (name one with -a, or call one "
			"default); "
			"there are: %s",
			names.s);
	strbuf_done(&names);
	return NULL;
}
