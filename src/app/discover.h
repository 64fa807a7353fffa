/* Finds out where a mail domain takes submissions: by what is known of providers, then by asking
 * the network, one source after another. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct provider;

/* In the order in which they are asked. */
enum discover_source {
	DISCOVER_TABLE,      /* provider.h */
	DISCOVER_SRV,        /* RFC 6186, 8314 */
	DISCOVER_AUTOCONFIG, /* draft-ietf-mailmaint-autoconfig */
	DISCOVER_MX,         /* whose customer the domain is */
	DISCOVER_COUNT
};

struct discovery {
	enum discover_source source;
	bool found;
	const struct provider *provider; /* of the table, NULL: unknown */
	char host[256];                  /* a name with a dot, of letters, digits, '-', '_' */
	uint16_t port;
	bool starttls;
	char user[320];   /* what to log in with, "" if the source does not say; printable */
	char issuer[256]; /* of OAuth2, "" if the source does not name it; printable */
	bool password;    /* a password will do, as far as the source says */
	bool vouched;     /* by DNSSEC, or by this program */
	bool outside;     /* the host is not in the domain */
	char text[600];   /* what the source says, for a person; printable */
};

/* "own table", "SRV records", ... */
const char *discover_name(enum discover_source source);
/* Asks SOURCE for ADDRESS (its domain as A-labels is DOMAIN), until DEADLINE. TRUST is as
 * http_fetch has it, DOWN as probing_srv. Always fills *RET: a source that fails is one that has
 * found nothing, and TEXT says why. */
void discover(enum discover_source source, bool down, const char *address, const char *domain,
	const char *trust, int64_t deadline, struct discovery *ret);
/* True iff HOST is DOMAIN or below it. */
bool discover_is_within(const char *host, const char *domain);
