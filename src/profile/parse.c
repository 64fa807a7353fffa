#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "profile.h"
#include "strbuf.h"
#include "text.h"

#define ACCOUNT_NAME_MAX 100
#define ORIGIN_MAX       4200 /* a file name and a line */

/* A file being read. */
struct parser {
	const char *name;
	unsigned line;
	struct profile_list *list;
	size_t first; /* of this file's accounts in the list */
	struct profile *defaults;
	bool have_defaults;
	bool in_section;
	bool in_defaults; /* else in the last account of the list */
	char origin[ORIGIN_MAX];
};

static bool wrong(const struct parser *p, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool
wrong(const struct parser *p, struct error *err, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return error_set(err, FAULT_CONFIG, "%s: %s", p->origin, text);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What is between blanks of N octets at *S. */
static size_t
trim(const char **s, size_t n)
{
	while (n && blank(**s))
		(*s)++, n--;
	while (n && blank((*s)[n - 1]))
		n--;
	return n;
}

static void
shown(char out[80], const char *s, size_t n)
{
	text_printable(out, 80, s, n);
}

static bool
begin_defaults(struct parser *p, struct error *err)
{
	if (p->have_defaults)
		return wrong(p, err, "[defaults]: is there already (%s); accepted: one in a file",
			p->defaults->origin);
	free(p->defaults->origin);
	p->defaults->origin = xstrdup(p->origin);
	p->have_defaults = p->in_section = p->in_defaults = true;
	return true;
}

static bool
begin_account(struct parser *p, const char *name, size_t n, struct error *err)
{
	struct profile_list *l = p->list;
	char text[ACCOUNT_NAME_MAX + 1];

	if (!n || n > ACCOUNT_NAME_MAX || memchr(name, '[', n) || memchr(name, ']', n) ||
		text_has_control(name, n))
		return wrong(p, err,
			"[account]: the name is malformed; accepted: [account NAME], "
			"with a name of up to %d octets without brackets",
			ACCOUNT_NAME_MAX);
	memcpy(text, name, n);
	text[n] = '\0';
	if (strcmp(text, "environment") == 0)
		return wrong(p, err,
			"[account environment]: the name is that of the account that "
			"SENDOFF_HOST describes; accepted: any other name");
	for (size_t i = p->first; i < l->n; i++)
		if (strcmp(l->v[i].name, text) == 0)
			return wrong(p, err,
				"[account %s]: is there already (%s); accepted: a "
				"name of its own for each account",
				text, l->v[i].origin);
	if (l->n >= PROFILE_ACCOUNTS)
		return wrong(p, err, "[account %s]: too many accounts; accepted: %d", text,
			PROFILE_ACCOUNTS);
	profile_list_add(l, text, p->origin);
	p->in_section = true;
	p->in_defaults = false;
	return true;
}

static bool
parse_section(struct parser *p, const char *s, size_t n, struct error *err)
{
	char text[80];

	if (s[n - 1] != ']') {
		shown(text, s, n);
		return wrong(p, err,
			"%s: the line does not end with a bracket; accepted: "
			"[account NAME] or [defaults]",
			text);
	}
	s++;
	n = trim(&s, n - 2);
	if (n == 8 && memcmp(s, "defaults", 8) == 0)
		return begin_defaults(p, err);
	if (n >= 7 && memcmp(s, "account", 7) == 0 && (n == 7 || blank(s[7]))) {
		s += 7;
		n = trim(&s, n - 7);
		return begin_account(p, s, n, err);
	}
	shown(text, s, n);
	return wrong(p, err, "[%s]: is no section; accepted: [account NAME] or [defaults]", text);
}

/* What to say about a key that is none. */
static bool
unknown_key(const struct parser *p, const char *s, size_t n, struct error *err)
{
	const struct option *like;
	char text[80];

	shown(text, s, n);
	if (option_by_name(s, n, WHERE_FLAG))
		return wrong(p, err,
			"%s: is an option of the command line only; accepted: keys of "
			"sendoff.conf(5)",
			text);
	if (n >= 8 && memcmp(s, "password", 8) == 0)
		return wrong(p, err,
			"%s: is not known, passwords have no place in this file; "
			"accepted: password-command, password-file, "
			"password-credential or password-key",
			text);
	like = option_like(text, WHERE_FILE);
	if (like)
		return wrong(p, err, "%s: is not known; accepted: %s, if that is meant", text,
			like->name);
	return wrong(p, err, "%s: is not known; accepted: keys of sendoff.conf(5)", text);
}

static bool
parse_key(struct parser *p, const char *s, size_t n, struct error *err)
{
	const char *equals = memchr(s, '=', n), *value;
	struct error why = ERROR_NONE;
	const struct option *o;
	struct profile *into;
	char text[80], *copy;
	size_t key, len;
	bool good;

	key = equals ? (size_t)(equals - s) : n;
	while (key && blank(s[key - 1]))
		key--;
	if (!equals) {
		/* the first word only: the rest might be a password */
		for (len = 0; len < n && !blank(s[len]);)
			len++;
		shown(text, s, len);
		return wrong(p, err,
			"%s: no equals sign; accepted: key = value, [account NAME], "
			"[defaults] or # and a comment",
			text);
	}
	if (!(o = option_by_name(s, key, WHERE_FILE)))
		return unknown_key(p, s, key, err);
	if (!p->in_section)
		return wrong(p, err,
			"%s: belongs to no account; accepted: [account NAME] or "
			"[defaults] on a line above it",
			o->name);
	into = p->in_defaults ? p->defaults : &p->list->v[p->list->n - 1];
	if (p->in_defaults && (o->id == OPT_INHERIT || o->id == OPT_MATCH_FROM))
		return wrong(
			p, err, "%s: cannot be a default; accepted: in an account only", o->name);
	if (into->settings[o->id].origin && o->kind != KIND_LIST)
		return wrong(p, err, "%s: is set already (%s); accepted: once in an account",
			o->name, into->settings[o->id].origin);
	value = equals + 1;
	len = trim(&value, n - (size_t)(value - s));
	copy = xstrndup(value, len);
	good = profile_append(into, o->id, copy, p->origin, &why);
	free(copy);
	if (!good) {
		why.fault = FAULT_CONFIG; /* a control character too, in a file */
		if (err && !err->fault)
			*err = why;
	}
	return good;
}

/* One line without its end. */
static bool
parse_line(struct parser *p, const char *s, size_t n, struct error *err)
{
	if (memchr(s, '\0', n))
		return wrong(p, err, "a NUL octet; accepted: text in UTF-8");
	if (!text_is_utf8(s, n))
		return wrong(p, err, "octets that are no UTF-8; accepted: text in UTF-8");
	n = trim(&s, n);
	if (!n || *s == '#')
		return true;
	for (const char *at = s, *end = s + n, *tab; at < end; at = tab + (tab < end)) {
		tab = memchr(at, '\t', (size_t)(end - at));
		if (!tab)
			tab = end;
		if (text_has_control(at, (size_t)(tab - at)))
			return wrong(p, err, "a control character; accepted: text in UTF-8");
	}
	return *s == '[' ? parse_section(p, s, n, err) : parse_key(p, s, n, err);
}

bool
parse_config(const char *text, size_t n, const char *name, struct profile_list *l,
	struct profile *defaults, struct error *err)
{
	struct parser p = { .name = name, .list = l, .first = l->n, .defaults = defaults };
	const char *end = text + n, *line_end;
	size_t len;

	/* a byte order mark, as some editors leave it */
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; text = line_end + 1) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		if (!line_end)
			line_end = end;
		len = (size_t)(line_end - text);
		if (len && text[len - 1] == '\r' && line_end < end)
			len--;
		snprintf(p.origin, sizeof(p.origin), "%s:%u", name, ++p.line);
		if (!parse_line(&p, text, len, err))
			return false;
		if (line_end == end)
			break;
	}
	return true;
}
