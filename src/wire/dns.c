#include "dns.h"

#include <string.h>

#define HEADER   12
#define FIXED    10  /* octets of a record between its name and its data */
#define TEXT_MAX 253 /* RFC 1035 section 2.3.4: 255 with the lengths of its labels */
#define CLASS    1   /* IN */
#define POINTER  0xc0
#define POINTERS 127 /* in one name: it has no more labels */

struct cursor {
	const uint8_t *message;
	size_t n, at;
};

struct record {
	char name[DNS_NAME]; /* "" if it is no host name */
	unsigned type, class;
	size_t at, n; /* of the data in the message */
};

static unsigned
read16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Appends a label. False when the name gets too long. One octet that no host name has makes all of
 * it *ODD. */
static bool
add_label(char *out, size_t *len, const uint8_t *label, size_t n, bool *odd)
{
	if (*len + (*len > 0) + n > TEXT_MAX)
		return false;
	if (*len)
		out[(*len)++] = '.';
	for (size_t i = 0; i < n; i++) {
		uint8_t c = label[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		*odd = *odd ||
		       !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
		out[(*len)++] = (char)c;
	}
	return true;
}

/* Reads a name at the cursor and moves it behind. A pointer must lead to what stands before the
 * part that it ends, so that there is no way to go round in circles. The root is ".". */
static bool
take_name(struct cursor *c, char out[DNS_NAME])
{
	size_t at = c->at, behind = 0, begin = at, len = 0;
	unsigned pointers = 0;
	bool odd = false;

	for (;;) {
		if (at >= c->n)
			return false;
		uint8_t label = c->message[at];

		if ((label & POINTER) == POINTER) {
			if (at + 2 > c->n)
				return false;
			if (!behind)
				behind = at + 2;
			at = read16(c->message + at) & 0x3fff;
			if (at >= begin || ++pointers > POINTERS)
				return false;
			begin = at;
		} else if (label & POINTER || at + 1 + label > c->n) {
			return false;
		} else if (!label) {
			break;
		} else if (!add_label(out, &len, c->message + at + 1, label, &odd)) {
			return false;
		} else {
			at += 1 + (size_t)label;
		}
	}
	if (!len)
		out[len++] = '.';
	out[odd ? 0 : len] = '\0';
	c->at = behind ? behind : at + 1;
	return true;
}

static bool
take_record(struct cursor *c, struct record *r)
{
	const uint8_t *fixed;

	if (!take_name(c, r->name) || c->n - c->at < FIXED)
		return false;
	fixed = c->message + c->at;
	r->type = read16(fixed);
	r->class = read16(fixed + 2);
	r->n = read16(fixed + 8);
	r->at = c->at + FIXED;
	if (c->n - r->at < r->n)
		return false;
	c->at = r->at + r->n;
	return true;
}

/* A name that is the last thing in the data of a record. */
static bool
last_name(const struct cursor *c, const struct record *r, size_t skip, char out[DNS_NAME])
{
	struct cursor in = { c->message, r->at + r->n, r->at + skip };

	return r->n > skip && take_name(&in, out) && in.at == r->at + r->n && *out;
}

static bool
is_at(const struct record *r, const char *name)
{
	return r->class == CLASS && *r->name && strcmp(r->name, name) == 0;
}

static void
add(struct dns_answer *a, const struct cursor *c, const struct record *r)
{
	const uint8_t *data = c->message + r->at;
	char name[DNS_NAME];

	if (a->n == DNS_RECORDS)
		return;
	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		a->n += r->n == (r->type == DNS_A ? 4 : 16);
		break;
	case DNS_CNAME:
		a->n += last_name(c, r, 0, a->records[a->n].cname);
		break;
	case DNS_SRV:
		if (!last_name(c, r, 6, name))
			break;
		a->records[a->n].srv = (struct dns_srv){ .priority = (uint16_t)read16(data),
			.weight = (uint16_t)read16(data + 2),
			.port = (uint16_t)read16(data + 4) };
		memcpy(a->records[a->n++].srv.target, name, sizeof(name));
		break;
	case DNS_MX:
		if (!last_name(c, r, 2, name))
			break;
		a->records[a->n].mx = (struct dns_mx){ .preference = (uint16_t)read16(data) };
		memcpy(a->records[a->n++].mx.exchange, name, sizeof(name));
		break;
	case DNS_TLSA:
		if (r->n > 3)
			a->records[a->n++].tlsa =
				(struct dns_tlsa){ data[0], data[1], data[2], data + 3, r->n - 3 };
		break;
	default:
		break;
	}
}

/* Goes through the records of the answer: takes those of TYPE at the name that was reached. With
 * FOLLOW, goes on to where that name is an alias of instead. False at the end of the aliases. */
static bool
scan(struct cursor c, unsigned count, unsigned type, bool follow, struct dns_answer *ret)
{
	char name[DNS_NAME];
	struct record r;

	while (count-- && take_record(&c, &r)) {
		if (!is_at(&r, ret->name))
			continue;
		if (follow && r.type == DNS_CNAME && last_name(&c, &r, 0, name)) {
			memcpy(ret->name, name, sizeof(name));
			ret->alias = true;
			return true;
		}
		if (!follow && r.type == type)
			add(ret, &c, &r);
	}
	return false;
}

bool
dns_parse(const uint8_t *message, size_t n, const char *name, enum dns_type type,
	struct dns_answer *ret)
{
	struct cursor c = { message, n, HEADER }, answers;
	unsigned questions, count;
	struct record r;
	char asked[DNS_NAME];

	*ret = (struct dns_answer){ .code = 0 };
	if (n < HEADER || strlen(name) >= DNS_NAME || !(message[2] & 0x80))
		return false;
	ret->code = message[3] & 0x0f;
	ret->authentic = message[3] & 0x20;
	ret->truncated = message[2] & 0x02;
	memcpy(ret->name, name, strlen(name) + 1);
	questions = read16(message + 4);
	count = read16(message + 6);
	while (questions--) {
		if (!take_name(&c, asked) || c.n - c.at < 4)
			return false;
		c.at += 4;
	}
	answers = c;
	for (unsigned i = 0; i < count; i++)
		if (!take_record(&c, &r))
			return false;
	for (int i = 0; type != DNS_CNAME && scan(answers, count, type, true, ret); i++)
		if (i == DNS_ALIASES)
			return false;
	(void)!scan(answers, count, type, false, ret);
	return true;
}
