#include "parcel.h"

#include <string.h>

#include "strbuf.h"
#include "text.h"

#define HEAD   5 /* tag, length */
#define NUMBER 8

static void
put(char *to, uint64_t number, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(number >> 8 * i & 0xff);
}

static uint64_t
get(const char *from, size_t n)
{
	uint64_t number = 0;

	while (n--)
		number = number << 8 | (unsigned char)from[n];
	return number;
}

void
parcel_add(struct strbuf *out, unsigned tag, const void *data, size_t n)
{
	char *to;

	if (n > UINT32_MAX || !(to = strbuf_reserve(out, HEAD + n))) {
		out->full = true;
		return;
	}
	to[0] = (char)tag;
	put(to + 1, n, 4);
	if (n)
		memcpy(to + HEAD, data, n);
	strbuf_advance(out, HEAD + n);
}

void
parcel_add_number(struct strbuf *out, unsigned tag, uint64_t number)
{
	char octets[NUMBER];

	put(octets, number, NUMBER);
	parcel_add(out, tag, octets, NUMBER);
}

void
parcel_add_text(struct strbuf *out, unsigned tag, const char *text)
{
	if (text)
		parcel_add(out, tag, text, strlen(text));
}

size_t
parcel_open(struct strbuf *out, unsigned tag)
{
	parcel_add(out, tag, NULL, 0);
	return out->len;
}

void
parcel_close(struct strbuf *out, size_t opened)
{
	if (!out->full)
		put(out->s + opened - 4, out->len - opened, 4);
}

void
parcel_init(struct parcel *p, const char *s, size_t n)
{
	*p = (struct parcel){ .at = s, .end = s + n };
}

bool
parcel_next(struct parcel *p, struct parcel_field *ret)
{
	size_t left = (size_t)(p->end - p->at);

	if (p->bad || !left)
		return false;
	if (left < HEAD || get(p->at + 1, 4) > left - HEAD) {
		p->bad = true;
		return false;
	}
	*ret = (struct parcel_field){
		.tag = (unsigned char)*p->at, .s = p->at + HEAD, .n = (size_t)get(p->at + 1, 4)
	};
	p->at = ret->s + ret->n;
	return true;
}

uint64_t
parcel_number(struct parcel *p, const struct parcel_field *f, uint64_t most)
{
	uint64_t number = f->n == NUMBER ? get(f->s, NUMBER) : 0;

	if (f->n == NUMBER && number <= most)
		return number;
	p->bad = true;
	return 0;
}

void
parcel_text(struct parcel *p, const struct parcel_field *f, char *out, size_t size)
{
	(void)p;
	text_printable(out, size, f->s, f->n);
}
