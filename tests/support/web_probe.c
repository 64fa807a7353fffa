/* web-probe parse TEXT: as an autoconfiguration.
 * web-probe autoconfig ADDRESS DOMAIN [TRUST]
 * web-probe jwt [key=FILE-OR-URI] [pem=TEXT] [cert=FILE] [kid=ID] [claims=JSON] [pss=1] [pin=TEXT]
 * web-probe metadata ISSUER [TRUST]: what an authorization server says about itself.
 * web-probe fetch URL [trust=FILE] [form=TEXT] [user=NAME] [password=TEXT] [redirects=1] [ms=N]
 *           [digest=fail|large|upper]: makes one request and prints what came of it, for tests/web.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoconfig.h"
#include "clock.h"
#include "error.h"
#include "http.h"
#include "jwt.h"
#include "metadata.h"

static int
failed(const struct error *err)
{
	printf("%s %s\n", fault_name(err->fault), err->text);
	return fault_status(err->fault);
}

/* What the tests want to be made of an answer. */
static bool
digest(void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err)
{
	const char *how = ctx;

	if (strcmp(how, "fail") == 0)
		return error_set(err, FAULT_PROTOCOL, "status %d is not to my taste", status);
	if (strcmp(how, "crash") == 0)
		abort();
	for (size_t i = 0; i < (strcmp(how, "large") == 0 ? HTTP_MAX + 1 : n); i++)
		strbuf_addc(ret, n ? (char)toupper((unsigned char)body[i % n]) : 'x');
	return true;
}

static int
fetch(int argc, char *argv[])
{
	struct http_reply reply = HTTP_REPLY_NONE;
	struct http_request r = { .url = argv[0] };
	int64_t deadline = CLOCK_NEVER;
	struct error err = ERROR_NONE;
	const struct {
		const char *key, **to;
	} keys[] = { { "trust=", &r.trust }, { "form=", &r.form }, { "user=", &r.user },
		{ "password=", &r.password } };

	for (int i = 1; i < argc; i++) {
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			if (strncmp(argv[i], keys[k].key, strlen(keys[k].key)) == 0)
				*keys[k].to = argv[i] + strlen(keys[k].key);
		r.redirects = r.redirects || strcmp(argv[i], "redirects=1") == 0;
		if (strncmp(argv[i], "ms=", 3) == 0)
			deadline = clock_in(strtol(argv[i] + 3, NULL, 10));
		if (strncmp(argv[i], "digest=", 7) == 0) {
			r.digest = digest;
			r.digest_ctx = argv[i] + 7;
		}
	}
	if (!http_fetch(&r, deadline, &reply, &err))
		return failed(&err);
	printf("%d %u %s\n", reply.status, reply.retry_after, reply.url);
	fwrite(reply.body.s, 1, reply.body.len, stdout);
	http_reply_done(&reply);
	return 0;
}

static int
metadata(const char *issuer, const char *trust)
{
	struct error err = ERROR_NONE;
	struct oauth_metadata m;

	if (!oauth_metadata_fetch(issuer, trust, CLOCK_NEVER, &m, &err))
		return failed(&err);
	printf("%s %s %s %s %s %d%d%d\n", m.issuer, m.authorize, m.token, m.device, m.revoke,
		m.promises_iss, m.basic, m.pkce);
	return 0;
}

static bool
give_pin(void *ctx, const char *label, struct strbuf *ret, struct error *err)
{
	(void)label;
	(void)err;
	strbuf_adds(ret, ctx);
	return true;
}

static int
jwt(int argc, char *argv[])
{
	struct strbuf out = STRBUF_INIT(16384);
	struct error err = ERROR_NONE;
	struct jwt_key k = { .pss = false };
	const char *claims = "{}";
	const struct {
		const char *key, **to;
	} keys[] = { { "key=", &k.key }, { "pem=", &k.pem }, { "cert=", &k.cert },
		{ "kid=", &k.key_id }, { "claims=", &claims } };

	for (int i = 0; i < argc; i++) {
		for (size_t n = 0; n < sizeof(keys) / sizeof(*keys); n++)
			if (strncmp(argv[i], keys[n].key, strlen(keys[n].key)) == 0)
				*keys[n].to = argv[i] + strlen(keys[n].key);
		k.pss = k.pss || strcmp(argv[i], "pss=1") == 0;
		if (strncmp(argv[i], "pin=", 4) == 0) {
			k.pin = give_pin;
			k.pin_ctx = argv[i] + 4;
		}
	}
	if (!jwt_sign(&k, claims, &out, &err))
		return failed(&err);
	puts(out.s);
	strbuf_done(&out);
	return 0;
}

static int
parse(const char *text)
{
	struct error err = ERROR_NONE;
	struct autoconfig a;

	if (!autoconfig_parse(text, strlen(text), "ann@good.example", &a, &err))
		return failed(&err);
	printf("%zu\n", a.n);
	return 0;
}

static int
autoconfig(const char *address, const char *domain, const char *trust)
{
	struct error err = ERROR_NONE;
	struct autoconfig a;

	if (!autoconfig_fetch(address, domain, trust, CLOCK_NEVER, &a, &err))
		return failed(&err);
	printf("%zu %s %s %s\n", a.n, a.issuer, a.scope, a.url);
	for (size_t i = 0; i < a.n; i++)
		printf("%s %u %s%s%s %s\n", a.v[i].host, a.v[i].port,
			a.v[i].starttls ? "starttls" : "tls", a.v[i].oauth ? " oauth" : "",
			a.v[i].password ? " password" : "", a.v[i].user);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc >= 3 && strcmp(argv[1], "fetch") == 0)
		return fetch(argc - 2, argv + 2);
	if (argc >= 3 && strcmp(argv[1], "metadata") == 0)
		return metadata(argv[2], argv[3]);
	if (argc >= 3 && strcmp(argv[1], "jwt") == 0)
		return jwt(argc - 2, argv + 2);
	if (argc >= 3 && strcmp(argv[1], "parse") == 0)
		return parse(argv[2]);
	if (argc >= 4 && strcmp(argv[1], "autoconfig") == 0)
		return autoconfig(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: web-probe COMMAND ARGUMENT...\n");
	return 64;
}
