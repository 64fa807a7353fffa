/* Who and where we are: the caller's login and full name, the host's full name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct profile;

/* The login name of the real user id, "uid-N" where the passwd database knows none. Never taken
 * from the environment. */
const char *identity_user(void);
/* The full name of the real user from the passwd database, "&" expanded, or "". */
const char *identity_full_name(void);
/* The full name that the caller has in the environment variable NAME, as sendmail has it; "" with
 * differing real and effective ids, or if it holds controls or is no UTF-8. */
const char *identity_environment_name(void);
/* The host's full name: the host name if it has a dot, else the full name that /etc/hosts gives it,
 * else the bare host name. Asks no name server. */
const char *identity_host(void);
/* The domains that mean this machine: localhost, the host name, its first part and its full name.
 * Not the domain for unqualified addresses, whose mail others may deliver. */
const char *const *identity_local_domains(size_t *ret_n);
bool identity_is_local(const char *domain);
/* The domain for unqualified addresses: default-domain, else the host's full name. */
const char *identity_domain(const struct profile *p);
