#include "testca.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void __attribute__((noreturn)) fail(const char *what, int code)
{
	printf("Bail out! %s: %s\n", what, gnutls_strerror(code));
	exit(1);
}

static void
must(int code, const char *what)
{
	if (code < 0)
		fail(what, code);
}

static bool
next_word(const char **at, char *out, size_t size)
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	if (!n || n >= size)
		return false;
	memcpy(out, *at, n);
	out[n] = '\0';
	*at += n;
	return true;
}

/* One iPAddress entry for each word of ADDRESSES. */
static void
set_addresses(gnutls_x509_crt_t crt, const char *addresses)
{
	unsigned char ip[16];
	char word[64];
	int length;

	while (next_word(&addresses, word, sizeof(word))) {
		length = inet_pton(AF_INET, word, ip) == 1    ? 4
			 : inet_pton(AF_INET6, word, ip) == 1 ? 16
							      : 0;
		must(length ? 0 : GNUTLS_E_INVALID_REQUEST, word);
		must(gnutls_x509_crt_set_subject_alt_name(
			     crt, GNUTLS_SAN_IPADDRESS, ip, (unsigned)length, GNUTLS_FSAN_APPEND),
			"iPAddress");
	}
}

static void
set_names(gnutls_x509_crt_t crt, const struct testca_options *o)
{
	const char *cn = o->cn ?: o->dns[0] ?: "localhost";
	size_t i;

	must(gnutls_x509_crt_set_dn_by_oid(
		     crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn, (unsigned)strlen(cn)),
		"common name");
	if (o->no_san || o->ca)
		return;
	for (i = 0; i < 4 && o->dns[i]; i++)
		must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, o->dns[i],
			     (unsigned)strlen(o->dns[i]), GNUTLS_FSAN_APPEND),
			"dNSName");
	set_addresses(crt, o->ip ?: "");
	if (!i && !o->ip)
		must(gnutls_x509_crt_set_subject_alt_name(
			     crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_APPEND),
			"dNSName");
}

static void
set_constraint(gnutls_x509_crt_t crt, const char *domain)
{
	gnutls_datum_t name = { (unsigned char *)(uintptr_t)domain, (unsigned)strlen(domain) };
	gnutls_x509_name_constraints_t nc;

	must(gnutls_x509_name_constraints_init(&nc), "name constraints");
	must(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &name),
		"permitted");
	must(gnutls_x509_crt_set_name_constraints(crt, nc, 1), "name constraints");
	gnutls_x509_name_constraints_deinit(nc);
}

static void
set_usage(gnutls_x509_crt_t crt, const struct testca_options *o)
{
	unsigned usage = o->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN |
					 GNUTLS_KEY_DIGITAL_SIGNATURE
			       : GNUTLS_KEY_DIGITAL_SIGNATURE;
	gnutls_x509_tlsfeatures_t features;

	if (o->key_encipherment)
		usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
	must(gnutls_x509_crt_set_key_usage(crt, usage), "key usage");
	must(gnutls_x509_crt_set_basic_constraints(crt, o->ca, -1), "basic constraints");
	if (!o->ca || o->purpose)
		must(gnutls_x509_crt_set_key_purpose_oid(
			     crt, o->purpose ?: GNUTLS_KP_TLS_WWW_SERVER, 0),
			"purpose");
	if (o->constraint)
		set_constraint(crt, o->constraint);
	if (o->must_staple) {
		must(gnutls_x509_tlsfeatures_init(&features), "features");
		must(gnutls_x509_tlsfeatures_add(features, 5), "features");
		must(gnutls_x509_crt_set_tlsfeatures(crt, features), "features");
		gnutls_x509_tlsfeatures_deinit(features);
	}
}

static gnutls_x509_crt_t
certify(gnutls_x509_privkey_t key, const struct testca *issuer, const struct testca_options *o)
{
	struct testca self;
	gnutls_x509_crt_t crt;
	unsigned char serial[8], id[64];
	size_t id_len = sizeof(id);
	gnutls_datum_t der;
	time_t now = time(NULL);
	bool dated = o->from || o->until;

	must(gnutls_x509_crt_init(&crt), "certificate");
	must(gnutls_x509_crt_set_version(crt, 3), "version");
	must(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "random");
	serial[0] = 1;
	must(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), "serial");
	must(gnutls_x509_crt_set_activation_time(crt, now + (dated ? o->from : -3600)), "from");
	must(gnutls_x509_crt_set_expiration_time(crt, now + (dated ? o->until : 86400)), "until");
	set_names(crt, o);
	set_usage(crt, o);
	must(gnutls_x509_crt_set_key(crt, key), "key");
	must(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &id_len), "key id");
	must(gnutls_x509_crt_set_subject_key_id(crt, id, id_len), "key id");
	self = (struct testca){ crt, key };
	if (!issuer)
		issuer = &self;
	must(gnutls_x509_crt_sign2(crt, issuer->crt, issuer->key,
		     o->sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0),
		"signature");
	/* GnuTLS takes names and issuers from the octets that it has parsed */
	must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), "export");
	gnutls_x509_crt_deinit(crt);
	must(gnutls_x509_crt_init(&crt), "certificate");
	must(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER), "import");
	gnutls_free(der.data);
	return crt;
}

