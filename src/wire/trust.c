#include "trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "anchor.h"
#include "error.h"
#include "field.h"
#include "io.h"
#include "memo.h"

#define FILE_MAX  (64 << 20) /* octets of a trust or CRL file */
#define CHAIN_MAX 16         /* GnuTLS verifies no longer chain */
#define PREFIX    640        /* octets of a certificate in which the names usually end */
#define NAMES_MAX (16 << 10) /* octets in which they must end to be found */

#define IDENTITY_MAX (16 << 10)

struct trust {
	char *file; /* NULL: the system's store */
	int fd;     /* of the bundle; -1: there is none, or it has been read */
	gnutls_datum_t pem, crl;
	bool whole;             /* the credentials hold the whole store */
	struct strbuf identity; /* what trust_identify tells */
};

/* Where distributions keep the bundle that GnuTLS, too, reads for the system's store. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
	"/etc/ssl/ca-bundle.pem",             /* openSUSE */
	"/etc/ssl/cert.pem",                  /* Alpine */
};

/* Opens a file and notes which it is. */
static int
open_file(struct trust *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0)
		memo_add_file(&t->identity, path, fd);
	return fd;
}

/* Reads all of FD and closes it. */
static bool
read_file(int fd, const char *path, gnutls_datum_t *ret, struct error *err)
{
	struct stat st;
	ssize_t got;
	int sys;

	if (fd < 0)
		return error_sys(err, FAULT_NOINPUT, errno, "cannot open %s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		return error_set(err, FAULT_NOINPUT, "%s is no file of certificates", path);
	}
	ret->data = xmalloc((size_t)st.st_size + 1);
	got = io_read_full(fd, ret->data, (size_t)st.st_size);
	sys = errno;
	close(fd);
	if (got < 0) {
		free(ret->data);
		ret->data = NULL;
		return error_sys(err, FAULT_NOINPUT, sys, "cannot read %s", path);
	}
	ret->size = (unsigned)got;
	ret->data[got] = '\0';
	return true;
}

static bool
open_anchors(struct trust *t, struct error *err)
{
	struct anchor_block block;
	const char *at;

	if (!t->file) {
		for (size_t i = 0; t->fd < 0 && i < sizeof(bundles) / sizeof(*bundles); i++)
			t->fd = open_file(t, bundles[i]);
		return true;
	}
	if (!read_file(open_file(t, t->file), t->file, &t->pem, err))
		return error_prefix(err, "tls-trust");
	at = (const char *)t->pem.data;
	if (!anchor_next(&at, at + t->pem.size, &block))
		return error_set(err, FAULT_CONFIG,
			"tls-trust: %s holds no certificate in PEM form", t->file);
	return true;
}

static bool
open_crl(struct trust *t, const char *path, struct error *err)
{
	gnutls_x509_crl_t *list;
	unsigned n;
	int rc;

	if (!read_file(open_file(t, path), path, &t->crl, err))
		return error_prefix(err, "tls-crl");
	rc = gnutls_x509_crl_list_import2(&list, &n, &t->crl, GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0)
		return error_set(err, FAULT_CONFIG, "tls-crl: %s: %s", path, gnutls_strerror(rc));
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crl_deinit(list[i]);
	gnutls_free(list);
	if (!n)
		return error_set(err, FAULT_CONFIG, "tls-crl: %s holds no revocation list", path);
	return true;
}

struct trust *
trust_open(const char *what, const char *crl, struct error *err)
{
	struct trust *t = xcalloc(1, sizeof(*t));

	t->fd = -1;
	t->identity = (struct strbuf)STRBUF_INIT(IDENTITY_MAX);
	if (strcmp(what, "system") != 0)
		t->file = xstrdup(what);
	if (open_anchors(t, err) && (!crl || open_crl(t, crl, err)))
		return t;
	trust_free(t);
	return NULL;
}

void
trust_free(struct trust *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t->file);
	free(t->pem.data);
	free(t->crl.data);
	strbuf_done(&t->identity);
	free(t);
}

bool
trust_identify(const struct trust *t, struct strbuf *out)
{
	field_add_string(out, t->file);
	field_add(out, t->identity.s, t->identity.len);
	return (t->file || t->fd >= 0) && !t->identity.full;
}

/* The names in the peer's chain: issuers, and subjects for an anchor that is itself in the chain.
 */
struct wanted {
	struct octets names[2 * CHAIN_MAX];
	size_t n;
};

static void
collect(struct wanted *w, const gnutls_datum_t *chain, unsigned len)
{
	w->n = 0;
	for (unsigned i = 0; i < len && i < CHAIN_MAX; i++)
		if (anchor_names(
			    chain[i].data, chain[i].size, &w->names[w->n], &w->names[w->n + 1]) > 0)
			w->n += 2;
}

static bool
is_wanted(const struct wanted *w, const struct anchor_block *block)
{
	uint8_t prefix[PREFIX], *more = NULL;
	struct octets issuer, subject;
	size_t n = anchor_decode(block->body, block->body_len, prefix, sizeof(prefix));
	int found = anchor_names(prefix, n, &issuer, &subject);
	bool good = false;

	if (!found && n == sizeof(prefix)) {
		more = xmalloc(NAMES_MAX);
		n = anchor_decode(block->body, block->body_len, more, NAMES_MAX);
		found = anchor_names(more, n, &issuer, &subject);
	}
	for (size_t i = 0; found > 0 && !good && i < w->n; i++)
		good = w->names[i].n == subject.n &&
		       memcmp(w->names[i].s, subject.s, subject.n) == 0;
	free(more);
	return good;
}

