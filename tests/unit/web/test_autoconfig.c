/* What mail domains say about their servers, and what is none. */
#include "autoconfig.h"

#include "error.h"
#include "strbuf.h"
#include "tap.h"

#define SERVER(text)                                                                               \
	"<clientConfig version='1.1'><emailProvider id='x'><outgoingServer type='smtp'>" text      \
	"</outgoingServer></emailProvider></clientConfig>"
#define HOST "<hostname>smtp.example.org</hostname>"
#define PORT "<port>465</port>"
#define SSL  "<socketType>SSL</socketType>"

/* Shows what was made of a document, "" where it was refused. */
static void
parse(const char *text, size_t n, struct strbuf *out, struct error *err)
{
	struct autoconfig a;

	strbuf_clear(out);
	if (!autoconfig_parse(text, n, "ann@example.org", &a, err))
		return;
	for (size_t i = 0; i < a.n; i++)
		strbuf_addf(out, "%s:%u:%s%s%s:%s ", a.v[i].host, a.v[i].port,
			a.v[i].starttls ? "s" : "", a.v[i].oauth ? "o" : "",
			a.v[i].password ? "p" : "", a.v[i].user);
	strbuf_addf(out, "[%s|%s]", a.issuer, a.scope);
}

static void
test_documents(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ SERVER(HOST PORT SSL), "smtp.example.org:465:p:ann@example.org [|]" },
		{ "<?xml version='1.0' encoding='UTF-8'?>\n<!-- x -->" SERVER(
			  "<hostname> SMTP.%EMAILDOMAIN%\n</hostname><port>587</port>"
			  "<socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username>"
			  "<authentication>OAuth2</authentication>"),
			"smtp.example.org:587:so:ann [|]" },
		{ SERVER(HOST PORT SSL "<authentication>OAuth2</authentication>"
				       "<authentication>password-cleartext</authentication>"
				       "<username>x-%EMAILADDRESS%-%OTHER%</username>"),
			"smtp.example.org:465:op:x-ann@example.org-%OTHER% [|]" },
		{ SERVER(HOST PORT SSL "<authentication>client-IP-address</authentication>"),
			"smtp.example.org:465::ann@example.org [|]" },
		/* what is no use to us is left out */
		{ SERVER(HOST PORT "<socketType>plain</socketType>"), "[|]" },
		{ SERVER(HOST PORT), "[|]" },
		{ SERVER(PORT SSL), "[|]" },
		{ SERVER(HOST SSL), "[|]" },
		{ SERVER(HOST SSL "<port>0</port>"), "[|]" },
		{ SERVER(HOST SSL "<port>65536</port>"), "[|]" },
		{ SERVER(HOST SSL "<port>465x</port>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>localhost</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>192.0.2.1</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>[::1]</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>a..example</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>-a.example</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>a-.example</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>a.example.</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>a b.example</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>a.example/x</hostname>"), "[|]" },
		{ SERVER(PORT SSL "<hostname>m\xc3\xbcller.example</hostname>"), "[|]" },
		{ SERVER(HOST PORT SSL "<username>a&#10;b</username>"), "[|]" },
		{ SERVER(HOST PORT SSL "<x><hostname>evil.example</hostname></x>"),
			"smtp.example.org:465:p:ann@example.org [|]" },
		{ "<clientConfig><emailProvider><incomingServer type='imap'>" HOST PORT SSL
		  "</incomingServer><outgoingServer>" HOST PORT SSL
		  "</outgoingServer><outgoingServer type='exchange'>" HOST PORT SSL
		  "</outgoingServer></emailProvider><outgoingServer type='smtp'>" HOST PORT SSL
		  "</outgoingServer></clientConfig>",
			"[|]" },
		{ "<clientConfig><emailProvider/><oAuth2><issuer>id.example</issuer>"
		  "<scope>mail</scope></oAuth2></clientConfig>",
			"[https://id.example|mail]" },
		{ "<clientConfig><emailProvider><oAuth2><issuer>https://id.example/x</issuer>"
		  "<issuer>https://second.example</issuer></oAuth2></emailProvider></clientConfig>",
			"[https://id.example/x|]" },
		{ "<clientConfig><oAuth2><issuer>http://id.example</issuer><scope>a&#13;b</scope>"
		  "</oAuth2></clientConfig>",
			"[|]" },
		{ "<clientConfig/>", "[|]" },
		/* what is no such document */
		{ "", NULL },
		{ "<html/>", NULL },
		{ "<!doctype html><html></html>", NULL },
		{ "<clientConfig>", NULL },
		{ "<clientConfig/><clientConfig/>", NULL },
		{ "<clientConfig a='1' a='2'/>", NULL },
		{ "<clientConfig>&lt;&nosuch;</clientConfig>", NULL },
		{ "<!DOCTYPE clientConfig><clientConfig/>", NULL },
		{ "<!DOCTYPE c [<!ENTITY a 'aaaa'>]><clientConfig>&a;</clientConfig>", NULL },
		{ "<!DOCTYPE c [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><clientConfig>&a;"
		  "</clientConfig>",
			NULL },
		{ "<!DOCTYPE c SYSTEM 'https://evil.example/x.dtd'><clientConfig/>", NULL },
		{ "<clientConfig>\xff</clientConfig>", NULL },
		{ "<clientConfig>\x01</clientConfig>", NULL },
	};
	struct strbuf got = STRBUF_INIT(8192);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;

		parse(rows[i].text, strlen(rows[i].text), &got, &err);
		if (rows[i].want)
			same(got.s, got.len, rows[i].want, rows[i].want);
		else
			ok(err.fault == FAULT_PROTOCOL, "refused: %s (%s)", rows[i].text, err.text);
	}
	strbuf_done(&got);
}

