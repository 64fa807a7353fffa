#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "answer.h"
#include "asking.h"
#include "channel.h"
#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "network_box.h"
#include "profile.h"
#include "settings.h"

#define SEND_MS (60 * CLOCK_SECOND)
#define QUIT_MS (5 * CLOCK_SECOND)

struct network {
	const struct wire_settings *settings;
	struct wire_link *link; /* in this process */
	bool boxed;
	struct network_rules rules;
	pid_t pid;
	int fd; /* to the process, -1 for none */
	bool open, renewed;
};

static bool boxed;

void
network_box(void)
{
	boxed = true;
}

bool
network_is_boxed(void)
{
	return boxed;
}

struct wire_link *
network_link(struct network *n)
{
	return n ? n->link : NULL;
}

/* What the whole system has set up is not for root to parse servers' words for. */
static bool
steps_down(const struct profile *account)
{
	return geteuid() == 0 && profile_is_system(account);
}

bool
network_stays(const struct wire_settings *settings, const struct profile *account)
{
	return !boxed && !(steps_down(account) && network_can_be_boxed(settings));
}

struct network *
network_new(const struct wire_settings *settings, const struct profile *account)
{
	struct network *n = xcalloc(1, sizeof(*n));

	n->settings = settings;
	n->rules = (struct network_rules){ .down = steps_down(account),
		.remember = profile_yes(account, OPT_REMEMBER) };
	n->boxed = (boxed || n->rules.down) && network_can_be_boxed(settings);
	n->fd = -1;
	if (!n->boxed)
		n->link = wire_link_new(settings);
	return n;
}

bool
network_can_be_boxed(const struct wire_settings *s)
{
	const struct tls_settings *t = &s->tls_settings;

	return !(t->cert && strncasecmp(t->cert, "pkcs11:", 7) == 0) &&
	       !(t->key && strncasecmp(t->key, "pkcs11:", 7) == 0) && !s->ticket &&
	       !(s->mechanism && strcasecmp(s->mechanism, "GSSAPI") == 0);
}

static void
take_trace(struct network *n, const struct channel_parcel *p)
{
	unsigned char first = p->body.len ? (unsigned char)p->body.s[0] : 0xff;

	if (p->kind == NETWORK_TRACE && n->settings->trace && first <= WIRE_TRACE_NOTE)
		n->settings->trace(n->settings->trace_ctx, (enum wire_trace)first, p->body.s + 1,
			p->body.len - 1);
}

