/* Deadlines, the wall clock, and dates as mail writes them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct error;
struct strbuf;

#define CLOCK_SECOND 1000LL
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_NEVER  INT64_MAX

/* Milliseconds of monotonic time. A deadline is such a value; CLOCK_NEVER never comes. */
int64_t clock_ms(void);
/* The same, but it goes on while the machine sleeps: for how old something is. */
int64_t clock_age_ms(void);
/* Now plus MS milliseconds. */
int64_t clock_in(int64_t ms);
/* Milliseconds left until DEADLINE as poll(2) takes them: 0 when it has passed, -1 for never. */
int clock_left(int64_t deadline);
int64_t clock_sooner(int64_t a, int64_t b);
/* Makes every deadline pass from now on, that which never comes too, so that all waits end and what
 * was under way fails as if it had taken too long. Safe in a signal handler; a wait that is just
 * being begun is ended by the next signal only. */
void clock_stop(void);
/* Deadlines hold again. */
void clock_go_on(void);

/* Seconds since 1970 by the wall clock. */
time_t clock_wall(void);
/* Makes clock_wall answer WHEN from now on; for tests. */
void clock_pretend(time_t when);

/* Appends "Tue, 24 Nov 2026 11:05:09 +0000", local time, independent of the locale (RFC 5322 3.3).
 */
void clock_add_rfc5322(struct strbuf *out, time_t when);
/* Appends "2026-11-24T11:05:09Z" (RFC 3339, UTC). */
void clock_add_rfc3339(struct strbuf *out, time_t when);

/* Parses a time to come, seen from NOW: "90s", "30m", "2h", "1d" from now on (at most a year);
 * "15:30" or "15:30:10", local time, today or else tomorrow; "2026-12-24T18:00" (a blank or "t" for
 * the T, seconds if wanted), local time, or behind it Z or an offset as "+01:00". False with
 * FAULT_CONFIG for anything else, for days that do not exist, and for what has passed. (In when.c.)
 */
bool clock_parse_when(const char *text, time_t now, time_t *ret, struct error *err)
	__attribute__((warn_unused_result));

/* Parses "NUMBER/TIME": 1 to 1000000 in 1 s to 366 d ("100/1h", "20/m"; units s m h d w; s where
 * there is none). FAULT_CONFIG says what is expected. (In rate.c.) */
bool clock_parse_rate(const char *text, unsigned *ret_number, int64_t *ret_seconds,
	struct error *err) __attribute__((warn_unused_result));
