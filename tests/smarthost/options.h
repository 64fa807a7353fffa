/* The command line of smarthost. */
#pragma once

#include <stdbool.h>

struct config;

/* Fills CONFIG; false (said why on standard error) for a mistake. Prints --help and exits. */
bool options_parse(struct config *c, int argc, char **argv);
/* Writes the first user's password to DIR/password of --ca-dir, where clients can take it from. */
bool options_write_password(const struct config *c);
void options_done(struct config *c);
