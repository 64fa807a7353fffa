/* TLSA records (RFC 6698, 7671) of a server, as far as they serve for submission: RFC 7672 for a
 * host that is configured, RFC 7673 for one that SRV records name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns.h"
#include "lookup.h"

struct error;

#define DANE_RECORDS 16 /* usable ones; more are ignored */
#define DANE_DIGEST  64 /* octets of the longest hash */

enum dane_usage { DANE_TA = 2, DANE_EE = 3 };
enum dane_selector { DANE_CERTIFICATE, DANE_KEY };
enum dane_matching { DANE_WHOLE, DANE_SHA256, DANE_SHA512 };

/* What the whole of a record's data is compared with is long: it is kept, and compared, as its
 * SHA-512. */
struct dane_record {
	enum dane_usage usage;
	enum dane_selector selector;
	enum dane_matching matching;
	uint8_t digest[DANE_DIGEST];
	size_t n; /* octets of it */
};

struct dane {
	struct dane_record v[DANE_RECORDS];
	size_t n;            /* 0: the usual checks hold */
	char base[DNS_NAME]; /* the name below which the records are: the host or its alias */
	char server[LOOKUP_SERVER]; /* who vouched for them */
};

/* Looks for the records of HOST and PORT. Records that DNSSEC does not vouch for are none, and so
 * are those of a host whose own name it does not vouch for (RFC 7672 section 2.2.2). False as
 * lookup_new: then nothing may be sent, for the failure may be an attack. */
bool dane_lookup(const char *host, uint16_t port, int64_t deadline, struct dane *ret,
	struct error *err) __attribute__((warn_unused_result));

/* Takes a record if it can be used here: usages 2 and 3 (RFC 7672 section 3.1.3), known selectors
 * and matching types, a hash of the right length. */
void dane_add(struct dane *d, const struct dns_tlsa *record);
