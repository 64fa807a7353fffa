#include <string.h>
#include <strings.h>

#include "clock.h"
#include "error.h"

#define YEAR_SECONDS (365 * 86400L)

/* Takes exactly N digits at *AT as a number from LOW to HIGH. */
static bool
take(const char **at, int n, int low, int high, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return value >= low && value <= high;
}

static bool
take_octet(const char **at, const char *octets)
{
	if (!**at || !strchr(octets, **at))
		return false;
	(*at)++;
	return true;
}

static int
days_of(int month, int year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* HH:MM[:SS] */
static bool
take_clock(const char **at, struct tm *t)
{
	t->tm_sec = 0;
	return take(at, 2, 0, 23, &t->tm_hour) && take_octet(at, ":") &&
	       take(at, 2, 0, 59, &t->tm_min) &&
	       (!take_octet(at, ":") || take(at, 2, 0, 59, &t->tm_sec));
}

/* "30m": a number and a unit. */
static bool
parse_span(const char *s, time_t now, time_t *ret)
{
	static const struct {
		const char *name;
		time_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	size_t digits = strspn(s, "0123456789");
	time_t value = 0;

	if (!digits || digits > 8)
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (s[i] - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcasecmp(s + digits, units[i].name) == 0 && value &&
			value <= YEAR_SECONDS / units[i].seconds) {
			*ret = now + value * units[i].seconds;
			return true;
		}
	return false;
}

/* "15:30": the next time that clocks here show that. */
static bool
parse_clock(const char *s, time_t now, time_t *ret)
{
	struct tm t, wanted;

	if (!localtime_r(&now, &t) || !take_clock(&s, &t) || *s)
		return false;
	wanted = t;
	for (int i = 0; i < 2; i++) {
		t = wanted;
		t.tm_mday += i;
		/* what the clock shows decides, whether or not it is changed in between */
		t.tm_isdst = -1;
		*ret = mktime(&t);
		if (*ret > now)
			return true;
	}
	return false;
}

/* Z, or an offset, which is taken off; local time without. */
static bool
parse_zone(const char *s, struct tm *t, time_t *ret)
{
	int hours, minutes, sign = *s == '-' ? -1 : 1;

	if (!*s) {
		t->tm_isdst = -1;
		*ret = mktime(t);
		return true;
	}
	if (strcasecmp(s, "Z") == 0) {
		*ret = timegm(t);
		return true;
	}
	if (!take_octet(&s, "+-") || !take(&s, 2, 0, 23, &hours) || !take_octet(&s, ":") ||
		!take(&s, 2, 0, 59, &minutes) || *s)
		return false;
	*ret = timegm(t) - sign * (hours * 3600 + minutes * 60);
	return true;
}

/* "2026-12-24T18:00:00Z", RFC 3339 with less. */
static bool
parse_date(const char *s, time_t *ret)
{
	struct tm t = { 0 };

	if (!take(&s, 4, 1970, 9999, &t.tm_year) || !take_octet(&s, "-") ||
		!take(&s, 2, 1, 12, &t.tm_mon) || !take_octet(&s, "-") ||
		!take(&s, 2, 1, days_of(t.tm_mon, t.tm_year), &t.tm_mday) ||
		!take_octet(&s, "Tt ") || !take_clock(&s, &t))
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	return parse_zone(s, &t, ret);
}

bool
clock_parse_when(const char *text, time_t now, time_t *ret, struct error *err)
{
	time_t when;

	if (!parse_span(text, now, &when) && !parse_clock(text, now, &when) &&
		!parse_date(text, &when))
		return error_set(err, FAULT_CONFIG,
			"\"%.60s\" is no such time; accepted: 30m, 2h or 1d from now on, 15:30, "
			"2026-12-24T18:00, or that with Z or an offset (+01:00)",
			text);
	if (when <= now)
		return error_set(err, FAULT_CONFIG, "\"%.60s\" has passed", text);
	*ret = when;
	return true;
}
