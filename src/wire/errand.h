/* Work for a thread that nobody can call off, such as a question to the name service, with a
 * deadline for whoever waits. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Begins a structure of the heap that holds the errand's own data. */
struct errand {
	/* Runs in the thread: must not use alloc.h, whose handler is made for the main thread. */
	void (*run)(struct errand *e);
	/* Frees the whole structure; runs where the last one lets go of it. */
	void (*drop)(struct errand *e);
	/* errand.c's own */
	atomic_int holders;
	atomic_bool finished;
	int done;
};

/* Runs E in a thread of its own and waits for it until DEADLINE. 0: it has run; what it left in its
 * structure is the caller's to take; ETIMEDOUT: it is left to itself; else the errno of a thread
 * that could not be started. errand_release must follow in each case. */
int errand_run(struct errand *e, int64_t deadline);
void errand_release(struct errand *e);
