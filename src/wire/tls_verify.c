#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "dane.h"
#include "strbuf.h"
#include "text.h"
#include "tls_private.h"
#include "trust.h"

#define RSA_BITS_MIN 2048
#define CHAIN_MAX    16

gnutls_x509_crt_t
tls_import(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) < 0)
		alloc_failed();
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0)
		return crt;
	gnutls_x509_crt_deinit(crt);
	return NULL;
}

void
tls_print_name(char *out, size_t size, gnutls_x509_crt_t crt,
	int (*get)(gnutls_x509_crt_t crt, gnutls_datum_t *dn, unsigned flags))
{
	gnutls_datum_t dn = { NULL, 0 };

	if (get(crt, &dn, 0) < 0 || !dn.size)
		snprintf(out, size, "(no name)");
	else
		text_printable(out, size, (const char *)dn.data, dn.size);
	gnutls_free(dn.data);
}

static void
print_day(char out[32], time_t when)
{
	struct strbuf b = STRBUF_INIT(64);

	clock_add_rfc3339(&b, when);
	strbuf_truncate(&b, b.len < 10 ? b.len : 10);
	snprintf(out, 32, "%s", b.s);
	strbuf_done(&b);
}

void
tls_print_digest(char out[2 * TLS_DIGEST + 1], const unsigned char digest[TLS_DIGEST])
{
	for (size_t i = 0; i < TLS_DIGEST; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* "certificate of HOST refused: ..." */
static bool __attribute__((format(printf, 3, 4)))
refuse(const struct tls *t, struct error *err, const char *format, ...)
{
	char why[sizeof(err->text)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE, "certificate of %.100s refused: %s",
		t->name, why);
}

bool
tls_key_digest(gnutls_x509_crt_t leaf, unsigned char out[TLS_DIGEST])
{
	size_t n = TLS_DIGEST;

	return gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, out, &n) >= 0 &&
	       n == TLS_DIGEST;
}

bool
tls_is_among(const unsigned char digest[TLS_DIGEST], unsigned char (*list)[TLS_DIGEST], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(digest, list[i], TLS_DIGEST) == 0)
			return true;
	return false;
}

int
tls_alternative_name(gnutls_x509_crt_t crt, unsigned i, bool *ret_address, struct strbuf *out)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char name[512];
	size_t n = sizeof(name);
	int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);

	if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return 0;
	if (type < 0)
		return -1;
	if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_IPADDRESS)
		return 0;
	*ret_address = type == GNUTLS_SAN_IPADDRESS;
	if (!*ret_address)
		text_add_printable(out, (const char *)name, n, 60);
	else if ((n == 4 || n == 16) &&
		 inet_ntop(n == 4 ? AF_INET : AF_INET6, name, address, sizeof(address)))
		strbuf_adds(out, address);
	return 1;
}

/* RFC 9525 section 6.3: only subjectAltName counts. GnuTLS falls back on CN when there is no
 * dNSName in it, so that must be ruled out here. */
bool
tls_has_alternative_name(const struct tls *t, gnutls_x509_crt_t leaf)
{
	struct strbuf name = STRBUF_INIT(512);
	bool address, found = false;
	int kind;

	for (unsigned i = 0; !found && (kind = tls_alternative_name(leaf, i, &address, &name)) >= 0;
		i++)
		found = kind > 0 && address == t->address;
	strbuf_done(&name);
	return found;
}

static bool
refuse_name(const struct tls *t, gnutls_x509_crt_t leaf, struct error *err)
{
	struct strbuf names = STRBUF_INIT(400);
	unsigned listed = 0;
	bool address, by_srv = t->context->peer && t->context->peer->domain;
	size_t before;
	int kind;

	for (unsigned i = 0;; i++) {
		before = names.len;
		if (listed)
			strbuf_adds(&names, ", ");
		kind = listed < 3 ? tls_alternative_name(leaf, i, &address, &names) : -1;
		if (kind <= 0)
			strbuf_truncate(&names, before);
		if (kind < 0)
			break;
		listed += kind > 0;
	}
	if (!listed)
		refuse(t, err,
			"it names no host in subjectAltName (RFC 9525); the server's administrator "
			"must "
			"renew it");
	else
		refuse(t, err, "it is for %s%s, not for %.100s; set %s to the name it is for%s",
			names.s, listed == 3 ? ", ..." : "", t->name,
			by_srv ? "tls-name" : "host or tls-name",
			by_srv ? ", if that is the right server" : "");
	strbuf_done(&names);
	return false;
}

