#include "strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "vault.h"

char strbuf_empty[1];

void
strbuf_init(struct strbuf *b, size_t cap)
{
	*b = (struct strbuf)STRBUF_INIT(cap);
}

/* Memory that came before the mark, and behind it, is told apart by vault_free; what was secret
 * when it was allocated may have lost the mark. */
static void
release(struct strbuf *b)
{
	if (b->secret || vault_has(b->s))
		vault_free(b->s, b->alloc);
	else
		free(b->s);
}

void
strbuf_done(struct strbuf *b)
{
	if (b->alloc)
		release(b);
	b->s = strbuf_empty;
	b->len = b->alloc = 0;
	b->full = false;
}

void
strbuf_clear(struct strbuf *b)
{
	if (b->alloc) {
		if (b->secret)
			explicit_bzero(b->s, b->alloc);
		b->s[0] = '\0';
	}
	b->len = 0;
	b->full = false;
}

void
strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len >= b->len)
		return;
	if (b->secret)
		explicit_bzero(b->s + len, b->len - len);
	b->len = len;
	b->s[len] = '\0';
}

void
strbuf_consume(struct strbuf *b, size_t n)
{
	size_t left;

	if (!n)
		return;
	left = b->len - n;
	memmove(b->s, b->s + n, left);
	strbuf_truncate(b, left);
}

char *
strbuf_reserve(struct strbuf *b, size_t n)
{
	size_t want, size;
	char *grown;

	if (n > b->cap || b->len > b->cap - n) {
		b->full = true;
		return NULL;
	}
	want = b->len + n + 1;
	if (want <= b->alloc)
		return b->s + b->len;
	size = b->alloc ? b->alloc : 64;
	while (size < want)
		size += size / 2;
	if (size > b->cap + 1)
		size = b->cap + 1;
	if (!b->alloc) {
		b->s = b->secret ? vault_alloc(size) : xmalloc(size);
		b->s[0] = '\0';
	} else if (b->secret || vault_has(b->s)) {
		/* realloc would leave the old copy behind */
		grown = b->secret ? vault_alloc(size) : xmalloc(size);
		memcpy(grown, b->s, b->len + 1);
		vault_free(b->s, b->alloc);
		b->s = grown;
	} else {
		b->s = xreallocarray(b->s, size, 1);
	}
	b->alloc = size;
	return b->s + b->len;
}

void
strbuf_advance(struct strbuf *b, size_t n)
{
	b->len += n;
	if (b->alloc)
		b->s[b->len] = '\0';
}

void
strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	char *at;

	if (!n || !(at = strbuf_reserve(b, n)))
		return;
	memcpy(at, data, n);
	strbuf_advance(b, n);
}

void
strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void
strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void
strbuf_vaddf(struct strbuf *b, const char *format, va_list ap)
{
	va_list again;
	char *at;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0) {
		b->full = true;
		return;
	}
	if (!n || !(at = strbuf_reserve(b, (size_t)n)))
		return;
	vsnprintf(at, (size_t)n + 1, format, ap);
	strbuf_advance(b, (size_t)n);
}

void
strbuf_addf(struct strbuf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	strbuf_vaddf(b, format, ap);
	va_end(ap);
}

void
strbuf_insert(struct strbuf *b, size_t at, const void *data, size_t n)
{
	if (!n || !strbuf_reserve(b, n))
		return;
	memmove(b->s + at + n, b->s + at, b->len - at);
	memcpy(b->s + at, data, n);
	strbuf_advance(b, n);
}

void
strbuf_move(struct strbuf *dst, struct strbuf *src)
{
	strbuf_done(dst);
	*dst = *src;
	src->s = strbuf_empty;
	src->len = src->alloc = 0;
	src->full = false;
}
