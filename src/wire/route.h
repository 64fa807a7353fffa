/* From the settings to the places to connect to, one after another. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dane.h"
#include "settings.h"
#include "srv.h"

struct error;

/* One place. */
struct target {
	char host[256]; /* a name or an address; "unix:/path" for a socket */
	uint16_t port;  /* 0 for a socket */
	enum wire_tls tls;
	const char *socket;  /* its path; NULL for a host */
	const char *address; /* where it is, whatever its name leads to; NULL: there */
	/* By SRV records: */
	char domain[256];    /* the mail domain they belong to; "" for a host of the settings */
	const char *service; /* "_submissions" */
	bool vouched;        /* DNSSEC vouches for them */
	struct dane dane;    /* route_identify */
};

/* The way through the settings' places. Zero it, then set SETTINGS. */
struct route {
	const struct wire_settings *settings;
	size_t next; /* host of the settings */
	/* with srv: */
	char domain[256]; /* whose records these are; "" before the next one */
	unsigned service; /* ... of this service; counts up to the next domain */
	struct srv srv;
	size_t at;
	bool any, refused; /* the domain had a record; one that says there is no service */
};

/* Sets *RET to the next place. False when there is none: with *ERR set because one of the settings
 * leads nowhere (ask again for those behind it), without because all have been named. With srv a
 * domain leads nowhere without records (FAULT_NOHOST), when it says that there is no service
 * (FAULT_UNAVAILABLE), and when it cannot be looked up (FAULT_TEMPORARY). */
bool route_next(struct route *r, struct target *ret, struct error *err)
	__attribute__((warn_unused_result));

/* Looks for what DNSSEC vouches for about the certificate of a place, as the settings want it.
 * False: the name servers fail (FAULT_TEMPORARY), or there is nothing where it is required
 * (FAULT_UNAVAILABLE). */
bool route_identify(const struct wire_settings *settings, struct target *t, struct error *err)
	__attribute__((warn_unused_result));

/* The name that the certificate of a place must be for: its own, unless that came out of records
 * that anybody could have forged and is outside of the domain (RFC 7817 section 3). */
const char *route_name(const struct target *t);

/* The service called NAME, as a target has it; NULL: none of ours. */
const char *route_service(const char *name);
