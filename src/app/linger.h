/* The connection of a submission stays in a background process for the next ones (linger). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "memo.h"
#include "session.h"

struct profile;
struct submission;

/* What a submission knows of it. */
struct lingering {
	uint64_t seconds;          /* how long its connection is to stay; 0: not at all */
	struct memo_key name, key; /* linger_key.h */
};

/* Hands the recipients that are pending over to a process that has kept a connection of ACCOUNT,
 * where there is one: whoever is still pending afterwards has got nothing. Silent on any fault. The
 * submission's smarthost is prepared. */
void linger_ask(struct submission *s, const struct profile *account, wire_progress *progress,
	void *progress_ctx);
/* True iff the connection that is open is to stay, after an end with STATUS. */
bool linger_may(struct submission *s, int status);
/* Hands the connection over to a process of its own, which is not waited for, if there is a place
 * for one. */
void linger_stay(struct submission *s);
