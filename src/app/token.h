/* Access tokens of accounts with `oauth`: from the kernel's keyring, from the store, by a refresh. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct profile;
struct strbuf;

/* Gets an access token for P that is good for two minutes at least, into RET (secret). FORCED: a new
 * one whatever is kept, because the server has refused the one from the last call. Refreshes under a
 * lock; a refresh token that the server has replaced is stored durably before anything else is done. Not
 * thread-safe. FAULT_PERMISSION: never logged in, or the grant is gone (invalid_grant): says `sendoff
 * login ACCOUNT`. FAULT_TEMPORARY: the authorization server cannot be reached, the keyring is locked.
 * FAULT_CONFIG: the settings do not suffice. */
bool token_get(const struct profile *p, bool forced, int64_t deadline, struct strbuf *ret,
	struct error *err) __attribute__((warn_unused_result));
/* True iff the account takes its tokens from here. */
bool token_is_used(const struct profile *p);
