/* What the files of profile_check share: check.c, check_transport.c (the way to the smarthost),
 * check_oauth.c. */
#pragma once

#include <stdbool.h>

#include "profile.h"

struct error;

enum { TLS_IMPLICIT, TLS_STARTTLS, TLS_NONE };        /* as in the table */
enum { DANE_OFF, DANE_OPPORTUNISTIC, DANE_REQUIRED }; /* as in the table */

/* The account, the setting that is to blame with its place, and why. Returns false. */
bool check_blame(const struct profile *p, enum option_id id, struct error *err, const char *why);
/* Two settings of which only one may be there. Returns false. */
bool check_both(const struct profile *p, enum option_id a, enum option_id b, struct error *err);
/* True iff all there is to connect to is this machine: a unix socket, or loopback without a proxy.
 */
bool check_is_local(const struct profile *p);

/* Access tokens: where they come from, and that nothing else is the password. */
bool check_oauth(const struct profile *p, struct error *err) __attribute__((warn_unused_result));
/* Host or socket, and what goes with it. */
bool
check_transport(const struct profile *p, struct error *err) __attribute__((warn_unused_result));
