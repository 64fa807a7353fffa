/* The accounts that stand in for one that cannot be used. */
#pragma once

#include <stdbool.h>

struct error;
struct profile;
struct submission;

#define FALLBACK_MAX 8 /* accounts in a row, the first one included */

/* Follows the chain of fallbacks of the submission's account: each must exist, be fit for use, and
 * not have been there before. FAULT_CONFIG. */
bool
fallback_check(const struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* Fills RET (which is initialised here and needs profile_done) with the account that stands in for
 * the one called NAME, and what the submission says about the message over it. False if there is
 * none. */
bool fallback_next(const struct submission *s, const struct profile *after, struct profile *ret);

/* True iff *WHY tells of the account and not of a message or a recipient: it was refused, or not
 * even reached, before MAIL. */
bool fallback_helps(const struct error *why);
