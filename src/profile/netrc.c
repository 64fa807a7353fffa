#include "netrc.h"

#include <string.h>
#include <strings.h>

#include "strbuf.h"

#define WORD_MAX 8194 /* octets: as a password may have */

/* Where the reader is. */
struct reader {
	const char *at, *end;
	size_t line;
	bool fresh;         /* nothing but blanks stands before on this line */
	struct strbuf word; /* secret: it may be a password */
	bool broken;        /* the word: an open quote, a NUL, too long */
	bool quoted;
};

enum keyword { WORD_MACHINE, WORD_DEFAULT, WORD_LOGIN, WORD_PASSWORD, WORD_ACCOUNT, WORD_MACDEF };
static const char *const keywords[] = { "machine", "default", "login", "password", "account",
	"macdef" };
#define KEYWORD_COUNT (sizeof(keywords) / sizeof(*keywords))

/* The entry that is being read. */
struct entry {
	size_t line, broken; /* lines; 0: none */
	bool open, fits, is_default, has_login, is_users, has_password;
	struct strbuf password; /* secret */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static void
skip_line(struct reader *r)
{
	const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));

	r->at = end ? end : r->end;
}

static void
skip_blanks(struct reader *r, bool comments)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '\n') {
			r->line++;
			r->fresh = true;
		} else if (*r->at == '#' && r->fresh && comments) {
			skip_line(r);
			r->at--; /* the line end is next */
		} else if (!is_blank(*r->at)) {
			return;
		}
	}
}

static char
unescape(char c)
{
	return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

static void
take_quoted(struct reader *r)
{
	for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
		char c = *r->at;

		if (c == '\\' && r->at + 1 < r->end)
			c = unescape(*++r->at);
		if (*r->at == '\n')
			r->line++;
		strbuf_addc(&r->word, c);
	}
	r->broken = r->at == r->end;
	r->at += !r->broken;
}

static void
take_plain(struct reader *r)
{
	for (; r->at < r->end && !is_blank(*r->at); r->at++) {
		if (*r->at == '\\' && r->at + 1 < r->end &&
			(r->at[1] == '\\' || r->at[1] == '"' || r->at[1] == ' ' ||
				r->at[1] == '\t'))
			r->at++;
		strbuf_addc(&r->word, *r->at);
	}
}

/* The next word; false at the end. What follows a keyword is its value even behind a #. */
static bool
next_word(struct reader *r, bool value)
{
	skip_blanks(r, !value);
	if (r->at == r->end)
		return false;
	strbuf_clear(&r->word);
	r->broken = r->fresh = false;
	r->quoted = *r->at == '"';
	if (r->quoted)
		take_quoted(r);
	else
		take_plain(r);
	r->broken |= r->word.full || memchr(r->word.s, '\0', r->word.len);
	return true;
}

static bool
is_word(const struct reader *r, const char *text)
{
	return r->word.len == strlen(text) && memcmp(r->word.s, text, r->word.len) == 0;
}

/* -1: none. */
static int
keyword_of(const struct reader *r)
{
	for (size_t i = 0; i < KEYWORD_COUNT && !r->quoted; i++)
		if (is_word(r, keywords[i]))
			return (int)i;
	return -1;
}

/* A macro goes up to the first empty line. */
static void
skip_macro(struct reader *r)
{
	while (r->at < r->end) {
		skip_line(r);
		if (r->at == r->end)
			return;
		r->at++;
		r->line++;
		r->fresh = true;
		if (r->at < r->end && (*r->at == '\n' || *r->at == '\r'))
			return;
	}
}

/* Judges the entry that ends here. True when it is the one. */
static bool
close_entry(struct entry *e, struct netrc_result *ret, bool *seen)
{
	bool fits = e->open && e->fits && !(e->is_default && *seen);

	if (!fits)
		return false;
	if (!e->is_default) {
		*seen = true;
		ret->logins++;
	}
	if (e->has_login && !e->is_users) {
		if (!e->is_default) {
			ret->answer = NETRC_OTHER_LOGIN;
			ret->line = e->line;
		}
		return false;
	}
	ret->line = e->broken ? e->broken : e->line;
	ret->answer = e->broken ? NETRC_BROKEN : e->has_password ? NETRC_FOUND : NETRC_NO_PASSWORD;
	return true;
}

static void
open_entry(struct entry *e, const struct reader *r, bool is_default)
{
	struct strbuf kept = e->password;

	strbuf_clear(&kept);
	*e = (struct entry){ .line = r->line,
		.open = true,
		.is_default = is_default,
		.fits = is_default,
		.password = kept };
}

/* The value of a keyword; a missing one is the entry's mistake. */
static void
take_value(struct reader *r, struct entry *e, int keyword, const char *host, const char *user)
{
	size_t line = r->line;

	if (!next_word(r, true) || r->broken) {
		e->broken = e->broken ? e->broken : line;
		return;
	}
	switch (keyword) {
	case WORD_MACHINE:
		e->fits = strcasecmp(r->word.s, host) == 0;
		break;
	case WORD_LOGIN:
		e->has_login = true;
		e->is_users = is_word(r, user);
		break;
	case WORD_PASSWORD:
		strbuf_clear(&e->password);
		strbuf_add(&e->password, r->word.s, r->word.len);
		e->has_password = true;
		break;
	default: /* account */
		break;
	}
}

struct netrc_result
netrc_find(const char *s, size_t n, const char *host, const char *user, struct strbuf *password)
{
	struct reader r = { s, s + n, 1, true, STRBUF_INIT_SECRET(WORD_MAX), false, false };
	struct entry e = { .password = STRBUF_INIT_SECRET(WORD_MAX) };
	struct netrc_result ret = { .answer = NETRC_NO_MACHINE };
	bool seen = false, done = false;
	int keyword;

	while (!done && next_word(&r, false)) {
		keyword = keyword_of(&r);
		if (keyword == WORD_MACHINE || keyword == WORD_DEFAULT) {
			done = close_entry(&e, &ret, &seen);
			if (!done)
				open_entry(&e, &r, keyword == WORD_DEFAULT);
		}
		if (keyword == WORD_MACDEF)
			skip_macro(&r);
		else if (keyword < 0)
			e.broken = e.broken ? e.broken : r.line;
		else if (!done && keyword != WORD_DEFAULT)
			take_value(&r, &e, keyword, host, user);
	}
	if (!done)
		(void)close_entry(&e, &ret, &seen);
	if (ret.answer == NETRC_FOUND)
		strbuf_add(password, e.password.s, e.password.len);
	strbuf_done(&r.word);
	strbuf_done(&e.password);
	return ret;
}
