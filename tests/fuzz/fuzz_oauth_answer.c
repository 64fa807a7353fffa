/* Whatever a token endpoint answers (the first octet is the status), and whatever a browser brings:
 * no token with controls in it, nothing but a known fault, no query without the state is ours. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "oauth_private.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
try_answer(int status, const char *body, size_t n)
{
	struct strbuf fields = STRBUF_INIT_SECRET(HTTP_MAX);
	struct oauth_grant g = OAUTH_GRANT_NONE;
	struct error err = ERROR_NONE;
	struct oauth_answer a;

	oauth_answer_init(&a);
	check(oauth_answer_digest(NULL, status, body, n, &fields, NULL));
	check(fields.full || oauth_answer_parse(&a, fields.s, fields.len));
	a.status = status;
	if (oauth_answer_take(&a, "https://id.example/token", &g, &err))
		check(status == 200 && g.access.len &&
			!text_has_control(g.access.s, g.access.len) &&
			!text_has_control(g.refresh.s, g.refresh.len));
	else
		check((err.fault == FAULT_TEMPORARY || err.fault == FAULT_PERMISSION ||
			      err.fault == FAULT_CONFIG) &&
			!text_has_control(err.text, strlen(err.text)));
	if (g.refusal == OAUTH_GRANT_GONE)
		check(status / 100 != 5);
	oauth_answer_done(&a);
	oauth_grant_done(&g);
	strbuf_done(&fields);
}

static void
try_query(const char *query, size_t n)
{
	static const struct oauth_request r = { .state = "state" };
	static const struct oauth_server s = { .issuer = "https://id.example" };
	struct strbuf code = STRBUF_INIT(OAUTH_CODE);
	bool ours;

	if (oauth_request_take(&r, &s, query, n, &ours, &code, NULL))
		check(ours && code.len && !text_has_control(code.s, code.len));
	strbuf_done(&code);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 401, 404, 429, 500, 503, 302 };

	if (!size)
		return 0;
	try_answer(statuses[data[0] & 7], (const char *)data + 1, size - 1);
	try_query((const char *)data + 1, size - 1);
	return 0;
}
