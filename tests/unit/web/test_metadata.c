/* What an authorization server may say about itself. */
#include "metadata.h"

#include "error.h"
#include "tap.h"

#define ISSUER "https://id.example"
#define BASE   "\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://id.example/t\""

static void
test_refused(void)
{
	static const char *const rows[] = {
		"",
		"[]",
		"{}",
		"{\"issuer\":\"" ISSUER "\"}",
		"{\"issuer\":[\"" ISSUER "\"],\"token_endpoint\":{}}",
		"{\"issuer\":\"https://id.example/\",\"token_endpoint\":\"https://id.example/t\"}",
		"{\"issuer\":\"https://ID.example\",\"token_endpoint\":\"https://id.example/t\"}",
		"{\"issuer\":\"https://evil.example\",\"token_endpoint\":\"https://id.example/t\"}",
		"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"http://id.example/t\"}",
		"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://id.example/t#x\"}",
		"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://\"}",
		"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://a@b/\"}",
		"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://b/\\n\"}",
		"{" BASE ",\"authorization_endpoint\":\"http://id.example/a\"}",
		"{" BASE ",\"authorization_endpoint\":\"javascript:alert(1)\"}",
		"{" BASE ",\"device_authorization_endpoint\":\"ftp://id.example/a\"}",
		"{" BASE ",\"revocation_endpoint\":\"x\"}",
		"{" BASE ",\"issuer\":\"" ISSUER "\"}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		struct oauth_metadata m;

		ok(!oauth_metadata_parse(rows[i], strlen(rows[i]), ISSUER, &m, &err) &&
				err.fault == FAULT_PROTOCOL,
			"%s (%s)", rows[i], err.text);
	}
}

static void
test_long(void)
{
	struct strbuf text = STRBUF_INIT(65536);
	struct error err = ERROR_NONE;
	struct oauth_metadata m;

	strbuf_adds(&text, "{" BASE ",\"scopes_supported\":[\"mail\"");
	for (int i = 0; i < 500; i++)
		strbuf_adds(&text, ",\"mail\"");
	strbuf_adds(&text, "],\"authorization_response_iss_parameter_supported\":true}");
	ok(oauth_metadata_parse(text.s, text.len, ISSUER, &m, &err) && !*m.scopes && m.promises_iss,
		"too many scopes are as good as none");
	strbuf_clear(&text);
	strbuf_adds(&text, "{" BASE ",\"revocation_endpoint\":\"https://id.example/");
	for (int i = 0; i < HTTP_URL; i++)
		strbuf_addc(&text, 'x');
	strbuf_adds(&text, "\"}");
	ok(!oauth_metadata_parse(text.s, text.len, ISSUER, &m, &err), "an endless URL");
	strbuf_done(&text);
}

static void
test_good(void)
{
	static const char all[] =
		"{" BASE ",\"authorization_endpoint\":\"https://id.example/a?x=1\","
		"\"device_authorization_endpoint\":\"https://id.example/d\","
		"\"revocation_endpoint\":\"https://id.example/r\",\"scopes_supported\":[\"a\","
		"\"b\"],\"authorization_response_iss_parameter_supported\":true,"
		"\"code_challenge_methods_supported\":[\"plain\",\"S256\"],\"jwks\":{\"keys\":[]},"
		"\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\"]}";
	static const struct {
		const char *methods;
		bool basic;
	} rows[] = { { "", true }, { "[\"client_secret_basic\"]", true },
		{ "[\"client_secret_post\"]", false }, { "[\"none\"]", false },
		{ "[\"client_secret_basic\",\"client_secret_post\"]", false },
		{ "[\"xclient_secret_basic\"]", false } };
	struct strbuf text = STRBUF_INIT(1024);
	struct error err = ERROR_NONE;
	struct oauth_metadata m;

	ok(oauth_metadata_parse(all, strlen(all), ISSUER, &m, &err) && !strcmp(m.issuer, ISSUER) &&
			!strcmp(m.authorize, "https://id.example/a?x=1") &&
			!strcmp(m.token, "https://id.example/t") &&
			!strcmp(m.device, "https://id.example/d") &&
			!strcmp(m.revoke, "https://id.example/r") && !strcmp(m.scopes, "a b") &&
			m.promises_iss && m.pkce && m.basic,
		"all there is (%s)", err.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_clear(&text);
		strbuf_adds(&text, "{" BASE);
		if (*rows[i].methods)
			strbuf_addf(&text, ",\"token_endpoint_auth_methods_supported\":%s",
				rows[i].methods);
		strbuf_adds(&text, "}");
		ok(oauth_metadata_parse(text.s, text.len, ISSUER, &m, &err) &&
				m.basic == rows[i].basic && !m.pkce && !m.promises_iss &&
				!*m.device,
			"methods %s", rows[i].methods);
	}
	strbuf_done(&text);
}

static void
test_issuers(void)
{
	static const char *const rows[] = { "", "http://id.example", "id.example", "https://",
		"https://id.example/?x", "https://id.example#x", "https://a b/", "https:///x",
		"https://u:p@id.example" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		struct oauth_metadata m;

		ok(!oauth_metadata_fetch(rows[i], NULL, 0, &m, &err) && err.fault == FAULT_CONFIG,
			"no issuer: \"%s\" (%s)", rows[i], err.text);
	}
}

int
main(void)
{
	test_refused();
	test_long();
	test_good();
	test_issuers();
	return tap_done();
}
