/* Which of the names that would do is the certificate for? */
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tls_private.h"

#define NAMES_MAX 256 /* alternative names that are looked at */

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

/* The I-th alternative name is an SRVName (RFC 4985) and this one. */
static bool
is_service(gnutls_x509_crt_t crt, unsigned i, const char *want, bool *ret_more)
{
	char name[512];
	size_t n = sizeof(name);
	int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);

	*ret_more = type != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
	return type == GNUTLS_SAN_OTHERNAME_SRV && n == strlen(want) &&
	       strncasecmp(name, want, n) == 0;
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
