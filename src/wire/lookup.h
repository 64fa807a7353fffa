/* Questions to the name servers of resolv.conf that getaddrinfo(3) does not ask. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns.h"

struct error;

#define LOOKUP_SERVER 64

struct lookup {
	struct dns_answer answer; /* points into OCTETS */
	bool vouched; /* DNSSEC vouches for all of the answer, and we may believe who says so:
			 a name server on this machine, or one that the administrator trusts
			 (trust-ad in resolv.conf) */
	char server[LOOKUP_SERVER]; /* the (first) name server's address */
	uint8_t octets[DNS_MESSAGE];
};

/* True iff the name servers' word on DNSSEC may be believed. SERVER (may be NULL) gets
 * LOOKUP_SERVER octets. */
bool lookup_can_vouch(char *server);

/* Asks for the records of TYPE at NAME (A-labels), holding DEADLINE although the resolver knows
 * none. The answer's code is DNS_NOERROR (perhaps without records) or DNS_NXDOMAIN. NULL with stage
 * resolve and FAULT_TEMPORARY: the name servers fail (as they do when what they got is bogus), or
 * time is up. Free it. */
struct lookup *lookup_new(const char *name, enum dns_type type, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
void lookup_free(struct lookup *l);
