/* When a message is tried again, and when no more. */
#include "schedule.h"

#include "tap.h"

#define T0  1700000000
#define DAY 86400

/* The lowest, the highest, or the middle. */
static uint32_t
lowest(void *ctx, uint32_t below)
{
	(void)ctx;
	(void)below;
	return 0;
}

static uint32_t
highest(void *ctx, uint32_t below)
{
	(void)ctx;
	return below - 1;
}

static const struct schedule_draw low = { lowest, NULL }, high = { highest, NULL };

static const struct {
	unsigned attempts;
	int64_t least, most;
} pauses[] = {
	{ 1, 225, 375 },
	{ 2, 450, 750 },
	{ 3, 900, 1500 },
	{ 6, 7200, 12000 },
	{ 7, 10800, 18000 },
	{ 8, 10800, 18000 },
	{ 1000, 10800, 18000 },
	{ 0, 225, 375 },
};

static const struct {
	int64_t mtime, not_before, now, due;
	const char *name;
} dues[] = {
	{ T0, 0, T0 + 5, T0, "in the past" },
	{ T0 + 300, 0, T0, T0 + 300, "in the future" },
	{ T0 + SCHEDULE_HORIZON, 0, T0, T0 + SCHEDULE_HORIZON, "the longest pause" },
	{ T0 + SCHEDULE_HORIZON + 1, 0, T0, T0, "no pause is so long" },
	{ T0, T0 + 30 * DAY, T0, T0 + 30 * DAY, "not before" },
	{ T0 + 30 * DAY, T0 + 30 * DAY, T0, T0 + 30 * DAY, "kept for a month" },
	{ T0 + 31 * DAY, T0 + 30 * DAY, T0, T0 + 30 * DAY, "later than that" },
	{ INT64_MAX, INT64_MAX, T0, INT64_MAX, "for ever" },
	{ INT64_MIN, INT64_MIN, T0, INT64_MIN, "before all time" },
	{ INT64_MAX, 0, T0, T0, "at the end of time" },
};

static const struct {
	int64_t lifetime, held;
	unsigned attempts;
	int64_t age;
	bool expired;
	const char *name;
} lives[] = {
	{ 5 * DAY, 0, 10, 5 * DAY, true, "old, and tried" },
	{ 5 * DAY, 0, 10, 5 * DAY - 1, false, "not old enough" },
	{ 5 * DAY, 0, 9, 5 * DAY, false, "not tried often enough" },
	{ 5 * DAY, 0, 9, 3650 * DAY, false, "a clock that has jumped" },
	{ 5 * DAY, DAY, 10, 5 * DAY, false, "time held does not count" },
	{ 5 * DAY, DAY, 10, 6 * DAY, true, "then it does" },
	{ 3600, 0, 3, 3600, false, "a short life has few attempts" },
	{ 3600, 0, 4, 3600, true, "all that its pauses allow" },
	{ 60, 0, 1, 60, true, "a minute has one" },
	{ 60, 0, 0, 6000, false, "but that it has" },
	{ INT64_MAX, INT64_MAX, 100, DAY, false, "for ever" },
};

static const struct {
	enum schedule_doubt mode;
	unsigned doubts;
	enum schedule_verdict verdict;
} doubts[] = {
	{ SCHEDULE_DOUBT_RETRY, 1, SCHEDULE_AGAIN },
	{ SCHEDULE_DOUBT_RETRY, 2, SCHEDULE_KEEP },
	{ SCHEDULE_DOUBT_RETRY, 100, SCHEDULE_KEEP },
	{ SCHEDULE_DOUBT_HOLD, 1, SCHEDULE_KEEP },
	{ SCHEDULE_DOUBT_DROP, 1, SCHEDULE_DROP },
	{ SCHEDULE_DOUBT_DROP, 2, SCHEDULE_DROP },
};

#define COUNT(table) (sizeof(table) / sizeof(*table))

int
main(void)
{
	struct schedule_facts f = { .not_before = T0, .lifetime = 5 * DAY, .attempts = 1 };
	bool spread = false, within = true;
	int64_t first, pause;

	for (size_t i = 0; i < COUNT(pauses); i++)
		ok(schedule_pause(pauses[i].attempts, &low) == pauses[i].least &&
				schedule_pause(pauses[i].attempts, &high) == pauses[i].most,
			"after %u attempts %lld to %lld s", pauses[i].attempts,
			(long long)pauses[i].least, (long long)pauses[i].most);
	first = schedule_pause(3, NULL);
	for (int i = 0; i < 200; i++) {
		pause = schedule_pause(3, NULL);
		within = within && pause >= 900 && pause <= 1500;
		spread = spread || pause != first;
	}
	ok(within && spread, "the kernel's numbers spread them");
	for (size_t i = 0; i < COUNT(dues); i++)
		ok(schedule_due(dues[i].mtime, dues[i].not_before, dues[i].now) == dues[i].due,
			"due: %s", dues[i].name);
	for (size_t i = 0; i < COUNT(lives); i++) {
		struct schedule_facts l = { T0, lives[i].lifetime, lives[i].held, lives[i].attempts,
			false };

		ok(schedule_is_expired(&l, T0 + lives[i].age) == lives[i].expired, "given up: %s",
			lives[i].name);
	}
	ok(!schedule_wants_warning(&f, 0, T0 + 4 * DAY), "no warning unless asked for");
	ok(!schedule_wants_warning(&f, 3600, T0 + 3599), "not before its time");
	ok(schedule_wants_warning(&f, 3600, T0 + 3600), "then");
	f.held = 100;
	ok(!schedule_wants_warning(&f, 3600, T0 + 3600), "time held does not count");
	f = (struct schedule_facts){ .not_before = T0, .attempts = 1, .warned = true };
	ok(!schedule_wants_warning(&f, 3600, T0 + DAY), "once");
	f = (struct schedule_facts){ .not_before = T0 };
	ok(!schedule_wants_warning(&f, 3600, T0 + DAY), "not before it was tried");
	for (size_t i = 0; i < COUNT(doubts); i++)
		ok(schedule_after_doubt(doubts[i].mode, doubts[i].doubts) == doubts[i].verdict,
			"in doubt for the %u. time, mode %d", doubts[i].doubts,
			(int)doubts[i].mode);
	return tap_done();
}
