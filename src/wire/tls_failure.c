#include "alloc.h"
#include "tls_private.h"

const char *
tls_alert_name(int alert)
{
	return gnutls_alert_get_name((gnutls_alert_description_t)alert) ?: "unknown";
}

/* Servers have many ways to say that our certificate, or the lack of one, does not suit them. */
static bool
is_about_certificate(const struct tls *t, int alert)
{
	if (alert == GNUTLS_A_CERTIFICATE_REQUIRED)
		return true;
	if (!gnutls_certificate_client_get_request_status(t->session))
		return false;
	return alert == GNUTLS_A_BAD_CERTIFICATE || alert == GNUTLS_A_UNSUPPORTED_CERTIFICATE ||
	       alert == GNUTLS_A_CERTIFICATE_REVOKED || alert == GNUTLS_A_CERTIFICATE_EXPIRED ||
	       alert == GNUTLS_A_CERTIFICATE_UNKNOWN || alert == GNUTLS_A_UNKNOWN_CA ||
	       alert == GNUTLS_A_ACCESS_DENIED || alert == GNUTLS_A_DECRYPT_ERROR ||
	       alert == GNUTLS_A_HANDSHAKE_FAILURE ||
	       (alert == GNUTLS_A_DECODE_ERROR && !t->context->has_certificate);
}

/* The server has refused what we said about ourselves: credentials, as a password is. In TLS 1.3 we
 * hear of it only when the handshake is over for us (RFC 8446 section 4.4.2.4). */
static bool
refused_client(const struct tls *t, int alert, struct error *err)
{
	if (t->context->has_certificate)
		return error_at(err, STAGE_TLS, FAULT_PERMISSION,
			"the server refused our client certificate (alert %d: %s)", alert,
			tls_alert_name(alert));
	return error_at(err, STAGE_TLS, FAULT_PERMISSION,
		"the server wants a client certificate (alert %d: %s)", alert,
		tls_alert_name(alert));
}

bool
tls_alerted(const struct tls *t, struct error *err)
{
	gnutls_alert_description_t alert = gnutls_alert_get(t->session);
	const char *name = tls_alert_name((int)alert);

	if (is_about_certificate(t, (int)alert))
		return refused_client(t, (int)alert, err);
	if (alert == GNUTLS_A_PROTOCOL_VERSION || alert == GNUTLS_A_HANDSHAKE_FAILURE ||
		alert == GNUTLS_A_INSUFFICIENT_SECURITY)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"no TLS version or cipher suits both sides (alert %d: %s)", (int)alert,
			name);
	if (alert == GNUTLS_A_UNRECOGNIZED_NAME)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"the server does not know the name %.100s (alert %d); set host or tls-name "
			"to the "
			"name it is for",
			t->name, (int)alert);
	if (alert == GNUTLS_A_INTERNAL_ERROR || alert == GNUTLS_A_USER_CANCELED)
		return error_at(err, STAGE_TLS, FAULT_TEMPORARY,
			"the server broke off TLS (alert %d: %s)", (int)alert, name);
	return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE, "the server refused TLS (alert %d: %s)",
		(int)alert, name);
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* What the server sent is no TLS record. */
static bool
not_tls(const struct tls *t, bool starttls, struct error *err)
{
	const unsigned char *h = t->head;

	if (starttls)
		return error_at(err, STAGE_TLS, FAULT_PROTOCOL,
			"the server speaks no TLS although it agreed to STARTTLS");
	if (t->head_len == 4 && is_digit(h[0]) && is_digit(h[1]) && is_digit(h[2]) &&
		(h[3] == ' ' || h[3] == '-'))
		return error_at(err, STAGE_TLS, FAULT_PROTOCOL,
			"the server speaks plain text on this port: use tls = starttls or port "
			"465");
	return error_at(
		err, STAGE_TLS, FAULT_PROTOCOL, "the server does not speak TLS on this port");
}

static bool
is_record(const struct tls *t)
{
	return !t->head_len ||
	       (t->head[0] >= 20 && t->head[0] <= 24 && (t->head_len < 2 || t->head[1] == 3));
}

bool
tls_handshake_failed(struct tls *t, int rc, bool starttls, struct error *err)
{
	if (t->failed.fault) {
		*err = t->failed;
		return false;
	}
	if (!is_record(t))
		return not_tls(t, starttls, err);
	switch (rc) {
	case GNUTLS_E_MEMORY_ERROR:
		alloc_failed();
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return tls_alerted(t, err);
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_SESSION_EOF:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		return error_at(err, STAGE_TLS, FAULT_TEMPORARY,
			"the server closed the connection during the TLS handshake");
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_INSUFFICIENT_SECURITY:
	case GNUTLS_E_NO_CIPHER_SUITES:
	case GNUTLS_E_UNKNOWN_CIPHER_SUITE:
	case GNUTLS_E_UNWANTED_ALGORITHM:
	case GNUTLS_E_DH_PRIME_UNACCEPTABLE:
	case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
	case GNUTLS_E_SESSION_USER_ID_CHANGED:
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"no TLS version or cipher suits both sides: %s", gnutls_strerror(rc));
	default:
		return error_at(err, STAGE_TLS, FAULT_PROTOCOL, "the TLS handshake failed: %s",
			gnutls_strerror(rc));
	}
}
