#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <signal.h>

#include "peer.h"

static struct testca ca, inter, rogue, narrow;
static const char *ca_file, *rogue_file, *crl_file;

enum issuer { CA, INTER, SELF, ROGUE, NARROW };
enum staple { NO_STAPLE, GOOD_STAPLE, REVOKED_STAPLE, ROGUE_STAPLE, OLD_STAPLE };

static const struct {
	const char *what;
	struct testca_options options;
	enum issuer issuer;
	const char *host;    /* NULL: "good.test" */
	const char *refusal; /* part of the error; NULL: accepted */
	enum staple staple;
	const char *tls_name;
	bool bare; /* the intermediate is not sent */
} cases[] = {
	{ "by a root", { .dns = { "good.test" } }, CA },
	{ "by an intermediate", { .dns = { "good.test" } }, INTER },
	{ "a second name", { .dns = { "other.test", "good.test" } }, CA },
	{ "a wildcard", { .dns = { "*.good.test" } }, CA, "a.good.test" },
	{ "a name in capitals", { .dns = { "GOOD.test" } }, CA, "good.TEST" },
	{ "a dot at the end", { .dns = { "good.test" } }, CA, "good.test." },
	{ "RSA 2048", { .dns = { "good.test" }, .rsa_bits = 2048 }, CA },
	{ "an IPv4 address", { .ip = "127.0.0.1" }, CA, "127.0.0.1" },
	{ "an IPv6 address", { .ip = "::1" }, CA, "::1" },
	{ "an IPv6 address with a scope", { .ip = "fe80::1" }, CA, "fe80::1%eth0" },
	{ "name and address", { .dns = { "good.test" }, .ip = "127.0.0.1" }, CA, "127.0.0.1" },
	{ "tls-name", { .dns = { "good.test" } }, CA, "10.0.0.1", .tls_name = "good.test" },
	{ "within name constraints", { .dns = { "a.narrow.test" } }, NARROW, "a.narrow.test" },
	{ "staple demanded and there", { .dns = { "good.test" }, .must_staple = true }, CA,
		.staple = GOOD_STAPLE },
	{ "staple not demanded", { .dns = { "good.test" } }, CA, .staple = GOOD_STAPLE },

	{ "wrong name", { .dns = { "wrong.test", "www.wrong.test" } }, CA,
		.refusal = "is for wrong.test, www.wrong.test, not for good.test; set host or "
			   "tls-name" },
	{ "wildcard over two labels", { .dns = { "*.good.test" } }, CA, "a.b.good.test",
		.refusal = "is for *.good.test, not for a.b.good.test" },
	{ "wildcard for the domain", { .dns = { "*.good.test" } }, CA, "good.test",
		.refusal = "is for *.good.test" },
	{ "CN only", { .cn = "good.test", .no_san = true }, CA, .refusal = "subjectAltName" },
	{ "CN of another", { .cn = "bad.test", .no_san = true }, CA, .refusal = "subjectAltName" },
	{ "CN beside an address", { .cn = "good.test", .ip = "127.0.0.1" }, CA,
		.refusal = "is for 127.0.0.1, not for good.test" },
	{ "address as dNSName", { .dns = { "127.0.0.1" } }, CA, "127.0.0.1",
		.refusal = "is for 127.0.0.1" },
	{ "another address", { .ip = "127.0.0.2" }, CA, "127.0.0.1",
		.refusal = "is for 127.0.0.2, not for 127.0.0.1" },
	{ "tls-name of another", { .dns = { "good.test" } }, CA, "good.test",
		.refusal = "not for set.test", .tls_name = "set.test" },
	{ "expired", { .dns = { "good.test" }, .from = -90000, .until = -86400 }, CA,
		.refusal = "expired on 20" },
	{ "not yet valid", { .dns = { "good.test" }, .from = 86400, .until = 90000 }, CA,
		.refusal = "is not valid before 20" },
	{ "self-signed", { .dns = { "good.test" } }, SELF,
		.refusal = "it is self-signed (CN=good.test)" },
	{ "unknown CA", { .dns = { "good.test" } }, ROGUE,
		.refusal = "not issued by a trusted authority (issuer CN=Rogue CA); name its CA" },
	{ "intermediate missing", { .dns = { "good.test" } }, INTER, .bare = true,
		.refusal = "not issued by a trusted authority (issuer CN=Lab Intermediate)" },
	{ "RSA 1024", { .dns = { "good.test" }, .rsa_bits = 1024 }, CA,
		.refusal = "only 1024 bits" },
	{ "SHA-1", { .dns = { "good.test" }, .sha1 = true }, CA, .refusal = "too weak" },
	{ "clientAuth only", { .dns = { "good.test" }, .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, CA,
		.refusal = "not meant for servers" },
	{ "outside name constraints", { .dns = { "good.test" } }, NARROW, .refusal = "refused" },
	{ "staple missing", { .dns = { "good.test" }, .must_staple = true }, CA,
		.refusal = "must-staple" },
	{ "staple says revoked", { .dns = { "good.test" } }, CA, .refusal = "revoked",
		.staple = REVOKED_STAPLE },
	{ "staple by a stranger", { .dns = { "good.test" } }, CA, .refusal = "OCSP response",
		.staple = ROGUE_STAPLE },
	{ "staple of the day before", { .dns = { "good.test" } }, CA, .refusal = "out of date",
		.staple = OLD_STAPLE },
	{ "a name that would forge a line", { .dns = { "good.test" }, .cn = "a\nb\x1b[31m" }, SELF,
		.refusal = "it is self-signed (CN=a\\x0" },
};

static const struct testca *
issuer_of(enum issuer i)
{
	const struct testca *const all[] = { &ca, &inter, NULL, &rogue, &narrow };

	return all[i];
}

static const time_t ages[] = { 60, 60, 60, 60, 2 * 86400 };
static enum staple staple;
static const struct testca *stapled;

/* Called by the server when the client asks for a staple. */
static int
on_staple(gnutls_session_t session, void *ctx, gnutls_datum_t *ret)
{
	(void)session;
	(void)ctx;
	if (staple == NO_STAPLE)
		return GNUTLS_E_NO_CERTIFICATE_STATUS;
	if (staple == ROGUE_STAPLE) /* about the right certificate, signed by the wrong key */
		*ret = testca_ocsp(&(struct testca){ ca.crt, rogue.key }, stapled, false,
			ages[staple]);
	else
		*ret = testca_ocsp(&ca, stapled, staple == REVOKED_STAPLE, ages[staple]);
	return 0;
}

/* Runs one case; the error's text is left in *ERR. */
static void
run_case(size_t i, const char *priority)
{
	struct testca leaf = testca_make(issuer_of(cases[i].issuer), &cases[i].options);
	const struct testca *chain = cases[i].issuer == INTER && !cases[i].bare ? &inter
				     : cases[i].issuer == NARROW                ? &narrow
										: NULL;
	struct tls_settings settings = { .trust = ca_file, .name = cases[i].tls_name };
	struct peer p = { .cred = testca_credentials(&leaf, chain), .priority = priority };
	struct tls_context *c;
	struct tls_info info;
	struct error err;
	struct stream s;
	const char *line;
	size_t n;
	bool good;

	staple = cases[i].staple;
	stapled = &leaf;
	gnutls_certificate_set_ocsp_status_request_function(p.cred, on_staple, NULL);
	good = peer_meet(&p, &s, &settings, cases[i].host ?: "good.test", &c, &err);
	if (cases[i].refusal) {
		ok(!good && err.fault == FAULT_UNAVAILABLE && err.stage == STAGE_TLS &&
				strstr(err.text, cases[i].refusal),
			"%s is refused: %s", cases[i].what, err.text);
		ok(!stream_is_tls(&s) && !s.wire.len, "the stream is left without a layer");
	} else {
		ok(good, "%s is accepted %s", cases[i].what, err.text);
		tls_describe(&s, &info);
		ok(good && info.verified && *info.issuer && *info.cipher &&
				info.expires > time(NULL),
			"%s by %s", info.cipher, info.issuer);
		ok(good && stream_line(&s, clock_in(5000), &line, &n, &err) && n == 9, "and talks");
	}
	peer_join(&p, &s);
	if (cases[i].refusal)
		ok(p.alert == GNUTLS_A_BAD_CERTIFICATE, "the server is told why (%d)",
			(int)p.alert);
	else if (cases[i].host && strpbrk(cases[i].host, ":%") && !cases[i].tls_name)
		ok(!*p.name, "no SNI for an address");
	tls_context_free(c);
	gnutls_certificate_free_credentials(p.cred);
	testca_free(&leaf);
}

static void
test_crl(void)
{
	struct testca leaf = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	struct testca next = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	struct tls_settings settings = { .trust = ca_file };
	struct tls_context *c;
	struct error err;
	struct stream s;

	settings.crl = crl_file = peer_file(testca_crl(&ca, &leaf));
	for (int i = 0; i < 2; i++) {
		struct peer p = { .cred = testca_credentials(i ? &next : &leaf, NULL) };
		bool good = peer_meet(&p, &s, &settings, "good.test", &c, &err);

		if (i)
			ok(good, "a certificate that the CRL does not name %s", err.text);
		else
			ok(!good && strstr(err.text, "revoked (issued by CN=Lab CA)"),
				"revoked by CRL: %s", err.text);
		peer_join(&p, &s);
		tls_context_free(c);
		gnutls_certificate_free_credentials(p.cred);
	}
	testca_free(&leaf);
	testca_free(&next);
}

/* Sets the texts of digests as a user would write them. */
static void
print_digests(const struct testca *leaf, char pin[80], char pin64[80], char finger[120])
{
	unsigned char digest[32], *at = digest;
	size_t n = sizeof(digest);
	gnutls_datum_t der, out, in = { digest, 32 };

	gnutls_x509_crt_get_key_id(leaf->crt, GNUTLS_KEYID_USE_SHA256, digest, &n);
	snprintf(pin, 80, "sha256:");
	for (size_t i = 0; i < 32; i++)
		snprintf(pin + 7 + 2 * i, 3, "%02x", at[i]);
	gnutls_base64_encode2(&in, &out);
	snprintf(pin64, 80, "sha256//%s", (char *)out.data);
	gnutls_free(out.data);
	gnutls_x509_crt_export2(leaf->crt, GNUTLS_X509_FMT_DER, &der);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest);
	gnutls_free(der.data);
	for (size_t i = 0; i < 32; i++)
		snprintf(finger + 3 * i, 4, "%02X%s", at[i], i < 31 ? ":" : "");
}

