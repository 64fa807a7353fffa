/* `sendoff import [FILE]`: another program's configuration as one of ours. */
#pragma once

struct arguments;

/* Prints the configuration on standard output and what has no equal on standard error. Returns the
 * exit status: 0 if all of it was translated, 65 if something was left out, else as the error. */
int importing(const struct arguments *args);
