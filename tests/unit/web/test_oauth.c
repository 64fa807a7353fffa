#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "field.h"
#include "oauth_loopback.h"
#include "oauth_private.h"
#include "tap.h"

/* What an answer with STATUS and BODY means. */
static bool
take(int status, const char *body, struct oauth_grant *g, struct error *err)
{
	struct strbuf fields = STRBUF_INIT_SECRET(HTTP_MAX);
	struct oauth_answer a;
	bool good;

	oauth_answer_init(&a);
	good = oauth_answer_digest(NULL, status, body, strlen(body), &fields, NULL) &&
	       oauth_answer_parse(&a, fields.s, fields.len);
	a.status = status;
	good = good && oauth_answer_take(&a, "https://id.example/token", g, err);
	oauth_answer_done(&a);
	strbuf_done(&fields);
	return good;
}

static const struct {
	int status;
	const char *body;
	enum fault fault;
	enum oauth_refusal refusal;
	const char *words;
} answers[] = {
	{ 200, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", FAULT_NONE, OAUTH_NOT_REFUSED,
		"" },
	{ 200, "{\"access_token\":\"a\"}", FAULT_NONE, OAUTH_NOT_REFUSED, "" },
	{ 200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", FAULT_TEMPORARY,
		OAUTH_NOT_REFUSED, "kind" },
	{ 200, "{\"access_token\":\"\"}", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "without a token" },
	{ 200, "{\"access_token\":\"a\\u001bb\"}", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "token" },
	{ 200, "{\"access_token\":\"a\",\"error\":\"invalid_grant\"}", FAULT_PERMISSION,
		OAUTH_GRANT_GONE, "invalid_grant" },
	{ 200, "<html>", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "JSON" },
	{ 200, "", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "JSON" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\\nfor \\u202egood\"}",
		FAULT_PERMISSION, OAUTH_GRANT_GONE, "id.example says invalid_grant: gone for" },
	{ 503, "{\"error\":\"invalid_grant\"}", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "503" },
	{ 429, "{\"error\":\"invalid_grant\"}", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "429" },
	{ 401, "{\"error\":\"invalid_client\"}", FAULT_CONFIG, OAUTH_CLIENT, "invalid_client" },
	{ 400, "{\"error\":\"invalid_scope\"}", FAULT_CONFIG, OAUTH_SCOPE_WRONG, "" },
	{ 400, "{\"error\":\"authorization_pending\"}", FAULT_TEMPORARY, OAUTH_PENDING, "" },
	{ 400, "{\"error\":\"slow_down\"}", FAULT_TEMPORARY, OAUTH_SLOW_DOWN, "" },
	{ 400, "{\"error\":\"expired_token\"}", FAULT_PERMISSION, OAUTH_EXPIRED, "" },
	{ 400, "{\"error\":\"access_denied\"}", FAULT_PERMISSION, OAUTH_DENIED, "" },
	{ 400, "{\"error\":\"something\"}", FAULT_TEMPORARY, OAUTH_OTHER, "something" },
	{ 400, "{\"error\":[\"invalid_grant\"]}", FAULT_PERMISSION, OAUTH_GRANT_GONE, "" },
	{ 404, "nothing here", FAULT_TEMPORARY, OAUTH_NOT_REFUSED, "404" },
};

static void
test_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct oauth_grant g = OAUTH_GRANT_NONE;
		struct error err = ERROR_NONE;
		bool good = take(answers[i].status, answers[i].body, &g, &err);

		ok(good == !answers[i].fault && err.fault == answers[i].fault &&
				g.refusal == answers[i].refusal &&
				strstr(err.text, answers[i].words),
			"%d %s: fault %d, %s", answers[i].status, answers[i].body, err.fault,
			err.text);
		oauth_grant_done(&g);
	}
}

static void
test_grant(void)
{
	struct oauth_grant g = OAUTH_GRANT_NONE;

	ok(take(200,
		   "{\"access_token\":\"abc\",\"refresh_token\":\"r\",\"expires_in\":\"3599\","
		   "\"refresh_token_expires_in\":604799.5,\"scope\":\"mail\"}",
		   &g, NULL) &&
			strcmp(g.access.s, "abc") == 0 && strcmp(g.refresh.s, "r") == 0 &&
			g.seconds == 3599 && g.refresh_seconds == 604799 &&
			strcmp(g.scope, "mail") == 0,
		"all of a grant");
	ok(take(200, "{\"access_token\":\"abc\",\"expires_in\":-1}", &g, NULL) && !g.seconds &&
			!g.refresh.len,
		"a life that is none is not said");
	oauth_grant_done(&g);
}

