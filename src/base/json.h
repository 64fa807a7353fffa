/* JSON values that never fail: memory that runs out ends the process. And objects that come from
 * outside. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;

/* Strings that are no UTF-8 are shown escaped: JSON has no other octets. */
json_t *json_text(const char *s);
void json_put(json_t *object, const char *key, json_t *value);
/* Text that may be unknown: null rather than "". */
void json_put_text(json_t *object, const char *key, const char *s);
/* Appends the object on a line of its own, and frees it. */
void json_add_line(struct strbuf *out, json_t *object);

/* Reads an object of N octets. For each of KEYS (ended by NULL) in their order RET gets a field
 * (field.h, to be taken by field_take_string): a string as it is; a number in digits, without what
 * stands behind the point; "true" or "false"; a list of words with blanks between them; NULL where
 * there is nothing, null, or anything else. FAULT_PROTOCOL: no object, keys that come twice
 * anywhere, NUL in a string, numbers beyond 64 bits, nested too deep. No part of TEXT gets into an
 * error. */
bool json_fields(const char *text, size_t n, const char *const *keys, struct strbuf *ret,
	struct error *err) __attribute__((warn_unused_result));
