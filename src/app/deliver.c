#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "child.h"
#include "clock.h"
#include "fallback.h"
#include "linger.h"
#include "network.h"
#include "peer.h"
#include "report.h"
#include "service.h"
#include "smarthost.h"
#include "status.h"
#include "submission.h"
#include "wishes.h"

/* One delivery: an account, and those that stand in for it. */
struct attempt {
	struct submission *s;
	bool *open;       /* recipients that nobody has decided about */
	int64_t deadline; /* of the command line, for all accounts together */
	int64_t budget;   /* for the content to begin to leave */
	wire_progress *progress;
	void *progress_ctx;
};

void
submission_disconnect(struct submission *s)
{
	network_free(s->link);
	s->link = NULL;
	smarthost_close(&s->smarthost);
}

/* What belongs to this message, on a way that may be used for others as well. */
static bool
fit(const struct attempt *a, const struct profile *account, struct error *err)
{
	struct submission *s = a->s;
	struct wire_settings *settings = &s->smarthost.settings;

	settings->deadline = clock_sooner(smarthost_deadline(account), a->deadline);
	settings->budget = a->budget;
	return smarthost_wish(&s->smarthost, account, &s->envelope.wishes, err);
}

/* A way to the account's smarthost. Before a password is asked for, a process that keeps a
 * connection there gets the message, and whoever has an outcome then needs the way no more. */
static bool
open_link(struct attempt *a, const struct profile *account, struct error *err)
{
	struct submission *s = a->s;
	size_t pending = envelope_count(&s->envelope, OUTCOME_PENDING), left;

	if (!smarthost_prepare(&s->smarthost, s, account, err) || !fit(a, account, err))
		return false;
	if (network_stays(&s->smarthost.settings, account))
		linger_ask(s, account, a->progress, a->progress_ctx);
	left = envelope_count(&s->envelope, OUTCOME_PENDING);
	if (left && !smarthost_ask(&s->smarthost, account, err)) {
		s->attempted = s->attempted || left < pending;
		if (left < pending)
			envelope_fail_pending(&s->envelope, err);
		return false;
	}
	s->link = network_new(&s->smarthost.settings, account);
	return true;
}

static bool
deliver_once(struct attempt *a, const struct profile *account, struct error *err)
{
	struct submission *s = a->s;

	if (!s->link && !open_link(a, account, err)) {
		submission_disconnect(s);
		return false;
	}
	if (!fit(a, account, err))
		return false;
	s->attempted = true;
	return network_deliver(
		s->link, &s->envelope, &s->message, a->progress, a->progress_ctx, &s->report, err);
}

/* After a failure: opens the recipients again of whom only the account's failure is known. False if
 * there is none, or if the message has left for somebody: then the account can be used. */
static bool
reopen(struct attempt *a)
{
	struct envelope *e = &a->s->envelope;
	bool any = false;

	for (size_t i = 0; i < e->count; i++)
		if (a->open[i] && (e->recipients[i].outcome == OUTCOME_ACCEPTED ||
					  e->recipients[i].outcome == OUTCOME_IN_DOUBT))
			return false;
	for (size_t i = 0; i < e->count; i++) {
		struct recipient *r = &e->recipients[i];

		a->open[i] = a->open[i] &&
			     (r->outcome == OUTCOME_PENDING || (r->why && fallback_helps(r->why)));
		any = any || a->open[i];
	}
	for (size_t i = 0; any && i < e->count; i++)
		if (a->open[i])
			e->recipients[i].outcome = OUTCOME_PENDING;
	return any;
}

static void
fail_open(struct attempt *a, const struct error *why)
{
	struct envelope *e = &a->s->envelope;

	for (size_t i = 0; a->s->attempted && i < e->count; i++)
		if (a->open[i])
			recipient_fail(&e->recipients[i], why);
}

/* Again over another connection, with another access token: once. */
static bool
deliver_renewed(struct attempt *a, const struct profile *account, struct error *err)
{
	struct submission *s = a->s;

	strbuf_adds(&s->report.notes, "the access token was refused, and another one was used\n");
	network_free(s->link);
	s->link = network_new(&s->smarthost.settings, account);
	return fit(a, account, err) && network_deliver(s->link, &s->envelope, &s->message,
					       a->progress, a->progress_ctx, &s->report, err);
}

static bool
deliver_by(struct attempt *a, const struct profile *account, struct error *err)
{
	struct error why = ERROR_NONE, other = ERROR_NONE;
	struct submission *s = a->s;
	bool good = deliver_once(a, account, &why);

	if (!good && smarthost_renew(&s->smarthost, &why, &other) && reopen(a)) {
		error_clear(&why);
		good = deliver_renewed(a, account, &why);
		if (!good)
			(void)!smarthost_renew(&s->smarthost, &why, &other);
	}
	if (!good && other.fault) {
		if (reopen(a))
			fail_open(a, &other);
		why = other;
	}
	if (!good && err && !err->fault)
		*err = why;
	return good;
}

