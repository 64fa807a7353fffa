/* Servers identified by TLSA records, and by the mail domain whose SRV records led to them. */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <signal.h>

#include "dane.h"
#include "peer.h"

enum subject { LEAF, INTER, CA, ROGUE, NOBODY };

static struct testca ca, inter, rogue;
static const char *ca_file, *rogue_file;

/* Adds the record with usage, selector and matching type for a certificate. */
static void
add_record(
	struct dane *d, const struct testca *of, uint8_t usage, uint8_t selector, uint8_t matching)
{
	gnutls_datum_t octets = { NULL, 0 };
	unsigned char digest[64] = { 0 };
	struct dns_tlsa r = { usage, selector, matching, digest, matching == 2 ? 64 : 32 };
	gnutls_pubkey_t key;

	if (of && selector == 0)
		gnutls_x509_crt_export2(of->crt, GNUTLS_X509_FMT_DER, &octets);
	if (of && selector == 1) {
		gnutls_pubkey_init(&key);
		gnutls_pubkey_import_x509(key, of->crt, 0);
		gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &octets);
		gnutls_pubkey_deinit(key);
	}
	if (octets.data && matching)
		gnutls_hash_fast(matching == 1 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512, octets.data,
			octets.size, digest);
	else if (octets.data)
		r = (struct dns_tlsa){ usage, selector, 0, octets.data, octets.size };
	dane_add(d, &r);
	gnutls_free(octets.data);
}

static const struct row {
	const char *what;
	struct {
		enum subject of;
		uint8_t usage, selector, matching;
	} records[3];
	struct testca_options leaf;
	bool bare; /* the server sends no chain */
	const char *domain, *tls_name;
	const char *dane; /* what is told; NULL: refused */
} rows[] = {
	{ "3 1 1", { { LEAF, 3, 1, 1 } }, { .dns = { "good.test" } }, .dane = "3 1 1" },
	{ "3 1 2", { { LEAF, 3, 1, 2 } }, { .dns = { "good.test" } }, .dane = "3 1 2" },
	{ "3 0 1", { { LEAF, 3, 0, 1 } }, { .dns = { "good.test" } }, .dane = "3 0 1" },
	{ "3 0 0", { { LEAF, 3, 0, 0 } }, { .dns = { "good.test" } }, .dane = "3 0 0" },
	{ "3 1 0", { { LEAF, 3, 1, 0 } }, { .dns = { "good.test" } }, .dane = "3 1 0" },
	{ "3 for another name", { { LEAF, 3, 1, 1 } }, { .dns = { "other.test" } },
		.dane = "3 1 1" },
	{ "3 expired", { { LEAF, 3, 1, 1 } },
		{ .dns = { "good.test" }, .from = -90000, .until = -86400 }, .dane = "3 1 1" },
	{ "3 without a name", { { LEAF, 3, 1, 1 } }, { .cn = "x", .no_san = true },
		.dane = "3 1 1" },
	{ "3 without its chain", { { LEAF, 3, 1, 1 } }, { .dns = { "good.test" } }, .bare = true,
		.dane = "3 1 1" },
	{ "3 of the authority", { { INTER, 3, 1, 1 } }, { .dns = { "good.test" } } },
	{ "3 of nobody", { { NOBODY, 3, 1, 1 } }, { .dns = { "good.test" } } },
	{ "the second of two", { { NOBODY, 3, 1, 1 }, { LEAF, 3, 0, 1 } },
		{ .dns = { "good.test" } }, .dane = "3 0 1" },
	{ "2 0 1", { { INTER, 2, 0, 1 } }, { .dns = { "good.test" } }, .dane = "2 0 1" },
	{ "2 1 2", { { INTER, 2, 1, 2 } }, { .dns = { "good.test" } }, .dane = "2 1 2" },
	{ "2 0 0", { { INTER, 2, 0, 0 } }, { .dns = { "good.test" } }, .dane = "2 0 0" },
	{ "2 of an authority that is not sent", { { CA, 2, 1, 1 } }, { .dns = { "good.test" } } },
	{ "2 without the chain", { { INTER, 2, 1, 1 } }, { .dns = { "good.test" } }, .bare = true },
	{ "2 of another", { { ROGUE, 2, 1, 1 } }, { .dns = { "good.test" } } },
	{ "2 of the leaf", { { LEAF, 2, 1, 1 } }, { .dns = { "good.test" } } },
	{ "2 for another name", { { INTER, 2, 1, 1 } }, { .dns = { "other.test" } } },
	{ "2 without a name", { { INTER, 2, 1, 1 } }, { .cn = "good.test", .no_san = true } },
	{ "2 expired", { { INTER, 2, 1, 1 } },
		{ .dns = { "good.test" }, .from = -90000, .until = -86400 } },
	{ "2 for clients", { { INTER, 2, 1, 1 } },
		{ .dns = { "good.test" }, .purpose = GNUTLS_KP_TLS_WWW_CLIENT } },
	{ "2 for the end of the aliases", { { INTER, 2, 1, 1 } }, { .dns = { "base.test" } },
		.dane = "2 1 1" },
	{ "2 for the mail domain", { { INTER, 2, 1, 1 } }, { .dns = { "domain.test" } },
		.domain = "domain.test", .dane = "2 1 1" },
	{ "2 and tls-name", { { INTER, 2, 1, 1 } }, { .dns = { "set.test" } },
		.tls_name = "set.test", .dane = "2 1 1" },
	{ "2 and a tls-name that it is not for", { { INTER, 2, 1, 1 } }, { .dns = { "base.test" } },
		.tls_name = "set.test" },
};