/* Ends the process, gently when it is idle: it says QUIT. Returns what wait(2) says of it. */
static int
part(struct network *n, bool gently)
{
	int status = 0;

	if (n->fd >= 0)
		close(n->fd);
	if (n->pid > 0) {
		if (!gently)
			kill(n->pid, SIGKILL);
		while (waitpid(n->pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	n->fd = -1;
	n->pid = 0;
	n->open = false;
	return status;
}

/* What an idle process has to say before it ends: that it says QUIT. */
static void
hear_out(struct network *n)
{
	struct channel_parcel p;

	if (n->fd < 0 || !n->settings->trace)
		return;
	shutdown(n->fd, SHUT_WR);
	channel_parcel_init(&p, NETWORK_PARCEL);
	while (channel_receive(n->fd, &p, clock_in(QUIT_MS)) == CHANNEL_PARCEL) {
		take_trace(n, &p);
		channel_parcel_clear(&p);
	}
	channel_parcel_done(&p);
}

void
network_free(struct network *n)
{
	if (!n)
		return;
	if (n->link)
		wire_link_free(n->link);
	hear_out(n);
	part(n, true);
	free(n);
}

void
network_abandon(struct network *n)
{
	if (n->link)
		wire_link_abandon(n->link);
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	n->pid = 0;
	n->open = false;
}

int
network_socket(const struct network *n)
{
	return n->link ? wire_link_socket(n->link) : -1;
}

bool
network_learns(struct network *n)
{
	return n->link && wire_link_learns(n->link);
}

void
network_learn(struct network *n)
{
	if (n->link)
		wire_link_learn(n->link);
}

bool
network_is_open(struct network *n)
{
	return n->link ? wire_link_is_open(n->link) : n->open || n->renewed;
}

bool
network_renew(struct network *n)
{
	if (!n->boxed)
		return false;
	hear_out(n);
	part(n, true);
	return n->renewed = true;
}

/* Becomes the sandboxed process of PARENT. What the terminal has to say to the parent it does not
 * hear. */
static void
become_box(struct network *n, int fd, pid_t parent)
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
	network_serve(kept, n->settings, &n->rules);
}

static bool
start(struct network *n, struct error *err)
{
	pid_t parent = getpid();
	int pair[2];

	n->renewed = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to make a socket");
	n->pid = fork();
	if (n->pid == 0)
		become_box(n, pair[1], parent);
	close(pair[1]);
	n->fd = pair[0];
	if (n->pid > 0)
		return true;
	error_sys(err, FAULT_TEMPORARY, errno, "unable to start a process");
	part(n, false);
	return false;
}

/* What the process says until it answers. */
struct talk {
	wire_progress *progress;
	void *ctx;
	bool sent;
	unsigned asked;
};

static bool
take(struct network *n, struct talk *t, const struct channel_parcel *p, struct answer *a,
	bool *ret_done, struct error *err)
{
	unsigned char first = p->body.len ? (unsigned char)p->body.s[0] : 0xff;
	bool asked;

	if (p->kind == NETWORK_MARK && p->body.len == 1 && first <= WIRE_ACCEPTED_BY_ALL) {
		t->sent = first == WIRE_SENT;
		if (t->progress)
			t->progress(t->ctx, (enum wire_mark)first);
		/* it waits: nobody may think that nothing was sent when the end of data leaves */
		return first != WIRE_SENT ||
		       channel_send(n->fd, NETWORK_GO, NULL, NULL, 0, clock_in(SEND_MS), err);
	}
	if (p->kind == NETWORK_TRACE) {
		take_trace(n, p);
		return true;
	}
	if (!asking_answer(n->fd, p, n->settings, &asked, err))
		return false;
	if (asked)
		return ++t->asked <= ASKING_MOST ||
		       error_set(err, FAULT_PROTOCOL, "it does not stop asking");
	if (p->kind != NETWORK_ANSWER || first > 1)
		return error_set(err, FAULT_PROTOCOL, "it cannot be understood");
	n->open = first;
	*ret_done = true;
	return answer_take(p->body.s + 1, p->body.len - 1, a, err);
}

static bool
listen_to(struct network *n, struct talk *t, struct answer *a, struct error *err)
{
	enum channel_event event;
	struct channel_parcel p;
	bool done = false, good = true;

	channel_parcel_init(&p, NETWORK_PARCEL);
	/* what is made of the password may come */
	p.body.secret = n->settings->salted.get != NULL;
	while (good && !done) {
		event = channel_receive(n->fd, &p, CLOCK_NEVER);
		if (event != CHANNEL_PARCEL)
			good = error_set(err, FAULT_TEMPORARY, "%s",
				event == CHANNEL_LATE ? "it was interrupted" : "it has ended");
		else
			good = take(n, t, &p, a, &done, err);
		channel_parcel_clear(&p);
	}
	channel_parcel_done(&p);
	return good;
}

/* The process is lost: what it leaves behind. */
static bool
lost(struct network *n, const struct talk *t, struct envelope *e, struct error *why,
	struct error *err)
{
	int status = part(n, false);

	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		error_prefix(why, "signal %d", WTERMSIG(status));
	else if (WIFEXITED(status))
		error_prefix(why, "status %d", WEXITSTATUS(status));
	why->fault = FAULT_TEMPORARY;
	why->in_doubt = t->sent;
	why->stage = t->sent ? STAGE_END : STAGE_NONE;
	error_prefix(why, "the process that talks to the smarthost");
	if (t->sent)
		error_prefix(why, "the message may have been delivered");
	envelope_fail_pending(e, why);
	if (err && !err->fault)
		*err = *why;
	return false;
}

static bool
deliver_boxed(struct network *n, struct envelope *e, const struct message *m, struct talk *t,
	struct wire_report *report, struct error *err)
{
	struct strbuf job = STRBUF_INIT(NETWORK_PARCEL);
	struct error why = ERROR_NONE, said = ERROR_NONE;
	struct answer a = { .envelope = e, .report = report, .error = &said };
	bool good;

	network_add_job(&job, e, m, n->settings);
	good = !job.full ? n->fd >= 0 || start(n, &why)
			 : error_set(&why, FAULT_TEMPORARY, "the envelope is too large");
	good = good && channel_send(n->fd, NETWORK_DELIVER, &job, &m->fd, m->fd >= 0,
			       clock_in(SEND_MS), &why);
	strbuf_done(&job);
	if (!good || !listen_to(n, t, &a, &why))
		return lost(n, t, e, &why, err);
	if (!n->open)
		part(n, true);
	good = a.good && envelope_count(e, OUTCOME_ACCEPTED) == e->count;
	if (good)
		return true;
	if (err && !err->fault)
		*err = said;
	return error_set(err, FAULT_SOFTWARE, "an outcome without a reason");
}

bool
network_deliver(struct network *n, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
{
	struct talk t = { .progress = progress, .ctx = progress_ctx };

	if (n->link)
		return wire_link_deliver(
			n->link, envelope, message, progress, progress_ctx, report, err);
	return deliver_boxed(n, envelope, message, &t, report, err);
}
