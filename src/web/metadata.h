/* What an authorization server says about itself (RFC 8414; OpenID Connect Discovery 1.0 has the
 * same under another name). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

struct error;

#define METADATA_LIST 1024

struct oauth_metadata {
	char issuer[HTTP_URL];    /* as it was asked for */
	char authorize[HTTP_URL]; /* endpoints: https://..., "" where there is none */
	char token[HTTP_URL];     /* is there always */
	char device[HTTP_URL];    /* RFC 8628 section 4 */
	char revoke[HTTP_URL];
	char scopes[METADATA_LIST]; /* that it knows, between blanks; "" if it does not say */
	bool promises_iss;          /* RFC 9207 section 3: answers without `iss` are not its own */
	bool basic;                 /* takes a client's secret by Basic, and not in the form */
	bool pkce;                  /* says that it knows S256 (RFC 7636) */
};

/* Asks the server at ISSUER, an https URL without a query: .well-known/oauth-authorization-server
 * in front of its path, then .well-known/openid-configuration behind it. TRUST as for http_fetch,
 * whose errors it has. FAULT_CONFIG: no issuer, or there is no such document; FAULT_TEMPORARY: out
 * of order; FAULT_PROTOCOL: the document is none, speaks for another issuer (section 3.3), has no
 * token endpoint, or one that is not https. */
bool oauth_metadata_fetch(const char *issuer, const char *trust, int64_t deadline,
	struct oauth_metadata *ret, struct error *err) __attribute__((warn_unused_result));

/* The same from a document of N octets. Called in a child only. */
bool oauth_metadata_parse(const char *text, size_t n, const char *issuer,
	struct oauth_metadata *ret, struct error *err) __attribute__((warn_unused_result));
