#include <gnutls/x509.h>
#include <signal.h>

#include "peer.h"
#include "strbuf.h"
#include "trust.h"

static struct testca ca, inter, leaf;

/* GnuTLS refuses to load a store with this in it. */
#define RUBBISH "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"

static gnutls_datum_t
text(const char *s)
{
	gnutls_datum_t d = { gnutls_malloc(strlen(s) + 1), (unsigned)strlen(s) };

	memcpy(d.data, s, d.size + 1);
	return d;
}

/* Puts texts and certificates behind each other. */
static void
add_pem(struct strbuf *b, const struct testca *c)
{
	gnutls_datum_t pem = testca_pem(c);

	strbuf_add(b, pem.data, pem.size);
	gnutls_free(pem.data);
}

static const char *
bundle(struct strbuf *b)
{
	gnutls_datum_t d = text(b->s);

	strbuf_done(b);
	return peer_file(d);
}

/* A server with LEAF and INTERMEDIATE, and a client that trusts FILE. */
static bool
accepts(const char *file, const struct testca *server, const struct testca *intermediate,
	struct error *err)
{
	struct peer p = { .cred = testca_credentials(server, intermediate) };
	struct tls_settings settings = { .trust = file };
	struct tls_context *c;
	struct stream s;
	bool good = peer_meet(&p, &s, &settings, "good.test", &c, err);

	peer_join(&p, &s);
	tls_context_free(c);
	gnutls_certificate_free_credentials(p.cred);
	return good;
}

static void
add_others(struct strbuf *b, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		struct testca other;

		snprintf(name, sizeof(name), "Other CA %u", i);
		other = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = name });
		add_pem(b, &other);
		testca_free(&other);
	}
}

static void
test_scan(void)
{
	const struct testca_options root = { .ca = true, .cn = "Root" };
	const struct testca_options past = {
		.ca = true, .cn = "Root", .from = -9000, .until = -4000
	};
	struct testca expired = testca_renew(&ca, NULL, &past);
	struct testca namesake = testca_make(NULL, &root);
	struct testca lone = testca_make(NULL, &(struct testca_options){ .dns = { "good.test" } });
	struct testca new_root =
		testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "New Root" });
	struct testca cross = testca_renew(&ca, &new_root, &root);
	struct testca direct = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	struct strbuf b = STRBUF_INIT(1 << 20);
	const char *file;
	struct error err;

	add_others(&b, 20);
	add_pem(&b, &ca);
	strbuf_adds(&b, RUBBISH);
	add_others(&b, 20);
	ok(accepts(bundle(&b), &leaf, &inter, &err), "one anchor among many %s", err.text);

	strbuf_adds(&b, "# a comment - with hyphens --\nand text\n\n");
	strbuf_adds(&b, RUBBISH);
	add_pem(&b, &ca);
	strbuf_adds(&b, "-----BEGIN CERTIFICATE-----\n");
	file = bundle(&b);
	ok(accepts(file, &leaf, &inter, &err), "beside rubbish %s", err.text);
	/* so the case before, and others with rubbish, cannot have needed the whole store */
	ok(!accepts(file, &lone, NULL, &err) && err.fault == FAULT_CONFIG,
		"which cannot be loaded whole: %s", err.text);

	add_pem(&b, &namesake);
	add_pem(&b, &expired);
	add_pem(&b, &ca);
	ok(accepts(bundle(&b), &leaf, &inter, &err), "three of one name %s", err.text);

	add_pem(&b, &namesake);
	ok(!accepts(bundle(&b), &leaf, &inter, &err) && err.fault == FAULT_UNAVAILABLE,
		"a namesake with another key: %s", err.text);

	add_pem(&b, &expired);
	ok(!accepts(bundle(&b), &leaf, &inter, &err) && err.fault == FAULT_UNAVAILABLE,
		"an expired root: %s", err.text);

	add_pem(&b, &inter);
	ok(accepts(bundle(&b), &leaf, NULL, &err), "an intermediate as the anchor %s", err.text);

	add_pem(&b, &leaf);
	ok(accepts(bundle(&b), &leaf, NULL, &err), "the server's own certificate %s", err.text);

	add_pem(&b, &lone);
	ok(accepts(bundle(&b), &lone, NULL, &err), "a self-signed one that is named %s", err.text);

	add_others(&b, 3);
	ok(!accepts(bundle(&b), &leaf, &inter, &err) && strstr(err.text, "trusted authority"),
		"none that fits: %s", err.text);

	add_pem(&b, &new_root);
	ok(accepts(bundle(&b), &direct, &cross, &err), "a cross-signed root in the chain %s",
		err.text);

	testca_free(&direct);
	testca_free(&cross);
	testca_free(&new_root);
	testca_free(&expired);
	testca_free(&namesake);
	testca_free(&lone);
}

