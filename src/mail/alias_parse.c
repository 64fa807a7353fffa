#include "alias.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address_word.h"
#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"

#define SHOWN 200 /* octets of a file name in a message */

/* The parser of aliases files. Time and memory are linear in the text, but for the sorting of
 * names. */
/* A file that is being read, line by line. */
struct reader {
	const char *at, *end;
	size_t line; /* number of the line at AT */
	/* where the text that was read is inside of: comments may go over several lines */
	bool quoted;
	size_t depth;

	struct aliases *ret;
	size_t entries;
	struct strbuf entry; /* the one at hand, lines joined by LF and a blank, without comments */
	size_t entry_line;   /* where it began */
};

static void
mistake(struct reader *r, size_t line, const char *why)
{
	struct aliases *a = r->ret;
	struct strbuf text = STRBUF_INIT(2048);

	if (a->mistake_count++ >= ALIAS_MISTAKES)
		return;
	a->mistakes = xreallocarray(a->mistakes, a->mistake_count, sizeof(*a->mistakes));
	text_add_printable(&text, a->file, strlen(a->file), SHOWN);
	strbuf_addf(&text, ":%zu: ", line);
	text_add_printable(&text, why, strlen(why), 1024);
	a->mistakes[a->mistake_count - 1] = (struct alias_mistake){ line, xstrdup(text.s) };
	strbuf_done(&text);
}

/* The line at hand without its end. */
static const char *
line_end(const struct reader *r)
{
	const char *feed = memchr(r->at, '\n', (size_t)(r->end - r->at));

	feed = feed ? feed : r->end;
	return feed > r->at && feed[-1] == '\r' ? feed - 1 : feed;
}

static void
next_line(struct reader *r)
{
	const char *feed = memchr(r->at, '\n', (size_t)(r->end - r->at));

	r->at = feed ? feed + 1 : r->end;
	r->line++;
}

/* True iff the line at hand says nothing. */
static bool
is_idle(const struct reader *r)
{
	const char *s = r->at, *end = line_end(r);

	while (s < end && word_is_blank(*s))
		s++;
	return s == end || *s == '#';
}

/* Adds the line at hand, up to a comment, to the entry. */
static void
take_line(struct reader *r)
{
	const char *s, *end = line_end(r);

	for (s = r->at; s < end; s++) {
		if (*s == '\\' && s + 1 < end)
			s++;
		else if (*s == '"')
			r->quoted = r->depth ? r->quoted : !r->quoted;
		else if (*s == '(' && !r->quoted)
			r->depth++;
		else if (*s == ')' && !r->quoted && r->depth)
			r->depth--;
		else if (*s == '#' && !r->quoted && !r->depth && s > r->at && word_is_blank(s[-1]))
			break;
	}
	strbuf_add(&r->entry, r->at, (size_t)(s - r->at));
	next_line(r);
}

/* Reads the next entry, with its continuation lines if there may be any; false at the end. */
static bool
read_entry(struct reader *r, bool continued)
{
	size_t gap = 1; /* line ends since the text that was taken last */

	strbuf_clear(&r->entry);
	r->quoted = false;
	r->depth = 0;
	while (r->at < r->end && is_idle(r))
		next_line(r);
	if (r->at == r->end)
		return false;
	r->entry_line = r->line;
	take_line(r);
	while (continued && r->at < r->end) {
		if (is_idle(r)) {
			next_line(r);
			gap++;
			continue;
		}
		if (!word_is_blank(*r->at))
			break;
		/* all of them, so that lines can be counted */
		for (; gap; gap--)
			strbuf_adds(&r->entry, "\n ");
		take_line(r);
		gap = 1;
	}
	return true;
}

/* The end of the quoted string or comment at S, END if it has none. */
static const char *
pass(const char *s, const char *end)
{
	const char *behind = *s == '"' || *s == '(' ? word_end(s, end) : s + 1;

	return behind ? behind : end;
}

static struct alias_target *
add_target(struct reader *r, struct alias *a, enum alias_kind kind, size_t line)
{
	/* room for the next power of two: no capacity need be kept */
	if (!(a->target_count & (a->target_count - 1)))
		a->targets = xreallocarray(
			a->targets, a->target_count ? 2 * a->target_count : 1, sizeof(*a->targets));
	a->targets[a->target_count] = (struct alias_target){ .kind = kind, .line = line };
	r->entries++;
	return &a->targets[a->target_count++];
}

