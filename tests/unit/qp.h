/* A decoder of quoted-printable that accepts only what a good encoder writes. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "strbuf.h"

static int __attribute__((unused)) qp_hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Checks one line without its CRLF, and appends what it means; *RET_SOFT iff it goes on. */
static bool __attribute__((unused))
qp_decode_line(struct strbuf *out, const char *s, size_t n, bool *ret_soft)
{
	size_t i = 0;

	*ret_soft = n && s[n - 1] == '=';
	if (n > 76 || (n && (s[n - 1] == ' ' || s[n - 1] == '\t')) || (n && s[0] == '.') ||
		(n >= 5 && memcmp(s, "From ", 5) == 0))
		return false;
	n -= *ret_soft;
	while (i < n) {
		if (s[i] == '=') {
			if (n - i < 3 || qp_hex(s[i + 1]) < 0 || qp_hex(s[i + 2]) < 0)
				return false;
			strbuf_addc(out, (char)(qp_hex(s[i + 1]) << 4 | qp_hex(s[i + 2])));
			i += 3;
		} else if ((s[i] >= 32 && s[i] < 127) || s[i] == '\t') {
			strbuf_addc(out, s[i++]);
		} else {
			return false;
		}
	}
	return true;
}

/* False for anything that quoted-printable text must not hold. */
static bool __attribute__((unused)) qp_decode(struct strbuf *out, const char *s, size_t n)
{
	const char *end = s + n, *lf;
	bool soft = false;

	for (; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		if (!lf)
			return qp_decode_line(out, s, (size_t)(end - s), &soft) && !soft;
		if (lf == s || lf[-1] != '\r' ||
			!qp_decode_line(out, s, (size_t)(lf - 1 - s), &soft))
			return false;
		if (!soft)
			strbuf_add(out, "\r\n", 2);
	}
	return !soft;
}