struct testca
testca_make(const struct testca *issuer, const struct testca_options *options)
{
	struct testca c;

	must(gnutls_x509_privkey_init(&c.key), "key");
	if (options->rsa_bits)
		must(gnutls_x509_privkey_generate(c.key, GNUTLS_PK_RSA, options->rsa_bits, 0),
			"RSA");
	else
		must(gnutls_x509_privkey_generate(c.key, GNUTLS_PK_ECDSA,
			     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
			"ECDSA");
	c.crt = certify(c.key, issuer, options);
	return c;
}

struct testca
testca_renew(
	const struct testca *old, const struct testca *issuer, const struct testca_options *options)
{
	struct testca c;

	must(gnutls_x509_privkey_init(&c.key), "key");
	must(gnutls_x509_privkey_cpy(c.key, old->key), "key");
	c.crt = certify(c.key, issuer, options);
	return c;
}

void
testca_free(struct testca *c)
{
	if (c->crt)
		gnutls_x509_crt_deinit(c->crt);
	if (c->key)
		gnutls_x509_privkey_deinit(c->key);
	*c = (struct testca){ 0 };
}

gnutls_datum_t
testca_pem(const struct testca *c)
{
	gnutls_datum_t pem;

	must(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &pem), "export");
	return pem;
}

gnutls_datum_t
testca_key_pem(const struct testca *c)
{
	gnutls_datum_t pem;

	must(gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &pem), "export");
	return pem;
}

gnutls_datum_t
testca_crl(const struct testca *issuer, const struct testca *revoked)
{
	gnutls_datum_t pem;
	gnutls_x509_crl_t crl;

	must(gnutls_x509_crl_init(&crl), "crl");
	must(gnutls_x509_crl_set_version(crl, 2), "crl");
	must(gnutls_x509_crl_set_this_update(crl, time(NULL) - 60), "crl");
	must(gnutls_x509_crl_set_next_update(crl, time(NULL) + 86400), "crl");
	must(gnutls_x509_crl_set_number(crl, "\1", 1), "crl");
	if (revoked)
		must(gnutls_x509_crl_set_crt(crl, revoked->crt, time(NULL) - 60), "crl");
	must(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0), "crl");
	must(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem), "crl");
	gnutls_x509_crl_deinit(crl);
	return pem;
}

gnutls_certificate_credentials_t
testca_credentials(const struct testca *leaf, const struct testca *intermediate)
{
	gnutls_x509_crt_t chain[2] = { leaf->crt, intermediate ? intermediate->crt : NULL };
	gnutls_certificate_credentials_t cred;

	must(gnutls_certificate_allocate_credentials(&cred), "credentials");
	must(gnutls_certificate_set_x509_key(cred, chain, intermediate ? 2 : 1, leaf->key),
		"credentials");
	return cred;
}

void
testca_write(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wxe");

	if (!f || fwrite(data, 1, n, f) != n || fclose(f)) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

/* DER by hand, for the one thing that GnuTLS reads but cannot write. */
struct der {
	unsigned char s[1024];
	size_t len;
};

static void
der_add(struct der *out, unsigned char tag, const void *data, size_t n)
{
	unsigned char *at = out->s + out->len;

	if (out->len + n + 4 > sizeof(out->s))
		fail("OCSP response too long", 0);
	*at++ = tag;
	if (n >= 256)
		*at++ = 0x82, *at++ = (unsigned char)(n >> 8);
	else if (n >= 128)
		*at++ = 0x81;
	*at++ = (unsigned char)n;
	if (n)
		memcpy(at, data, n);
	out->len = (size_t)(at - out->s) + n;
}

static void
der_time(struct der *out, unsigned char tag, time_t when)
{
	char text[32];
	struct tm t;

	gmtime_r(&when, &t);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &t);
	der_add(out, tag, text, strlen(text));
}