static void
add_broken(struct reader *r, struct alias *a, size_t line, const char *why)
{
	mistake(r, line, why);
	add_target(r, a, ALIAS_BROKEN, line)->text = xstrdup(why);
}

/* Adds the mailboxes (one as a rule) from S to END. */
static void
add_addresses(struct reader *r, struct alias *a, size_t line, const char *s, const char *end)
{
	bool final = s < end && *s == '\\';
	struct address_list l = ADDRESS_LIST_NONE;
	struct error why = ERROR_NONE;

	while (s < end && *s == '\\')
		s++;
	if (!address_list_parse(s, (size_t)(end - s), &l, &why))
		add_broken(r, a, line, why.text);
	else if (!l.n)
		add_broken(r, a, line, "a target that is no address");
	for (size_t i = 0; i < l.n; i++) {
		struct alias_target *t = add_target(r, a, ALIAS_ADDRESS, line);

		t->final = final;
		t->address = l.v[i];
		l.v[i] = (struct address)ADDRESS_NONE;
	}
	address_list_done(&l);
}

/* Adds a path or a command. */
static void
add_text(struct reader *r, struct alias *a, enum alias_kind kind, size_t line, const char *s,
	const char *end)
{
	struct strbuf text = STRBUF_INIT((size_t)(end - s) + 1);

	while (s < end && word_is_blank(*s))
		s++;
	if (s < end && *s == '"' && word_end(s, end) == end)
		word_add_quoted(&text, s + 1, end - 1);
	else
		strbuf_add(&text, s, (size_t)(end - s));
	if (!text.len || memchr(text.s, '\0', text.len))
		add_broken(r, a, line, text.len ? "a NUL octet" : "nothing behind :include: or |");
	else
		add_target(r, a, kind, line)->text = xstrdup(text.s);
	strbuf_done(&text);
}

/* What is said in quotes as a whole can be an address, and anything else too. */
static void
add_quoted(struct reader *r, struct alias *a, size_t line, const char *s, const char *end);

/* Adds the target from S to END, which has no blanks around it. */
static void
add_one(struct reader *r, struct alias *a, size_t line, const char *s, const char *end)
{
	static const char include[] = ":include:";
	size_t n = (size_t)(end - s);

	if (r->entries >= ALIAS_ENTRIES)
		mistake(r, line, "there are too many targets before this one");
	else if (*s == '"' && word_end(s, end) == end)
		add_quoted(r, a, line, s, end);
	else if (*s == '|')
		add_text(r, a, ALIAS_PIPE, line, s + 1, end);
	else if (n >= strlen(include) && !strncasecmp(s, include, strlen(include)))
		add_text(r, a, ALIAS_INCLUDE, line, s + strlen(include), end);
	else if (*s == '/' && !memchr(s, '@', n))
		add_text(r, a, ALIAS_FILE, line, s, end);
	else
		add_addresses(r, a, line, s, end);
}

static void
add_quoted(struct reader *r, struct alias *a, size_t line, const char *s, const char *end)
{
	struct strbuf text = STRBUF_INIT((size_t)(end - s));

	if (s[1] == '\\' && s[2] != '"' && s[2] != '\\') {
		/* "\root" */
		add_addresses(r, a, line, s + 1, end - 1);
		return;
	}
	word_add_quoted(&text, s + 1, end - 1);
	if (text.len && strchr("|:", *text.s))
		add_one(r, a, line, text.s, text.s + text.len);
	else if (text.len && *text.s == '/')
		add_text(r, a, ALIAS_FILE, line, text.s, text.s + text.len);
	else
		add_addresses(r, a, line, s, end);
	strbuf_done(&text);
}

/* Takes the targets of *A from what the entry has from S on. */
static void
take_targets(struct reader *r, struct alias *a, const char *s)
{
	const char *end = r->entry.s + r->entry.len, *stop, *last;
	size_t line = r->entry_line;

	for (const char *c = r->entry.s; c < s; c++)
		line += *c == '\n';
	while (s < end) {
		if (word_is_blank(*s) || *s == ',') {
			line += *s++ == '\n';
			continue;
		}
		/* a command may hold parentheses of its own */
		for (stop = s; stop < end && *stop != ',';)
			stop = *s == '|' && *stop == '(' ? stop + 1 : pass(stop, end);
		for (last = stop; word_is_blank(last[-1]);)
			last--;
		add_one(r, a, line, s, last);
		for (; s < stop; s++)
			line += *s == '\n';
	}
}

