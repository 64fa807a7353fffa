/* The exit status that holds if the process must end at once: no memory, a signal, a crash. */
#pragma once

#include <stdbool.h>

#include "session.h"

/* Registers the allocator's handler and those for a crash, and ignores SIGPIPE and SIGXFSZ:
 * such a write fails. */
void status_init(void);
/* Memory or a signal must not end the process with EX_TEMPFAIL once somebody was accepted, or the
 * caller would send to those served again: signals end it with the status of partial success from
 * then on, of success once everybody was. A wire_progress callback. */
void status_progress(void *unused, enum wire_mark mark);
/* The same without touching signals, where they are taken care of. */
void status_mark(enum wire_mark mark);
/* Sends out what was printed on standard output; false if any of it, now or before, could not be
 * written. */
bool status_printed(void) __attribute__((warn_unused_result));
/* The final status: a signal from now on ends the process with it. */
void status_set(int status);
