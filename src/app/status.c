#include "status.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

static volatile sig_atomic_t status;

static void
out_of_memory(void)
{
	static const char text[] = "sendoff: unable to go on: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit((int)status);
}

static void
interrupted(int signal)
{
	(void)signal;
	_exit((int)status);
}

void
status_init(void)
{
	status = fault_status(FAULT_TEMPORARY);
	alloc_on_failure(out_of_memory);
	signal(SIGPIPE, SIG_IGN);
}

void
status_accepted(void *unused)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = interrupted };

	(void)unused;
	status_set(fault_status(FAULT_UNAVAILABLE));
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

void
status_set(int final)
{
	status = final;
}
