#include <gnutls/pkcs11.h>
#include <string.h>

#include "alloc.h"
#include "tls_private.h"

bool
tls_is_uri(const char *s)
{
	return s && strncmp(s, "pkcs11:", 7) == 0;
}

/* GnuTLS wants the PIN. */
static int
give_pin(void *user, int attempt, const char *url, const char *label, unsigned flags, char *pin,
	size_t size)
{
	struct tls_context *c = user;

	(void)url;
	return pin_give(&c->pin, label, attempt || (flags & GNUTLS_PIN_WRONG),
		       flags & GNUTLS_PIN_FINAL_TRY, pin, size)
		       ? 0
		       : GNUTLS_E_PKCS11_PIN_ERROR;
}

void
tls_token_prepare(struct tls_context *c, const struct tls_settings *s)
{
	if (!tls_is_uri(s->cert) && !tls_is_uri(s->key))
		return;
	c->pin = (struct pin){ .ask = s->pin, .ctx = s->pin_ctx };
	gnutls_certificate_set_pin_function(c->cred, give_pin, c);
}

/* What of a URI is not there; false if its token is. */
static bool
no_token(const char *setting, const char *uri, struct error *err)
{
	unsigned flags;

	if (!tls_is_uri(uri) || gnutls_pkcs11_token_get_flags(uri, &flags) >= 0)
		return false;
	/* it may only not be plugged in */
	error_at(err, STAGE_TLS, FAULT_TEMPORARY, "%s: there is no token that fits %.200s", setting,
		uri);
	return true;
}

bool
tls_token_failed(
	const struct tls_context *c, const struct tls_settings *s, int rc, struct error *err)
{
	const char *key = s->key ? s->key : s->cert;

	if (c->pin.error.fault) {
		if (err && !err->fault) {
			*err = c->pin.error;
			err->stage = STAGE_TLS;
		}
		return false;
	}
	switch (rc) {
	case GNUTLS_E_MEMORY_ERROR:
		alloc_failed();
	case GNUTLS_E_PKCS11_PIN_LOCKED:
		return error_at(err, STAGE_TLS, FAULT_PERMISSION,
			"tls-key: the PIN of this token is locked: %.200s", key);
	case GNUTLS_E_PKCS11_PIN_ERROR:
	case GNUTLS_E_PKCS11_PIN_EXPIRED:
		return error_at(err, STAGE_TLS, FAULT_PERMISSION,
			"tls-key: the token does not take its PIN: %.200s", key);
	case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
	case GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE:
	case GNUTLS_E_PKCS11_SLOT_ERROR:
		if (no_token("tls-key", key, err) || no_token("tls-cert", s->cert, err))
			return false;
		return error_at(err, STAGE_TLS, FAULT_CONFIG,
			"the token holds no such object: tls-cert %.100s with tls-key %.100s",
			s->cert, key);
	default:
		return error_at(err, STAGE_TLS, FAULT_CONFIG,
			"tls-cert %.100s with tls-key %.100s: %s", s->cert, key,
			gnutls_strerror(rc));
	}
}
