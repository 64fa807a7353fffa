#include "address_word.h"

#include <stddef.h>
#include <string.h>

#include "address.h"
#include "strbuf.h"

bool
word_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
word_is_atom(char c)
{
	return (unsigned char)c > 127 || address_is_atext(c);
}

bool
word_is_opening(char c)
{
	return c == '"' || c == '(' || c == '[';
}

static const char *
quoted_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && ++at == end)
			return NULL;
	return at < end ? at + 1 : NULL;
}

static const char *
comment_end(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '(') {
			depth++;
		} else if (*at == ')') {
			if (!--depth)
				return at + 1;
		} else if (*at == '\\' && ++at == end) {
			return NULL;
		}
	}
	return NULL;
}

const char *
word_end(const char *at, const char *end)
{
	if (*at == '"')
		return quoted_end(at, end);
	if (*at == '(')
		return comment_end(at, end);
	at = memchr(at, ']', (size_t)(end - at));
	return at ? at + 1 : NULL;
}

void
word_add_quoted(struct strbuf *out, const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s == '\\')
			s++;
		if (*s != '\r' && *s != '\n')
			strbuf_addc(out, *s);
	}
}

void
word_add_comment(struct strbuf *out, const char *s, const char *end)
{
	size_t start = out->len;
	bool gap = false;

	for (; s < end; s++) {
		if (*s == '\\')
			s++;
		if (word_is_blank(*s)) {
			gap = true;
			continue;
		}
		if (gap && out->len > start)
			strbuf_addc(out, ' ');
		gap = false;
		strbuf_addc(out, *s);
	}
}

void
word_add_phrase(struct strbuf *out, const char *s, const char *end)
{
	size_t start = out->len;
	const char *next;
	bool gap = false;

	for (; s < end; s = next) {
		next = word_is_opening(*s) ? word_end(s, end) : s + 1;
		if (*s == '(' || word_is_blank(*s)) {
			gap = true;
			continue;
		}
		if (gap && out->len > start)
			strbuf_addc(out, ' ');
		gap = false;
		if (*s == '"')
			word_add_quoted(out, s + 1, next - 1);
		else
			for (; s < next; s++)
				if (*s != '\r' && *s != '\n')
					strbuf_addc(out, *s);
	}
}
