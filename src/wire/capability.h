/* What a server offers in its reply to EHLO. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply;

#define CAPABILITY_AUTH 1024 /* octets of mechanism names that are kept */

struct capability {
	bool pipelining, chunking, eightbit, smtputf8, dsn, enhanced, starttls;
	bool pipeconnect;    /* commands may come before the greeting (draft-harris-early-pipe) */
	bool size;           /* SIZE is offered: MAIL may carry it */
	uint64_t size_max;   /* 0: no limit known (RFC 1870 section 4) */
	uint64_t rcpt_max;   /* RFC 9422 RCPTMAX, 0: not named */
	uint64_t mail_max;   /* MAILMAX */
	uint64_t domain_max; /* RCPTDOMAINMAX: domains of recipients on one connection */
	bool require_tls;    /* REQUIRETLS, RFC 8689 */
	bool priority;       /* MT-PRIORITY, RFC 6710 */
	bool deliver_by;     /* DELIVERBY, RFC 2852 */
	uint64_t deliver_by_min;          /* seconds, for a return; 0: none named */
	bool future_release;              /* FUTURERELEASE, RFC 4865 */
	uint64_t hold_max;                /* seconds; 0: not known */
	int64_t hold_until_max;           /* seconds since 1970; 0: not known */
	bool auth;                        /* AUTH is offered */
	char mechanisms[CAPABILITY_AUTH]; /* upper case, each between blanks: " PLAIN LOGIN " */
};

/* Parses a 2yz reply to EHLO: the first line is the server's greeting. Keywords in any case;
 * unknown or malformed ones are passed over (a malformed limit too, RFC 9422 section 3); "AUTH=" of
 * old servers counts as AUTH. */
void capability_parse(const struct reply *reply, struct capability *ret);
/* True iff the server offers MECHANISM (upper case). */
bool capability_has_mechanism(const struct capability *c, const char *mechanism);
