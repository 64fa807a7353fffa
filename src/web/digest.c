/* What http_fetch is to make of an answer. */
#include "error.h"
#include "field.h"
#include "http.h"
#include "json.h"

bool
http_json(void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err)
{
	const char *const *keys = ctx;
	struct error why = ERROR_NONE;

	if (json_fields(body, n, keys, ret, &why))
		return true;
	if (status / 100 == 2)
		return error_set(err, why.fault, "%s", why.text);
	strbuf_clear(ret);
	for (; *keys; keys++)
		field_add_string(ret, NULL);
	return true;
}
