#include <string.h>

#include "clock.h"
#include "error.h"
#include "text.h"

static bool
unit_seconds(const char *unit, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
		{ "w", 7 * 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(unit, units[i].name) == 0) {
			*ret = units[i].seconds;
			return true;
		}
	return false;
}

bool
clock_parse_rate(const char *text, unsigned *ret_number, int64_t *ret_seconds, struct error *err)
{
	const char *slash = strchr(text, '/');
	uint64_t number = 0, times = 1;
	char part[16] = "";
	size_t digits;
	bool good = slash && (size_t)(slash - text) < sizeof(part);

	if (good) {
		memcpy(part, text, (size_t)(slash - text));
		part[slash - text] = '\0';
		good = text_number(part, 1, 1000000, &number);
		digits = strspn(slash + 1, "0123456789");
		good = good && digits < sizeof(part) && slash[1] &&
		       unit_seconds(slash + 1 + digits, ret_seconds);
		if (good && digits) {
			memcpy(part, slash + 1, digits);
			part[digits] = '\0';
			good = text_number(part, 1, 366 * 86400, &times);
		}
	}
	if (good)
		*ret_seconds *= (int64_t)times;
	if (!good || *ret_seconds > 366 * 86400)
		return error_set(err, FAULT_CONFIG,
			"\"%s\" is no rate: NUMBER/TIME is expected, such as 100/1h", text);
	*ret_number = (unsigned)number;
	return true;
}
