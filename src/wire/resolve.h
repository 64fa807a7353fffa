/* getaddrinfo(3) with a deadline. */
#pragma once

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

/* Resolves HOST for stream sockets of FAMILY (AF_UNSPEC, AF_INET, AF_INET6) in the order of RFC
 * 6724. Returns 0 and sets *RET (free it with freeaddrinfo), an EAI_ value (EAI_SYSTEM with errno
 * set), or RESOLVE_LATE when DEADLINE came first; the query is then left to itself. */
#define RESOLVE_LATE 1
int resolve(const char *host, uint16_t port, int family, int64_t deadline, struct addrinfo **ret);
