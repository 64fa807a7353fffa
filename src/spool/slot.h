/* How many connections at a time, and how many messages in a time, one account may have: locks and
 * counters in the spool that all processes share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct spool;

/* One of an account's connections: a locked descriptor; the lock dies with the process (and is
 * inherited by fork: a child that does not use it closes it). */
struct slot {
	int fd; /* -1 for none */
};
#define SLOT_NONE                                                                                  \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Takes one of CONNECTIONS (at least 1) slots of ACCOUNT, waiting until DEADLINE (clock_ms; 0:
 * fails at once). *RET stays SLOT_NONE when none came free: that is no error. False with
 * FAULT_TEMPORARY when the spool does not let us: the caller may go on without. */
bool slot_take(struct spool *s, const char *account, unsigned connections, int64_t deadline,
	struct slot *ret, struct error *err) __attribute__((warn_unused_result));
/* Accepts SLOT_NONE. */
void slot_done(struct slot *slot);

/* Takes leave to send one message: never more than NUMBER in any stretch of SECONDS (exact to a
 * sixtieth of it, on the safe side), over all processes and restarts. *RET_WHEN is 0 when the leave
 * was given, else the time (seconds since 1970) to ask again. A damaged file, or one from the
 * future, counts as empty. False when the spool does not let us. */
bool rate_take(struct spool *s, const char *account, unsigned number, int64_t seconds, int64_t now,
	int64_t *ret_when, struct error *err) __attribute__((warn_unused_result));
