/* From a host name to a connected socket: resolve, and race the addresses (RFC 8305). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

struct error;

#define DIAL_ADDRESSES 32  /* more addresses of one name are ignored */
#define DIAL_DELAY     250 /* milliseconds until the next address is tried beside the first */

/* One host with its addresses, each tried at most once. */
struct dial;

/* Splits "name", "name:port", "192.0.2.1:25", "[2001:db8::1]:465", "2001:db8::1"; an IDN name
 * becomes A-labels. HOST gets at least 256 octets. PORT_IF_NONE fills in. FAULT_CONFIG. */
bool dial_split(const char *text, uint16_t port_if_none, char host[256], uint16_t *ret_port,
	struct error *err) __attribute__((warn_unused_result));
/* True iff HOST is an IPv4 or IPv6 address, so that no SNI is sent and the name check is by IP. */
bool dial_is_address(const char *host);

/* Resolves HOST (A and AAAA, /etc/hosts, in the order of RFC 6724; then families interleaved, RFC
 * 8305 section 4). Holds DEADLINE although getaddrinfo knows none. NULL with stage resolve:
 * FAULT_NOHOST (does not exist, has no address), FAULT_TEMPORARY (name server fails, time is up).
 */
struct dial *dial_open(const char *host, uint16_t port, enum wire_ip ip, int64_t deadline,
	struct error *err) __attribute__((warn_unused_result));
/* The same for the unix socket at PATH, whose length is checked (FAULT_CONFIG). REACH (may be
 * NULL), called with CTX, connects to it in place of us: settings.h. */
struct dial *dial_open_unix(const char *path, int (*reach)(void *ctx), void *ctx, struct error *err)
	__attribute__((warn_unused_result));
void dial_free(struct dial *d);

/* Connects from SOURCE, an address of this machine in text form: addresses of the other family are
 * left out. False with stage connect: FAULT_CONFIG when SOURCE is no address, FAULT_TEMPORARY when
 * it is none of this machine (it may come back with its network), FAULT_NOHOST when no address of
 * the host is of its family. */
bool dial_from(struct dial *d, const char *source, struct error *err)
	__attribute__((warn_unused_result));

/* A connected socket: non-blocking, close-on-exec, TCP_NODELAY. */
struct dial_socket {
	int fd;
	char address[64]; /* "192.0.2.1" or "2001:db8::1"; "" for a unix socket */
	bool loopback;    /* a unix socket too */
};

/* Connects to the first address that answers among those not tried yet: one after another, the next
 * as soon as one fails or DIAL_DELAY has passed; the losers are closed. An address that is still
 * connecting when another wins counts as not tried. Each attempt has ATTEMPT_MS, all have DEADLINE.
 * Call it again for another address when the one it gave turned out to be of no use. False with
 * stage connect and FAULT_TEMPORARY when none is left (or time is up): the text names each address
 * and its reason, at most three. */
bool dial_connect(struct dial *d, int64_t attempt_ms, int64_t deadline, struct dial_socket *ret,
	struct error *err) __attribute__((warn_unused_result));
/* The I-th address in the order in which they are tried, NULL behind the last. */
const char *dial_address(const struct dial *d, size_t i);
/* True iff dial_connect has an address left. */
bool dial_has_more(const struct dial *d);