static bool
may_stand_in(const struct submission *s, const struct profile *account, struct error *err)
{
	return !s->peer || peer_may_stand_in(s->peer, account, &s->envelope.sender, err);
}

static void
note(struct submission *s, const struct profile *failed, const struct error *why,
	const struct profile *next)
{
	strbuf_addf(&s->report.notes, "account %s could not be used: %s; account %s was tried\n",
		failed->name, why->text, next->name);
}

/* The account that stands in for the one in use, unless it is not for the user on whose behalf this
 * is: that is said, and the chain ends there. */
static bool
next_account(struct submission *s, struct profile *ret)
{
	struct error no = ERROR_NONE;

	if (!fallback_next(s, s->used, ret))
		return false;
	if (may_stand_in(s, ret, &no))
		return true;
	strbuf_addf(&s->report.notes, "account %s was not tried: %s\n", ret->name, no.text);
	profile_done(ret);
	return false;
}

/* Account by account, while it is the account that fails. What is worth trying again outweighs what
 * is not. */
static bool
deliver(struct attempt *a, struct error *err)
{
	struct submission *s = a->s;
	struct error why = ERROR_NONE, decided;
	struct profile next;
	bool good = deliver_by(a, s->used, &why);

	decided = why;
	while (!good && fallback_helps(&why) && next_account(s, &next)) {
		if (!reopen(a)) {
			profile_done(&next);
			break;
		}
		note(s, s->used, &why, &next);
		submission_disconnect(s);
		profile_done(&s->fallback);
		s->fallback = next;
		s->used = &s->fallback;
		error_clear(&why);
		good = deliver_by(a, s->used, &why);
		if (good || !fallback_helps(&why) || why.fault == FAULT_TEMPORARY)
			decided = why;
	}
	if (!good && s->used != &s->account && fallback_helps(&why) && reopen(a))
		fail_open(a, &decided);
	if (!good && err && !err->fault)
		*err = decided;
	return good;
}

bool
submission_attempt(struct submission *s, int64_t budget, wire_progress *progress,
	void *progress_ctx, struct error *err)
{
	struct attempt a = { .s = s,
		.deadline = CLOCK_NEVER,
		.budget = budget,
		.progress = progress,
		.progress_ctx = progress_ctx };
	bool good;

	/* the account that stood in for the last message does so while its connection lasts, if it
	 * may for this one */
	if (!s->link || !network_is_open(s->link) ||
		(s->used != &s->account && !may_stand_in(s, s->used, NULL))) {
		submission_disconnect(s);
		s->used = &s->account;
	}
	if (submission_given(s, OPT_TIMEOUT))
		a.deadline = smarthost_deadline(&s->account);
	a.open = xcalloc(s->envelope.count + 1, sizeof(*a.open));
	for (size_t i = 0; i < s->envelope.count; i++)
		a.open[i] = s->envelope.recipients[i].outcome == OUTCOME_PENDING;
	good = deliver(&a, err);
	free(a.open);
	return good;
}

static void
progress(void *ctx, enum wire_mark mark)
{
	const struct queueing *q = &((struct submission *)ctx)->queue;

	status_progress(NULL, mark);
	if (q->progress)
		q->progress(q->progress_ctx,
			mark == WIRE_SENT ? QUEUE_MARK_SENDING : QUEUE_MARK_ACCEPTED);
}

bool
submission_deliver(struct submission *s, struct error *err)
{
	bool done, good;

	if (submission_given(s, OPT_DRY_RUN))
		return report_dry_run(s, err);
	if (!envelope_count(&s->envelope, OUTCOME_PENDING)) {
		/* each recipient says why */
		s->attempted = true;
		return error_set(err, FAULT_UNAVAILABLE, "no recipient is left");
	}
	if (!wishes_take(s, err))
		return false;
	if (service_is_asked(s))
		return service_deliver(s, err);
	if (!once_begin(s, &done, err) || done)
		return done;
	good = queueing_is_on(s) ? queueing_deliver(s, err)
				 : submission_attempt(s, 0, progress, s, err);
	once_end(s, good);
	return good;
}

/* A process that nobody waits for finds out more about the server. */
static void
learn(struct submission *s)
{
	int socket = network_socket(s->link);
	pid_t pid;

	/* it has no use for the passwords */
	strbuf_done(&s->smarthost.password);
	strbuf_done(&s->smarthost.proxy_password);
	pid = child_detach(&socket, 1);
	if (!pid) {
		network_learn(s->link);
		_exit(0);
	}
	if (pid > 0)
		network_abandon(s->link);
}

void
submission_part(struct submission *s, int status)
{
	if (s->link && linger_may(s, status))
		linger_stay(s);
	else if (s->link && network_learns(s->link))
		learn(s);
	submission_disconnect(s);
}