static const unsigned char sha1_oid[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
static const unsigned char ecdsa_sha256_oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const unsigned char ocsp_basic_oid[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01,
	0x01 };

/* CertID (RFC 6960 4.1.1): SHA-1 over the issuer's name and key, and the serial number. */
static struct der
cert_id(const struct testca *issuer, const struct testca *leaf)
{
	struct der id = { .len = 0 }, algorithm = { .len = 0 }, out = { .len = 0 };
	unsigned char hash[20], key[64], serial[40];
	size_t key_len = sizeof(key), serial_len = sizeof(serial);
	gnutls_datum_t dn;

	der_add(&algorithm, 0x06, sha1_oid, sizeof(sha1_oid));
	der_add(&id, 0x30, algorithm.s, algorithm.len);
	must(gnutls_x509_crt_get_raw_dn(issuer->crt, &dn), "name");
	must(gnutls_hash_fast(GNUTLS_DIG_SHA1, dn.data, dn.size, hash), "hash");
	gnutls_free(dn.data);
	der_add(&id, 0x04, hash, sizeof(hash));
	/* testca made this identifier: SHA-1 over the SubjectPublicKeyInfo, which is not what RFC
	 * 6960 asks for, but GnuTLS does not compare it with the key */
	must(gnutls_x509_crt_get_subject_key_id(issuer->crt, key, &key_len, NULL), "key id");
	der_add(&id, 0x04, key, key_len);
	must(gnutls_x509_crt_get_serial(leaf->crt, serial, &serial_len), "serial");
	der_add(&id, 0x02, serial, serial_len);
	der_add(&out, 0x30, id.s, id.len);
	return out;
}

static struct der
response_data(const struct testca *issuer, const struct testca *leaf, bool revoked, time_t age)
{
	struct der single = cert_id(issuer, leaf), part = { .len = 0 }, list = { .len = 0 };
	struct der data = { .len = 0 }, out = { .len = 0 };
	time_t made = time(NULL) - age;
	gnutls_datum_t dn;

	if (revoked) {
		der_time(&part, 0x18, made - 60);
		der_add(&single, 0xa1, part.s, part.len);
	} else {
		der_add(&single, 0x80, NULL, 0);
	}
	der_time(&single, 0x18, made);
	part.len = 0;
	der_time(&part, 0x18, made + 86400);
	der_add(&single, 0xa0, part.s, part.len);
	der_add(&list, 0x30, single.s, single.len);

	must(gnutls_x509_crt_get_raw_dn(issuer->crt, &dn), "name");
	der_add(&data, 0xa1, dn.data, dn.size);
	gnutls_free(dn.data);
	der_time(&data, 0x18, made);
	der_add(&data, 0x30, list.s, list.len);
	der_add(&out, 0x30, data.s, data.len);
	return out;
}

gnutls_datum_t
testca_ocsp(const struct testca *issuer, const struct testca *leaf, bool revoked, time_t age)
{
	struct der basic = response_data(issuer, leaf, revoked, age), algorithm = { .len = 0 };
	struct der part = { .len = 0 }, bytes = { .len = 0 }, out = { .len = 0 };
	gnutls_datum_t tbs = { basic.s, (unsigned)basic.len }, signature, result;
	gnutls_privkey_t key;

	must(gnutls_privkey_init(&key), "key");
	must(gnutls_privkey_import_x509(key, issuer->key, 0), "key");
	must(gnutls_privkey_sign_data(key, GNUTLS_DIG_SHA256, 0, &tbs, &signature), "sign");
	gnutls_privkey_deinit(key);

	der_add(&algorithm, 0x06, ecdsa_sha256_oid, sizeof(ecdsa_sha256_oid));
	der_add(&basic, 0x30, algorithm.s, algorithm.len);
	part.s[part.len++] = 0; /* no unused bits */
	memcpy(part.s + part.len, signature.data, signature.size);
	part.len += signature.size;
	gnutls_free(signature.data);
	der_add(&basic, 0x03, part.s, part.len);

	part.len = 0;
	der_add(&part, 0x30, basic.s, basic.len);
	der_add(&bytes, 0x06, ocsp_basic_oid, sizeof(ocsp_basic_oid));
	der_add(&bytes, 0x04, part.s, part.len);
	part.len = 0;
	der_add(&part, 0x30, bytes.s, bytes.len);
	bytes.len = 0;
	der_add(&bytes, 0x0a, "", 1); /* successful */
	der_add(&bytes, 0xa0, part.s, part.len);
	der_add(&out, 0x30, bytes.s, bytes.len);

	result.size = (unsigned)out.len;
	if (!(result.data = gnutls_malloc(out.len)))
		fail("memory", GNUTLS_E_MEMORY_ERROR);
	memcpy(result.data, out.s, out.len);
	return result;
}
