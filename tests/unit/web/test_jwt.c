/* The form of signed assertions. (What they are worth: tests/web, where openssl looks at them.) */
#include "jwt.h"

#include <gnutls/gnutls.h>

#include "error.h"
#include "tap.h"
#include "testca.h"

#define ROUNDS 1500 /* r or s has a leading zero in one of 128: this often it comes for sure */

static void
test_base64url(void)
{
	/* RFC 4648 section 10, without padding; RFC 7515 appendix C */
	static const struct {
		const char *octets, *want;
	} rows[] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "\3\354\377\340\301", "A-z_4ME" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct strbuf out = STRBUF_INIT(64);

		jwt_add_base64url(&out, rows[i].octets, strlen(rows[i].octets));
		same(out.s, out.len, rows[i].want, rows[i].want);
		strbuf_done(&out);
	}
}

static void
test_lengths(const char *pem)
{
	const struct jwt_key key = { .pem = pem };
	struct strbuf out = STRBUF_INIT(4096);
	struct error err = ERROR_NONE;
	int good = 0;

	while (good < ROUNDS && jwt_sign(&key, "{}", &out, &err) &&
		strlen(strrchr(out.s, '.')) == 1 + 86)
		good++;
	ok(good == ROUNDS, "r and s have 32 octets each (%d, %s)", good, err.text);
	ok(out.secret && strncmp(out.s, "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.e30.", 41) == 0,
		"header and claims");
	strbuf_done(&out);
}

static void
test_space(const char *pem)
{
	const struct jwt_key key = { .pem = pem };
	struct strbuf out = STRBUF_INIT(4096);
	struct error err = ERROR_NONE;
	size_t n;

	(void)!jwt_sign(&key, "{}", &out, &err);
	n = out.len;
	strbuf_done(&out);
	for (size_t cap = 0; cap < n; cap += 13) {
		struct strbuf small = STRBUF_INIT(cap);

		error_clear(&err);
		if (jwt_sign(&key, "{}", &small, &err) || small.len)
			break;
		strbuf_done(&small);
	}
	ok(err.fault == FAULT_SOFTWARE, "no room is no half an assertion");
}

int
main(void)
{
	const struct testca_options options = { .cn = "client" };
	struct testca client = testca_make(NULL, &options);
	gnutls_datum_t pem = testca_key_pem(&client);

	test_base64url();
	test_lengths((const char *)pem.data);
	test_space((const char *)pem.data);
	gnutls_free(pem.data);
	testca_free(&client);
	return tap_done();
}
