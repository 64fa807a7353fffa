#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "anchor.h"
#include "tap.h"
#include "testca.h"

static void
test_decode(void)
{
	static const struct {
		const char *text, *want;
		size_t max;
	} table[] = {
		{ "", "", 99 },
		{ "YQ==", "a", 99 },
		{ "YWI=", "ab", 99 },
		{ "YWJj", "abc", 99 },
		{ "YWJjZA==", "abcd", 99 },
		{ "YWJj\nZGVm\n", "abcdef", 99 },
		{ "Y\r\nW J\tj", "abc", 99 },
		{ "\nYWJj", "abc", 99 },
		{ "YWJjZGVm", "a", 1 },
		{ "YWJjZGVm", "abcd", 4 },
		{ "YWJjZGVm", "abcdef", 6 },
		{ "YWJj*ZGVm", "abc", 99 },
		{ "YWJj-----END", "abc", 99 },
		{ "YW\xffJj", "a", 99 },
		{ "++//", "\xfb\xef\xff", 99 },
		{ "YWJjY", "abc", 99 },
	};
	uint8_t out[100];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = anchor_decode(table[i].text, strlen(table[i].text), out, table[i].max);
		char what[40];

		snprintf(what, sizeof(what), "base64 case %zu", i);
		same((const char *)out, n, table[i].want, what);
	}
}

/* Our reading of a certificate against GnuTLS's. */
static bool
agrees(const uint8_t *der, size_t n, gnutls_x509_crt_t crt)
{
	struct octets issuer, subject;
	gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
	bool good = anchor_names(der, n, &issuer, &subject) == 1 &&
		    gnutls_x509_crt_get_raw_issuer_dn(crt, &a) >= 0 &&
		    gnutls_x509_crt_get_raw_dn(crt, &b) >= 0 && a.size == issuer.n &&
		    b.size == subject.n && !memcmp(a.data, issuer.s, issuer.n) &&
		    !memcmp(b.data, subject.s, subject.n);

	gnutls_free(a.data);
	gnutls_free(b.data);
	return good;
}

static void
test_names(void)
{
	struct testca ca =
		testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Some CA" });
	struct testca leaf = testca_make(&ca, &(struct testca_options){ .dns = { "a.test" } });
	struct octets issuer, subject;
	gnutls_datum_t der;
	size_t end;
	bool good = true;

	gnutls_x509_crt_export2(leaf.crt, GNUTLS_X509_FMT_DER, &der);
	ok(agrees(der.data, der.size, leaf.crt), "the names of a certificate");
	anchor_names(der.data, der.size, &issuer, &subject);
	end = (size_t)(subject.s + subject.n - der.data);
	for (size_t n = 0; n < der.size; n++) {
		/* in memory of exactly that size, so that a sanitizer sees every step too far */
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, der.data, n);
		good = good && anchor_names(copy, n, &issuer, &subject) == (n >= end);
		free(copy);
	}
	ok(good, "cut anywhere it is too short until the subject is whole");
	ok(agrees(der.data, end, leaf.crt), "and then it is enough");
	der.data[0] = 0x31;
	ok(anchor_names(der.data, der.size, &issuer, &subject) == -1, "no sequence");
	der.data[0] = 0x30;
	der.data[4] = 0x02;
	ok(anchor_names(der.data, der.size, &issuer, &subject) == -1, "no sequence in it");
	ok(anchor_names((const uint8_t *)"\x30\x80\x30\x80", 4, &issuer, &subject) == -1,
		"indefinite length");
	ok(anchor_names((const uint8_t *)"\x30\x84\xff\xff\xff\xff", 6, &issuer, &subject) == -1,
		"an absurd length");
	ok(anchor_names((const uint8_t *)"\x30\x05\x30\x05\x02\x83\xff\xff\xff", 9, &issuer,
		   &subject) == 0,
		"a length behind the end");
	gnutls_free(der.data);
	testca_free(&leaf);
	testca_free(&ca);
}

static void
test_next(void)
{
	static const struct {
		const char *text;
		const char *bodies[3];
	} table[] = {
		{ "", { 0 } },
		{ "-----BEGIN CERTIFICATE-----", { 0 } },
		{ "-----BEGIN CERTIFICATE-----\nYWJj", { 0 } },
		{ "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n",
			{ "\nYWJj\n" } },
		{ "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----", { "\nYWJj\n" } },
		{ "-----BEGIN X509 CERTIFICATE-----\nYQ==\n-----END X509 CERTIFICATE-----",
			{ "\nYQ==\n" } },
		{ "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n", { 0 } },
		{ "-----BEGIN CERTIFICATE REQUEST-----\nYWJj\n-----END CERTIFICATE REQUEST-----\n",
			{ 0 } },
		{ "# a - b -- c\n-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\ntext\n"
		  "-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----\n",
			{ "\nA\n", "\nB\n" } },
		{ "-----BEGIN CERTIFICATE-----A-----BEGIN CERTIFICATE-----\n"
		  "-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----\n",
			{ "A", "\nB\n" } },
		{ "----------BEGIN CERTIFICATE-----\nA\n-", { "\nA\n" } },
		{ "-", { 0 } },
		{ "-----BEGIN ", { 0 } },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *at = table[i].text, *end = at + strlen(at);
		struct anchor_block block;
		bool good = true;

		for (size_t k = 0; table[i].bodies[k]; k++)
			good = good && anchor_next(&at, end, &block) &&
			       block.body_len == strlen(table[i].bodies[k]) &&
			       !memcmp(block.body, table[i].bodies[k], block.body_len) &&
			       !memcmp(block.pem, "-----BEGIN ", 11) &&
			       block.pem + block.pem_len <= end && at == block.pem + block.pem_len;
		ok(good && !anchor_next(&at, end, &block) && at == end, "PEM case %zu", i);
	}
}

/* Every certificate that this machine trusts. */
static void
test_bundle(void)
{
	gnutls_datum_t pem;
	struct anchor_block block;
	unsigned count = 0, same_names = 0;
	const char *at, *end;

	if (gnutls_load_file("/etc/ssl/certs/ca-certificates.crt", &pem) < 0) {
		ok(true, "no bundle here # SKIP");
		return;
	}
	at = (const char *)pem.data;
	end = at + pem.size;
	while (anchor_next(&at, end, &block)) {
		gnutls_datum_t one = { (unsigned char *)(uintptr_t)block.pem,
			(unsigned)block.pem_len };
		uint8_t der[8192];
		size_t n = anchor_decode(block.body, block.body_len, der, sizeof(der));
		gnutls_x509_crt_t crt;

		gnutls_x509_crt_init(&crt);
		count++;
		if (gnutls_x509_crt_import(crt, &one, GNUTLS_X509_FMT_PEM) >= 0)
			same_names += agrees(der, n, crt);
		gnutls_x509_crt_deinit(crt);
	}
	ok(count > 0 && count == same_names, "all %u of this machine (%u)", count, same_names);
	gnutls_free(pem.data);
}

int
main(void)
{
	test_decode();
	test_names();
	test_next();
	test_bundle();
	return tap_done();
}
