#include "schedule.h"

#include <sys/random.h>

uint32_t
schedule_random(const struct schedule_draw *draw, uint32_t below)
{
	uint64_t r = 0;

	if (draw && draw->get)
		return draw->get(draw->ctx, below);
	/* a pause without jitter is better than no pause */
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = below / 2;
	return (uint32_t)(r % below);
}

/* The pause without its jitter. */
static int64_t
pause_after(unsigned attempts)
{
	int64_t pause = SCHEDULE_FIRST;

	while (attempts-- > 1 && pause < SCHEDULE_LONGEST)
		pause *= 2;
	return pause < SCHEDULE_LONGEST ? pause : SCHEDULE_LONGEST;
}

int64_t
schedule_pause(unsigned attempts, const struct schedule_draw *draw)
{
	int64_t pause = pause_after(attempts);

	return pause - pause / 4 + schedule_random(draw, (uint32_t)(pause / 2 + 1));
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A + B where the sum may be too large. */
static int64_t
sum(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return r;
}

int64_t
schedule_due(int64_t mtime, int64_t not_before, int64_t now)
{
	int64_t earliest = later(now, not_before);

	if (mtime > sum(earliest, SCHEDULE_HORIZON))
		return earliest;
	return later(mtime, not_before);
}

/* Attempts that pauses without jitter allow within LIFETIME. */
static unsigned
attempts_within(int64_t lifetime)
{
	int64_t at = 0;
	unsigned n = 1;

	while (n < SCHEDULE_ATTEMPTS && (at += pause_after(n)) < lifetime)
		n++;
	return n;
}

bool
schedule_is_expired(const struct schedule_facts *f, int64_t now)
{
	int64_t end = sum(sum(f->not_before, f->lifetime), f->held);

	return now >= end && f->attempts >= attempts_within(f->lifetime);
}

bool
schedule_wants_warning(const struct schedule_facts *f, int64_t warning, int64_t now)
{
	return warning > 0 && !f->warned && f->attempts &&
	       now >= sum(sum(f->not_before, warning), f->held);
}

enum schedule_verdict
schedule_after_doubt(enum schedule_doubt mode, unsigned doubts)
{
	if (mode == SCHEDULE_DOUBT_DROP)
		return SCHEDULE_DROP;
	return mode == SCHEDULE_DOUBT_RETRY && doubts < 2 ? SCHEDULE_AGAIN : SCHEDULE_KEEP;
}
