/* Runs a helper command and takes what it prints. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct strbuf;

/* A running helper. Zero it (CHILD_NONE) before use. */
struct child {
	pid_t pid;      /* 0 while none runs */
	int out, error; /* read ends of its standard output and standard error, -1 if closed */
	int in; /* write end of its standard input, -1 if that is /dev/null or all is written */
	const struct strbuf *input; /* what goes there; the caller keeps it alive */
	size_t given;               /* octets of it that were written */
	const char *name;           /* what messages call it; the caller keeps it alive */
};

#define CHILD_NONE                                                                                 \
	{                                                                                          \
		.out = -1, .error = -1, .in = -1                                                   \
	}

/* Splits LINE into words as a shell would, but runs no shell: blanks separate, '...' is literal,
 * "..." and \ quote as usual; nothing is expanded except a leading ~/ of a word. The result is a
 * NULL-terminated array in one allocation: free() it. NULL with FAULT_CONFIG for an open quote, an
 * empty line or first word, a line over 64 KiB, and an unquoted | & ; < > or `, which only a shell
 * could follow. (In words.c.) */
char **child_words(const char *line, struct error *err) __attribute__((warn_unused_result));

/* Starts ARGV[0], found through PATH, with standard input from /dev/null, in a process group of its
 * own, with all other descriptors closed and all signals at their default, except that asking on
 * the terminal fails instead of stopping the helper. It gets SIGTERM when this process ends. Does
 * not wait. False with FAULT_CONFIG when it cannot be executed, FAULT_TEMPORARY when there is no
 * process or descriptor left. ARGV[0] becomes the name. */
bool child_start(struct child *c, char *const argv[], struct error *err)
	__attribute__((warn_unused_result));
/* The same, with INPUT on its standard input, a pipe that child_wait fills: it must not change
 * until then, and SIGPIPE must be ignored. A helper that does not read all of it is no error. */
bool child_start_input(struct child *c, char *const argv[], const struct strbuf *input,
	struct error *err) __attribute__((warn_unused_result));
/* The same for a function of this program, run in a forked child that is made non-dumpable; RUN
 * writes its answer to descriptor OUT and its complaint to descriptor ERROR, and its result is the
 * child's exit status. What it prints on standard output or standard error goes to ERROR. */
bool
child_start_function(struct child *c, const char *name, int (*run)(void *ctx, int out, int error),
	void *ctx, struct error *err) __attribute__((warn_unused_result));

/* Waits until the helper has ended (not for what it left running with its output). Fills OUT with
 * what it printed, at most OUT->cap octets, and sets *RET_STATUS (may be NULL) to its exit status,
 * -1 when it has none; OUT is empty on failure. False when it did not end before DEADLINE (its
 * process group is killed, FAULT_TEMPORARY), was ended by a signal, printed more than the cap, or
 * ended with a status other than 0 (FAULT_CONFIG): the error's text then ends with the first line
 * that it wrote to standard error. Nothing of OUT is ever put into an error. */
bool child_wait(struct child *c, int64_t deadline, struct strbuf *out, int *ret_status,
	struct error *err) __attribute__((warn_unused_result));

/* Forks a process that outlives this one and has nothing of it but the N descriptors of KEEP (each
 * 3 or above, at most CHILD_KEEP, under their numbers): a session of its own, standard descriptors
 * on /dev/null, signals at their default except SIGPIPE and SIGXFSZ, which are ignored, no core
 * file, the root as its directory. What stands in buffers of stdio must be flushed before; the new
 * process ends by _exit. Returns as fork does. (In detach.c.) */
#define CHILD_KEEP 16
pid_t child_detach(const int *keep, size_t n);

/* Kills the helper if it still runs and reaps it. Accepts CHILD_NONE. */
void child_stop(struct child *c);
