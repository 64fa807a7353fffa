#include "anchor.h"

#include <string.h>

#define BEGIN  "-----BEGIN "
#define DASHES "-----"

enum { SEQUENCE = 0x30, INTEGER = 0x02, VERSION = 0xa0 };

/* Reads tag and length at *AT and moves it to the content. 1, 0 for too short, -1 for malformed. */
static int
header(const uint8_t **at, const uint8_t *end, uint8_t tag, size_t *ret_len)
{
	const uint8_t *p = *at;
	unsigned count;
	size_t len;

	if (end - p < 2)
		return end == p || *p == tag ? 0 : -1;
	if (*p++ != tag)
		return -1;
	len = *p++;
	if (len >= 0x80) {
		count = len & 0x7f;
		if (!count || count > 3)
			return -1;
		if ((size_t)(end - p) < count)
			return 0;
		for (len = 0; count; count--)
			len = len << 8 | *p++;
	}
	*at = p;
	*ret_len = len;
	return 1;
}

/* Passes over one element; *RET (may be NULL) gets it with its header. */
static int
element(const uint8_t **at, const uint8_t *end, uint8_t tag, struct octets *ret)
{
	const uint8_t *start = *at;
	size_t len;
	int found = header(at, end, tag, &len);

	if (found <= 0)
		return found;
	if ((size_t)(end - *at) < len)
		return 0;
	*at += len;
	if (ret)
		*ret = (struct octets){ start, (size_t)(*at - start) };
	return 1;
}

int
anchor_names(const uint8_t *der, size_t n, struct octets *issuer, struct octets *subject)
{
	/* RFC 5280 section 4.1: what comes in a TBSCertificate up to the subject */
	const struct {
		uint8_t tag;
		struct octets *ret;
	} parts[] = {
		{ INTEGER, NULL },     /* serialNumber */
		{ SEQUENCE, NULL },    /* signature */
		{ SEQUENCE, issuer },  /* issuer */
		{ SEQUENCE, NULL },    /* validity */
		{ SEQUENCE, subject }, /* subject */
	};
	const uint8_t *at = der, *end = der + n;
	size_t len;
	int found;

	for (int depth = 0; depth < 2; depth++)
		if ((found = header(&at, end, SEQUENCE, &len)) <= 0)
			return found;
	if (at < end && *at == VERSION && (found = element(&at, end, VERSION, NULL)) <= 0)
		return found;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if ((found = element(&at, end, parts[i].tag, parts[i].ret)) <= 0)
			return found;
	return 1;
}

enum { BAD = 0x80, BLANK = 0x81 };

static uint8_t
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? BLANK : BAD;
}

size_t
anchor_decode(const char *text, size_t n, uint8_t *out, size_t max)
{
	static uint8_t values[256];
	const uint8_t *at = (const uint8_t *)text, *end = at + n;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t len = 0;
	uint8_t v;

	if (!values[0])
		for (unsigned c = 0; c < 256; c++)
			values[c] = value((char)c);
	while (at < end && len < max) {
		/* four at once; the rest of this loop is for line ends and for the last few */
		if (!have && end - at >= 4 && max - len >= 3) {
			uint8_t a = values[at[0]], b = values[at[1]], c = values[at[2]],
				d = values[at[3]];

			if (!((a | b | c | d) & BAD)) {
				bits = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d;
				out[len++] = (uint8_t)(bits >> 16);
				out[len++] = (uint8_t)(bits >> 8);
				out[len++] = (uint8_t)bits;
				at += 4;
				continue;
			}
		}
		v = values[*at++];
		if (v == BLANK)
			continue;
		if (v == BAD)
			break;
		bits = bits << 6 | v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (uint8_t)(bits >> have);
		}
	}
	return len;
}

/* Is AT the line that opens a certificate? The labels are those that GnuTLS accepts. */
static size_t
begins(const char *at, const char *end)
{
	static const char *const labels[] = { "CERTIFICATE-----", "X509 CERTIFICATE-----" };
	const size_t n = sizeof(BEGIN) - 1;

	if ((size_t)(end - at) < n || memcmp(at, BEGIN, n) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		size_t len = strlen(labels[i]);

		if ((size_t)(end - at) - n >= len && memcmp(at + n, labels[i], len) == 0)
			return n + len;
	}
	return 0;
}

bool
anchor_next(const char **at, const char *end, struct anchor_block *ret)
{
	const char *p = *at, *stop, *line;
	size_t len;

	/* base64 holds no hyphen, so that one step leads over a whole certificate */
	for (; p < end && (p = memchr(p, '-', (size_t)(end - p))); p++) {
		if (!(len = begins(p, end)))
			continue;
		ret->pem = p;
		ret->body = p + len;
		if (!(stop = memchr(ret->body, '-', (size_t)(end - ret->body))))
			break;
		ret->body_len = (size_t)(stop - ret->body);
		line = memchr(stop, '\n', (size_t)(end - stop));
		line = line ? line + 1 : end;
		ret->pem_len = (size_t)(line - ret->pem);
		*at = line;
		return true;
	}
	*at = end;
	return false;
}
