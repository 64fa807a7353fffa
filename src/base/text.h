/* Text from outside made fit for a terminal, a log and an error line; small scanning helpers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Decodes one UTF-8 sequence at S (N octets there). Returns its length and sets *RET, or returns 0
 * for anything that RFC 3629 does not allow (overlong, surrogate, truncated, above U+10FFFF). */
size_t text_utf8_decode(const char *s, size_t n, uint32_t *ret);
/* True iff all N octets are well-formed UTF-8 (ASCII included). */
bool text_is_utf8(const char *s, size_t n);
/* The same for text that comes in pieces. Zero it before use; after text_utf8_end BAD tells. */
struct text_utf8 {
	char held[4]; /* the start of a sequence that the last piece broke */
	size_t n;
	bool bad;
};
void text_utf8_feed(struct text_utf8 *u, const char *s, size_t n);
void text_utf8_end(struct text_utf8 *u);
/* True iff some octet is above 127. */
bool text_is_8bit(const char *s, size_t n);
/* True iff S holds a control character: C0 (tab too), DEL, C1, or octets that are no UTF-8. */
bool text_has_control(const char *s, size_t n);

/* Appends S to OUT with everything that could harm a terminal or forge a line written as \xNN or
 * \u{NNNN}: C0, DEL, C1, malformed UTF-8, bidirectional and other invisible format controls. At
 * most MAX octets are added; text that was cut ends in "...". */
void text_add_printable(struct strbuf *out, const char *s, size_t n, size_t max);
/* The same into a fixed buffer of SIZE octets, always terminated. */
void text_printable(char *out, size_t size, const char *s, size_t n);

/* Appends S between double quotes for a key=value log: printable as above, and '"' and '\' are
 * escaped by '\'. */
void text_add_quoted(struct strbuf *out, const char *s, size_t n, size_t max);
/* Appends " KEY=" and VALUE so; nothing for NULL and "". */
void text_add_pair(struct strbuf *out, const char *key, const char *value, size_t max);

/* Parses all of S as a decimal number from LOW to HIGH. */
bool text_number(const char *s, uint64_t low, uint64_t high, uint64_t *ret)
	__attribute__((warn_unused_result));
