/* Signed assertions that stand for a client's secret (RFC 7519, 7515, 7523). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "strbuf.h"

struct error;

struct jwt_key {
	const char *key; /* PEM file or pkcs11: URI of the private key (RSA or P-256); or NULL and
			    ... */
	const char *pem; /* ... the key itself, PEM */
	const char *
		cert; /* PEM file of the certificate: x5t and x5t#S256 in the header; may be NULL */
	const char *key_id; /* kid in the header; may be NULL */
	bool pss;           /* PS256 instead of RS256 for RSA keys */
	/* As tls_settings has it: the PIN of a token; may be NULL. */
	bool (*pin)(void *ctx, const char *label, struct strbuf *ret, struct error *err);
	void *pin_ctx;
};

/* Makes header.claims.signature of CLAIMS, a JSON object, for RET, which is made secret. RS256,
 * PS256 or ES256 by the key. FAULT_NOINPUT: a file cannot be read; FAULT_CONFIG: it holds no such
 * thing, the key is of another kind, weak, behind a password, or not that of the certificate;
 * FAULT_TEMPORARY: the token is not there; FAULT_PERMISSION: it does not take its PIN, which is
 * tried once, and not at all when it would be the last try. */
bool jwt_sign(const struct jwt_key *k, const char *claims, struct strbuf *ret, struct error *err)
	__attribute__((warn_unused_result));

/* Appends N octets as base64url without padding (RFC 7515 section 2). */
void jwt_add_base64url(struct strbuf *out, const void *data, size_t n);
