/* Each mechanism against libgsasl's own server, and against servers that lie. */
#include "sasl.h"

#include <gsasl.h>
#include <stdlib.h>

#include "error.h"
#include "mime.h"
#include "sasl_oauth.h"
#include "tap.h"

#define USER     "ann"
#define PASSWORD "pencil,=\xc3\xbc"
#define BINDING  "0123456789abcdef0123456789abcdef"

/* What the server of a test believes. */
struct server {
	Gsasl *library;
	Gsasl_session *session;
	const char *password, *binding;
	bool exporter;
};

static int
answer(Gsasl *library, Gsasl_session *session, Gsasl_property wanted)
{
	const struct server *s = gsasl_callback_hook_get(library);
	const char *id = gsasl_property_fast(session, GSASL_AUTHID);
	const char *password = gsasl_property_fast(session, GSASL_PASSWORD);

	switch ((int)wanted) {
	case GSASL_PASSWORD:
		return gsasl_property_set(session, GSASL_PASSWORD, s->password);
	case GSASL_SCRAM_ITER:
		return gsasl_property_set(session, GSASL_SCRAM_ITER, "4096");
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE:
		if (!s->binding || s->exporter != (wanted == GSASL_CB_TLS_EXPORTER))
			return GSASL_NO_CALLBACK;
		return gsasl_property_set(session, wanted, s->binding);
	case GSASL_VALIDATE_SIMPLE:
		return id && password && strcmp(id, USER) == 0 && strcmp(password, s->password) == 0
			       ? GSASL_OK
			       : GSASL_AUTHENTICATION_ERROR;
	case GSASL_VALIDATE_EXTERNAL:
		return GSASL_OK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static void
server_start(struct server *s, const char *mechanism)
{
	if (gsasl_init(&s->library) != GSASL_OK)
		abort();
	gsasl_callback_set(s->library, answer);
	gsasl_callback_hook_set(s->library, s);
	if (gsasl_server_start(s->library, mechanism, &s->session) != GSASL_OK)
		abort();
}

static void
server_stop(struct server *s)
{
	gsasl_finish(s->session);
	gsasl_done(s->library);
}

struct client {
	struct sasl sasl;
	struct strbuf password, binding, out;
	struct error err;
};

static bool
client_start(struct client *c, const char *mechanism, bool exporter)
{
	struct sasl_credentials with = { .user = USER,
		.host = "mx.example",
		.password = &c->password,
		.binding = &c->binding,
		.binding_is_exporter = exporter };

	*c = (struct client){ .password = STRBUF_INIT_SECRET(64),
		.binding = STRBUF_INIT_SECRET(64),
		.out = STRBUF_INIT_SECRET(SASL_MESSAGE) };
	strbuf_adds(&c->password, PASSWORD);
	strbuf_adds(&c->binding, BINDING);
	return sasl_start(&c->sasl, sasl_find(mechanism), &with, &c->err);
}

static bool
client_step(struct client *c, const char *challenge)
{
	strbuf_clear(&c->out);
	return sasl_step(&c->sasl, challenge, challenge ? strlen(challenge) : 0, &c->out, &c->err);
}

static void
client_stop(struct client *c)
{
	sasl_done(&c->sasl);
	strbuf_done(&c->password);
	strbuf_done(&c->binding);
	strbuf_done(&c->out);
}

/* One exchange as SMTP has it. Returns the server's last result; the client's in *RET_GOOD. */
static int
exchange(struct client *c, struct server *s, bool *ret_good)
{
	char *challenge = NULL;
	int rc = GSASL_NEEDS_MORE;

	*ret_good = true;
	if (c->sasl.mechanism->kind & SASL_FIRST)
		*ret_good = client_step(c, NULL);
	for (int turns = 0; *ret_good && turns < 8; turns++) {
		gsasl_free(challenge);
		challenge = NULL;
		rc = gsasl_step64(s->session, c->out.s, &challenge);
		/* RFC 4954: what a server says last of all goes into a challenge of its own */
		if (rc != GSASL_NEEDS_MORE && !(rc == GSASL_OK && challenge && *challenge))
			break;
		*ret_good = client_step(c, challenge ? challenge : "");
		if (rc == GSASL_OK)
			break;
	}
	gsasl_free(challenge);
	return rc;
}

static const struct {
	const char *name;
	bool binds, exporter;
} exchanges[] = {
	{ "PLAIN", false, false },
	{ "LOGIN", false, false },
	{ "CRAM-MD5", false, false },
	{ "SCRAM-SHA-1", false, false },
	{ "SCRAM-SHA-256", false, false },
	{ "SCRAM-SHA-1-PLUS", true, false },
	{ "SCRAM-SHA-1-PLUS", true, true },
	{ "SCRAM-SHA-256-PLUS", true, false },
	{ "SCRAM-SHA-256-PLUS", true, true },
	{ "EXTERNAL", false, false },
	{ "DIGEST-MD5", false, false },
};

static void
check_exchange(size_t i, const char *password, bool wanted)
{
	struct strbuf binding = STRBUF_INIT(128);
	struct server s = { .password = password, .exporter = exchanges[i].exporter };
	struct client c;
	bool good;
	int rc;

	mime_add_base64(&binding, BINDING, strlen(BINDING));
	s.binding = exchanges[i].binds ? binding.s : NULL;
	server_start(&s, exchanges[i].name);
	ok(client_start(&c, exchanges[i].name, exchanges[i].exporter), "%s starts",
		exchanges[i].name);
	rc = exchange(&c, &s, &good);
	ok((rc == GSASL_OK && good) == wanted, "%s with the %s password: %s%s%s", exchanges[i].name,
		wanted ? "right" : "wrong", gsasl_strerror_name(rc), good ? "" : ", ", c.err.text);
	if (wanted && (c.sasl.mechanism->kind & SASL_SCRAM))
		ok(c.sasl.done, "%s: the server has proven itself", exchanges[i].name);
	ok(!strstr(c.err.text, "pencil"), "%s: no password in the error", exchanges[i].name);
	client_stop(&c);
	client_stop(&c);
	server_stop(&s);
	strbuf_done(&binding);
}

static void
check_wrong_binding(void)
{
	struct server s = { .password = PASSWORD, .binding = "b3RoZXI=", .exporter = true };
	struct client c;
	bool good;

	server_start(&s, "SCRAM-SHA-256-PLUS");
	ok(client_start(&c, "SCRAM-SHA-256-PLUS", true) && exchange(&c, &s, &good) != GSASL_OK &&
			!c.sasl.done,
		"another channel's binding is refused");
	client_stop(&c);
	server_stop(&s);
}

static void
check_table(void)
{
	const struct sasl_credentials without = { .user = USER, .host = "mx.example" };
	struct error err = ERROR_NONE;
	struct sasl s;

	ok(sasl_find("scram-sha-1") == sasl_find("SCRAM-SHA-1"), "names in any case");
	ok(!sasl_find("GSSAPIX") && !sasl_find("") && !sasl_find("PLAI"), "unknown names");
	for (size_t i = 0; i < SASL_COUNT; i++)
		ok(!(sasl_mechanisms[i].kind & SASL_ONE_TRIP) ||
				(sasl_mechanisms[i].kind & SASL_FIRST),
			"%s", sasl_mechanisms[i].name);
	ok(sasl_find("SCRAM-SHA-256") < sasl_find("SCRAM-SHA-1"), "SHA-256 before SHA-1");
	ok(sasl_find("SCRAM-SHA-1") < sasl_find("PLAIN"), "SCRAM before PLAIN");
	ok(sasl_find("PLAIN") < sasl_find("LOGIN"), "PLAIN before LOGIN");
	ok(!(sasl_find("LOGIN")->kind & SASL_ONE_TRIP) &&
			!(sasl_find("SCRAM-SHA-256")->kind & SASL_ONE_TRIP),
		"nothing may follow LOGIN or SCRAM");
	ok(!sasl_start(&s, sasl_find("SCRAM-SHA-1-PLUS"), &without, &err) &&
			err.fault == FAULT_UNAVAILABLE && err.stage == STAGE_AUTH,
		"-PLUS without a binding");
	sasl_done(&s);
	s = (struct sasl){ 0 };
	sasl_done(&s);
}

/* Which are never chosen by anybody but the user. */
static void
check_named(void)
{
	static const char *const named[] = { "OAUTHBEARER", "XOAUTH2", "DIGEST-MD5", "NTLM" };
	size_t count = 0;

	for (size_t i = 0; i < SASL_COUNT; i++)
		count += (sasl_mechanisms[i].kind & SASL_NAMED) != 0;
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		ok(sasl_find(named[i])->kind & SASL_NAMED, "%s by name only", named[i]);
	ok(count == sizeof(named) / sizeof(*named), "no others");
	for (size_t i = 0; i < SASL_COUNT; i++)
		ok(!(sasl_mechanisms[i].kind & SASL_TOKEN) ||
				!(sasl_mechanisms[i].kind & SASL_ONE_TRIP),
			"nothing follows the token of %s", sasl_mechanisms[i].name);
}

static const struct {
	const char *mechanism, *user, *token;
	const char *message; /* NULL: refused */
} tokens[] = {
	{ "XOAUTH2", "ann", "ya29.A-_~+/==", "user=ann\001auth=Bearer ya29.A-_~+/==\001\001" },
	{ "OAUTHBEARER", "ann@a.example", "t",
		"n,a=ann@a.example,\001host=mx.example\001port=587\001auth=Bearer t\001\001" },
	{ "OAUTHBEARER", "a=b,c", "t",
		"n,a=a=3Db=2Cc,\001host=mx.example\001port=587\001auth=Bearer t\001\001" },
	{ "XOAUTH2", "a=b,c", "t", "user=a=b,c\001auth=Bearer t\001\001" },
	{ "XOAUTH2", "ann", "", NULL },
	{ "XOAUTH2", "ann", "=", NULL },
	{ "XOAUTH2", "ann", "a b", NULL },
	{ "XOAUTH2", "ann", "a=b", NULL },
	{ "XOAUTH2", "ann", "a\001b", NULL },
	{ "XOAUTH2", "ann", "p\xc3\xa4ss", NULL },
	{ "OAUTHBEARER", "ann", "secret!", NULL },
	{ "XOAUTH2", "a\001auth=Bearer x", "t", NULL },
	{ "OAUTHBEARER", "a\001", "t", NULL },
};

static void
check_token(size_t i)
{
	struct strbuf password = STRBUF_INIT_SECRET(9000), out = STRBUF_INIT_SECRET(SASL_MESSAGE);
	struct strbuf message = STRBUF_INIT(SASL_MESSAGE);
	const struct sasl_credentials with = {
		.user = tokens[i].user, .password = &password, .host = "mx.example", .port = 587
	};
	struct error err = ERROR_NONE;
	struct sasl s;
	bool good;

	strbuf_adds(&password, tokens[i].token);
	good = sasl_start(&s, sasl_find(tokens[i].mechanism), &with, &err) &&
	       sasl_step(&s, NULL, 0, &out, &err);
	ok(good == (tokens[i].message != NULL), "%s token %zu: %s", tokens[i].mechanism, i,
		err.text);
	if (good && mime_decode_base64(&message, out.s, out.len))
		same(message.s, message.len, tokens[i].message, "its message");
	ok(good || (err.fault == FAULT_CONFIG && err.stage == STAGE_AUTH && !out.len &&
			   (strlen(tokens[i].token) < 3 || !strstr(err.text, tokens[i].token))),
		"%s token %zu: nothing of it leaves", tokens[i].mechanism, i);
	sasl_done(&s);
	strbuf_done(&password);
	strbuf_done(&message);
	strbuf_done(&out);
}

static void
check_token_too_long(void)
{
	struct strbuf password = STRBUF_INIT_SECRET(20000), out = STRBUF_INIT_SECRET(SASL_MESSAGE);
	struct sasl_credentials with = {
		.user = USER, .password = &password, .host = "mx.example", .port = 587
	};
	struct error err = ERROR_NONE;
	struct sasl s;

	for (int i = 0; i < 9200; i++)
		strbuf_addc(&password, 'x');
	ok(!sasl_start(&s, sasl_find("XOAUTH2"), &with, &err) && err.fault == FAULT_UNAVAILABLE,
		"a token that fits into no command is not cut");
	sasl_done(&s);
	strbuf_done(&password);
	strbuf_done(&out);
}

/* What a server says in a 334, before base64, and what is told of it. */
static const struct {
	const char *json, *complaint;
} complaints[] = {
	{ "{\"status\":\"401\"}", "status 401" },
	{ " { \"status\" : 401 , \"error\":\"invalid_token\" } ",
		"status 401, error invalid_token" },
	{ "{\"x\":{\"status\":\"1\"},\"y\":[1,[\"]\"]],\"status\":\"2\"}", "status 2" },
	{ "{\"x\":null,\"status\":true}", "status true" },
	{ "{\"status\":\"a\\u0041\\n\\\"\\u00e4\\ud83d\"}", "status aA \"??" },
	{ "{\"status\":\"401\"", "status 401" },
	{ "{\"status\":\"401\",\"error\":\"cut", "status 401" },
	{ "{\"status\":\"\",\"error\":\"e\"}", "error e" },
	{ "{\"status\":\"\x1b[31m\xc2\x9b\"}", "status \\x1b[31m\\u{9b}" },
	{ "{}", "{}" },
	{ "[]", "[]" },
	{ "{\"status\":{}}", "{\"status\":{}}" },
	{ "{\"status\"}", "{\"status\"}" },
	{ "{\"a\\", "{\"a\\" },
	{ "{\"a\\u12", "{\"a\\u12" },
	{ "no JSON", "no JSON" },
	{ "\r\n", "\\x0d\\x0a" },
	{ "", "" },
};

static void
check_complaint(size_t i)
{
	struct strbuf challenge = STRBUF_INIT(4096);
	char text[320];

	mime_add_base64(&challenge, complaints[i].json, strlen(complaints[i].json));
	sasl_oauth_complaint(text, sizeof(text), challenge.s, challenge.len);
	same(text, strlen(text), complaints[i].complaint, complaints[i].json);
	strbuf_done(&challenge);
}

static void
check_complaints(void)
{
	char text[320], long_[9000];

	for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++)
		check_complaint(i);
	sasl_oauth_complaint(text, sizeof(text), "!!", 2);
	same(text, strlen(text), "!!", "no base64");
	memset(long_, 'A', sizeof(long_));
	sasl_oauth_complaint(text, sizeof(text), long_, sizeof(long_));
	ok(strlen(text) <= 130 && strstr(text, "..."), "a long one is cut");
}

static void
check_plain(void)
{
	struct sasl_credentials with = { .user = USER, .host = "mx.example" };
	struct strbuf password = STRBUF_INIT_SECRET(20000), out = STRBUF_INIT_SECRET(SASL_MESSAGE);
	struct error err = ERROR_NONE;
	struct client c;
	struct sasl s;

	ok(client_start(&c, "PLAIN", false) && client_step(&c, NULL), "PLAIN starts");
	same(c.out.s, c.out.len, "AGFubgBwZW5jaWwsPcO8", "PLAIN's initial response");
	client_stop(&c);

	for (int i = 0; i < 15000; i++)
		strbuf_addc(&password, 'x');
	with.password = &password;
	ok(sasl_start(&s, sasl_find("PLAIN"), &with, &err) && !sasl_step(&s, NULL, 0, &out, &err) &&
			!out.len && err.fault == FAULT_UNAVAILABLE,
		"a password that fits into no command is not cut");
	sasl_done(&s);
	strbuf_done(&password);
	strbuf_done(&out);
}

/* The server-first message: %s is our nonce. */
static const struct {
	const char *what, *message, *why; /* NULL: nothing is wrong with it */
} challenges[] = {
	{ "a proper one", "r=%sX,s=QSXCR+Q6sek8bf92,i=4096", NULL },
	{ "most iterations", "r=%sX,s=QSXCR+Q6sek8bf92,i=100000", NULL },
	{ "i=1", "r=%sX,s=QSXCR+Q6sek8bf92,i=1", "iteration" },
	{ "i=4095", "r=%sX,s=QSXCR+Q6sek8bf92,i=4095", "iteration" },
	{ "i=1000001", "r=%sX,s=QSXCR+Q6sek8bf92,i=1000001", "iteration" },
	{ "i=2147483647", "r=%sX,s=QSXCR+Q6sek8bf92,i=2147483647", "iteration" },
	{ "i=4294971392, which wraps to 4096", "r=%sX,s=QSXCR+Q6sek8bf92,i=4294971392",
		"iteration" },
	{ "i=18446744073709555712, too", "r=%sX,s=QSXCR+Q6sek8bf92,i=18446744073709555712",
		"iteration" },
	{ "i=-4096", "r=%sX,s=QSXCR+Q6sek8bf92,i=-4096", "iteration" },
	{ "i=+4096", "r=%sX,s=QSXCR+Q6sek8bf92,i=+4096", "iteration" },
	{ "i= with a blank", "r=%sX,s=QSXCR+Q6sek8bf92,i= 4096", "iteration" },
	{ "i=4096x", "r=%sX,s=QSXCR+Q6sek8bf92,i=4096x", "iteration" },
	{ "empty i", "r=%sX,s=QSXCR+Q6sek8bf92,i=", "iteration" },
	{ "no i", "r=%sX,s=QSXCR+Q6sek8bf92", "iteration" },
	{ "an extension that looks like i", "r=%sX,s=QSXCR+Q6sek8bf92,i=4096,i=1", NULL },
	{ "the first i counts", "r=%sX,s=QSXCR+Q6sek8bf92,i=2147483647,i=4096", "iteration" },
	{ "no salt", "r=%sX,i=4096", "salt" },
	{ "empty salt", "r=%sX,s=,i=4096", "salt" },
	{ "nonce not extended", "r=%s,s=QSXCR+Q6sek8bf92,i=4096", "nonce" },
	{ "another nonce", "r=abcdefghijklmnopqrstuvwxyzabcd,s=QSXCR+Q6sek8bf92,i=4096", "nonce" },
	{ "nonce behind another", "r=X%s,s=QSXCR+Q6sek8bf92,i=4096", "nonce" },
	{ "no nonce", "s=QSXCR+Q6sek8bf92,i=4096", "nonce" },
	{ "mandatory extension", "m=x,r=%sX,s=QSXCR+Q6sek8bf92,i=4096", "cannot be used" },
	{ "nothing", "", "nonce" },
	{ "another order", "i=4096,s=QSXCR+Q6sek8bf92,r=%sX", "cannot be used" },
};

static void
check_challenge(size_t i, const char *mechanism)
{
	struct strbuf challenge = STRBUF_INIT(4096);
	char message[1000];
	struct client c;
	bool good;

	good = client_start(&c, mechanism, false) && client_step(&c, NULL);
	ok(good && c.sasl.nonce.len >= 18, "%s: a nonce of %zu octets", mechanism,
		c.sasl.nonce.len);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(message, sizeof(message), challenges[i].message, c.sasl.nonce.s);
#pragma GCC diagnostic pop
	mime_add_base64(&challenge, message, strlen(message));
	good = client_step(&c, challenge.s);
	ok(good ? !challenges[i].why
		: challenges[i].why && strstr(c.err.text, challenges[i].why) != NULL,
		"%s: %s: %s", mechanism, challenges[i].what, c.err.text);
	ok(good || (!c.out.len && c.err.stage == STAGE_AUTH && !c.sasl.fatal),
		"%s: %s: nothing is answered", mechanism, challenges[i].what);
	client_stop(&c);
	strbuf_done(&challenge);
}

static void
check_no_base64(void)
{
	static const char *const bad[] = { "=", "cj14", "c", "!!!!", "cj14LHM9eCxpPTE=x", "",
		"cj14\xff" };
	struct client c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ok(client_start(&c, "SCRAM-SHA-256", false) && client_step(&c, NULL) &&
				!client_step(&c, bad[i]) && !c.out.len,
			"no base64, or nothing in it: %s: %s", bad[i], c.err.text);
		client_stop(&c);
	}
	ok(client_start(&c, "CRAM-MD5", false) && !client_step(&c, "!!") &&
			c.err.fault == FAULT_PROTOCOL,
		"CRAM-MD5: no base64");
	client_stop(&c);
}

