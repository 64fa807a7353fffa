/* To be preloaded: the n-th allocation from main on fails (FAIL_ALLOCATION=n), or all from the n-th
 * on (FAIL_FOREVER set too). When one has failed, the file FAIL_REPORT appears, with the name of
 * the program or library that asked for the memory. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static int (*real_main)(int argc, char **argv, char **environment);
static long left = -1; /* allocations until the failure; -1: not begun */
static bool forever;
static const char *report;

/* The name of the C library's entry is reserved; it is what must be wrapped. */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*loader_fini)(void), void *stack_end);

static int
begin(int argc, char **argv, char **environment)
{
	const char *n = getenv("FAIL_ALLOCATION");

	report = getenv("FAIL_REPORT");
	forever = getenv("FAIL_FOREVER") != NULL;
	if (n)
		left = strtol(n, NULL, 10);
	return real_main(argc, argv, environment);
}

int
__libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
	int (*start)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		void (*)(void), void *) = dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = main;
	return start(begin, argc, argv, init, fini, loader_fini, stack_end);
}

static void
tell(const void *caller)
{
	Dl_info info;
	int fd;

	if (!report)
		return;
	fd = open(report, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && dladdr(caller, &info) && info.dli_fname)
		(void)!write(fd, info.dli_fname, strlen(info.dli_fname));
	if (fd >= 0)
		close(fd);
}

static bool
fails(const void *caller)
{
	if (left < 0 || left > 1) {
		left -= left > 1;
		return false;
	}
	if (left == 0 && !forever)
		return false;
	if (left == 1)
		tell(caller);
	left = 0;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
