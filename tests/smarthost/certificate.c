/* The test authority and the certificates under it, good ones and bad ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "smarthost.h"
#include "testca.h"

#define DAY 86400L

static const struct variant {
	const char *name;
	struct testca_options options;
	char issuer; /* 'c' the authority, 'u' one that nobody knows, 's' itself */
} variants[] = {
	{ "good", { .cn = "localhost" }, 'c' },
	{ "expired", { .from = -30 * DAY, .until = -DAY }, 'c' },
	{ "future", { .from = DAY, .until = 30 * DAY }, 'c' },
	{ "wrongname", { .dns = { "other.example" } }, 'c' },
	{ "selfsigned", { .cn = "localhost" }, 's' },
	{ "cnonly", { .cn = "localhost", .no_san = true }, 'c' },
	{ "lasting", { .cn = "localhost", .from = -DAY, .until = 90 * DAY }, 'c' },
	{ "rsa1024", { .rsa_bits = 1024 }, 'c' },
	{ "rsa2048", { .rsa_bits = 2048, .key_encipherment = true }, 'c' },
	{ "clientauth", { .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, 'c' },
	{ "unknownca", { .cn = "localhost" }, 'u' },
	{ "revoked", { .cn = "localhost" }, 'c' },
};

#define VARIANTS (sizeof(variants) / sizeof(*variants))

static const struct variant *
variant_find(const char *name)
{
	for (size_t i = 0; i < VARIANTS; i++)
		if (strcmp(variants[i].name, name) == 0)
			return &variants[i];
	return NULL;
}

bool
certificate_variant_known(const char *name)
{
	return variant_find(name) != NULL;
}

static struct testca
authority(const char *name)
{
	struct testca_options o = { .cn = name, .ca = true, .from = -60 * DAY, .until = 60 * DAY };

	return testca_make(NULL, &o);
}

static struct testca
leaf(const struct testca *ca, const struct variant *v)
{
	struct testca_options o = v->options;
	struct testca unknown, made;

	if (!o.dns[0] && !o.no_san) {
		o.dns[0] = "localhost";
		o.ip = "127.0.0.1 ::1";
	}
	if (!o.cn)
		o.cn = o.dns[0];
	if (v->issuer == 's')
		return testca_make(NULL, &o);
	if (v->issuer == 'c')
		return testca_make(ca, &o);
	unknown = authority("Unknown Test Authority");
	made = testca_make(&unknown, &o);
	testca_free(&unknown);
	return made;
}

static bool
put(const char *directory, const char *name, const char *suffix, const void *data, size_t n)
{
	char to[4096], from[4160];
	bool good;
	int fd;

	snprintf(to, sizeof(to), "%s/%s%s", directory, name, suffix);
	snprintf(from, sizeof(from), "%s.%d", to, (int)getpid());
	fd = open(from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	good = fd >= 0 && io_write_full(fd, data, n);
	if (fd >= 0 && close(fd) < 0)
		good = false;
	if (good && rename(from, to) == 0)
		return true;
	fprintf(stderr, "smarthost: unable to write %s: %s\n", to, strerror(errno));
	unlink(from);
	return false;
}

/* Writes NAME.pem and NAME-key.pem. */
static bool
put_pair(const char *directory, const char *name, const struct testca *c)
{
	gnutls_datum_t crt = testca_pem(c), key = testca_key_pem(c);
	bool good = put(directory, name, ".pem", crt.data, crt.size) &&
		    put(directory, name, "-key.pem", key.data, key.size);

	gnutls_free(crt.data);
	gnutls_free(key.data);
	return good;
}

/* What a client needs beside the server's certificate. */
static bool
put_common(const char *directory, const struct testca *ca, const struct testca *revoked)
{
	struct testca_options o = { .cn = "alice", .purpose = GNUTLS_KP_TLS_WWW_CLIENT };
	gnutls_datum_t pem = testca_pem(ca), crl = testca_crl(ca, revoked);
	struct testca client = testca_make(ca, &o);
	bool good = put(directory, "ca", ".pem", pem.data, pem.size) &&
		    put(directory, "crl", ".pem", crl.data, crl.size) &&
		    put_pair(directory, "client", &client);

	gnutls_free(pem.data);
	gnutls_free(crl.data);
	testca_free(&client);
	return good;
}

static bool
make_directory(const char *directory)
{
	if (mkdir(directory, 0700) == 0 || errno == EEXIST)
		return true;
	fprintf(stderr, "smarthost: unable to create %s: %s\n", directory, strerror(errno));
	return false;
}

bool
certificate_make_all(const char *directory)
{
	struct testca ca = authority("Test Authority"), made;
	bool good = make_directory(directory);

	for (size_t i = 0; good && i < VARIANTS; i++) {
		made = leaf(&ca, &variants[i]);
		good = put_pair(directory, variants[i].name, &made);
		if (good && strcmp(variants[i].name, "revoked") == 0)
			good = put_common(directory, &ca, &made);
		testca_free(&made);
	}
	testca_free(&ca);
	return good;
}

/* The certificates that an earlier --make-ca left in a directory. */
static bool
load(struct config *c)
{
	char crt[4096], key[4096], ca[4096];
	int rc;

	snprintf(crt, sizeof(crt), "%s/%s.pem", c->use_ca, c->certificate);
	snprintf(key, sizeof(key), "%s/%s-key.pem", c->use_ca, c->certificate);
	snprintf(ca, sizeof(ca), "%s/ca.pem", c->use_ca);
	rc = gnutls_certificate_allocate_credentials(&c->credentials);
	if (rc >= 0)
		rc = gnutls_certificate_set_x509_key_file(
			c->credentials, crt, key, GNUTLS_X509_FMT_PEM);
	if (rc >= 0)
		rc = gnutls_certificate_set_x509_trust_file(
			c->credentials, ca, GNUTLS_X509_FMT_PEM);
	if (rc < 0)
		fprintf(stderr, "smarthost: unable to use %s: %s\n", crt, gnutls_strerror(rc));
	return rc >= 0;
}

bool
certificate_setup(struct config *c)
{
	const struct variant *v = variant_find(c->certificate);
	bool revoked = strcmp(v->name, "revoked") == 0, good = true;
	struct testca ca, made;

	if (gnutls_session_ticket_key_generate(&c->ticket_key) < 0)
		return false;
	if (c->use_ca)
		return load(c);
	ca = authority("Test Authority");
	made = leaf(&ca, v);
	c->credentials = testca_credentials(&made, NULL);
	if (gnutls_certificate_set_x509_trust(c->credentials, &ca.crt, 1) < 0)
		good = false;
	if (good && c->ca_directory)
		good = make_directory(c->ca_directory) &&
		       put_pair(c->ca_directory, "server", &made) &&
		       put_common(c->ca_directory, &ca, revoked ? &made : NULL);
	testca_free(&made);
	testca_free(&ca);
	return good;
}

void
certificate_done(struct config *c)
{
	if (c->credentials)
		gnutls_certificate_free_credentials(c->credentials);
	gnutls_free(c->ticket_key.data);
}
