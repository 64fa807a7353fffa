#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors from FROM up to and without TO. */
static void
close_all(int from, unsigned to)
{
	if (to <= (unsigned)from || close_range((unsigned)from, to - 1, 0) == 0)
		return;
	for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd >= from; fd--)
		if ((unsigned)fd < to)
			close(fd);
}

/* Whoever reads what we write must see its end at once. */
static bool
leave_descriptors(const int *keep, size_t n)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), sorted[CHILD_KEEP], from = 3;

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		sorted[i] = keep[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++) {
		close_all(from, (unsigned)sorted[i]);
		from = sorted[i] + 1;
	}
	close_all(from, ~0U);
	return true;
}

static bool
can_keep(const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] < 3)
			return false;
	return n <= CHILD_KEEP;
}

pid_t
child_detach(const int *keep, size_t n)
{
	static const struct rlimit no_core = { 0, 0 };
	sigset_t none;
	pid_t pid;

	if (!can_keep(keep, n)) {
		errno = EBADF;
		return -1;
	}
	if ((pid = fork()))
		return pid;
	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGPIPE || i == SIGXFSZ ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 || setsid() < 0 ||
		!leave_descriptors(keep, n) || chdir("/") < 0)
		_exit(1);
	return 0;
}
