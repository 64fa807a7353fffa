/* Access tokens of accounts with `oauth`: from the kernel's keyring, from the store, by a refresh.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct oauth_grant;
struct profile;
struct strbuf;
struct token_record;
struct token_settings;

/* Gets an access token for P that is good for two minutes at least, into RET (secret). FORCED: a
 * new one whatever is kept, because the server has refused the one from the last call. Refreshes
 * under a lock; a refresh token that the server has replaced is stored durably before anything else
 * is done. Not thread-safe. FAULT_PERMISSION: never logged in, or the grant is gone
 * (invalid_grant): says `sendoff login ACCOUNT`. FAULT_TEMPORARY: the authorization server cannot
 * be reached, the keyring is locked. FAULT_CONFIG: the settings do not suffice. All have
 * STAGE_NONE: the smarthost has not been asked. */
bool token_get(const struct profile *p, bool forced, int64_t deadline, struct strbuf *ret,
	struct error *err) __attribute__((warn_unused_result));
/* True iff the last token_get had the token made: asking for another would not help. */
bool token_was_renewed(void);
/* True iff the account takes its tokens from here. */
bool token_is_used(const struct profile *p);

/* The mechanism that the provider's smarthost takes, NULL: whichever it offers. */
const char *token_mechanism(const struct profile *p);

/* For `sendoff login`: keeps what a person has granted, in place of what there was; WHERE gets
 * words for people. *RECORD is what is kept then. */
bool token_keep(const struct token_settings *t, const struct oauth_grant *g, int64_t deadline,
	struct token_record *record, struct strbuf *where, struct error *err)
	__attribute__((warn_unused_result));
/* For `sendoff logout`: takes everything away here. */
bool token_drop(const struct token_settings *t, int64_t deadline, unsigned *ret_count,
	struct error *err) __attribute__((warn_unused_result));
/* What is kept, for `login --status`; *RET_WHERE is a word or two, "" where nothing is. False: it
 * cannot be read. */
bool token_look(const struct token_settings *t, int64_t deadline, struct token_record *ret,
	const char **ret_where, struct error *err) __attribute__((warn_unused_result));
/* When the refresh token will die unless it is used (*RET_BY_USE) or whatever is done, as far as
 * that is known; 0: not known. */
int64_t token_end(const struct token_settings *t, const struct token_record *r, bool *ret_by_use);
#define TOKEN_WARNING (14 * 86400LL) /* seconds before the end when a person is told */
/* Appends the path of a file that changes when a person logs in to P; nothing where no token is
 * used. PREPARED: its directory is made where it is missing. */
void token_add_mark(struct strbuf *out, const struct profile *p, bool prepared);