/* Says which certificate of the chain is out of date. */
static bool
refuse_date(const struct tls *t, bool expired, struct error *err)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(t->session, &n);
	time_t now = clock_wall(), when;
	char day[32] = "", name[128] = "", who[160] = "";
	gnutls_x509_crt_t crt;

	for (unsigned i = 0; i < n && i < CHAIN_MAX && !*day; i++) {
		if (!(crt = tls_import(&chain[i])))
			continue;
		when = expired ? gnutls_x509_crt_get_expiration_time(crt)
			       : gnutls_x509_crt_get_activation_time(crt);
		if (expired ? when < now : when > now) {
			print_day(day, when);
			tls_print_name(name, sizeof(name), crt, gnutls_x509_crt_get_dn3);
			if (i)
				snprintf(who, sizeof(who), "the authority %s in its chain ", name);
		}
		gnutls_x509_crt_deinit(crt);
	}
	if (!*day)
		return refuse(t, err, "an authority behind it %s; check this machine's clock",
			expired ? "has expired" : "is not valid yet");
	if (expired)
		return refuse(t, err,
			"%sexpired on %s (issued by %s); renew the server's certificate or check "
			"this "
			"machine's clock",
			who, day, t->issuer);
	return refuse(t, err, "%sis not valid before %s (issued by %s); check this machine's clock",
		*who ? who : "it ", day, t->issuer);
}

static bool
refuse_issuer(const struct tls *t, gnutls_x509_crt_t leaf, struct error *err)
{
	unsigned char digest[TLS_DIGEST] = { 0 };
	char hex[2 * TLS_DIGEST + 1];

	tls_key_digest(leaf, digest);
	tls_print_digest(hex, digest);
	if (gnutls_x509_crt_check_issuer(leaf, leaf))
		return refuse(t, err,
			"it is self-signed (%.80s); if it is the right one, name a file with it in "
			"tls-trust, or set tls-trust = none and tls-pin = sha256:%s",
			t->issuer, hex);
	return refuse(t, err,
		"it was not issued by a trusted authority (issuer %.80s); name its CA with "
		"tls-trust, or "
		"pin the key with tls-trust = none and tls-pin = sha256:%s",
		t->issuer, hex);
}

/* Phrases for what needs no further look; the first that applies is told. */
static const struct {
	unsigned bit;
	const char *why;
} phrases[] = {
	{ GNUTLS_CERT_REVOKED, "it has been revoked" },
	{ GNUTLS_CERT_MISSING_OCSP_STATUS, "it demands a stapled OCSP response (must-staple) and "
					   "the server sent none; the server's "
					   "administrator must turn on OCSP stapling" },
	{ GNUTLS_CERT_INVALID_OCSP_STATUS,
		"the OCSP response that the server stapled is not valid" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is not an authority" },
	{ GNUTLS_CERT_INSECURE_ALGORITHM,
		"a key or a signature in its chain is too weak (RSA under 2048 bits, SHA-1)" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE, "a signature in its chain is wrong" },
	{ GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
		"a revocation list (tls-crl) or OCSP response for it is out of date" },
	{ GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
		"a revocation list for it is from the future; check this machine's clock" },
	{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its issuer may not issue for that name" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for servers (its extended key usage)" },
	{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "it has a critical extension that is unknown here" },
};

static bool
refuse_status(const struct tls *t, gnutls_x509_crt_t leaf, unsigned status, struct error *err)
{
	gnutls_datum_t text = { NULL, 0 };

	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) && !(status & GNUTLS_CERT_REVOKED))
		return refuse_issuer(t, leaf, err);
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (status & phrases[i].bit)
			return refuse(t, err, "%s (issued by %s)", phrases[i].why, t->issuer);
	if (status & GNUTLS_CERT_EXPIRED)
		return refuse_date(t, true, err);
	if (status & GNUTLS_CERT_NOT_ACTIVATED)
		return refuse_date(t, false, err);
	if (status & GNUTLS_CERT_UNEXPECTED_OWNER)
		return refuse_name(t, leaf, err);
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	refuse(t, err, "%.200s (issued by %s)", text.data ? (const char *)text.data : "not trusted",
		t->issuer);
	gnutls_free(text.data);
	return false;
}

static bool
check_chain(struct tls *t, gnutls_x509_crt_t leaf, struct error *err)
{
	const char *name = tls_choose_name(t, leaf);
	unsigned status = 0;

	if (!trust_verify(t->context->trust, t->session, t->context->cred, name, &status, err))
		return false;
	if (status)
		return refuse_status(t, leaf, status, err);
	return !name || tls_has_alternative_name(t, leaf) || refuse_name(t, leaf, err);
}

