/* Growable bytes. Every buffer has a cap; what would pass it is not added and is remembered. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Plain data: read s, len and full; change them through the functions only (len may be lowered by
 * strbuf_truncate). */
struct strbuf {
	char *s;      /* always terminated by a NUL that is not counted; never NULL */
	size_t len;   /* octets in use */
	size_t alloc; /* octets allocated, 0 while s is a constant empty string */
	size_t cap;   /* len never exceeds this */
	bool full;    /* something did not fit and was left out, whole */
	bool secret;  /* in memory of its own (vault.h), wiped on growth, clear and done */
};

extern char strbuf_empty[];

#define STRBUF_INIT(cap_)                                                                          \
	{                                                                                          \
		strbuf_empty, 0, 0, (cap_), false, false                                           \
	}
#define STRBUF_INIT_SECRET(cap_)                                                                   \
	{                                                                                          \
		strbuf_empty, 0, 0, (cap_), false, true                                            \
	}

/* Makes an empty buffer of at most CAP octets. */
void strbuf_init(struct strbuf *b, size_t cap);
/* Frees the memory (wipes it first if secret) and leaves an empty buffer with the same cap. */
void strbuf_done(struct strbuf *b);
/* Empties the buffer and its full mark, keeps the memory (wiped if secret). */
void strbuf_clear(struct strbuf *b);
/* Shortens to LEN octets; LEN must not exceed b->len. */
void strbuf_truncate(struct strbuf *b, size_t len);
/* Removes N octets from the front; N must not exceed b->len. */
void strbuf_consume(struct strbuf *b, size_t n);
/* Makes room for N more octets and returns where they start, or NULL (and sets full) when the cap
 * forbids it. Set the octets, then call strbuf_advance. */
char *strbuf_reserve(struct strbuf *b, size_t n);
void strbuf_advance(struct strbuf *b, size_t n);

/* Append. All or nothing: an addition that would pass the cap leaves the content as it was and sets
 * full, which stays set until strbuf_clear, so that a caller may check once at the end. */
void strbuf_add(struct strbuf *b, const void *data, size_t n);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *b, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Puts N octets of DATA at offset AT (at most b->len). Same rule for the cap. */
void strbuf_insert(struct strbuf *b, size_t at, const void *data, size_t n);

/* Hands content and memory of SRC to DST (which is freed first); SRC is left empty. */
void strbuf_move(struct strbuf *dst, struct strbuf *src);
