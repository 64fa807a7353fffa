/* Messages of the DNS (RFC 1035 section 4): the answers to one question, out of octets that nobody
 * vouches for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MESSAGE 65535 /* octets of the longest one */
#define DNS_NAME    256   /* octets of a name as text, its NUL included */
#define DNS_RECORDS 64    /* more of them are ignored */
#define DNS_ALIASES 16    /* CNAMEs that are followed one after another */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_MX = 15, DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52 };
enum dns_code { DNS_NOERROR = 0, DNS_NXDOMAIN = 3 }; /* of RCODE those that tell something */

/* RFC 2782. */
struct dns_srv {
	uint16_t priority, weight, port;
	char target[DNS_NAME]; /* "." says that there is no service */
};

/* RFC 1035 section 3.3.9. */
struct dns_mx {
	uint16_t preference;
	char exchange[DNS_NAME]; /* "." says that the domain takes no mail */
};

/* RFC 6698 section 2.1. DATA points into the message. */
struct dns_tlsa {
	uint8_t usage, selector, matching;
	const uint8_t *data;
	size_t n;
};

struct dns_answer {
	int code;            /* RCODE */
	bool authentic;      /* AD: the sender says that it has validated all of it */
	bool truncated;      /* TC */
	bool alias;          /* a CNAME was followed */
	char name[DNS_NAME]; /* where the records are: the name asked for, or the end of its aliases
			      */
	size_t n;
	union {
		struct dns_srv srv;
		struct dns_mx mx;
		struct dns_tlsa tlsa;
		char cname[DNS_NAME];
	} records[DNS_RECORDS]; /* of the type asked for; nothing is told of addresses but that they
				   are there */
};

/* Reads the N octets of MESSAGE, the answer to the question for NAME (lower case, no dot at the
 * end) and TYPE. Names come out in lower case; records whose names hold anything but letters,
 * digits, hyphens and underscores are left out, as are malformed ones of the type. False when the
 * message itself is malformed. */
bool dns_parse(const uint8_t *message, size_t n, const char *name, enum dns_type type,
	struct dns_answer *ret) __attribute__((warn_unused_result));
