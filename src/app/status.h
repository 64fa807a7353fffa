/* The exit status that holds if the process must end at once: no memory, a signal. */
#pragma once

/* Registers the allocator's handler and ignores SIGPIPE. */
void status_init(void);
/* From the first accepted recipient on: memory or a signal must not end the process with
 * EX_TEMPFAIL, or the caller would send to those served again. Signals end it with the status of
 * partial success from now on. */
void status_accepted(void *unused);
/* The final status: a signal from now on ends the process with it. */
void status_set(int status);
