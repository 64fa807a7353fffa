/* Does the peer's certificate fit what DNSSEC says of it? */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "dane.h"
#include "tls_private.h"

#define CHAIN_MAX 16

/* The octets that a selector means; free them. */
static bool
select_octets(gnutls_x509_crt_t crt, enum dane_selector selector, gnutls_datum_t *ret)
{
	gnutls_pubkey_t key = NULL;
	bool good;

	*ret = (gnutls_datum_t){ NULL, 0 };
	if (selector == DANE_CERTIFICATE)
		return gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, ret) >= 0;
	good = gnutls_pubkey_init(&key) >= 0 && gnutls_pubkey_import_x509(key, crt, 0) >= 0 &&
	       gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, ret) >= 0;
	if (key)
		gnutls_pubkey_deinit(key);
	return good;
}

bool
tls_dane_fits(const struct dane_record *r, gnutls_x509_crt_t crt)
{
	unsigned char digest[DANE_DIGEST];
	gnutls_datum_t octets;
	bool good = select_octets(crt, r->selector, &octets);

	good = good &&
	       gnutls_hash_fast(r->matching == DANE_SHA256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512,
		       octets.data, octets.size, digest) >= 0;
	gnutls_free(octets.data);
	return good && memcmp(digest, r->digest, r->n) == 0;
}

/* Whether the chain leads from the leaf to ANCHOR, one of its certificates, and is in order by
 * NAME, dates and purpose. */
static bool
leads_to(const struct tls *t, gnutls_x509_crt_t *chain, unsigned n, gnutls_x509_crt_t anchor,
	const char *name)
{
	gnutls_typed_vdata_st data[2] = {
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID,
			.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER },
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)(uintptr_t)name },
	};
	gnutls_x509_trust_list_t list;
	unsigned status = ~0u;
	int rc;

	(void)t;
	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		alloc_failed();
	rc = gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0);
	if (rc == 1)
		rc = gnutls_x509_trust_list_verify_crt2(list, chain, n, data, 2,
			GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status, NULL);
	gnutls_x509_trust_list_deinit(list, 0);
	return rc >= 0 && !status;
}

static bool
anchored(const struct tls *t, const struct dane_record *r, gnutls_x509_crt_t *chain, unsigned n)
{
	const struct tls_peer *peer = t->context->peer;
	const char *names[] = { t->name, peer->dane->base, peer->domain };

	for (unsigned i = 1; i < n; i++) {
		if (!tls_dane_fits(r, chain[i]))
			continue;
		for (size_t name = 0; name < sizeof(names) / sizeof(*names); name++)
			/* tls-name, where it is set, is the only one */
			if (names[name] && *names[name] && (!name || !t->context->name) &&
				tls_names(chain[0], names[name]) &&
				leads_to(t, chain, n, chain[i], names[name]))
				return true;
	}
	return false;
}

const struct dane_record *
tls_dane_match(const struct tls *t)
{
	const struct dane *d = t->context->peer->dane;
	const struct dane_record *found = NULL;
	gnutls_x509_crt_t chain[CHAIN_MAX];
	const gnutls_datum_t *der;
	unsigned sent = 0, n = 0;

	der = gnutls_certificate_get_peers(t->session, &sent);
	for (; n < sent && n < CHAIN_MAX; n++) {
		if (gnutls_x509_crt_init(&chain[n]) < 0)
			alloc_failed();
		if (gnutls_x509_crt_import(chain[n], &der[n], GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(chain[n]);
			break;
		}
	}
	/* RFC 7671 section 5.1: for usage 3 neither name nor dates matter */
	for (size_t i = 0; n && i < d->n && !found; i++)
		if (d->v[i].usage == DANE_EE ? tls_dane_fits(&d->v[i], chain[0])
					     : anchored(t, &d->v[i], chain, n))
			found = &d->v[i];
	while (n)
		gnutls_x509_crt_deinit(chain[--n]);
	return found;
}
