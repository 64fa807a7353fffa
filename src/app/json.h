/* JSON values that never fail: memory that runs out ends the process. */
#pragma once

#include <jansson.h>

#include "error.h"

struct address;
struct envelope;
struct strbuf;

/* Strings that are no UTF-8 are shown escaped: JSON has no other octets. */
json_t *json_text(const char *s);
json_t *json_address(const struct address *a);
void json_put(json_t *object, const char *key, json_t *value);
/* Text that may be unknown: null rather than "". */
void json_put_text(json_t *object, const char *key, const char *s);
/* "code" and "enhanced". */
void json_put_code(json_t *object, int code, struct enhanced enhanced);
/* An array of objects: "address", "status", "code", "enhanced", "text", "error". */
json_t *json_recipients(const struct envelope *e);
/* Appends the object on a line of its own, and frees it. */
void json_add_line(struct strbuf *out, json_t *object);
