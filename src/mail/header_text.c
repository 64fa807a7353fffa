/* Text in header fields: folding and RFC 2047. */
#include <string.h>

#include "address.h"
#include "header.h"
#include "mime.h"
#include "strbuf.h"
#include "text.h"

#define FOLD_COLUMNS 78  /* RFC 5322 2.1.1 */
#define WORD_COLUMNS 76  /* of a line with an encoded-word, RFC 2047 section 2 */
#define WORD_MAX     75  /* octets of an encoded-word, the same */
#define WORD_FRAME   7   /* octets of one besides charset and text */
#define WORD_LEAST   12  /* octets inside one: a character in Q */
#define RUN_MAX      450 /* of a word, and of the blanks behind it: both fit a line of 998 octets */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* True iff lines can carry it as it is: printable ASCII, with TABS these too, and no run of blanks
 * or of others that is too long. */
static bool
is_plain(const char *s, size_t n, bool tabs)
{
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		if ((s[i] < 32 && !(tabs && s[i] == '\t')) || s[i] > 126)
			return false;
		if (i && is_blank(s[i]) != is_blank(s[i - 1]))
			run = 0;
		if (++run > RUN_MAX)
			return false;
	}
	return true;
}

/* Encoded-words of one text. */
struct words {
	const char *charset;
	bool q;      /* else B */
	bool phrase; /* RFC 2047 section 5 (3): fewer characters stand for themselves */
	bool utf8;   /* characters are kept whole, else octets */
};

/* True iff C stands for itself in Q. */
static bool
is_literal(char c, bool phrase)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	if (phrase)
		return c && strchr("!*+-/", c);
	return c > 32 && c < 127 && c != '=' && c != '?' && c != '_';
}

static size_t
q_length(const char *s, size_t n, bool phrase)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += s[i] == ' ' || is_literal(s[i], phrase) ? 1 : 3;
	return total;
}

static size_t
b_length(size_t n)
{
	return (n + 2) / 3 * 4;
}

static void
add_q(struct strbuf *out, const char *s, size_t n, bool phrase)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == ' ')
			strbuf_addc(out, '_');
		else if (is_literal(s[i], phrase))
			strbuf_addc(out, s[i]);
		else
			strbuf_addf(out, "=%02X", (unsigned char)s[i]);
	}
}

static void
words_init(struct words *w, const char *s, size_t n, bool phrase)
{
	w->phrase = phrase;
	w->utf8 = text_is_utf8(s, n);
	w->charset = w->utf8 ? "utf-8" : "unknown-8bit";
	w->q = q_length(s, n, phrase) <= b_length(n);
}

/* How many octets of the text go into an encoded-word with ROOM octets inside; at least a
 * character. */
static size_t
words_fit(const struct words *w, const char *s, size_t n, size_t room)
{
	size_t taken = 0, used = 0, len;
	uint32_t code;

	while (taken < n) {
		len = w->utf8 ? text_utf8_decode(s + taken, n - taken, &code) : 1;
		used = w->q ? used + q_length(s + taken, len, w->phrase) : b_length(taken + len);
		if (used > room && taken)
			break;
		taken += len;
	}
	return taken;
}

/* Appends S as encoded-words with SEPARATOR between them, the first beginning in column USED. */
static void
words_add(struct strbuf *out, const struct words *w, size_t used, const char *s, size_t n,
	const char *separator)
{
	size_t frame = strlen(w->charset) + WORD_FRAME, room, len;

	if (used + frame + WORD_LEAST > WORD_COLUMNS) {
		strbuf_adds(out, separator);
		used = 1;
	}
	for (; n; s += len, n -= len) {
		room = (used ? WORD_COLUMNS - used : WORD_MAX) - frame;
		len = words_fit(w, s, n, room);
		strbuf_addf(out, "=?%s?%c?", w->charset, w->q ? 'q' : 'b');
		if (w->q)
			add_q(out, s, len, w->phrase);
		else
			mime_add_base64(out, s, len);
		strbuf_adds(out, "?=");
		if (len < n)
			strbuf_adds(out, separator);
		used = 1;
	}
}

/* Appends plain text, with a line break before the last blank of a run where the next word would
 * pass the columns. No line of blanks alone comes about (RFC 5322 3.2.2). */
static void
add_folded(struct strbuf *out, size_t used, const char *s, size_t n)
{
	size_t blanks, word;
	bool first = true;

	while (n) {
		for (blanks = 0; blanks < n && is_blank(s[blanks]);)
			blanks++;
		for (word = blanks; word < n && !is_blank(s[word]);)
			word++;
		if (!first && blanks && word > blanks && used + word > FOLD_COLUMNS) {
			strbuf_add(out, s, blanks - 1);
			strbuf_adds(out, "\r\n");
			s += blanks - 1;
			n -= blanks - 1;
			word -= blanks - 1;
			used = 0;
		}
		strbuf_add(out, s, word);
		used += word;
		s += word;
		n -= word;
		first = false;
	}
}

void
header_add_text(struct strbuf *out, size_t used, const char *text, size_t n)
{
	struct words w;

	if (is_plain(text, n, true)) {
		add_folded(out, used, text, n);
		return;
	}
	words_init(&w, text, n, false);
	words_add(out, &w, used, text, n, "\r\n ");
}

/* Atoms with single spaces between them. */
static bool
is_atoms(const char *s, size_t n)
{
	bool atom = false;

	for (size_t i = 0; i < n; i++) {
		if (address_is_atext(s[i]))
			atom = true;
		else if (s[i] == ' ' && atom)
			atom = false;
		else
			return false;
	}
	return atom;
}

void
header_add_phrase(struct strbuf *out, const char *text, size_t n)
{
	struct words w;

	if (is_atoms(text, n) && is_plain(text, n, false)) {
		strbuf_add(out, text, n);
		return;
	}
	if (!is_plain(text, n, false)) {
		words_init(&w, text, n, true);
		words_add(out, &w, 0, text, n, " ");
		return;
	}
	strbuf_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, text[i]);
	}
	strbuf_addc(out, '"');
}
