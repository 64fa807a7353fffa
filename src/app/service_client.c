/* The client's side of a submission by the service. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "entry.h"
#include "io.h"
#include "queueing.h"
#include "queueing_signal.h"
#include "schedule.h"
#include "service.h"
#include "service_entry.h"
#include "submission.h"
#include "trace.h"

#define CONNECT_MS (30 * CLOCK_SECOND) /* to find a service that has time */
#define LEAVE_MS   (10 * CLOCK_SECOND) /* for it to keep the message when we are to end */
#define BUSY_MS    200

struct talk {
	struct submission *s;
	struct service_entry entry; /* what it is told to deliver */
	struct trace trace;
	struct answer answer;
	struct error said; /* the service's error */
	unsigned marks;    /* 1 << service_mark */
	char id[ENTRY_ID + 1];
	bool leaving; /* a signal came, and the service knows */
	bool busy;
};

static bool
has_mark(const struct talk *t, enum service_mark mark)
{
	return t->marks >> mark & 1;
}

static void
take_mark(struct talk *t, const struct channel_parcel *p)
{
	unsigned mark = p->body.len ? (unsigned char)p->body.s[0] : 0xff;

	if (mark > SERVICE_ACCEPTED)
		return;
	t->marks |= 1u << mark;
	/* another transaction: what was accepted stays so, the outcome of this one is open */
	if (mark == SERVICE_COMMITTED && entry_is_id(p->body.s + 1))
		memcpy(t->id, p->body.s + 1, sizeof(t->id));
}

/* True once the answer is there. */
static bool
take(struct talk *t, const struct channel_parcel *p, struct error *err)
{
	switch (p->kind) {
	case SERVICE_MARK:
		take_mark(t, p);
		return false;
	case SERVICE_TRACE:
		if (t->trace.wanted && p->body.len &&
			(unsigned char)p->body.s[0] <= WIRE_TRACE_NOTE)
			trace_line(&t->trace, (enum wire_trace)p->body.s[0], p->body.s + 1,
				p->body.len - 1);
		return false;
	case SERVICE_ANSWER:
		return answer_take(p->body.s, p->body.len, &t->answer, err);
	case SERVICE_BUSY:
		t->busy = true;
		return error_set(err, FAULT_TEMPORARY, "the service is busy");
	default:
		return error_set(err, FAULT_PROTOCOL, "the service cannot be understood");
	}
}

/* A signal: the service is asked to keep the message, or under the name sendoff, where INT comes
 * before the end of data, to forget it. */
static void
leave(struct talk *t, int fd)
{
	int number = signals_caught();

	if (number == SIGINT && t->s->args->personality == PERSONALITY_SENDOFF &&
		!has_mark(t, SERVICE_SENDING) && !has_mark(t, SERVICE_COMMITTED)) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		signals_die(number);
	}
	t->leaving = true;
	shutdown(fd, SHUT_WR);
	clock_go_on();
}

/* Until the answer; false when there will be none. */
static bool
listen_to(struct talk *t, int fd, struct error *err)
{
	int64_t deadline = CLOCK_NEVER;
	enum channel_event event;
	struct channel_parcel p;
	bool done = false;

	channel_parcel_init(&p, ANSWER_MAX);
	while (!done && !err->fault) {
		event = channel_receive(fd, &p, deadline);
		if (event == CHANNEL_PARCEL) {
			done = take(t, &p, err);
		} else if (event == CHANNEL_LATE && !t->leaving && signals_caught()) {
			leave(t, fd);
			deadline = clock_in(LEAVE_MS);
		} else {
			error_set(err, FAULT_TEMPORARY, "%s",
				event == CHANNEL_LATE ? "the service does not answer"
						      : "the service has ended");
		}
		channel_parcel_clear(&p);
	}
	channel_parcel_done(&p);
	return done;
}

static bool
ask(struct talk *t, int fd, struct error *err)
{
	struct strbuf request = STRBUF_INIT(SERVICE_REQUEST);
	bool good;

	good = service_add_request(&request, t->s->args, false, err) &&
	       channel_send(
		       fd, SERVICE_SUBMIT, &request, &t->entry.fd, 1, clock_in(CONNECT_MS), err) &&
	       listen_to(t, fd, err);
	strbuf_done(&request);
	return good;
}

