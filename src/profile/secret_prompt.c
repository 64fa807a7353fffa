#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "secret.h"
#include "text.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define SIGNAL_COUNT (sizeof(signals) / sizeof(*signals))

static volatile sig_atomic_t caught;

static void catch (int signal_)
{
	caught = signal_;
}

enum answer { ANSWER_LINE, ANSWER_END, ANSWER_LATE, ANSWER_SIGNAL };

/* Reads up to the end of the line. The signals are blocked except while it waits, so that none
 * comes between the last look at CAUGHT and the wait. */
static enum answer
read_line(int fd, int64_t deadline, const sigset_t *open_mask, struct strbuf *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec t, *limit;
	int left, ready;
	ssize_t got;
	char c;

	for (;;) {
		left = clock_left(deadline);
		t = (struct timespec){ left / 1000, left % 1000 * 1000000L };
		limit = left < 0 ? NULL : &t;
		ready = ppoll(&p, 1, limit, open_mask);
		if (caught)
			return ANSWER_SIGNAL;
		if (ready < 0 && errno == EINTR)
			continue;
		if (!ready)
			return ANSWER_LATE;
		got = read(fd, &c, 1);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return ANSWER_END;
		if (c == '\n' || c == '\r')
			break;
		strbuf_addc(ret, c);
	}
	explicit_bzero(&c, 1);
	return ANSWER_LINE;
}

/* One prompt with the echo off, and everything as it was afterwards. */
static enum answer
prompt_once(int fd, const char *prompt, int64_t deadline, struct strbuf *ret)
{
	struct sigaction action = { .sa_handler = catch }, old[SIGNAL_COUNT];
	sigset_t block, before, open_mask;
	struct termios shown, hidden;
	enum answer answer = ANSWER_END;

	sigemptyset(&block);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(&block, signals[i]);
	sigprocmask(SIG_BLOCK, &block, &before);
	open_mask = before;
	caught = 0;
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		sigaction(signals[i], &action, &old[i]);
		if (old[i].sa_handler == SIG_IGN)
			sigaction(signals[i], &old[i], NULL);
	}
	if (tcgetattr(fd, &shown) == 0) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		hidden.c_lflag |= ICANON | ISIG;
		if (tcsetattr(fd, TCSAFLUSH, &hidden) == 0 &&
			io_write_full(fd, prompt, strlen(prompt)))
			answer = read_line(fd, deadline, &open_mask, ret);
		if (!io_write_full(fd, "\n", 1))
			answer = ANSWER_END;
		tcsetattr(fd, TCSAFLUSH, &shown);
	}
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaction(signals[i], &old[i], NULL);
	/* what came is done now, with the handlers that were there before */
	if (caught)
		kill(getpid(), caught);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return answer;
}

bool
secret_prompt(const char *user, const char *host, int64_t deadline, const char *why,
	struct strbuf *ret, struct error *err)
{
	struct strbuf what = STRBUF_INIT(2048);
	bool good;

	strbuf_addf(&what, "Password for %s at %s", user, host);
	good = secret_prompt_for(&what, deadline, why, ret, err);
	strbuf_done(&what);
	return good;
}

bool
secret_prompt_for(const struct strbuf *what, int64_t deadline, const char *why, struct strbuf *ret,
	struct error *err)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct strbuf prompt = STRBUF_INIT(1024);
	enum answer answer;
	bool stopped;

	/* whoever changes a terminal from the background is stopped, for ever perhaps */
	if (fd < 0 || tcgetpgrp(fd) != getpgrp()) {
		if (fd >= 0)
			close(fd);
		return error_set(err, FAULT_PERMISSION, "%s", why);
	}
	text_add_printable(&prompt, what->s, what->len, 620);
	strbuf_adds(&prompt, ": ");
	do {
		strbuf_clear(ret);
		answer = prompt_once(fd, prompt.s, deadline, ret);
		stopped = answer == ANSWER_SIGNAL && caught == SIGTSTP;
	} while (stopped); /* until here it was stopped; now it goes on */
	close(fd);
	strbuf_done(&prompt);
	if (answer == ANSWER_LINE && ret->len && !ret->full)
		return true;
	if (answer == ANSWER_LATE)
		error_set(err, FAULT_TEMPORARY, "nothing was typed in time");
	else if (answer == ANSWER_SIGNAL)
		error_set(err, FAULT_TEMPORARY, "interrupted while asking for a secret");
	else
		error_set(err, FAULT_PERMISSION, "%s",
			ret->full ? "what was typed is too long" : "nothing was typed");
	strbuf_clear(ret);
	return false;
}
