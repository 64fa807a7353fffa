/* Signals while a submission has a queue behind it: they end the attempt, not the process. */
#pragma once

/* From now on TERM, HUP and INT end all waits (clock_stop) instead of the process. One that is
 * ignored stays so. */
void signals_catch(void);
/* The first that came, 0 for none. */
int signals_caught(void);
/* Ends the process by signal NUMBER, as if it had not been caught. */
void signals_die(int number) __attribute__((noreturn));