/* The service was lost on the way: what is known of the message. */
static bool
settle_loss(struct talk *t, struct error *why, struct error *err)
{
	struct envelope *e = &t->entry.envelope;

	if (has_mark(t, SERVICE_COMMITTED)) {
		t->s->queue.state = QUEUE_STATE_QUEUED;
		memcpy(t->s->queue.id, t->id, sizeof(t->id));
		t->s->queue.reason = *why;
		service_entry_keep(&t->entry, t->s);
		return true;
	}
	error_prefix(why, "the message may have been delivered");
	why->in_doubt = true;
	why->stage = STAGE_END;
	/* somebody has it: whoever tries again would send to him twice */
	why->fault = has_mark(t, SERVICE_ACCEPTED) ? FAULT_UNAVAILABLE : FAULT_TEMPORARY;
	for (size_t i = 0; i < e->count; i++)
		recipient_set(&e->recipients[i],
			why->fault == FAULT_TEMPORARY ? OUTCOME_IN_DOUBT : OUTCOME_PERMANENT, 0,
			(struct enhanced){ 0 }, NULL, why);
	if (why->fault != FAULT_TEMPORARY && e->count == 1)
		recipient_set(
			&e->recipients[0], OUTCOME_ACCEPTED, 0, (struct enhanced){ 0 }, NULL, NULL);
	service_entry_return(&t->entry, t->s);
	if (err && !err->fault)
		*err = *why;
	return false;
}

static bool
settle(struct talk *t, struct error *err)
{
	t->s->attempted = t->answer.attempted;
	t->s->recorded = true;
	if (*t->answer.account) {
		profile_done(&t->s->fallback);
		profile_init(&t->s->fallback, t->answer.account, "service");
		t->s->used = &t->s->fallback;
	}
	service_entry_return(&t->entry, t->s);
	if (!t->answer.good && err && !err->fault)
		*err = t->said;
	return t->answer.good;
}

/* One connection. *RET_AGAIN: nothing has happened, and nothing will. */
static bool
converse(struct talk *t, int64_t deadline, bool *ret_again, struct error *err)
{
	const char *path = profile_text(&t->s->account, OPT_SERVICE_SOCKET);
	struct error why = ERROR_NONE;
	bool absent, good;
	int fd = service_connect(path, deadline, &absent, &why);

	*ret_again = false;
	if (fd < 0)
		return service_drop(t->s, &t->entry, &why, err);
	good = ask(t, fd, &why);
	close(fd);
	if (good)
		return settle(t, err);
	*ret_again = t->busy && clock_left(deadline);
	if (*ret_again)
		return false;
	if (why.fault == FAULT_USAGE) {
		if (err && !err->fault)
			*err = why;
		return false;
	}
	t->s->attempted = true;
	if (has_mark(t, SERVICE_COMMITTED) || has_mark(t, SERVICE_SENDING))
		return settle_loss(t, &why, err);
	t->s->attempted = false;
	return service_drop(t->s, &t->entry, &why, err);
}

/* The submissions that wait do not come all at once. */
static void
pause_a_while(void)
{
	usleep((BUSY_MS / 4 + schedule_random(&(struct schedule_draw){ NULL, NULL }, BUSY_MS)) *
		1000);
}

bool
service_deliver(struct submission *s, struct error *err)
{
	struct talk t = { .s = s, .entry = SERVICE_ENTRY_NONE };
	int64_t deadline = clock_in(CONNECT_MS);
	bool again, good;

	if (s->queue.budget)
		deadline = clock_sooner(deadline, s->queue.budget);
	t.answer = (struct answer){ .envelope = &t.entry.envelope,
		.report = &s->report,
		.error = &t.said,
		.queue = &s->queue };
	trace_init(&t.trace, s);
	good = service_entry_make(&t.entry, s, err);
	t.answer.kept = t.entry.kept;
	if (good) {
		signals_catch();
		do {
			if (t.busy)
				pause_a_while();
			t.busy = false;
			good = converse(&t, deadline, &again, err);
		} while (again);
	}
	service_entry_done(&t.entry);
	return good;
}
