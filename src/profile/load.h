/* What profile_load is made of, for tests that have no place for system files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "trusted.h"

#include "profile.h"

struct error;

/* Reads N files of KIND, the one that counts most first, of which those that do not exist are
 * passed over if MAY_MISS holds; adds the account `environment` if ENVIRONMENT holds and there is
 * one; hides, inherits and fills in defaults as profile_load says. *RET is empty on failure. */
bool load_accounts(const char *const *paths, size_t n, enum trusted_kind kind, bool may_miss,
	bool environment, struct profile_list *ret, struct error *err)
	__attribute__((warn_unused_result));
