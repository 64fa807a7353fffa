/* Lines and words of the files that are imported. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "import_private.h"
#include "text.h"

#define REPEATS_MAX 65536 /* octets of remarks among which a repeated one is looked for */

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

void
import_begin(struct import *i, const char *name, const char *text, size_t n)
{
	/* a byte order mark, as some editors leave it */
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3, n -= 3;
	i->name = name;
	i->at = text;
	i->end = text + n;
	i->line = 0;
}

void
import_remark(struct import *i, enum import_weight weight, unsigned line, const char *format, ...)
{
	char what[600], place[24] = "", shown[1400], wrong[sizeof(i->wrong)];
	struct strbuf remark = STRBUF_INIT(6000);
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	text_printable(shown, sizeof(shown), what, strlen(what));
	if (line)
		snprintf(place, sizeof(place), ":%u", line);
	strbuf_addf(&remark, "%.4096s%s: %s%s\n", i->name, place,
		weight == IMPORT_NOTE ? "note: " : "", shown);
	/* what several accounts have from one line is told once */
	if (i->remarks.len >= REPEATS_MAX || !strstr(i->remarks.s, remark.s)) {
		strbuf_add(&i->remarks, remark.s, remark.len);
		i->left += weight != IMPORT_NOTE;
	}
	strbuf_done(&remark);
	if (weight != IMPORT_WRONG && weight != IMPORT_ASTRAY)
		return;
	snprintf(wrong, sizeof(wrong), "%.150s%s: %.200s", i->name, place, shown);
	if (weight == IMPORT_ASTRAY || !i->account || !i->in_place) {
		if (!*i->wrong)
			memcpy(i->wrong, wrong, sizeof(wrong));
	} else if (!i->account->wrong) {
		i->account->wrong = xstrdup(wrong);
	}
}

/* Tabs are blanks, other controls have no place in a line. */
static bool
is_text(char *s, size_t n)
{
	if (memchr(s, '\0', n))
		return false;
	for (char *tab = s; (tab = memchr(tab, '\t', n - (size_t)(tab - s)));)
		*tab = ' ';
	return !text_has_control(s, n);
}

/* Copies a line into the buffer; false if it is to be passed over. */
static bool
take(struct import *i, const char *s, size_t n)
{
	while (n && (blank(s[n - 1]) || s[n - 1] == '\r'))
		n--;
	while (n && blank(*s))
		s++, n--;
	if (!n || *s == '#')
		return false;
	strbuf_clear(&i->text);
	if (n >= IMPORT_LINE_MAX) {
		import_remark(i, IMPORT_WRONG, i->line,
			"the line has more than %d octets and was left out: shorten it",
			IMPORT_LINE_MAX - 1);
		return false;
	}
	strbuf_add(&i->text, s, n);
	if (is_text(i->text.s, n))
		return true;
	import_remark(i, IMPORT_WRONG, i->line,
		"the line holds control characters, or is not UTF-8, and was left out: write it "
		"anew");
	return false;
}

char *
import_next(struct import *i)
{
	while (i->at < i->end) {
		const char *s = i->at, *stop = memchr(s, '\n', (size_t)(i->end - s));

		if (!stop)
			stop = i->end;
		i->at = stop + (stop < i->end);
		i->line++;
		if (take(i, s, (size_t)(stop - s)))
			return i->text.s;
	}
	return NULL;
}

char *
import_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");

	*rest = word + strcspn(word, " ");
	if (**rest)
		*(*rest)++ = '\0';
	*rest += strspn(*rest, " ");
	return word;
}

char *
import_quoted(char **rest)
{
	char *from = *rest + strspn(*rest, " "), *word = from, *to = from, quote = '\0';

	if (!*from)
		return NULL;
	for (; *from && (quote || *from != ' '); from++) {
		if (*from == '\\' && from[1] && quote != '\'')
			*to++ = *++from;
		else if (quote ? *from == quote : *from == '"' || *from == '\'')
			quote = quote ? '\0' : *from;
		else
			*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return quote ? NULL : word;
}

char *
import_unquote(char *s)
{
	size_t n = strlen(s);

	if (n < 2 || s[0] != '"' || s[n - 1] != '"')
		return s;
	s[n - 1] = '\0';
	return s + 1;
}

bool
import_pair(char *line, char **ret_key, char **ret_value)
{
	char *equals = strchr(line, '='), *end = equals;

	if (!equals)
		return false;
	while (end > line && blank(end[-1]))
		end--;
	*end = '\0';
	*ret_key = line;
	*ret_value = equals + 1 + strspn(equals + 1, " ");
	*ret_value = import_unquote(*ret_value);
	return true;
}

bool
import_is_yes(const char *s)
{
	return !*s || strcasecmp(s, "on") == 0 || strcasecmp(s, "yes") == 0 ||
	       strcasecmp(s, "true") == 0 || strcmp(s, "1") == 0;
}

void
import_split_host(char *host, const char **ret_port)
{
	char *close = *host == '[' ? strchr(host, ']') : NULL;
	char *colon = close ? strchr(close, ':') : strchr(host, ':');

	*ret_port = host + strlen(host);
	if (!colon || (!close && strchr(colon + 1, ':')))
		return;
	*colon = '\0';
	*ret_port = colon + 1;
}
