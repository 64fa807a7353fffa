/* What of a submission is JSON in more than one place. */
#pragma once

#include "error.h"
#include "json.h"

struct address;
struct envelope;

json_t *json_address(const struct address *a);
/* "code" and "enhanced". */
void json_put_code(json_t *object, int code, struct enhanced enhanced);
/* An array of objects: "address", "status", "code", "enhanced", "text", "error". */
json_t *json_recipients(const struct envelope *e);
