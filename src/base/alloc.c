#include "alloc.h"

#include <stdlib.h>
#include <string.h>

static void (*failure_handler)(void);

void
alloc_on_failure(void (*handler)(void))
{
	failure_handler = handler;
}

void
alloc_failed(void)
{
	if (failure_handler)
		failure_handler();
	abort();
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		alloc_failed();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		alloc_failed();
	return p;
}

void *
xreallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!p)
		alloc_failed();
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t max)
{
	char *p = strndup(s, max);

	if (!p)
		alloc_failed();
	return p;
}

void
free_string(char **s)
{
	free(*s);
	*s = NULL;
}
