#include "queueing_signal.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"

/* A wait that was just being begun when the signal came is ended by this one: often enough that
 * nobody waits for long. */
#define AGAIN_US 50000

static volatile sig_atomic_t caught;

static void
nudge(int number)
{
	(void)number;
}

static void
stop(int number)
{
	const struct itimerval often = { { 0, AGAIN_US }, { 0, AGAIN_US } };
	const struct sigaction action = { .sa_handler = nudge, .sa_flags = SA_RESTART };

	if (!caught)
		caught = number;
	clock_stop();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

void
signals_catch(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART }, old;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (sigaction(numbers[i], &action, &old) == 0 && old.sa_handler == SIG_IGN)
			sigaction(numbers[i], &old, NULL);
}

int
signals_caught(void)
{
	return caught;
}

void
signals_die(int number)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t all;

	sigaction(number, &action, NULL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(number);
	_exit(128 + number);
}