static const struct {
	const char *query; /* %s: the state */
	bool ours, good;
	enum fault fault;
} queries[] = {
	{ "code=abc&state=%s", true, true, FAULT_NONE },
	{ "state=%s&code=abc&iss=https%%3A%%2F%%2Fid.example", true, true, FAULT_NONE },
	{ "state=%s&code=abc&iss=https%%3A%%2F%%2Fevil.example", true, false, FAULT_PROTOCOL },
	{ "code=a%%20b%%2Bc&state=%s&session_state=x", true, true, FAULT_NONE },
	{ "state=%s", true, false, FAULT_PROTOCOL },
	{ "state=%s&error=access_denied&error_description=no%%0Ano", true, false,
		FAULT_PERMISSION },
	{ "state=%s&error=temporarily_unavailable", true, false, FAULT_TEMPORARY },
	{ "state=%s&error=invalid_scope", true, false, FAULT_CONFIG },
	{ "state=%s&code=a&code=b", false, false, FAULT_DATA },
	{ "state=%s&state=%s&code=b", false, false, FAULT_DATA },
	{ "state=x%s&code=b", false, false, FAULT_DATA },
	{ "state=%sx&code=b", false, false, FAULT_DATA },
	{ "state=&code=b", false, false, FAULT_DATA },
	{ "code=b", false, false, FAULT_DATA },
	{ "", false, false, FAULT_DATA },
	{ "state=%s&code=%%0a", false, false, FAULT_DATA },
	{ "state=%s&code=%%00", false, false, FAULT_DATA },
	{ "state=%s&code=%%4", false, false, FAULT_DATA },
	{ "state=%s&code=%%zz", false, false, FAULT_DATA },
	{ "state=%s&code=\033[1m", false, false, FAULT_DATA },
};

static void
fill(struct strbuf *out, const char *form, const char *state)
{
	for (const char *s = form; *s; s++)
		if (*s != '%')
			strbuf_addc(out, *s);
		else if (*++s == '%')
			strbuf_addc(out, '%');
		else
			strbuf_adds(out, state);
}

static void
test_queries(void)
{
	struct oauth_server server = { .issuer = "https://id.example" };
	struct oauth_request r;

	ok(oauth_request_init(&r, NULL) && strlen(r.state) == 43 && strlen(r.verifier) == 43 &&
			strcmp(r.state, r.verifier) != 0,
		"a request");
	for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++) {
		struct strbuf query = STRBUF_INIT(4096), code = STRBUF_INIT(OAUTH_CODE);
		struct error err = ERROR_NONE;
		bool ours, good;

		fill(&query, queries[i].query, r.state);
		good = oauth_request_take(&r, &server, query.s, query.len, &ours, &code, &err);
		ok(ours == queries[i].ours && good == queries[i].good &&
				err.fault == queries[i].fault && good == (code.len > 0),
			"%s: %s", queries[i].query, err.text);
		strbuf_done(&query);
		strbuf_done(&code);
	}
	server.promises_iss = true;
	{
		struct strbuf query = STRBUF_INIT(4096), code = STRBUF_INIT(OAUTH_CODE);
		bool ours;

		fill(&query, "code=abc&state=%s", r.state);
		ok(!oauth_request_take(&r, &server, query.s, query.len, &ours, &code, NULL) && ours,
			"an issuer that promises its name must give it");
		strbuf_done(&query);
		strbuf_done(&code);
	}
}

static void
test_url(void)
{
	struct strbuf url = STRBUF_INIT(8192);
	struct oauth_server server = { .authorize = "https://id.example/a?x=y" };
	struct oauth_request r = { .state = "S", .challenge = "C" };

	oauth_request_add_url(&url, &r, &server, "me & you", "a b", "http://127.0.0.1:1/", "u@d");
	ok(strcmp(url.s, "https://id.example/a?x=y&response_type=code&client_id=me%20%26%20you"
			 "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&scope=a%20b&state=S"
			 "&code_challenge=C&code_challenge_method=S256&login_hint=u%40d") == 0,
		"%s", url.s);
	strbuf_done(&url);
}

static void
test_loopback(void)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct loopback l;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		ok(loopback_open(&l, hosts[i], i, NULL) && l.port &&
				strstr(l.redirect, hosts[i]) == l.redirect + 7,
			"a port for %s", hosts[i]);
		loopback_close(&l);
	}
}

int
main(void)
{
	test_answers();
	test_grant();
	test_queries();
	test_url();
	test_loopback();
	return tap_done();
}