static void
run(const struct row *r, const char *priority)
{
	struct testca leaf = testca_make(&inter, &r->leaf);
	const struct testca *const subjects[] = { &leaf, &inter, &ca, &rogue, NULL };
	/* the settings' own trust must not count */
	struct tls_settings settings = { .trust = rogue_file, .name = r->tls_name };
	struct peer p = { .cred = testca_credentials(&leaf, r->bare ? NULL : &inter),
		.priority = priority };
	struct dane d = { .base = "base.test" };
	struct tls_peer peer = { .dane = &d, .domain = r->domain, .service = "_submissions" };
	struct error err = ERROR_NONE;
	struct tls_context *c;
	struct tls_info info;
	struct stream s;
	bool good;

	for (size_t i = 0; i < 3 && r->records[i].usage; i++)
		add_record(&d, subjects[r->records[i].of], r->records[i].usage,
			r->records[i].selector, r->records[i].matching);
	if (!(c = tls_context_new(&settings, &err)))
		exit(93);
	tls_expect(c, &peer);
	peer_start(&p, &s);
	good = tls_start(c, &s, "good.test", clock_in(10000), &err);
	ok(good == (r->dane != NULL) &&
			(good ||
				(err.fault == FAULT_UNAVAILABLE &&
					strstr(err.text, "none of the TLSA records of base.test"))),
		"%s: %s", r->what, err.text);
	if (good) {
		tls_describe(&s, &info);
		ok(info.verified && r->dane && strcmp(info.dane, r->dane) == 0, "%s: told as %s",
			r->what, info.dane);
	}
	peer_join(&p, &s);
	tls_context_free(c);
	gnutls_certificate_free_credentials(p.cred);
	testca_free(&leaf);
}

/* Without records: the names that a server found by SRV may have. */
static const struct {
	const char *what, *dns, *host, *domain, *refusal;
} names[] = {
	{ "its own name", "mx.good.test", "mx.good.test", "good.test", NULL },
	{ "the domain instead", "good.test", "mx.good.test", "good.test", NULL },
	{ "another name", "other.test", "mx.good.test", "good.test",
		"is for other.test, not for mx.good.test; set tls-name to the name it is for, if" },
	{ "no domain", "good.test", "mx.good.test", NULL, "set host or tls-name" },
};

static void
by_domain(size_t i)
{
	struct testca leaf =
		testca_make(&inter, &(struct testca_options){ .dns = { names[i].dns } });
	struct tls_settings settings = { .trust = ca_file };
	struct peer p = { .cred = testca_credentials(&leaf, &inter) };
	struct tls_peer peer = { .domain = names[i].domain, .service = "_submissions" };
	struct error err = ERROR_NONE;
	struct tls_context *c = tls_context_new(&settings, &err);
	struct stream s;
	bool good;

	tls_expect(c, &peer);
	peer_start(&p, &s);
	good = tls_start(c, &s, names[i].host, clock_in(10000), &err);
	ok(good == !names[i].refusal && (good || strstr(err.text, names[i].refusal)), "%s: %s",
		names[i].what, err.text);
	peer_join(&p, &s);
	tls_context_free(c);
	gnutls_certificate_free_credentials(p.cred);
	testca_free(&leaf);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .cn = "Lab CA", .ca = true });
	inter = testca_make(&ca, &(struct testca_options){ .cn = "Lab Intermediate", .ca = true });
	rogue = testca_make(NULL, &(struct testca_options){ .cn = "Rogue CA", .ca = true });
	ca_file = peer_file(testca_pem(&ca));
	rogue_file = peer_file(testca_pem(&rogue));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		run(&rows[i], NULL);
		if (i % 8 == 0)
			run(&rows[i], "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		by_domain(i);
	peer_files_done();
	testca_free(&ca);
	testca_free(&inter);
	testca_free(&rogue);
	return tap_done();
}
