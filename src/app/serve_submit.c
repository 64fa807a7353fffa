/* A message that a client wants to be sent. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "report.h"
#include "sandbox.h"
#include "serve_state.h"
#include "status.h"
#include "strbuf.h"
#include "submission.h"

static void
tell(struct serving *v, enum service_kind kind, const struct strbuf *body)
{
	if (v->fd >= 0 &&
		!channel_send(v->fd, kind, body, NULL, 0, clock_in(SERVE_SEND_MS), NULL)) {
		/* the message is ours by now, with the client or without it */
		v->fd = -1;
	}
}

static void
tell_mark(struct serving *v, enum service_mark mark, const char *id)
{
	char octets[ENTRY_ID + 2] = { (char)mark };
	size_t n = id ? strlen(id) : 0;
	/* nothing may be allocated here */
	struct strbuf body = { octets, 1 + n, 0, sizeof(octets), false, false };

	if (n <= ENTRY_ID && n)
		memcpy(octets + 1, id, n);
	tell(v, SERVICE_MARK, &body);
}

struct telling {
	struct serving *v;
	struct submission *s;
};

static void
progress(void *ctx, enum queue_mark mark)
{
	static const enum service_mark marks[] = { [QUEUE_MARK_COMMITTED] = SERVICE_COMMITTED,
		[QUEUE_MARK_SENDING] = SERVICE_SENDING,
		[QUEUE_MARK_ACCEPTED] = SERVICE_ACCEPTED };
	struct telling *t = ctx;

	tell_mark(t->v, marks[mark], mark == QUEUE_MARK_COMMITTED ? t->s->queue.id : NULL);
}

static void
tell_trace(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct strbuf body = STRBUF_INIT(1 << 20);

	strbuf_addc(&body, (char)kind);
	strbuf_add(&body, text, n);
	tell(((struct telling *)ctx)->v, SERVICE_TRACE, &body);
	strbuf_done(&body);
}

static void
tell_sandbox(struct telling *t)
{
	struct sandbox_state state;
	char line[128];
	int n;

	sandbox_probe(&state);
	n = snprintf(line, sizeof(line),
		"the service talks to the smarthost in a sandbox: Landlock ABI %d, %s",
		state.landlock, state.seccomp ? "seccomp" : "no seccomp");
	tell_trace(t, WIRE_TRACE_NOTE, line, (size_t)n);
}

/* The client says something while its message is under way, or has gone. */
static int watched = -1;

static void
look_at_client(int number)
{
	int saved = errno;
	char octet;
	ssize_t n = watched < 0 ? -1 : recv(watched, &octet, 1, MSG_DONTWAIT);

	(void)number;
	if (n >= 0) {
		watched = -1;
		raise(n ? SIGINT : SIGTERM);
	}
	errno = saved;
}

static void
watch_client(int fd)
{
	struct sigaction action = { .sa_handler = look_at_client, .sa_flags = SA_RESTART };

	watched = fd;
	sigaction(SIGIO, &action, NULL);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
	/* it may have gone before */
	raise(SIGIO);
}

/* Chooses the account that the message names, and says whether the client may use it. */
static bool
prepare(struct serving *v, struct submission *s, struct entry *e, struct error *err)
{
	struct arguments *args = (struct arguments *)s->args;
	uint64_t size = message_size(&s->message);
	struct queueing *q = &s->queue;

	if (!*e->account)
		return error_set(err, FAULT_CONFIG, "the message names no account");
	if (!profile_set(&args->given, OPT_ACCOUNT, e->account, "--account", err) ||
		!account_load(s, err) || !account_choose(s, err))
		return false;
	envelope_copy(&s->envelope, &e->envelope);
	if (!peer_may_send(&v->peer, &s->account, &s->envelope.sender, size, err) ||
		!peer_take_leave(&v->peer, &s->account, (struct spool *)&v->serve->spool, err))
		return false;
	/* the service answers for its runner */
	q->runner = true;
	if (!queueing_prepare(s, err))
		return false;
	q->uid = v->peer.uid;
	q->runner = q->directory && strcmp(q->directory, v->serve->spool_path.s) == 0;
	if (q->mode != QUEUE_NEVER &&
		!peer_may_queue(&v->peer, &s->account, (struct spool *)&v->serve->spool, size))
		q->mode = QUEUE_NEVER;
	return true;
}

static bool
receive(struct serving *v, struct submission *s, int file, struct entry *e, struct error *err)
{
	uint64_t most = profile_number(&v->serve->settings, OPT_MESSAGE_OCTETS);

	if (!serve_take_message(v->serve, file, most, e, &s->message, err))
		return false;
	submission_keep_id(s);
	return true;
}

static void
answer(struct serving *v, struct submission *s, bool good)
{
	struct strbuf body = STRBUF_INIT(ANSWER_MAX);
	struct answer a = { .good = good,
		.attempted = s->attempted,
		.envelope = &s->envelope,
		.report = &s->report,
		.error = &s->error,
		.queue = &s->queue,
		.kept = s->queue.kept };

	if (s->used != &s->account)
		snprintf(a.account, sizeof(a.account), "%s", s->used->name);
	answer_add(&body, &a);
	tell(v, SERVICE_ANSWER, &body);
	strbuf_done(&body);
}

void
serve_submit(struct serving *v, const struct service_request *r, int message)
{
	struct arguments args = { .operand_count = 0 };
	struct submission s;
	struct entry e = ENTRY_NONE;
	struct telling t = { v, &s };
	bool good;

	submission_init(&s, &args);
	s.peer = &v->peer;
	if (r->verbose || r->debug) {
		s.trace = tell_trace;
		s.trace_ctx = &t;
	}
	good = serve_arguments(v->serve, r, &args, &s.error) &&
	       receive(v, &s, message, &e, &s.error) && prepare(v, &s, &e, &s.error);
	/* refused before there was an account or recipients: an answer has all of these */
	if (!s.envelope.count)
		envelope_copy(&s.envelope, &e.envelope);
	if (good) {
		s.queue.progress = progress;
		s.queue.progress_ctx = &t;
		tell_mark(v, SERVICE_TAKEN, NULL);
		if (r->debug)
			tell_sandbox(&t);
		watch_client(v->fd);
		good = submission_deliver(&s, &s.error);
		watched = -1;
	}
	s.finished = clock_ms();
	if (s.trace)
		submission_disconnect(&s);
	report_record(&s);
	answer(v, &s, good);
	submission_done(&s);
	entry_done(&e);
	args_done(&args);
}
