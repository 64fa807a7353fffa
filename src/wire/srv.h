/* Where a mail domain has its submission servers: SRV records (RFC 2782) of the services that RFC
 * 6186 and RFC 8314 section 5.1 name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns.h"
#include "lookup.h"

struct error;

struct srv {
	struct dns_srv v[DNS_RECORDS]; /* in the order in which they are to be tried */
	size_t n;
	bool refused;               /* the record says that there is no such service */
	bool vouched;               /* DNSSEC vouches for the records */
	char server[LOOKUP_SERVER]; /* who says so */
};

/* Looks SERVICE ("_submissions") of DOMAIN up. No record is no failure: n is 0 then. False as
 * lookup_new. */
bool srv_lookup(const char *service, const char *domain, int64_t deadline, struct srv *ret,
	struct error *err) __attribute__((warn_unused_result));

/* Puts records in order: the lower priority first; within one priority each place is drawn by
 * weight (RFC 2782, "Weight"). DRAW gives a number from 0 to MOST, both included. */
void srv_order(struct dns_srv *v, size_t n, uint32_t (*draw)(void *ctx, uint32_t most), void *ctx);
