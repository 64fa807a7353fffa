/* Which of the names that would do is the certificate for? */
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tls_private.h"

#define SRV_NAME    "1.3.6.1.5.5.7.8.7" /* id-on-dnsSRV, RFC 4985 */
#define NAMES_MAX   256                 /* alternative names that are looked at */
#define IA5STRING   0x16
#define LONG_LENGTH 0x81

bool
tls_names(gnutls_x509_crt_t crt, const char *name)
{
	char any[512];
	unsigned type;
	size_t n;
	int rc;

	/* without a dNSName GnuTLS looks at CN, which does not count (RFC 9525 section 6.3) */
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		n = sizeof(any);
		rc = gnutls_x509_crt_get_subject_alt_name2(crt, i, any, &n, &type, NULL);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (rc >= 0 && type == GNUTLS_SAN_DNSNAME)
			return gnutls_x509_crt_check_hostname2(crt, name, 0) != 0;
	}
	return false;
}

/* The text of an IA5String in DER. */
static bool
is_ia5(const unsigned char *der, size_t n, const char *text)
{
	size_t head = n > 1 && der[1] == LONG_LENGTH ? 3 : 2, length = strlen(text);

	return n == head + length && der[0] == IA5STRING && length < 256 &&
	       der[head - 1] == length && strncasecmp((const char *)der + head, text, length) == 0;
}

/* The I-th alternative name is an SRVName and this one. */
static bool
is_service(gnutls_x509_crt_t crt, unsigned i, const char *want, bool *ret_more)
{
	unsigned char name[512];
	char oid[64];
	size_t n = sizeof(name), oid_n = sizeof(oid);
	int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);

	*ret_more = type != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
	return type == GNUTLS_SAN_OTHERNAME &&
	       gnutls_x509_crt_get_subject_alt_othername_oid(crt, i, oid, &oid_n) >= 0 &&
	       strcmp(oid, SRV_NAME) == 0 && is_ia5(name, n, want);
}

const char *
tls_choose_name(const struct tls *t, gnutls_x509_crt_t leaf)
{
	const struct tls_peer *peer = t->context->peer;
	char want[300];
	bool more = true;

	if (!peer || !peer->domain || t->context->name || tls_names(leaf, t->name))
		return t->name;
	if (tls_names(leaf, peer->domain))
		return peer->domain;
	snprintf(want, sizeof(want), "%s.%s", peer->service, peer->domain);
	for (unsigned i = 0; more && i < NAMES_MAX; i++)
		if (is_service(leaf, i, want, &more))
			return NULL;
	return t->name;
}
