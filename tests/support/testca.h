/* Certificates for tests, made in memory: authorities, intermediates, leaves, lists of the revoked,
 * OCSP responses. Everything here ends the test program when it fails. */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* How a certificate is to be; zeroed: a good leaf for "localhost", P-256, for a day. */
struct testca_options {
	const char *cn;         /* NULL: the first of dns, or "localhost" */
	const char *dns[4];     /* dNSName entries; none at all: "localhost" unless no_san or ip */
	const char *ip;         /* iPAddress entries in text form, separated by blanks */
	bool no_san;            /* no subjectAltName: the name is in CN only */
	long from, until;       /* seconds from now; 0 and 0: from an hour ago to tomorrow */
	unsigned rsa_bits;      /* 0: ECDSA P-256 */
	bool ca;                /* an authority */
	const char *purpose;    /* extended key usage; NULL: serverAuth for a leaf */
	bool must_staple;       /* RFC 7633 */
	bool sha1;              /* signed with SHA-1 */
	bool key_encipherment;  /* also fit for RSA key exchange */
	const char *constraint; /* an authority for names below this domain only */
};

struct testca {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

/* Makes a certificate signed by ISSUER (NULL: by itself). */
struct testca testca_make(const struct testca *issuer, const struct testca_options *options);
/* A new certificate over the key of OLD: a renewal, or a cross-signed authority. */
struct testca testca_renew(const struct testca *old, const struct testca *issuer,
	const struct testca_options *options);
void testca_free(struct testca *c);

/* The certificate, or the key (unencrypted), as PEM; free with gnutls_free(x.data). */
gnutls_datum_t testca_pem(const struct testca *c);
gnutls_datum_t testca_key_pem(const struct testca *c);
/* A CRL by ISSUER that lists REVOKED (NULL: nobody), as PEM. */
gnutls_datum_t testca_crl(const struct testca *issuer, const struct testca *revoked);
/* An OCSP response about LEAF signed by ISSUER with a P-256 key, as DER: good, or revoked. It
 * is AGE seconds old, and valid for a day. */
gnutls_datum_t testca_ocsp(
	const struct testca *issuer, const struct testca *leaf, bool revoked, time_t age);

/* Server credentials: LEAF with its key, then INTERMEDIATE (may be NULL) as the chain. */
gnutls_certificate_credentials_t
testca_credentials(const struct testca *leaf, const struct testca *intermediate);

/* Writes N octets to a new file PATH (mode 0600). */
void testca_write(const char *path, const void *data, size_t n);
