#include "text.h"

#include <stdio.h>
#include <string.h>

#include "strbuf.h"

#define HIGH_BITS 0x8080808080808080u /* of eight octets */

size_t
text_utf8_decode(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t lowest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	uint32_t code;
	size_t len, i;

	if (!n)
		return 0;
	if (u[0] < 0x80) {
		*ret = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] < 0xe0)
		len = 2, code = u[0] & 0x1f;
	else if ((u[0] & 0xf0) == 0xe0)
		len = 3, code = u[0] & 0x0f;
	else if (u[0] >= 0xf0 && u[0] < 0xf5)
		len = 4, code = u[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < lowest[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret = code;
	return len;
}

bool
text_is_utf8(const char *s, size_t n)
{
	uint64_t word;
	uint32_t code;
	size_t len;

	for (; n; s += len, n -= len) {
		/* most text is ASCII: eight octets at a time */
		for (; n >= 8; s += 8, n -= 8) {
			memcpy(&word, s, 8);
			if (word & HIGH_BITS)
				break;
		}
		if (n && !(len = text_utf8_decode(s, n, &code)))
			return false;
		if (!n)
			break;
	}
	return true;
}

/* How long the sequence is that starts with this octet. */
static size_t
sequence_length(char lead)
{
	unsigned char u = (unsigned char)lead;

	return u < 0xc0 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
}

void
text_utf8_feed(struct text_utf8 *u, const char *s, size_t n)
{
	uint32_t code;
	size_t back;

	for (; u->n && n; s++, n--) {
		u->held[u->n++] = *s;
		if (u->n < sequence_length(u->held[0]))
			continue;
		if (!text_utf8_decode(u->held, u->n, &code))
			u->bad = true;
		u->n = 0;
	}
	for (back = 1; back <= 3 && back <= n; back++) {
		if (((unsigned char)s[n - back] & 0xc0) == 0x80)
			continue;
		if (sequence_length(s[n - back]) > back) {
			n -= back;
			memcpy(u->held, s + n, back);
			u->n = back;
		}
		break;
	}
	if (!u->bad && !text_is_utf8(s, n))
		u->bad = true;
}

void
text_utf8_end(struct text_utf8 *u)
{
	if (u->n)
		u->bad = true;
	u->n = 0;
}

bool
text_is_8bit(const char *s, size_t n)
{
	uint64_t word, all = 0;

	/* no early exit: text without such octets is the common case, and this loop is vectorised
	 */
	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&word, s, 8);
		all |= word;
	}
	for (; n; s++, n--)
		all |= (uint64_t)(*s & 0x80);
	return all & HIGH_BITS;
}

bool
text_has_control(const char *s, size_t n)
{
	uint32_t code;
	size_t len;

	for (; n; s += len, n -= len) {
		if (!(len = text_utf8_decode(s, n, &code)))
			return true;
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			return true;
	}
	return false;
}

/* Characters that change how their neighbours are shown, or show nothing at all. */
static bool
invisible(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

static void
add_escaped(struct strbuf *out, const char *s, size_t n, size_t max, bool quoted)
{
	size_t start = out->len, keep = out->len, len;
	char piece[16];
	uint32_t code;

	for (; n; s += len, n -= len) {
		if (!(len = text_utf8_decode(s, n, &code))) {
			len = 1;
			snprintf(piece, sizeof(piece), "\\x%02x", (unsigned char)*s);
		} else if (invisible(code)) {
			snprintf(piece, sizeof(piece), code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
		} else if (quoted && (code == '"' || code == '\\')) {
			snprintf(piece, sizeof(piece), "\\%c", (int)code);
		} else {
			memcpy(piece, s, len);
			piece[len] = '\0';
		}
		if (out->len - start + strlen(piece) > max) {
			strbuf_truncate(out, keep);
			strbuf_add(out, "...", max < 3 ? max : 3);
			return;
		}
		strbuf_adds(out, piece);
		if (max >= 3 && out->len - start <= max - 3)
			keep = out->len;
	}
}

void
text_add_printable(struct strbuf *out, const char *s, size_t n, size_t max)
{
	add_escaped(out, s, n, max, false);
}

void
text_add_quoted(struct strbuf *out, const char *s, size_t n, size_t max)
{
	strbuf_addc(out, '"');
	add_escaped(out, s, n, max, true);
	strbuf_addc(out, '"');
}

void
text_add_pair(struct strbuf *out, const char *key, const char *value, size_t max)
{
	if (!value || !*value)
		return;
	strbuf_addf(out, " %s=", key);
	text_add_quoted(out, value, strlen(value), max);
}

void
text_printable(char *out, size_t size, const char *s, size_t n)
{
	/* a caller may be reporting that memory ran out: the buffer stays on the stack */
	struct strbuf b = { out, 0, size, size - 1, false, false };

	out[0] = '\0';
	add_escaped(&b, s, n, size - 1, false);
}

bool
text_number(const char *s, uint64_t low, uint64_t high, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (value > (UINT64_MAX - (uint64_t)(*s - '0')) / 10)
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
	}
	if (value < low || value > high)
		return false;
	*ret = value;
	return true;
}
