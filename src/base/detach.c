#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"

/* Whoever reads what we write must see its end at once. */
static bool
leave_descriptors(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return false;
	if ((keep == 3 || close_range(3, (unsigned)keep - 1, 0) == 0) &&
		close_range((unsigned)keep + 1, ~0U, 0) == 0)
		return true;
	for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd > 2; fd--)
		if (fd != keep)
			close(fd);
	return true;
}

pid_t
child_detach(int keep)
{
	static const struct rlimit no_core = { 0, 0 };
	sigset_t none;
	pid_t pid;

	if (keep < 3) {
		errno = EBADF;
		return -1;
	}
	if ((pid = fork()))
		return pid;
	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 || setsid() < 0 ||
		!leave_descriptors(keep) || chdir("/") < 0)
		_exit(1);
	return 0;
}