/* Brings CLIENT to the point where the server must prove itself. */
static void
reach_proof(struct client *c, struct server *s)
{
	char *challenge = NULL;

	*s = (struct server){ .password = PASSWORD };
	server_start(s, "SCRAM-SHA-256");
	if (!client_start(c, "SCRAM-SHA-256", false) || !client_step(c, NULL) ||
		gsasl_step64(s->session, c->out.s, &challenge) != GSASL_NEEDS_MORE ||
		!client_step(c, challenge))
		abort();
	gsasl_free(challenge);
}

static void
check_proof(void)
{
	static const struct {
		const char *message;
		enum fault fault;
	} proofs[] = {
		{ "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAULT_UNAVAILABLE },
		{ "v=", FAULT_UNAVAILABLE },
		{ "v=AAAA", FAULT_UNAVAILABLE },
		{ "", FAULT_UNAVAILABLE },
		{ "x=AAAA", FAULT_UNAVAILABLE },
		{ "e=invalid-proof", FAULT_PERMISSION },
	};
	struct strbuf text = STRBUF_INIT(1000);
	struct client c;
	struct server s;

	for (size_t i = 0; i < sizeof(proofs) / sizeof(*proofs); i++) {
		reach_proof(&c, &s);
		strbuf_clear(&text);
		mime_add_base64(&text, proofs[i].message, strlen(proofs[i].message));
		ok(!client_step(&c, text.s) && c.sasl.fatal && !c.sasl.done &&
				c.err.fault == proofs[i].fault,
			"proof \"%s\": %s", proofs[i].message, c.err.text);
		client_stop(&c);
		server_stop(&s);
	}
	reach_proof(&c, &s);
	ok(!client_step(&c, "!!") && c.sasl.fatal, "a proof that is no base64");
	client_stop(&c);
	server_stop(&s);
	strbuf_done(&text);
}

int
main(void)
{
	check_table();
	check_plain();
	check_named();
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++)
		check_token(i);
	check_token_too_long();
	check_complaints();
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
		check_exchange(i, PASSWORD, true);
		if (strcmp(exchanges[i].name, "EXTERNAL") != 0)
			check_exchange(i, "pen", false);
	}
	check_wrong_binding();
	for (size_t i = 0; i < sizeof(challenges) / sizeof(*challenges); i++) {
		check_challenge(i, "SCRAM-SHA-1");
		check_challenge(i, "SCRAM-SHA-256");
	}
	check_no_base64();
	check_proof();
	return tap_done();
}
