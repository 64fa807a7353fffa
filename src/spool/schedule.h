/* When a message is tried again, given up, or its sender told: pure functions of numbers. All times
 * are seconds since 1970 by the wall clock, which may jump. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_FIRST    300   /* pause after the first refusal for now, doubled each time ... */
#define SCHEDULE_LONGEST  14400 /* ... up to this, each longer or shorter by up to a quarter */
#define SCHEDULE_HORIZON  (SCHEDULE_LONGEST + SCHEDULE_LONGEST / 4) /* no pause is longer */
#define SCHEDULE_ATTEMPTS 10  /* a message is not given up before */
#define SCHEDULE_LATE     600 /* pause before the only retry of a message in doubt */

/* Where random numbers come from: at least 0, less than BELOW (which is above 0). */
struct schedule_draw {
	uint32_t (*get)(void *ctx, uint32_t below); /* NULL: the kernel */
	void *ctx;
};
uint32_t schedule_random(const struct schedule_draw *draw, uint32_t below);

/* Seconds to wait after ATTEMPTS (at least 1) attempts that were refused for now. */
int64_t schedule_pause(unsigned attempts, const struct schedule_draw *draw);

/* When an entry whose file says MTIME is due. An mtime that no pause could have made (the clock has
 * jumped back since, or the spool was copied) counts as max(NOW, NOT_BEFORE); none is before
 * NOT_BEFORE. */
int64_t schedule_due(int64_t mtime, int64_t not_before, int64_t now);

/* What is known about a message when it was refused for now. */
struct schedule_facts {
	int64_t not_before, lifetime;
	int64_t held;      /* seconds that do not count, as somebody held it */
	unsigned attempts; /* that reached an answer about this message */
	bool warned;
};
/* True iff it is given up: its lifetime has passed, and it was tried SCHEDULE_ATTEMPTS times, or as
 * often as the pauses allow within a shorter lifetime (a clock that jumps must not cost mail). */
bool schedule_is_expired(const struct schedule_facts *f, int64_t now);
/* True iff the sender is to be told of a delay: once, WARNING seconds (0: never) after not_before,
 * time held not counted, and tried at least once. */
bool schedule_wants_warning(const struct schedule_facts *f, int64_t warning, int64_t now);

/* The answer to the end of data was lost: key "uncertain". */
enum schedule_doubt { SCHEDULE_DOUBT_RETRY, SCHEDULE_DOUBT_HOLD, SCHEDULE_DOUBT_DROP };
enum schedule_verdict {
	SCHEDULE_AGAIN, /* once more, SCHEDULE_LATE seconds from now */
	SCHEDULE_KEEP,  /* kept as uncertain until somebody releases or removes it */
	SCHEDULE_DROP   /* taken as sent */
};
/* DOUBTS: how often the answer was lost, this time included. */
enum schedule_verdict schedule_after_doubt(enum schedule_doubt mode, unsigned doubts);
