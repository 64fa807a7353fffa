#include "status.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

static volatile sig_atomic_t status;

static volatile sig_atomic_t in_doubt;

static void
say(const char *text, size_t n)
{
	(void)!write(STDERR_FILENO, text, n);
}
#define SAY(text) say(text, sizeof(text) - 1)

/* The last words: what the reader has to know about the mail. */
static void
say_doubt(void)
{
	if (in_doubt)
		SAY(" (the message may have been delivered)");
	SAY("\n");
}

static void
out_of_memory(void)
{
	SAY("sendoff: unable to go on: out of memory");
	say_doubt();
	_exit((int)status);
}

/* A crash, most likely a library's that found no memory: its exit status must still tell whether
 * mail has gone. */
static void
crashed(int signal)
{
	(void)signal;
	SAY("sendoff: unable to go on: internal error");
	say_doubt();
	_exit(status == fault_status(FAULT_TEMPORARY) ? fault_status(FAULT_SOFTWARE) : (int)status);
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
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_RESETHAND };

	/* a crash is a sanitizer's to report where there is one */
	for (size_t i = 0; !SANITIZED && i < sizeof(crashes) / sizeof(*crashes); i++)
		sigaction(crashes[i], &action, NULL);
	status = fault_status(FAULT_TEMPORARY);
	alloc_on_failure(out_of_memory);
	signal(SIGPIPE, SIG_IGN);
	/* a file that may grow no further is like a full disk, and no reason to die */
	signal(SIGXFSZ, SIG_IGN);
}

void
status_mark(enum wire_mark mark)
{
	in_doubt = mark == WIRE_SENT;
	if (mark != WIRE_SENT)
		status_set(fault_status(
			mark == WIRE_ACCEPTED_BY_ALL ? FAULT_NONE : FAULT_UNAVAILABLE));
}

void
status_progress(void *unused, enum wire_mark mark)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = interrupted };

	(void)unused;
	status_mark(mark);
	if (mark == WIRE_SENT)
		return;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

bool
status_printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}

void
status_set(int final)
{
	status = final;
}
