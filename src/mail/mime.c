#include "mime.h"

#include <string.h>

#include "strbuf.h"

#define LINE_MAX_QP  76  /* RFC 2045 6.7 (5), a soft line break's "=" included */
#define QP_PIECE     256 /* octets of input encoded at a time */
#define QP_PIECE_OUT (QP_PIECE * 6 + 64)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex[] = "0123456789ABCDEF";

static void
base64_group(char out[4], const unsigned char *in, size_t n)
{
	unsigned a = in[0], b = n > 1 ? in[1] : 0, c = n > 2 ? in[2] : 0;

	out[0] = alphabet[a >> 2];
	out[1] = alphabet[(a & 3) << 4 | b >> 4];
	out[2] = n > 1 ? alphabet[(b & 15) << 2 | c >> 6] : '=';
	out[3] = n > 2 ? alphabet[c & 63] : '=';
}

void
mime_add_base64(struct strbuf *out, const void *data, size_t n)
{
	const unsigned char *in = data;
	size_t len = n / 3 * 4 + (n % 3 ? 4 : 0);
	char *at;

	if (!n || !(at = strbuf_reserve(out, len)))
		return;
	for (; n > 3; in += 3, n -= 3, at += 4)
		base64_group(at, in, 3);
	base64_group(at, in, n);
	strbuf_advance(out, len);
}

/* The value of a base64 character, -1 for others. */
static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes one group; returns how many octets it gives, 0 if it is not canonical: padding where none
 * belongs, or bits set that nothing takes (RFC 4648 3.5). */
static size_t
base64_ungroup(const char *s, bool last, char out[3])
{
	int v[4] = { 0, 0, 0, 0 };
	size_t n = 4;

	if (last && s[3] == '=')
		n = s[2] == '=' ? 2 : 3;
	for (size_t i = 0; i < n; i++)
		if ((v[i] = base64_value(s[i])) < 0)
			return 0;
	if ((n == 2 && v[1] & 15) || (n == 3 && v[2] & 3))
		return 0;
	out[0] = (char)(v[0] << 2 | v[1] >> 4);
	out[1] = (char)(v[1] << 4 | v[2] >> 2);
	out[2] = (char)(v[2] << 6 | v[3]);
	return n - 1;
}

bool
mime_decode_base64(struct strbuf *out, const char *s, size_t n)
{
	const size_t before = out->len;
	char group[3];
	size_t got;

	if (n % 4)
		return false;
	for (; n; s += 4, n -= 4) {
		got = base64_ungroup(s, n == 4, group);
		if (!got) {
			strbuf_truncate(out, before);
			return false;
		}
		strbuf_add(out, group, got);
	}
	return true;
}

static void
base64_line(struct strbuf *out, const void *data, size_t n)
{
	mime_add_base64(out, data, n);
	strbuf_add(out, "\r\n", 2);
}

void
mime_base64_feed(struct mime_base64 *e, struct strbuf *out, const void *data, size_t n)
{
	const unsigned char *in = data;
	size_t part;

	if (e->n) {
		part = sizeof(e->held) - e->n;
		if (part > n)
			part = n;
		memcpy(e->held + e->n, in, part);
		e->n += part, in += part, n -= part;
		if (e->n < sizeof(e->held))
			return;
		base64_line(out, e->held, e->n);
		e->n = 0;
	}
	for (; n >= sizeof(e->held); in += sizeof(e->held), n -= sizeof(e->held))
		base64_line(out, in, sizeof(e->held));
	if (n)
		memcpy(e->held, in, n);
	e->n = n;
}

void
mime_base64_end(struct mime_base64 *e, struct strbuf *out)
{
	if (e->n)
		base64_line(out, e->held, e->n);
	e->n = 0;
}

void
mime_qp_init(struct mime_qp *e)
{
	*e = (struct mime_qp){ 0 };
}

/* Begins a new output line if N octets and a "=" no longer fit on this one. */
static char *
qp_break(struct mime_qp *e, char *at, size_t n)
{
	if (e->column + n < LINE_MAX_QP)
		return at;
	memcpy(at, "=\r\n", 3);
	e->column = 0;
	return at + 3;
}

