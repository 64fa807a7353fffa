/* Whatever JSON a server sends: what is made of it are fields, one for each key, of UTF-8 without
 * NUL, and an error says nothing of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "field.h"
#include "json.h"
#include "strbuf.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = { "access_token", "expires_in", "error", "error_description",
	"scope", NULL };

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
check_fields(const struct strbuf *fields)
{
	const char *at = fields->s, *end = at + fields->len;
	char *s;

	for (size_t i = 0; keys[i]; i++) {
		check(field_take_string(&at, end, &s));
		check(!s || text_is_utf8(s, strlen(s)));
		free(s);
	}
	check(at == end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf fields = STRBUF_INIT(4096);
	struct error err = ERROR_NONE;
	/* octets of their own allocation, so that reading past their end is noticed */
	char *exact = malloc(size ? size : 1);

	if (!exact)
		return 0;
	if (size)
		memcpy(exact, data, size);
	if (json_fields(exact, size, keys, &fields, &err))
		check_fields(&fields);
	else
		check(err.fault == FAULT_PROTOCOL && strlen(err.text) < 80);
	strbuf_done(&fields);
	free(exact);
	return 0;
}
