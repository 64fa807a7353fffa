/* Who and where we are: the caller's login and full name, the host's full name. */
#pragma once

struct profile;

/* The login name of the real user id, "uid-N" where the passwd database knows none. Never taken
 * from the environment. */
const char *identity_user(void);
/* The full name of the real user from the passwd database, "&" expanded, or "". */
const char *identity_full_name(void);
/* The host's full name: the host name if it has a dot, else the full name that /etc/hosts gives it,
 * else the bare host name. Asks no name server. */
const char *identity_host(void);
/* The domain for unqualified addresses: default-domain, else the host's full name. */
const char *identity_domain(const struct profile *p);