/* A certificate with so long a name that it does not end where names usually end. */
static void
test_long_name(void)
{
	char name[65];
	struct testca far, server;
	struct strbuf b = STRBUF_INIT(1 << 20);
	struct error err;
	gnutls_x509_crt_t crt;

	memset(name, 'n', 64);
	name[64] = '\0';
	far = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = name });
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	for (int i = 0; i < 12; i++)
		gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, 0, name, 64);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 600);
	gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
	gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN);
	gnutls_x509_crt_set_key(crt, far.key);
	gnutls_x509_crt_sign2(crt, crt, far.key, GNUTLS_DIG_SHA256, 0);
	gnutls_x509_crt_deinit(far.crt);
	far.crt = crt;
	add_pem(&b, &far);
	strbuf_adds(&b, RUBBISH);
	server = testca_make(&far, &(struct testca_options){ .dns = { "good.test" } });
	ok(accepts(bundle(&b), &server, NULL, &err), "a very long name %s", err.text);
	testca_free(&server);
	testca_free(&far);
}

static void
test_system(void)
{
	struct error err;

	ok(!accepts("system", &leaf, &inter, &err) &&
			(strstr(err.text, "trusted authority") || err.fault == FAULT_CONFIG),
		"the system's store does not know us: %s", err.text);
	error_clear(&err);
	trust_free(trust_open("system", NULL, &err));
	trust_free(NULL);
	ok(!err.fault, "opening it costs nothing");
}

