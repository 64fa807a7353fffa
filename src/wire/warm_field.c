#include "warm_field.h"

#include <string.h>

#include "alloc.h"
#include "memo.h"

bool
warm_take_number(const char **at, const char *end, uint64_t max, uint64_t *ret)
{
	return memo_take_number(at, end, ret) && *ret <= max;
}

bool
warm_take_bool(const char **at, const char *end, bool *ret)
{
	uint64_t n = 0;
	bool good = warm_take_number(at, end, 1, &n);

	*ret = n;
	return good;
}

bool
warm_take_int(const char **at, const char *end, int *ret)
{
	uint64_t n = 0;
	bool good = warm_take_number(at, end, INT32_MAX, &n);

	*ret = (int)n;
	return good;
}

bool
warm_take_string(const char **at, const char *end, char **ret)
{
	const char *text;
	size_t n;
	bool there;

	if (!warm_take_bool(at, end, &there) || !memo_take(at, end, &text, &n) ||
		memchr(text, '\0', n) || (!there && n))
		return false;
	*ret = there ? xstrndup(text, n) : NULL;
	return true;
}