#define WRONG "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void
test_pins(void)
{
	struct testca leaf = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	struct testca old = testca_make(
		NULL, &(struct testca_options){
			      .dns = { "x.test" }, .rsa_bits = 1024, .from = -9, .until = -5 });
	char pin[80], pin64[80], finger[120], old_pin[80], old_pin64[80], old_finger[120];
	const struct {
		const char *what, *trust, *pins[2], *fingerprint, *host, *refusal;
		bool verified, old;
	} table[] = {
		{ "pin and chain", ca_file, { pin }, .verified = true },
		{ "pin in base64", ca_file, { pin64 }, .verified = true },
		{ "the second of two pins", ca_file, { WRONG, pin }, .verified = true },
		{ "wrong pin", ca_file, { WRONG }, .refusal = pin },
		{ "right pin, wrong chain", rogue_file, { pin },
			.refusal = "not issued by a trusted" },
		{ "right pin, wrong name", ca_file, { pin }, .host = "bad.test",
			.refusal = "is for good" },
		{ "pin instead of the chain", "none", { pin }, .host = "bad.test",
			.verified = true },
		{ "wrong pin instead of the chain", "none", { WRONG },
			.refusal = "none that tls-pin" },
		{ "no check at all", "none", { 0 }, .host = "bad.test", .verified = false },
		{ "fingerprint", "system", { 0 }, finger, "bad.test", .verified = true },
		{ "fingerprint without colons", "none", { 0 }, old_finger, "bad.test",
			.refusal = "none that tls-fingerprint names" },
		{ "fingerprint and pin", "system", { pin }, finger, .verified = true },
		{ "fingerprint and wrong pin", "system", { WRONG }, finger, .refusal = "tls-pin" },
		{ "a weak key, though pinned", "none", { old_pin }, .refusal = "1024 bits",
			.old = true },
		{ "a weak key, by fingerprint", "none", { 0 }, old_finger, .refusal = "1024 bits",
			.old = true },
	};

	print_digests(&leaf, pin, pin64, finger);
	print_digests(&old, old_pin, old_pin64, old_finger);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct tls_settings settings = { .trust = table[i].trust,
			.pins = table[i].pins,
			.pin_count = table[i].pins[0] ? 1 + (table[i].pins[1] != NULL) : 0,
			.fingerprints = &table[i].fingerprint,
			.fingerprint_count = table[i].fingerprint != NULL };
		struct peer p = { .cred = testca_credentials(table[i].old ? &old : &leaf, NULL) };
		struct tls_context *c;
		struct tls_info info;
		struct error err;
		struct stream s;
		bool good = peer_meet(&p, &s, &settings, table[i].host ?: "good.test", &c, &err);

		if (table[i].refusal) {
			ok(!good && err.fault == FAULT_UNAVAILABLE &&
					strstr(err.text, table[i].refusal),
				"%s: %s", table[i].what, err.text);
		} else {
			tls_describe(&s, &info);
			ok(good && info.verified == table[i].verified, "%s %s", table[i].what,
				err.text);
		}
		peer_join(&p, &s);
		tls_context_free(c);
		gnutls_certificate_free_credentials(p.cred);
	}
	testca_free(&leaf);
	testca_free(&old);
}

int
main(void)
{
	static const char *const versions[] = { NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
	const struct testca_options inter_options = { .ca = true, .cn = "Lab Intermediate" };

	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Lab CA" });
	rogue = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Rogue CA" });
	inter = testca_make(&ca, &inter_options);
	narrow = testca_make(
		&ca, &(struct testca_options){
			     .ca = true, .cn = "Narrow CA", .constraint = "narrow.test" });
	ca_file = peer_file(testca_pem(&ca));
	rogue_file = peer_file(testca_pem(&rogue));
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			run_case(i, versions[v]);
	test_crl();
	test_pins();
	peer_files_done();
	testca_free(&ca);
	testca_free(&rogue);
	testca_free(&inter);
	testca_free(&narrow);
	return tap_done();
}