/* One context for two connections: the second after the whole store was loaded. */
static void
test_again(void)
{
	struct testca rogue = testca_make(NULL, &(struct testca_options){ .dns = { "good.test" } });
	struct strbuf b = STRBUF_INIT(1 << 20);
	struct tls_settings settings;
	struct tls_context *c;
	struct error err = ERROR_NONE;
	struct stream s;

	add_pem(&b, &ca);
	settings = (struct tls_settings){ .trust = bundle(&b) };
	c = tls_context_new(&settings, &err);
	for (int i = 0; i < 4; i++) {
		const bool bad = i == 1;
		struct peer p = { .cred = bad ? testca_credentials(&rogue, NULL)
					      : testca_credentials(&leaf, &inter) };

		error_clear(&err);
		peer_start(&p, &s);
		ok(tls_start(c, &s, "good.test", clock_in(5000), &err) == !bad, "connection %d %s",
			i, err.text);
		peer_join(&p, &s);
		gnutls_certificate_free_credentials(p.cred);
	}
	tls_context_free(c);
	testca_free(&rogue);
}

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static void
test_settings(void)
{
	struct strbuf b = STRBUF_INIT(1 << 20);
	struct testca other = testca_make(NULL, &(struct testca_options){ .dns = { "x" } });
	char long_name[300];
	const char *good, *key, *other_key, *empty, *crl, *broken, *both;
	gnutls_datum_t pem;

	add_pem(&b, &ca);
	good = bundle(&b);
	key = peer_file(testca_key_pem(&ca));
	other_key = peer_file(testca_key_pem(&other));
	empty = peer_file(text("nothing\n"));
	crl = peer_file(testca_crl(&ca, NULL));
	broken = peer_file(text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"));
	add_pem(&b, &ca);
	pem = testca_key_pem(&ca);
	strbuf_add(&b, pem.data, pem.size);
	gnutls_free(pem.data);
	both = bundle(&b);
	memset(long_name, 'a', sizeof(long_name));
	long_name[299] = '\0';

	const struct {
		const char *what;
		struct tls_settings s;
		const char *pin, *fingerprint;
		enum fault fault;
		const char *words;
	} table[] = {
		{ "nothing set", { 0 } },
		{ "all set",
			{ .trust = good,
				.crl = crl,
				.cert = good,
				.key = key,
				.name = "x",
				.min = "1.3" },
			"sha256:" DIGITS "F", DIGITS "f" },
		{ "certificate and key in one file", { .trust = good, .cert = both } },
		{ "fingerprint with colons", { .trust = "none" }, NULL,
			"sha256:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:"
			"CD:EF:01:23:"
			"45:67:89:ab:cd:ef" },
		{ "short pin", { 0 }, "sha256:" DIGITS, NULL, FAULT_CONFIG, "tls-pin" },
		{ "long pin", { 0 }, "sha256:" DIGITS "00", NULL, FAULT_CONFIG, "tls-pin" },
		{ "pin without a kind", { 0 }, DIGITS "0", NULL, FAULT_CONFIG, "tls-pin" },
		{ "pin of another kind", { 0 }, "sha1:" DIGITS "0", NULL, FAULT_CONFIG, "tls-pin" },
		{ "pin in bad base64", { 0 }, "sha256//AAAA", NULL, FAULT_CONFIG, "tls-pin" },
		{ "pin in base64 with a blank", { 0 },
			"sha256// AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL, FAULT_CONFIG,
			"tls-pin" },
		{ "empty pin", { 0 }, "", NULL, FAULT_CONFIG, "tls-pin" },
		{ "short fingerprint", { 0 }, NULL, "01:02", FAULT_CONFIG, "tls-fingerprint" },
		{ "colon at the end", { 0 }, NULL, DIGITS "0:", FAULT_CONFIG, "tls-fingerprint" },
		{ "not hex", { 0 }, NULL, DIGITS "g", FAULT_CONFIG, "tls-fingerprint" },
		{ "bad priority", { .priority = "NORMAL:+NONSENSE" }, NULL, NULL, FAULT_CONFIG,
			"tls-priority" },
		{ "bad minimum", { .min = "1.1" }, NULL, NULL, FAULT_CONFIG,
			"neither 1.2 nor 1.3" },
		{ "no trust file", { .trust = "/nonexistent/ca" }, NULL, NULL, FAULT_NOINPUT,
			"tls-trust" },
		{ "a directory", { .trust = "/" }, NULL, NULL, FAULT_NOINPUT, "tls-trust" },
		{ "a device", { .trust = "/dev/zero" }, NULL, NULL, FAULT_NOINPUT, "tls-trust" },
		{ "a file without certificates", { .trust = empty }, NULL, NULL, FAULT_CONFIG,
			"holds no certificate" },
		{ "no CRL file", { .trust = good, .crl = "/nonexistent" }, NULL, NULL,
			FAULT_NOINPUT, "tls-crl" },
		{ "a file without CRL", { .trust = good, .crl = empty }, NULL, NULL, FAULT_CONFIG,
			"tls-crl" },
		{ "a broken CRL", { .trust = good, .crl = broken }, NULL, NULL, FAULT_CONFIG,
			"tls-crl" },
		{ "key without certificate", { .key = key }, NULL, NULL, FAULT_CONFIG, "tls-cert" },
		{ "no certificate file", { .cert = "/nonexistent", .key = key }, NULL, NULL,
			FAULT_NOINPUT, "tls-cert" },
		{ "no key file", { .cert = good, .key = "/nonexistent" }, NULL, NULL, FAULT_NOINPUT,
			"tls-key" },
		{ "the wrong key", { .cert = good, .key = other_key }, NULL, NULL, FAULT_CONFIG,
			"is not the key of" },
		{ "no certificate in it", { .cert = empty, .key = key }, NULL, NULL, FAULT_CONFIG,
			"tls-cert" },
		{ "empty name", { .name = "" }, NULL, NULL, FAULT_CONFIG, "tls-name" },
		{ "long name", { .name = long_name }, NULL, NULL, FAULT_CONFIG, "tls-name" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct tls_settings s = table[i].s;
		struct error err = ERROR_NONE;
		struct tls_context *c;

		s.pins = &table[i].pin;
		s.pin_count = table[i].pin != NULL;
		s.fingerprints = &table[i].fingerprint;
		s.fingerprint_count = table[i].fingerprint != NULL;
		c = tls_context_new(&s, &err);
		ok((c != NULL) == !table[i].fault && err.fault == table[i].fault &&
				(!table[i].words || strstr(err.text, table[i].words)),
			"%s: %s", table[i].what, err.text);
		tls_context_free(c);
	}
	testca_free(&other);
}

int
main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Root" });
	inter = testca_make(&ca, &(struct testca_options){ .ca = true, .cn = "Intermediate" });
	leaf = testca_make(&inter, &(struct testca_options){ .dns = { "good.test" } });
	test_scan();
	test_long_name();
	test_system();
	test_again();
	test_settings();
	peer_files_done();
	testca_free(&ca);
	testca_free(&inter);
	testca_free(&leaf);
	return tap_done();
}
