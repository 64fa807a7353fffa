#include "clock.h"

#include <limits.h>
#include <locale.h>
#include <stdlib.h>

#include "error.h"
#include "strbuf.h"
#include "tap.h"

static void
try_deadlines(void)
{
	int64_t now = clock_ms(), soon = clock_in(5 * CLOCK_SECOND);

	ok(now > 0 && clock_ms() >= now, "time goes on");
	ok(soon >= now + 5000 && soon <= clock_ms() + 5000, "a deadline in five seconds");
	ok(clock_left(soon) > 0 && clock_left(soon) <= 5000, "which has not passed");
	ok(clock_left(now - 1) == 0 && clock_left(0) == 0 && clock_left(INT64_MIN) == 0, "passed");
	ok(clock_left(clock_in(0)) == 0, "now is passed");
	ok(clock_left(CLOCK_NEVER) == -1, "never comes");
	ok(clock_left(CLOCK_NEVER - 1) == INT_MAX, "too far away for poll(2)");
	ok(clock_in(CLOCK_NEVER) == CLOCK_NEVER && clock_in(CLOCK_NEVER - 1) == CLOCK_NEVER,
		"adding does not overflow");
	ok(clock_sooner(1, 2) == 1 && clock_sooner(CLOCK_NEVER, 2) == 2, "the sooner one");
	ok(CLOCK_MINUTE == 60000, "a minute");
}

/* Seen from Tuesday 2026-11-24 11:05:09 UTC. */
#define NOW 1795518309

static const struct {
	const char *zone, *text;
	time_t when; /* 0: refused */
} whens[] = {
	{ "UTC0", "2h", NOW + 7200 },
	{ "UTC0", "90s", NOW + 90 },
	{ "UTC0", "30M", NOW + 1800 },
	{ "UTC0", "365d", NOW + 365 * 86400 },
	{ "UTC0", "366d", 0 },
	{ "UTC0", "0h", 0 },
	{ "UTC0", "30", 0 },
	{ "UTC0", "2w", 0 },
	{ "UTC0", "h", 0 },
	{ "UTC0", "-2h", 0 },
	{ "UTC0", "2 h", 0 },
	{ "UTC0", "2hh", 0 },
	{ "UTC0", "999999999999999999999s", 0 },
	{ "UTC0", "15:30", 1795534200 },
	{ "UTC0", "15:30:10", 1795534210 },
	{ "UTC0", "11:05:10", NOW + 1 },
	{ "UTC0", "11:05:09", NOW + 86400 },
	{ "UTC0", "11:05", NOW - 9 + 86400 },
	{ "UTC0", "00:00", 1795564800 },
	{ "UTC0", "24:00", 0 },
	{ "UTC0", "9:30", 0 },
	{ "UTC0", "15:60", 0 },
	{ "UTC0", "15:30:", 0 },
	{ "UTC0", "15:30:60", 0 },
	{ "UTC0", "15:30Z", 0 },
	{ "UTC0", "15:3", 0 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "15:30", 1795530600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "12:05", NOW - 9 + 86400 },
	{ "TST12", "23:30", 1795519800 },
	{ "UTC0", "2026-12-24T18:00", 1798135200 },
	{ "UTC0", "2026-12-24 18:00:01", 1798135201 },
	{ "UTC0", "2026-12-24t18:00z", 1798135200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-12-24T18:00", 1798131600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2027-07-01T18:00", 1814457600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-12-24T18:00Z", 1798135200 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-12-24T18:00+01:00", 1798131600 },
	{ "UTC0", "2026-12-24T18:00-05:30", 1798155000 },
	{ "UTC0", "2028-02-29T00:00", 1835395200 },
	{ "UTC0", "2027-02-29T00:00", 0 },
	{ "UTC0", "2026-11-31T00:00", 0 },
	{ "UTC0", "2026-13-01T00:00", 0 },
	{ "UTC0", "2026-00-01T00:00", 0 },
	{ "UTC0", "2026-12-00T00:00", 0 },
	{ "UTC0", "2026-11-24T11:05:09", 0 },
	{ "UTC0", "2026-11-24T11:05:10", NOW + 1 },
	{ "UTC0", "2020-01-01T00:00", 0 },
	{ "UTC0", "2026-12-24", 0 },
	{ "UTC0", "2026-12-24T18", 0 },
	{ "UTC0", "2026-12-24T18:00ZZ", 0 },
	{ "UTC0", "2026-12-24T18:00+1:00", 0 },
	{ "UTC0", "2026-12-24T18:00+01:00x", 0 },
	{ "UTC0", "2026-12-24T18:00 ", 0 },
	{ "UTC0", "99999-12-24T18:00", 0 },
	{ "UTC0", "tomorrow", 0 },
	{ "UTC0", "", 0 },
};

