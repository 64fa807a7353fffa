/* How a mail domain says by HTTPS where it takes submissions (draft-ietf-mailmaint-autoconfig): a
 * small XML document. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct strbuf;

#define AUTOCONFIG_SERVERS 8

struct autoconfig_server {
	char host[256]; /* A-labels, checked to be a name */
	uint16_t port;
	bool starttls;  /* else implicit TLS: servers without TLS are left out */
	bool oauth;     /* OAuth2 is among its ways to log in */
	bool password;  /* a password is */
	char user[320]; /* with the placeholders filled in: what to log in with */
};

struct autoconfig {
	struct autoconfig_server v[AUTOCONFIG_SERVERS]; /* as the document orders them */
	size_t n;
	char issuer[256], scope[512]; /* of oAuth2, "" if not named */
	char url[2048];               /* where the document came from in the end */
};

/* Parses a document for ADDRESS, by libexpat, which is loaded for it: in a child only. Servers
 * without TLS, without a name in A-labels or a port, and those behind the eighth are left out.
 * FAULT_PROTOCOL: no such document, nested too deep, it declares a document type; FAULT_CONFIG:
 * libexpat is not there. */
bool autoconfig_parse(const char *text, size_t n, const char *address, struct autoconfig *ret,
	struct error *err) __attribute__((warn_unused_result));

/* Asks DOMAIN of ADDRESS: https://autoconfig.DOMAIN/mail/config-v1.1.xml?emailaddress=ADDRESS, then
 * https://DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml; certificates are verified. TRUST as
 * for http_fetch. RET->n is 0 when there is no such document, which is no failure; nor is a host
 * that does not exist, or whose certificate does not fit. False when that is left open:
 * FAULT_TEMPORARY as http_fetch and for a server that is out of order; FAULT_CONFIG without a
 * library; FAULT_DATA for what is no domain. */
bool autoconfig_fetch(const char *address, const char *domain, const char *trust, int64_t deadline,
	struct autoconfig *ret, struct error *err) __attribute__((warn_unused_result));