static void
test_size(void)
{
	struct strbuf text = STRBUF_INIT(1 << 21), got = STRBUF_INIT(8192);
	struct error err = ERROR_NONE;
	size_t n = 0;

	strbuf_adds(&text, "<clientConfig>");
	for (int i = 0; i < 15; i++)
		strbuf_adds(&text, "<emailProvider>");
	strbuf_adds(&text, "<x/>");
	parse(text.s, text.len, &got, &err);
	ok(err.fault == FAULT_PROTOCOL && strstr(err.text, "too deep"), "nested too deep");

	error_clear(&err);
	strbuf_clear(&text);
	strbuf_adds(&text, "<clientConfig><emailProvider>");
	for (int i = 0; i < 20; i++)
		strbuf_adds(
			&text, "<outgoingServer type='smtp'>" HOST PORT SSL "</outgoingServer>");
	strbuf_adds(&text, "</emailProvider></clientConfig>");
	parse(text.s, text.len, &got, &err);
	for (const char *at = got.s; (at = strstr(at, "smtp.")); at++)
		n++;
	ok(!err.fault && n == AUTOCONFIG_SERVERS, "the first eight of them");

	strbuf_clear(&text);
	strbuf_adds(&text, "<clientConfig><emailProvider><outgoingServer type='smtp'>" HOST PORT SSL
			   "<username>");
	for (int i = 0; i < 5000; i++)
		strbuf_adds(&text, "%EMAILADDRESS%");
	strbuf_adds(&text, "</username></outgoingServer></emailProvider></clientConfig>");
	parse(text.s, text.len, &got, &err);
	same(got.s, got.len, "[|]", "a user that is too long");
	ok(!err.fault, "is no failure");

	strbuf_clear(&text);
	for (int i = 0; i < 1100000; i++)
		strbuf_addc(&text, ' ');
	parse(text.s, text.len, &got, &err);
	ok(err.fault == FAULT_PROTOCOL, "too large");
	strbuf_done(&text);
	strbuf_done(&got);
}

static void
test_domains(void)
{
	static const char *const rows[] = { "", "localhost", "a b.example", "a.example/x",
		"a.example:1", "a@b.example", "192.0.2.1", "m\xc3\xbcller.example" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		struct autoconfig a;

		ok(!autoconfig_fetch("ann@x.example", rows[i], NULL, 0, &a, &err) &&
				err.fault == FAULT_DATA,
			"no domain: \"%s\"", rows[i]);
	}
}

int
main(void)
{
	test_documents();
	test_size();
	test_domains();
	return tap_done();
}
