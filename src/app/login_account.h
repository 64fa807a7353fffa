/* Which account a command about access means. */
#pragma once

#include <stdbool.h>

#include "profile.h"

struct arguments;
struct error;

/* Loads the configuration that ARGS name. */
bool login_load(const struct arguments *args, struct profile_list *ret, struct error *err)
	__attribute__((warn_unused_result));
/* The account that the only operand names, else -a, else the one that is chosen without a word;
 * checked, and with the command line over it. RET needs profile_done in any case. */
bool login_account(const struct arguments *args, struct profile *ret, struct error *err)
	__attribute__((warn_unused_result));
