/* `sendoff setup`: from an address to a working account. */
#pragma once

struct arguments;

/* Finds the smarthost out, tries it and the login, stores the password and writes the account.
 * Returns the exit status. */
int setup_command(const struct arguments *args);