/* Takes the name from the N octets at S. */
static bool
take_name(struct reader *r, struct alias *a, const char *s, size_t n)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct error why = ERROR_NONE;
	const char *wrong = NULL;

	if (!address_list_parse(s, n, &l, &why))
		wrong = why.text;
	else if (!l.n)
		wrong = "no name before the ':'";
	else if (l.n > 1)
		wrong = "more than one name before the ':'";
	else if (l.v[0].domain)
		wrong = "only a name without a domain can be an alias";
	if (wrong) {
		mistake(r, r->entry_line, wrong);
	} else {
		a->name = xstrdup(l.v[0].local);
		for (char *c = a->name; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + 32);
	}
	address_list_done(&l);
	return !wrong;
}

static void
add_alias(struct aliases *ret, const struct alias *a)
{
	if (!(ret->n & (ret->n - 1)))
		ret->v = xreallocarray(ret->v, ret->n ? 2 * ret->n : 1, sizeof(*ret->v));
	ret->v[ret->n++] = *a;
}

/* Takes "name: targets". */
static void
take_entry(struct reader *r)
{
	const char *s = r->entry.s, *end = s + r->entry.len, *colon = s;
	struct alias a = { .line = r->entry_line };

	if (word_is_blank(*s)) {
		mistake(r, r->entry_line, "a line that begins with a blank continues nothing");
		return;
	}
	while (colon < end && *colon != ':')
		colon = pass(colon, end);
	if (colon == end) {
		mistake(r, r->entry_line, "no ':' behind a name");
		return;
	}
	if (!take_name(r, &a, s, (size_t)(colon - s)))
		return;
	take_targets(r, &a, colon + 1);
	if (a.target_count) {
		add_alias(r->ret, &a);
		return;
	}
	mistake(r, r->entry_line, "nothing behind the ':'");
	free(a.name);
}

static int
order(const void *a, const void *b)
{
	const struct alias *x = *(struct alias *const *)a, *y = *(struct alias *const *)b;
	int names = strcmp(x->name, y->name);

	/* they lie in one array, in the order of the file */
	return names ? names : (x > y) - (x < y);
}

static int
mistake_order(const void *a, const void *b)
{
	const struct alias_mistake *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

/* Makes the index, and notes what stands there twice. */
static void
make_index(struct reader *r)
{
	struct aliases *a = r->ret;
	char why[256];
	size_t kept = 0;

	if (!a->n)
		return;
	a->index = xcalloc(a->n, sizeof(struct alias *));
	for (size_t i = 0; i < a->n; i++)
		a->index[i] = &a->v[i];
	qsort(a->index, a->n, sizeof(struct alias *), order);
	for (size_t i = 0; i < a->n; i++) {
		if (kept && strcmp(a->index[kept - 1]->name, a->index[i]->name) == 0) {
			snprintf(why, sizeof(why), "%.100s is an alias already, by line %zu",
				a->index[i]->name, a->index[kept - 1]->line);
			mistake(r, a->index[i]->line, why);
			continue;
		}
		a->index[kept++] = a->index[i];
	}
	a->index_count = kept;
}

static void
reader_init(struct reader *r, const char *text, size_t n, const char *file, struct aliases *ret)
{
	*ret = (struct aliases)ALIASES_NONE;
	ret->file = xstrdup(file);
	/* a line may grow by one octet, as its LF gets a blank */
	*r = (struct reader){
		.at = text, .end = text + n, .line = 1, .ret = ret, .entry = STRBUF_INIT(2 * n + 2)
	};
}

static void
reader_done(struct reader *r)
{
	struct aliases *a = r->ret;
	size_t kept = a->mistake_count < ALIAS_MISTAKES ? a->mistake_count : ALIAS_MISTAKES;

	if (kept)
		qsort(a->mistakes, kept, sizeof(*a->mistakes), mistake_order);
	strbuf_done(&r->entry);
}

void
aliases_parse(const char *text, size_t n, const char *file, struct aliases *ret)
{
	struct reader r;

	reader_init(&r, text, n, file, ret);
	while (read_entry(&r, true))
		take_entry(&r);
	make_index(&r);
	reader_done(&r);
}

void
aliases_parse_include(const char *text, size_t n, const char *file, struct aliases *ret)
{
	struct alias a = { .name = xstrdup("") };
	struct reader r;

	reader_init(&r, text, n, file, ret);
	while (read_entry(&r, false))
		take_targets(&r, &a, r.entry.s);
	add_alias(ret, &a);
	reader_done(&r);
}
