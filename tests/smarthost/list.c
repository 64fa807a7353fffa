/* Lists of words in options: extensions, mechanisms. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smarthost.h"

static bool
next(const char **at, const char *between, const char **ret, size_t *ret_len)
{
	*at += strspn(*at, between);
	*ret = *at;
	*ret_len = strcspn(*at, between);
	*at += *ret_len;
	return *ret_len != 0;
}

bool
list_next(const char **at, const char **ret, size_t *ret_len)
{
	return next(at, ", ", ret, ret_len);
}

bool
parameter_next(const char **at, const char **ret, size_t *ret_len)
{
	return next(at, " ", ret, ret_len);
}

/* The word of LIST that is NAME or begins with NAME=. */
static const char *
find(const char *list, const char *name, size_t *ret_len)
{
	const char *word;
	size_t n = strlen(name);

	while (list_next(&list, &word, ret_len))
		if (*ret_len >= n && strncasecmp(word, name, n) == 0 &&
			(*ret_len == n || word[n] == '='))
			return word;
	return NULL;
}

bool
list_has(const char *list, const char *word)
{
	size_t n;

	return find(list, word, &n) != NULL;
}

bool
extension_offered(const struct session *s, const char *name)
{
	return list_has(s->config->extensions, name);
}

bool
extension_argument(const struct config *c, const char *name, char *out, size_t size)
{
	size_t n, skip = strlen(name) + 1;
	const char *word = find(c->extensions, name, &n);

	if (!word || n < skip)
		return false;
	snprintf(out, size, "%.*s", (int)(n - skip), word + skip);
	return true;
}
