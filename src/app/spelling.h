/* Options as users of msmtp know them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arguments;
struct error;

/* What became of an option. */
enum spelling { SPELLING_UNKNOWN, SPELLING_TAKEN, SPELLING_REFUSED };

/* Takes "--NAME=VALUE" or "--NAME", NAME being N octets and *AT its index in argv, which is moved
 * if the value is the next argument. One that has no equal is refused with FAULT_USAGE that names
 * what is there instead. */
enum spelling spelling_long(struct arguments *a, int argc, char **argv, int *at, struct error *err);
/* The same for a letter: -P and -S. */
enum spelling spelling_letter(struct arguments *a, char letter, struct error *err);
