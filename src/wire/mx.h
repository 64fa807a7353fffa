/* Who takes mail for a domain: MX records (RFC 5321 section 5.1). They say nothing of submission,
 * but show whose customer a domain is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns.h"

struct error;

struct mx {
	struct dns_mx v[DNS_RECORDS]; /* the most preferred first */
	size_t n;
	bool refused; /* the domain takes no mail (RFC 7505) */
	bool vouched; /* DNSSEC vouches for the records */
};

/* Looks DOMAIN up (A-labels). No record is no failure: n is 0 then. False as lookup_new. */
bool mx_lookup(const char *domain, int64_t deadline, struct mx *ret, struct error *err)
	__attribute__((warn_unused_result));
