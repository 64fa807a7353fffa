/* The kernel's keyrings: secrets that are kept in memory for a user, under a name, until they
 * expire or the machine stops. Another session of the same user sees them, cron's too. Everything
 * here may fail silently: kernels and containers are without. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct strbuf;

#define KEYS_MAX 32767 /* octets of a key of type "user" */

/* Appends the key called NAME (type "user", in the user's keyring, then the persistent one, then
 * those of the session) to RET, which is made secret. A key that belongs neither to this user nor
 * to root is passed over. False when there is none, *RET_ERRNO (may be NULL) says why: ENOKEY,
 * EKEYEXPIRED, EKEYREVOKED, EACCES, E2BIG (more than fits in RET), ENOSYS, EPERM. */
bool
keys_read(const char *name, struct strbuf *ret, int *ret_errno) __attribute__((warn_unused_result));
/* Keeps VALUE (1 to KEYS_MAX octets) under NAME for SECONDS at most (0: until it is removed),
 * replacing what was there; only the user's own processes may read it. False when that is not
 * possible here, with errno set: nothing of the old or the new value is there then. */
bool keys_write(const char *name, const struct strbuf *value, unsigned seconds);
/* Removes the key; true iff there was one. */
bool keys_remove(const char *name);
