#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "strbuf.h"

#define LINE_KEPT 200 /* octets of the first line on standard error */
#define SLICE_MS  20  /* between two looks at a child that has no pidfd */

/* The pipes of a child that is being started: [0] is read from. */
struct pipes {
	int out[2], error[2], status[2], in[2];
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->out[i]);
		close_fd(&p->error[i]);
		close_fd(&p->status[i]);
		close_fd(&p->in[i]);
	}
}

static bool
open_pipes(struct pipes *p, const char *name, bool input, struct error *err)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->error, O_CLOEXEC) == 0 &&
		pipe2(p->status, O_CLOEXEC) == 0 &&
		(!input || (pipe2(p->in, O_CLOEXEC) == 0 &&
				   fcntl(p->in[1], F_SETFL, O_NONBLOCK) == 0)))
		return true;
	error_sys(err, FAULT_TEMPORARY, errno, "unable to start %s", name);
	close_pipes(p);
	return false;
}

/* In the child. Descriptor 0 is IN (-1: /dev/null), 1 and 2 are OUT and ERROR, 3 is KEEP, the rest
 * is closed. The descriptors are first moved out of the way of one another. */
static bool
place_descriptors(int in, int out, int error, int keep)
{
	in = in < 0 ? open("/dev/null", O_RDWR) : fcntl(in, F_DUPFD_CLOEXEC, 4);

	out = fcntl(out, F_DUPFD_CLOEXEC, 4);
	error = fcntl(error, F_DUPFD_CLOEXEC, 4);
	keep = fcntl(keep, F_DUPFD_CLOEXEC, 4);
	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0 ||
		dup3(keep, 3, O_CLOEXEC) < 0)
		return false;
	if (close_range(4, ~0U, 0) < 0)
		for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd > 3; fd--)
			close(fd);
	return true;
}

/* In the child. A helper in a process group of its own is in the background: what it asks on the
 * terminal must fail at once instead of stopping it, hence the two signals that stay ignored. */
static void
place_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGTTIN || i == SIGTTOU ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Forks. In the parent *C is filled and the child's ends are closed. Returns as fork does. */
static pid_t
start(struct child *c, const char *name, struct pipes *p, struct error *err)
{
	struct sigaction old;
	pid_t parent = getpid(), pid;

	/* where it is ignored no exit status can be waited for, and that is inherited */
	if (sigaction(SIGCHLD, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid < 0) {
		error_sys(err, FAULT_TEMPORARY, errno, "unable to start %s", name);
		close_pipes(p);
		return -1;
	}
	if (!pid) {
		setpgid(0, 0);
		place_signals();
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(127);
		return 0;
	}
	setpgid(pid, pid); /* both do it: whoever comes second changes nothing */
	close_fd(&p->out[1]);
	close_fd(&p->error[1]);
	close_fd(&p->status[1]);
	close_fd(&p->in[0]);
	*c = (struct child){
		.pid = pid, .out = p->out[0], .error = p->error[0], .in = p->in[1], .name = name
	};
	return pid;
}

bool
child_start(struct child *c, char *const argv[], struct error *err)
{
	return child_start_input(c, argv, NULL, err);
}

bool
child_start_input(
	struct child *c, char *const argv[], const struct strbuf *input, struct error *err)
{
	struct pipes p;
	pid_t pid;
	int sys = 0;

	*c = (struct child)CHILD_NONE;
	if (!open_pipes(&p, argv[0], input != NULL, err) || (pid = start(c, argv[0], &p, err)) < 0)
		return false;
	if (!pid) {
		if (place_descriptors(p.in[0], p.out[1], p.error[1], p.status[1])) {
			execvp(argv[0], argv);
			sys = errno;
			if (!io_write_full(3, &sys, sizeof(sys)))
				_exit(126);
		}
		_exit(127);
	}
	if (io_read_full(p.status[0], &sys, sizeof(sys)) != sizeof(sys))
		sys = 0;
	close(p.status[0]);
	c->input = input;
	if (!sys)
		return true;
	child_stop(c);
	return error_sys(err, sys == ENOMEM || sys == EAGAIN ? FAULT_TEMPORARY : FAULT_CONFIG, sys,
		"unable to run %s", argv[0]);
}

bool
child_start_function(struct child *c, const char *name, int (*run)(void *ctx, int out, int error),
	void *ctx, struct error *err)
{
	static const struct rlimit no_core = { 0, 0 };
	struct pipes p;
	pid_t pid;

	*c = (struct child)CHILD_NONE;
	if (!open_pipes(&p, name, false, err) || (pid = start(c, name, &p, err)) < 0)
		return false;
	if (!pid) {
		/* the answer's pipe is descriptor 3: a library that prints spoils nothing */
		if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
			!place_descriptors(-1, p.error[1], p.error[1], p.out[1]))
			_exit(127);
		_exit(run(ctx, 3, 2));
	}
	close(p.status[0]);
	return true;
}

/* What has come from a child. */
struct answer {
	struct strbuf *out;
	char line[LINE_KEPT]; /* the first line of standard error */
	size_t line_len;
	bool line_done, too_much;
};

