#include "clock.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "strbuf.h"

static time_t pretended;
static volatile sig_atomic_t stopped;

static int64_t
milliseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int64_t
clock_ms(void)
{
	return milliseconds(CLOCK_MONOTONIC);
}

int64_t
clock_age_ms(void)
{
	return milliseconds(CLOCK_BOOTTIME);
}

int64_t
clock_in(int64_t ms)
{
	int64_t now = clock_ms();

	return ms >= CLOCK_NEVER - now ? CLOCK_NEVER : now + ms;
}

int
clock_left(int64_t deadline)
{
	int64_t now;

	if (stopped)
		return 0;
	if (deadline == CLOCK_NEVER)
		return -1;
	now = clock_ms();
	if (deadline <= now)
		return 0;
	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

void
clock_stop(void)
{
	stopped = 1;
}

void
clock_go_on(void)
{
	stopped = 0;
}

int64_t
clock_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

time_t
clock_wall(void)
{
	return pretended ? pretended : time(NULL);
}

void
clock_pretend(time_t when)
{
	pretended = when;
}

void
clock_add_rfc5322(struct strbuf *out, time_t when)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm t;
	long zone;

	if (!localtime_r(&when, &t))
		t = (struct tm){ .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
	zone = labs(t.tm_gmtoff) / 60;
	strbuf_addf(out, "%s, %02d %s %04d %02d:%02d:%02d %c%02ld%02ld", days[t.tm_wday], t.tm_mday,
		months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec,
		t.tm_gmtoff < 0 && zone ? '-' : '+', zone / 60, zone % 60);
}

void
clock_add_rfc3339(struct strbuf *out, time_t when)
{
	struct tm t;

	if (!gmtime_r(&when, &t))
		t = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	strbuf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1,
		t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}
