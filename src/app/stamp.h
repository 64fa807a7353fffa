/* A number that changes when the configuration, a file that an account names, or one in which its
 * password or tokens are stored may have changed. */
#pragma once

#include <stdint.h>

struct profile;
struct profile_sources;
struct submission;

/* ACCOUNT may be NULL: of the configuration files alone. Looks at names, sizes, inodes and times,
 * not into files. */
uint64_t stamp_of(const struct profile_sources *where, const struct profile *account);
/* The same for the account of a submission. */
uint64_t submission_stamp(const struct submission *s);