static void
read_out(struct child *c, struct answer *a)
{
	size_t room = a->out->cap - a->out->len;
	char *to, more[1];
	ssize_t got;

	if (room > 4096)
		room = 4096;
	if (room) {
		to = strbuf_reserve(a->out, room);
		got = io_read(c->out, to, room);
		if (got > 0)
			strbuf_advance(a->out, (size_t)got);
	} else {
		got = io_read(c->out, more, 1);
		explicit_bzero(more, sizeof(more));
		a->too_much = got > 0;
	}
	if (got <= 0)
		close_fd(&c->out);
}

static void
read_error(struct child *c, struct answer *a)
{
	char more[1024];
	ssize_t got = io_read(c->error, more, sizeof(more));

	if (got <= 0)
		close_fd(&c->error);
	for (ssize_t i = 0; i < got && !a->line_done; i++)
		if (more[i] == '\n' || a->line_len == sizeof(a->line) - 1)
			a->line_done = a->line_len > 0; /* the first that is not empty */
		else if (more[i] && more[i] != '\r')
			a->line[a->line_len++] = more[i];
}

/* What is left of the input, as far as the pipe takes it. */
static void
write_input(struct child *c)
{
	size_t left = c->input ? c->input->len - c->given : 0;
	ssize_t n = left ? write(c->in, c->input->s + c->given, left) : 0;

	if (n > 0)
		c->given += (size_t)n;
	if (n < 0 ? errno != EAGAIN && errno != EINTR : (size_t)n == left)
		close_fd(&c->in);
}

/* One wait of at most MS milliseconds (-1: any), reading what is there and writing what is taken.
 * Returns what poll did. */
static int
look(struct child *c, int pidfd, int ms, struct answer *a)
{
	struct pollfd fds[4] = { { c->out, POLLIN, 0 }, { c->error, POLLIN, 0 },
		{ pidfd, POLLIN, 0 }, { c->in, POLLOUT, 0 } };
	int n = poll(fds, 4, ms);

	if (n <= 0)
		return n;
	if (fds[0].revents)
		read_out(c, a);
	if (fds[1].revents)
		read_error(c, a);
	if (fds[3].revents)
		write_input(c);
	return n;
}

/* Waits for the end of the child, reading all the while. False when DEADLINE passed. What it leaves
 * behind in the pipes is read too; processes of its own that hold them open are not waited for. */
static bool
follow(struct child *c, int64_t deadline, struct answer *a, int *ret_wait)
{
	int pidfd = pidfd_open(c->pid, 0), left;
	bool ended = false;
	pid_t got;

	while (!ended && !a->too_much) {
		got = waitpid(c->pid, ret_wait, WNOHANG);
		if (got != 0 && !(got < 0 && errno == EINTR)) {
			if (got < 0)
				*ret_wait = 127 << 8; /* reaped by somebody else */
			ended = true;
			break;
		}
		left = clock_left(deadline);
		if (!left)
			break;
		if (pidfd < 0 && (left < 0 || left > SLICE_MS))
			left = SLICE_MS;
		look(c, pidfd, left, a);
	}
	close_fd(&pidfd);
	if (ended) {
		c->pid = 0;
		close_fd(&c->in);
		/* more than a pipe holds was written by somebody who lives on */
		for (int i = 0; i < 64 && !a->too_much && look(c, -1, 0, a) > 0; i++)
			;
	}
	return ended || a->too_much;
}

static bool
judge(const struct child *c, const struct answer *a, int status, struct error *err)
{
	const char *colon = a->line_len ? ": " : "";

	if (a->too_much)
		return error_set(err, FAULT_CONFIG, "%s: printed more than %zu octets%s%s", c->name,
			a->out->cap, colon, a->line);
	if (WIFSIGNALED(status))
		return error_set(err, FAULT_CONFIG, "%s: was ended by signal %d (%s)%s%s", c->name,
			WTERMSIG(status), sigdescr_np(WTERMSIG(status)) ?: "unknown", colon,
			a->line);
	if (WEXITSTATUS(status))
		return error_set(err, FAULT_CONFIG, "%s: exit status %d%s%s", c->name,
			WEXITSTATUS(status), colon, a->line);
	return true;
}

bool
child_wait(
	struct child *c, int64_t deadline, struct strbuf *out, int *ret_status, struct error *err)
{
	struct answer a = { .out = out };
	int status = 0;
	bool good;

	if (ret_status)
		*ret_status = -1;
	if (c->pid <= 0)
		return error_set(err, FAULT_SOFTWARE, "no helper is running");
	if (follow(c, deadline, &a, &status)) {
		good = judge(c, &a, status, err);
		if (ret_status && !a.too_much && WIFEXITED(status))
			*ret_status = WEXITSTATUS(status);
	} else {
		good = error_set(err, FAULT_TEMPORARY, "%s: no answer in time%s%s", c->name,
			a.line_len ? ": " : "", a.line);
	}
	if (!good)
		strbuf_clear(out);
	child_stop(c);
	return good;
}

void
child_stop(struct child *c)
{
	if (c->pid > 0) {
		if (kill(-c->pid, SIGKILL) < 0)
			kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(&c->out);
	close_fd(&c->error);
	close_fd(&c->in);
	c->pid = 0;
}
