/* What sendmail's options mean: the drop-in interface beside sending a message. */
#pragma once

#include <stdbool.h>

#include "args.h"

struct error;

/* True iff NAME (the last component of argv[0]) is one that sendmail goes by; *RET_MODE is what it
 * does under that name. */
bool sendmail_is_name(const char *name, enum mode *ret_mode);
/* -bX, and -q as "q". FAULT_USAGE for a mode that does not exist here. */
bool sendmail_mode(struct arguments *a, const char *letter, struct error *err)
	__attribute__((warn_unused_result));
/* -oX, -O NAME=VALUE and -eX: what they change; most change nothing. */
bool sendmail_option(struct arguments *a, enum option_id id, const char *value, struct error *err)
	__attribute__((warn_unused_result));

/* Does what a mode other than MODE_SUBMIT asks for; returns the exit status. */
int sendmail_run(const struct arguments *a);