/* Adds the anchors that the chain names; returns how many. */
static unsigned
add_named(struct trust *t, gnutls_x509_trust_list_t list, const struct wanted *w)
{
	const char *at = (const char *)t->pem.data, *end = at + t->pem.size;
	struct anchor_block block;
	gnutls_x509_crt_t crt;
	unsigned added = 0;

	while (at < end && anchor_next(&at, end, &block)) {
		gnutls_datum_t pem = { t->pem.data + (block.pem - (const char *)t->pem.data),
			(unsigned)block.pem_len };

		if (!is_wanted(w, &block))
			continue;
		if (gnutls_x509_crt_init(&crt) < 0)
			alloc_failed();
		if (gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0 ||
			gnutls_x509_trust_list_add_cas(list, &crt, 1, 0) < 1)
			gnutls_x509_crt_deinit(crt);
		else
			added++;
	}
	return added;
}

static bool
add_whole(struct trust *t, gnutls_x509_trust_list_t list, struct error *err)
{
	int rc = 0;

	if (!t->file)
		rc = gnutls_x509_trust_list_add_system_trust(list, 0, 0);
	if (rc <= 0 && t->pem.size)
		rc = gnutls_x509_trust_list_add_trust_mem(
			list, &t->pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (rc < 0 && t->file)
		return error_at(err, STAGE_TLS, FAULT_CONFIG, "tls-trust: %s: %s", t->file,
			gnutls_strerror(rc));
	if (rc <= 0)
		return error_at(err, STAGE_TLS, FAULT_CONFIG,
			"this system has no store of trusted authorities; install its package of "
			"CA "
			"certificates, or name a file with tls-trust");
	return true;
}

/* A list with the revocation lists in it. */
static gnutls_x509_trust_list_t
new_list(const struct trust *t)
{
	gnutls_x509_trust_list_t list;

	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		alloc_failed();
	if (t->crl.size)
		/* cannot fail: trust_open parsed the same octets */
		gnutls_x509_trust_list_add_trust_mem(
			list, NULL, &t->crl, GNUTLS_X509_FMT_PEM, 0, 0);
	return list;
}

/* What must hold, in GnuTLS's form. */
struct demand {
	gnutls_typed_vdata_st data[2];
	unsigned n;
	unsigned char address[16];
};

static void
demand_init(struct demand *d, const char *name)
{
	memset(d, 0, sizeof(*d));
	d->data[0].type = GNUTLS_DT_KEY_PURPOSE_OID;
	d->data[0].data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER;
	d->n = name ? 2 : 1;
	if (!name)
		return;
	d->data[1].type = GNUTLS_DT_IP_ADDRESS;
	d->data[1].data = d->address;
	if (inet_pton(AF_INET, name, d->address) == 1) {
		d->data[1].size = 4;
	} else if (inet_pton(AF_INET6, name, d->address) == 1) {
		d->data[1].size = 16;
	} else {
		d->data[1].type = GNUTLS_DT_DNS_HOSTNAME;
		d->data[1].data = (unsigned char *)(uintptr_t)name;
	}
}

static int
verify_named(struct trust *t, gnutls_session_t session, gnutls_certificate_credentials_t cred,
	struct demand *d, unsigned *ret_status)
{
	gnutls_x509_trust_list_t list;
	const gnutls_datum_t *chain;
	struct wanted wanted;
	unsigned len = 0;

	if (!t->pem.data && t->fd >= 0) {
		struct error ignored = ERROR_NONE;
		int fd = t->fd;

		t->fd = -1;
		if (!read_file(fd, "bundle", &t->pem, &ignored))
			return GNUTLS_E_FILE_ERROR;
	}
	chain = gnutls_certificate_get_peers(session, &len);
	if (!chain || !t->pem.size)
		return GNUTLS_E_NO_CERTIFICATE_FOUND;
	collect(&wanted, chain, len);
	list = new_list(t);
	if (!add_named(t, list, &wanted)) {
		gnutls_x509_trust_list_deinit(list, 1);
		return GNUTLS_E_NO_CERTIFICATE_FOUND;
	}
	gnutls_certificate_set_trust_list(cred, list, 0);
	return gnutls_certificate_verify_peers(session, d->data, d->n, ret_status);
}

bool
trust_verify(struct trust *t, gnutls_session_t session, gnutls_certificate_credentials_t cred,
	const char *name, unsigned *ret_status, struct error *err)
{
	gnutls_x509_trust_list_t list;
	struct demand demand;
	int rc;

	demand_init(&demand, name);
	if (!t->whole) {
		rc = verify_named(t, session, cred, &demand, ret_status);
		if (rc >= 0 && !*ret_status)
			return true;
		/* a refusal must not depend on which anchors were looked at */
		list = new_list(t);
		if (!add_whole(t, list, err)) {
			gnutls_x509_trust_list_deinit(list, 1);
			return false;
		}
		gnutls_certificate_set_trust_list(cred, list, 0);
		t->whole = true;
	}
	rc = gnutls_certificate_verify_peers(session, demand.data, demand.n, ret_status);
	if (rc < 0)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"the server's certificate cannot be verified: %s", gnutls_strerror(rc));
	return true;
}