static bool
check_key(const struct tls *t, gnutls_x509_crt_t leaf, struct error *err)
{
	unsigned bits = 0;

	if (t->context->own_priority ||
		gnutls_x509_crt_get_pk_algorithm(leaf, &bits) != GNUTLS_PK_RSA ||
		bits >= RSA_BITS_MIN)
		return true;
	return refuse(t, err, "its RSA key has only %u bits, %d are needed", bits, RSA_BITS_MIN);
}

static bool
check_pins(struct tls *t, gnutls_x509_crt_t leaf, struct error *err)
{
	unsigned char digest[TLS_DIGEST];
	char hex[2 * TLS_DIGEST + 1];

	if (!tls_key_digest(leaf, digest))
		return refuse(t, err, "its key cannot be read");
	if (tls_is_among(digest, t->context->pins, t->context->pin_count))
		return true;
	tls_print_digest(hex, digest);
	return refuse(t, err,
		"its key is sha256:%s, which is none that tls-pin names; if the server has a new "
		"key, "
		"compare it with what its administrator says before you pin it",
		hex);
}

static bool
check_fingerprints(struct tls *t, const gnutls_datum_t *der, struct error *err)
{
	unsigned char digest[TLS_DIGEST];
	char hex[2 * TLS_DIGEST + 1];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, digest) < 0)
		return refuse(t, err, "it cannot be hashed");
	if (tls_is_among(digest, t->context->fingerprints, t->context->fingerprint_count))
		return true;
	tls_print_digest(hex, digest);
	return refuse(t, err,
		"its fingerprint is %s, which is none that tls-fingerprint names; if the server "
		"has a "
		"new certificate, compare it with what its administrator says",
		hex);
}

/* RFC 7672 section 2.2: with usable records, one of them must fit, and nothing else counts. */
static bool
check_dane(struct tls *t, struct error *err)
{
	const struct dane *d = t->context->peer->dane;
	const struct dane_record *r = tls_dane_match(t);

	if (!r)
		return refuse(t, err,
			"it fits none of the TLSA records of %.100s, which DNSSEC vouches for; if "
			"the server has a new certificate, its administrator must publish a record "
			"for it",
			d->base);
	snprintf(t->dane, sizeof(t->dane), "%d %d %d", (int)r->usage, (int)r->selector,
		(int)r->matching);
	return true;
}

/* What is kept of the session, should it be. */
static void
note(struct tls *t, const gnutls_datum_t *der, gnutls_x509_crt_t leaf)
{
	struct tls_ticket *ticket = &t->ticket;

	*ticket = (struct tls_ticket){ .verified = clock_wall(), .expires = t->expires };
	memcpy(ticket->issuer, t->issuer, sizeof(ticket->issuer));
	t->key_known =
		tls_key_digest(leaf, ticket->key) &&
		gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, ticket->certificate) >= 0;
	t->ticket_wanted = t->ticket_wanted && t->key_known;
}

bool
tls_check_peer(struct tls *t, struct error *err)
{
	struct tls_context *c = t->context;
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t leaf;
	bool good, dane = c->peer && c->peer->dane && c->peer->dane->n;
	unsigned n = 0;

	t->checked = true;
	if (c->witness)
		c->witness(t, c->witness_ctx);
	chain = gnutls_certificate_get_peers(t->session, &n);
	if (!chain || !n)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE, "%.100s has sent no certificate",
			t->name);
	if (!(leaf = tls_import(&chain[0])))
		return refuse(t, err, "it is malformed");
	tls_print_name(t->issuer, sizeof(t->issuer), leaf, gnutls_x509_crt_get_issuer_dn3);
	t->expires = gnutls_x509_crt_get_expiration_time(leaf);
	good = check_key(t, leaf, err);
	if (good && c->fingerprint_count)
		good = check_fingerprints(t, &chain[0], err);
	if (good && dane)
		good = check_dane(t, err);
	else if (good && c->trust)
		good = check_chain(t, leaf, err);
	if (good && c->pin_count)
		good = check_pins(t, leaf, err);
	t->verified = good && (c->fingerprint_count || c->trust || c->pin_count || dane);
	if ((c->place || c->here) && t->verified)
		note(t, &chain[0], leaf);
	gnutls_x509_crt_deinit(leaf);
	return good;
}
