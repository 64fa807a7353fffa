/* Fields on their way from one process to another: each a tag, a length and octets. What comes in
 * is hostile until it was read by these functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Appends a field: octets; a number; a text (nothing for NULL). */
void parcel_add(struct strbuf *out, unsigned tag, const void *data, size_t n);
void parcel_add_number(struct strbuf *out, unsigned tag, uint64_t number);
void parcel_add_text(struct strbuf *out, unsigned tag, const char *text);
/* A field of fields: what is appended between the two. */
size_t parcel_open(struct strbuf *out, unsigned tag);
void parcel_close(struct strbuf *out, size_t opened);

/* What is left to read. */
struct parcel {
	const char *at, *end;
	bool bad; /* a length points beyond the end, or a value was not what it should be */
};
struct parcel_field {
	unsigned tag; /* 0 to 255 */
	const char *s;
	size_t n;
};

void parcel_init(struct parcel *p, const char *s, size_t n);
/* The next field; false at the end, and when P is bad. */
bool parcel_next(struct parcel *p, struct parcel_field *ret);
/* The value of a field of P; where it is no such value P becomes bad. A number from 0 to MOST, else
 * 0; a text into OUT of SIZE octets, made printable and cut where it must be. */
uint64_t parcel_number(struct parcel *p, const struct parcel_field *f, uint64_t most);
void parcel_text(struct parcel *p, const struct parcel_field *f, char *out, size_t size);