static char *
qp_encoded(struct mime_qp *e, char *at, char c)
{
	at = qp_break(e, at, 3);
	*at++ = '=';
	*at++ = hex[(unsigned char)c >> 4];
	*at++ = hex[c & 15];
	e->column += 3;
	return at;
}

static bool
qp_is_literal(char c)
{
	return (c >= 32 && c < 127 && c != '=') || c == '\t';
}

/* An octet about which nothing is open any more. */
static char *
qp_octet(struct mime_qp *e, char *at, char c)
{
	if (!qp_is_literal(c))
		return qp_encoded(e, at, c);
	at = qp_break(e, at, 1);
	/* servers and mailboxes look at a dot and at "From " in the first column */
	if (c == '.' && !e->column)
		return qp_encoded(e, at, c);
	*at++ = c;
	e->column++;
	return at;
}

static char *
qp_release(struct mime_qp *e, char *at)
{
	for (size_t i = 0; i < e->n; i++)
		at = qp_octet(e, at, e->held[i]);
	e->n = 0;
	return at;
}

/* True iff C goes on with the "From " that is held, or starts one in the first column. */
static bool
qp_is_from(const struct mime_qp *e, char c)
{
	if (!e->n)
		return c == 'F' && (!e->column || e->column + 1 >= LINE_MAX_QP);
	return e->held[0] == 'F' && c == "From "[e->n];
}

static char *
qp_from(struct mime_qp *e, char *at, char c)
{
	if (c != ' ') {
		e->held[e->n++] = c;
		return at;
	}
	e->n = 0;
	at = qp_encoded(e, at, 'F');
	for (const char *s = "rom"; *s; s++)
		at = qp_octet(e, at, *s);
	e->held[e->n++] = ' '; /* this line may end here */
	return at;
}

static char *
qp_line_end(struct mime_qp *e, char *at)
{
	if (e->n == 2)
		at = qp_encoded(e, at, e->held[0]);
	e->n = 0;
	e->column = 0;
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

static char *
qp_next(struct mime_qp *e, char *at, char c)
{
	bool cr = e->n && e->held[e->n - 1] == '\r';

	if (cr && c == '\n')
		return qp_line_end(e, at);
	if (qp_is_from(e, c))
		return qp_from(e, at, c);
	if (c == '\r' && e->n == 1 && (e->held[0] == ' ' || e->held[0] == '\t')) {
		e->held[e->n++] = c;
		return at;
	}
	at = qp_release(e, at);
	/* what was released may have begun a new line */
	if (c == ' ' || c == '\t' || c == '\r' || qp_is_from(e, c)) {
		e->held[e->n++] = c;
		return at;
	}
	return qp_octet(e, at, c);
}

void
mime_qp_feed(struct mime_qp *e, struct strbuf *out, const void *data, size_t n)
{
	char piece[QP_PIECE_OUT], *at;
	const char *s = data;
	size_t part;

	for (; n; s += part, n -= part) {
		part = n < QP_PIECE ? n : QP_PIECE;
		at = piece;
		for (size_t i = 0; i < part; i++) {
			/* most octets are the inside of words */
			if (!e->n && e->column && e->column + 1 < LINE_MAX_QP && s[i] > ' ' &&
				s[i] < 127 && s[i] != '=') {
				*at++ = s[i];
				e->column++;
			} else {
				at = qp_next(e, at, s[i]);
			}
		}
		strbuf_add(out, piece, (size_t)(at - piece));
	}
}

void
mime_qp_end(struct mime_qp *e, struct strbuf *out)
{
	char piece[64], *at = piece;

	/* a blank at the end of all is at the end of a line */
	if (e->n == 1 && (e->held[0] == ' ' || e->held[0] == '\t'))
		at = qp_encoded(e, at, e->held[0]), e->n = 0;
	at = qp_release(e, at);
	strbuf_add(out, piece, (size_t)(at - piece));
}