static void
try_when(void)
{
	for (size_t i = 0; i < sizeof(whens) / sizeof(*whens); i++) {
		struct error err = ERROR_NONE;
		time_t when = 0;
		bool good;

		setenv("TZ", whens[i].zone, 1);
		tzset();
		good = clock_parse_when(whens[i].text, NOW, &when, &err);
		ok(good == (whens[i].when != 0) && when == whens[i].when && good == !err.fault,
			"\"%s\" in %s: %lld", whens[i].text, whens[i].zone, (long long)when);
	}
}

static const struct {
	const char *text;
	unsigned number;
	int64_t seconds;
} rates[] = {
	{ "100/1h", 100, 3600 },
	{ "20/m", 20, 60 },
	{ "1/30", 1, 30 },
	{ "500/1d", 500, 86400 },
	{ "1000000/52w", 1000000, 52 * 7 * 86400 },
	{ "5/s", 5, 1 },
	{ "", 0, 0 },
	{ "100", 0, 0 },
	{ "100/", 0, 0 },
	{ "/1h", 0, 0 },
	{ "0/1h", 0, 0 },
	{ "100/0h", 0, 0 },
	{ "100/1y", 0, 0 },
	{ "-1/h", 0, 0 },
	{ "1000001/h", 0, 0 },
	{ "10/9999d", 0, 0 },
	{ "10/99999999999999999999h", 0, 0 },
	{ "1 / h", 0, 0 },
	{ "1/hh", 0, 0 },
};

static void
try_rates(void)
{
	unsigned number;
	int64_t seconds;
	bool good;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct error err = ERROR_NONE;

		number = 0, seconds = 0;
		good = clock_parse_rate(rates[i].text, &number, &seconds, &err);
		if (rates[i].number)
			ok(good && number == rates[i].number && seconds == rates[i].seconds,
				"rate %s", rates[i].text);
		else
			ok(!good && err.fault == FAULT_CONFIG, "'%s' is no rate", rates[i].text);
	}
}

static void
dates(const char *zone, time_t when, const char *rfc5322, const char *rfc3339)
{
	struct strbuf out = STRBUF_INIT(128);

	setenv("TZ", zone, 1);
	tzset();
	clock_add_rfc5322(&out, when);
	same(out.s, out.len, rfc5322, zone);
	strbuf_clear(&out);
	clock_add_rfc3339(&out, when);
	same(out.s, out.len, rfc3339, "the same in UTC");
	strbuf_done(&out);
}

static void
try_dates(void)
{
	dates("UTC0", 1795518309, "Tue, 24 Nov 2026 11:05:09 +0000", "2026-11-24T11:05:09Z");
	dates("UTC0", 0, "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z");
	dates("UTC0", -1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z");
	dates("UTC0", 1709164799, "Wed, 28 Feb 2024 23:59:59 +0000", "2024-02-28T23:59:59Z");
	dates("UTC0", 1709164800, "Thu, 29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z");
	dates("CET-1CEST,M3.5.0,M10.5.0/3", 1795518309, "Tue, 24 Nov 2026 12:05:09 +0100",
		"2026-11-24T11:05:09Z");
	dates("CET-1CEST,M3.5.0,M10.5.0/3", 1783468800, "Wed, 08 Jul 2026 02:00:00 +0200",
		"2026-07-08T00:00:00Z");
	dates("NST3:30", 1795518309, "Tue, 24 Nov 2026 07:35:09 -0330", "2026-11-24T11:05:09Z");
	dates("IST-5:30", 1795518309, "Tue, 24 Nov 2026 16:35:09 +0530", "2026-11-24T11:05:09Z");
	dates("TST12", 1798714800, "Wed, 30 Dec 2026 23:00:00 -1200", "2026-12-31T11:00:00Z");
	dates("YYY0:0:30", 1795518309, "Tue, 24 Nov 2026 11:04:39 +0000", "2026-11-24T11:05:09Z");
}

static void
try_pretend(void)
{
	time_t before = time(NULL);

	ok(clock_wall() >= before && clock_wall() <= before + 60, "the wall clock");
	clock_pretend(1795518309);
	ok(clock_wall() == 1795518309, "a time that was set");
	clock_pretend(0);
	ok(clock_wall() >= before, "and forgotten");
}

int
main(void)
{
	setlocale(LC_ALL, "");
	try_deadlines();
	try_dates();
	try_when();
	try_rates();
	try_pretend();
	return tap_done();
}
