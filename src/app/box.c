#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asking.h"
#include "clock.h"
#include "profile.h"

#define QUIT_MS (5 * CLOCK_SECOND)

bool
box_is_possible(const struct wire_settings *s)
{
	const struct tls_settings *t = &s->tls_settings;

	return !(t->cert && strncasecmp(t->cert, "pkcs11:", 7) == 0) &&
	       !(t->key && strncasecmp(t->key, "pkcs11:", 7) == 0) && !s->ticket &&
	       !(s->mechanism && strcasecmp(s->mechanism, "GSSAPI") == 0);
}

bool
box_steps_down(const struct profile *account)
{
	return geteuid() == 0 && profile_is_system(account);
}

/* Becomes the process of PARENT. What the terminal has to say to the parent it does not hear. */
static void
become(box_run *run, void *ctx, int fd, pid_t parent)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGIO };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), kept = STDERR_FILENO + 1;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setsid() < 0 || getppid() != parent || dup2(null, STDIN_FILENO) < 0 ||
		dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
		(fd != kept && dup2(fd, kept) < 0))
		_exit(1);
	close_range((unsigned)kept + 1, ~0u, 0);
	run(ctx, kept);
	_exit(1);
}

bool
box_start(struct box *b, box_run *run, void *ctx, struct error *err)
{
	pid_t parent = getpid();
	int pair[2];

	*b = (struct box)BOX_NONE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to make a socket");
	b->pid = fork();
	if (b->pid == 0)
		become(run, ctx, pair[1], parent);
	close(pair[1]);
	b->fd = pair[0];
	if (b->pid > 0)
		return true;
	error_sys(err, FAULT_TEMPORARY, errno, "unable to start a process");
	box_end(b, false);
	return false;
}

int
box_end(struct box *b, bool gently)
{
	int status = 0;

	if (b->fd >= 0)
		close(b->fd);
	if (b->pid > 0) {
		if (!gently)
			kill(b->pid, SIGKILL);
		while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	*b = (struct box)BOX_NONE;
	return status;
}

void
box_abandon(struct box *b)
{
	if (b->fd >= 0)
		close(b->fd);
	*b = (struct box)BOX_NONE;
}

static void
take_trace(const struct channel_parcel *p, const struct wire_settings *settings)
{
	unsigned char first = p->body.len ? (unsigned char)p->body.s[0] : 0xff;

	if (p->kind == BOX_TRACE && settings->trace && first <= WIRE_TRACE_NOTE)
		settings->trace(settings->trace_ctx, (enum wire_trace)first, p->body.s + 1,
			p->body.len - 1);
}

void
box_hear_out(struct box *b, const struct wire_settings *settings)
{
	struct channel_parcel p;

	if (b->fd >= 0 && (settings->trace || !b->pid)) {
		shutdown(b->fd, SHUT_WR);
		channel_parcel_init(&p, BOX_PARCEL);
		while (channel_receive(b->fd, &p, clock_in(QUIT_MS)) == CHANNEL_PARCEL) {
			take_trace(&p, settings);
			channel_parcel_clear(&p);
		}
		channel_parcel_done(&p);
	}
	box_end(b, true);
}

/* *RET_TAKEN: it was something that may come at any time. */
static bool
take(const struct box *b, const struct channel_parcel *p, const struct wire_settings *settings,
	unsigned *asked, bool *ret_taken, struct error *err)
{
	*ret_taken = p->kind == BOX_TRACE;
	if (*ret_taken) {
		take_trace(p, settings);
		return true;
	}
	if (!asking_answer(b->fd, p, settings, ret_taken, err))
		return false;
	return !*ret_taken || ++*asked <= ASKING_MOST ||
	       error_set(err, FAULT_PROTOCOL, "it does not stop asking");
}

bool
box_hear(const struct box *b, const struct wire_settings *settings, struct channel_parcel *p,
	unsigned *asked, struct error *err)
{
	enum channel_event event;
	bool taken;

	for (;;) {
		/* what is made of the password may come */
		p->body.secret = settings->salted.get != NULL;
		event = channel_receive(b->fd, p, CLOCK_NEVER);
		if (event != CHANNEL_PARCEL)
			return error_set(err, FAULT_TEMPORARY, "%s",
				event == CHANNEL_LATE ? "it was interrupted" : "it has ended");
		if (!take(b, p, settings, asked, &taken, err))
			return false;
		if (!taken)
			return true;
		channel_parcel_clear(p);
	}
}

void
box_lost(struct box *b, struct error *why)
{
	bool ours = b->pid > 0;
	int status = box_end(b, false);

	if (ours && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		error_prefix(why, "signal %d", WTERMSIG(status));
	else if (ours && WIFEXITED(status))
		error_prefix(why, "status %d", WEXITSTATUS(status));
	why->fault = FAULT_TEMPORARY;
	error_prefix(why, "the process that talks to the smarthost");
}
