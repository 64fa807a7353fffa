/* What SCRAM makes of a password, kept by the kernel for a day (secret-cache = all): with it one
 * logs in from cron while the keyring that has the password is locked, and saves the work of
 * PBKDF2. It is worth as much as the password to the server that it was made for, and nothing to
 * others. */
#pragma once

#include <stdbool.h>

struct profile;
struct smarthost;

/* Lets wire/ keep and get it where the account allows it. */
void salted_fill(struct smarthost *h, const struct profile *account);
/* True iff there is something for the account: its password will likely not be needed. */
bool salted_is_there(const struct smarthost *h);
/* Removes what is kept for USER at HOST; true iff there was something. */
bool salted_forget(const char *host, const char *user);
