/* The aliases file: for recipients, for newaliases, and for -bv. */
#pragma once

#include <stdbool.h>

struct address_list;
struct arguments;
struct envelope;
struct error;
struct submission;

/* Replaces the recipients in L by what the aliases of the chosen account make of them, unless -n
 * was given. What cannot be delivered to is added to *REFUSED, as a recipient named after the
 * alias. A mistake in the file is noted. FAULT_CONFIG for a file that cannot be read or that others
 * could have written, FAULT_UNAVAILABLE where the aliases lead to nobody and nothing was refused.
 */
bool aliases_expand(struct submission *s, struct address_list *l, struct envelope *refused,
	struct error *err) __attribute__((warn_unused_result));

/* newaliases, -bi, -I: reads the file, prints each mistake on standard error, and with -v how many
 * aliases there are on standard output. Returns the exit status. */
int aliases_check(const struct arguments *args);
/* -bv: prints how each operand resolves and where it would go; sends nothing. Returns the exit
 * status: EX_NOUSER when some address leads to nobody. */
int aliases_verify(const struct arguments *args);
