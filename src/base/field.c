#include "field.h"

#include <string.h>

#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"

#define LENGTH 4 /* octets, the highest first */
#define NUMBER 8

/* Whoever adds a member has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct error) == 1048, "a new member of the error");
#endif

void
field_add(struct strbuf *out, const void *data, size_t n)
{
	unsigned char head[LENGTH] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n };

	if (n > INT32_MAX) {
		out->full = true;
		return;
	}
	strbuf_add(out, head, sizeof(head));
	strbuf_add(out, data, n);
}

void
field_add_text(struct strbuf *out, const char *s)
{
	field_add(out, s, strlen(s));
}

void
field_add_string(struct strbuf *out, const char *s)
{
	field_add_number(out, s != NULL);
	field_add_text(out, s ? s : "");
}

void
field_add_number(struct strbuf *out, uint64_t n)
{
	unsigned char octets[NUMBER];

	for (int i = 0; i < NUMBER; i++)
		octets[i] = (unsigned char)(n >> (56 - 8 * i));
	field_add(out, octets, sizeof(octets));
}

void
field_add_enhanced(struct strbuf *out, struct enhanced code)
{
	field_add_number(out, code.class);
	field_add_number(out, code.subject);
	field_add_number(out, code.detail);
}

void
field_add_error(struct strbuf *out, const struct error *err)
{
	field_add_number(out, err->fault);
	field_add_number(out, err->stage);
	/* libraries number their errors below zero */
	field_add_number(out, (uint64_t)(int64_t)err->sys);
	field_add_number(out, (uint64_t)err->smtp);
	field_add_enhanced(out, err->code);
	field_add_number(out, err->in_doubt);
	field_add_text(out, err->text);
	field_add_text(out, err->words);
}

bool
field_take(const char **at, const char *end, const char **ret, size_t *ret_n)
{
	const unsigned char *head = (const unsigned char *)*at;
	size_t n;

	if (end - *at < LENGTH)
		return false;
	n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (n > (size_t)(end - *at - LENGTH))
		return false;
	*ret = *at + LENGTH;
	*ret_n = n;
	*at += LENGTH + n;
	return true;
}

bool
field_take_octets(const char **at, const char *end, void *out, size_t n)
{
	const char *field;
	size_t len;

	if (!field_take(at, end, &field, &len) || len != n)
		return false;
	memcpy(out, field, n);
	return true;
}

bool
field_take_number(const char **at, const char *end, uint64_t max, uint64_t *ret)
{
	unsigned char octets[NUMBER];
	uint64_t n = 0;

	if (!field_take_octets(at, end, octets, sizeof(octets)))
		return false;
	for (int i = 0; i < NUMBER; i++)
		n = n << 8 | octets[i];
	if (n > max)
		return false;
	*ret = n;
	return true;
}

bool
field_take_int(const char **at, const char *end, int *ret)
{
	uint64_t n = 0;
	bool good = field_take_number(at, end, INT32_MAX, &n);

	*ret = (int)n;
	return good;
}

bool
field_take_bool(const char **at, const char *end, bool *ret)
{
	uint64_t n = 0;
	bool good = field_take_number(at, end, 1, &n);

	*ret = n;
	return good;
}

bool
field_take_text(const char **at, const char *end, char *out, size_t size)
{
	const char *text;
	size_t n;

	if (!field_take(at, end, &text, &n) || n >= size || text_has_control(text, n))
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

bool
field_take_string(const char **at, const char *end, char **ret)
{
	const char *text;
	size_t n;
	bool there;

	*ret = NULL;
	if (!field_take_bool(at, end, &there) || !field_take(at, end, &text, &n) ||
		memchr(text, '\0', n) || (!there && n))
		return false;
	if (there)
		*ret = xstrndup(text, n);
	return true;
}

bool
field_take_enhanced(const char **at, const char *end, struct enhanced *ret)
{
	uint64_t class = 0, subject = 0, detail = 0;
	bool good = field_take_number(at, end, 5, &class) &&
		    field_take_number(at, end, 999, &subject) &&
		    field_take_number(at, end, 999, &detail);

	*ret = (struct enhanced){ (unsigned short)class, (unsigned short)subject,
		(unsigned short)detail };
	return good;
}

bool
field_take_error(const char **at, const char *end, struct error *err)
{
	uint64_t fault = 0, stage = 0, sys = 0;
	bool good = field_take_number(at, end, FAULT_COUNT - 1, &fault) &&
		    field_take_number(at, end, STAGE_COUNT - 1, &stage) &&
		    field_take_number(at, end, UINT64_MAX, &sys) &&
		    field_take_int(at, end, &err->smtp) &&
		    field_take_enhanced(at, end, &err->code) &&
		    field_take_bool(at, end, &err->in_doubt) &&
		    field_take_text(at, end, err->text, sizeof(err->text)) &&
		    field_take_text(at, end, err->words, sizeof(err->words));

	err->fault = (enum fault)fault;
	err->stage = (enum stage)stage;
	err->sys = (int)sys;
	return good && (uint64_t)(int64_t)err->sys == sys;
}
