/* Through a SOCKS5 proxy (RFC 1928), with a login by name and password (RFC 1929) where it has one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"

struct error;

#define SOCKS_PORT 1080

/* Asks the proxy at the other end of the non-blocking socket FD to connect to HOST, a name (which
 * is the proxy's to resolve) or an address, and PORT. Takes not an octet of what the server then
 * says. *RET_TURNS is how often the proxy was waited for. False with stage connect: FAULT_TEMPORARY
 * (the proxy could not reach it, says why in words; gone; DEADLINE passed), FAULT_UNAVAILABLE (its
 * rules forbid it), FAULT_PERMISSION (login), FAULT_PROTOCOL (it does not speak SOCKS5). */
bool socks_connect(int fd, const struct wire_proxy *proxy, const char *host, uint16_t port,
	int64_t deadline, unsigned *ret_turns, struct error *err)
	__attribute__((warn_unused_result));
