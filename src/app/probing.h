/* Probes of servers, and the way to them, as probe.h has them. With DOWN, for root, each is done by
 * a process that is no longer root (box.h): keys and certificates it opens before, for passwords it
 * asks this one. Where it is lost, or does not keep to the rules, that is a temporary failure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mx.h"
#include "probe.h"
#include "srv.h"

/* As probe_run. Tokens and tickets (box_is_possible) leave it in this process. */
void probing_run(bool down, const struct wire_settings *settings, const struct probe_plan *plan,
	struct probe *ret);
/* As probe_places: another process only where SRV records are to be asked. */
size_t probing_places(bool down, const struct wire_settings *settings,
	struct target ret[PROBE_PLACES], struct error *err);
/* As probe_resolve. */
bool probing_resolve(bool down, const char *host, enum wire_ip ip, int64_t deadline,
	char ret[PROBE_ADDRESSES][64], size_t *ret_n, struct error *err)
	__attribute__((warn_unused_result));
/* Asks the name servers for HOST: *RET tells whether DNSSEC vouches for the answer, whoever says
 * so. False as lookup_new. */
bool probing_vouched(bool down, const char *host, int64_t deadline, bool *ret, struct error *err)
	__attribute__((warn_unused_result));
/* As srv_lookup and mx_lookup. */
bool probing_srv(bool down, const char *service, const char *domain, int64_t deadline,
	struct srv *ret, struct error *err) __attribute__((warn_unused_result));
bool probing_mx(bool down, const char *domain, int64_t deadline, struct mx *ret, struct error *err)
	__attribute__((warn_unused_result));
