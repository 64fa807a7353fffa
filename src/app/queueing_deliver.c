/* One submission with a queue behind it: what is tried, in which order, and what is kept. */
#include <signal.h>
#include <string.h>

#include "breaker.h"
#include "clock.h"
#include "queueing.h"
#include "queueing_keep.h"
#include "queueing_signal.h"
#include "stamp.h"
#include "status.h"
#include "submission.h"

static bool
fail(struct error *err, const struct error *why)
{
	if (err && !err->fault)
		*err = *why;
	return false;
}

/* The signal that came, as a reason. */
static void
say_interrupted(struct error *why)
{
	error_clear(why);
	error_set(why, FAULT_TEMPORARY, "interrupted by %s",
		signals_caught() == SIGINT   ? "SIGINT"
		: signals_caught() == SIGHUP ? "SIGHUP"
					     : "SIGTERM");
}

/* Somebody sits at the keyboard and has thought better of it: nothing has left yet. */
static bool
has_resigned(const struct submission *s)
{
	return s->queue.resigned && signals_caught() == SIGINT &&
	       !envelope_count(&s->envelope, OUTCOME_ACCEPTED) &&
	       !envelope_count(&s->envelope, OUTCOME_IN_DOUBT);
}

/* A password that was missing, or a setting that was wrong, may have come from anywhere meanwhile
 * (a keyring that was unlocked, a program that was installed). Whoever would only be told of an old
 * trouble, since nothing is kept for them, looks again, one after the other. */
static bool
looks_again(const struct submission *s, const struct breaker *b)
{
	return !s->queue.keeps_lasting && breaker_is_held(b->kind) && !b->why.smtp;
}

/* May one connect now? *WHY says why not. */
static bool
ask_breaker(struct submission *s, struct error *why)
{
	struct queueing *q = &s->queue;
	struct breaker b;

	if (!q->open)
		return true;
	breaker_read(&q->spool, s->account.name, clock_wall(), &b);
	if (b.kind == BREAKER_CLOSED ||
		breaker_ask(&q->spool, s->account.name, submission_stamp(s), looks_again(s, &b),
			clock_wall(), &b, &q->probe) != BREAKER_WAIT)
		return true;
	*why = b.why;
	why->in_doubt = false;
	return false;
}

static bool
take_slot(struct submission *s, struct error *why)
{
	struct queueing *q = &s->queue;
	unsigned connections = (unsigned)profile_number(&s->account, OPT_CONNECTIONS);
	struct error ignored = ERROR_NONE;

	/* who cannot be counted goes all the same */
	if (!q->open || !slot_take(&q->spool, s->account.name, connections ? connections : 2,
				q->budget ? q->budget : CLOCK_NEVER, &q->slot, &ignored))
		return true;
	if (q->slot.fd >= 0)
		return true;
	return error_set(why, FAULT_TEMPORARY,
		"all connections of the account are in use (connections = %u)", connections);
}

static void
progress(void *ctx, enum wire_mark mark)
{
	struct submission *s = ctx;

	status_mark(mark);
	if (s->queue.progress)
		s->queue.progress(s->queue.progress_ctx,
			mark == WIRE_SENT ? QUEUE_MARK_SENDING : QUEUE_MARK_ACCEPTED);
}

/* Tries, unless the account's state or its connections forbid it. */
static bool
attempt(struct submission *s, struct error *why)
{
	bool good;

	if (s->queue.broken.fault) {
		*why = s->queue.broken;
		keep_breaker(s, false, why);
		return false;
	}
	if (!ask_breaker(s, why) || !take_slot(s, why))
		return false;
	good = submission_attempt(s, s->queue.budget, progress, s, why);
	if (!good && signals_caught())
		say_interrupted(why);
	else
		keep_breaker(s, good, why);
	breaker_probe_done(&s->queue.probe);
	return good;
}

/* What is left after an attempt: kept as far as it should be. */
static bool
conclude(struct submission *s, const struct error *why, struct error *err)
{
	struct queueing *q = &s->queue;
	struct error trouble = ERROR_NONE;
	bool kept;

	if (has_resigned(s))
		signals_die(SIGINT);
	/* should it turn out that they cannot be kept */
	envelope_fail_pending(&s->envelope, why);
	s->attempted = true;
	keep_drops(s);
	if (envelope_fault(&s->envelope) == FAULT_NONE) {
		keep_history_sent(s);
		return true;
	}
	s->error = *why;
	kept = keep_rest(s, why, NULL, &trouble);
	if (!kept && trouble.fault)
		q->trouble = trouble;
	keep_history_sent(s);
	if (q->keeps_refused)
		keep_refused(s);
	if (queueing_fault(s) == FAULT_NONE)
		return true;
	return fail(err, why);
}

/* Kept without an attempt. */
static bool
commit_only(struct submission *s, struct error *err)
{
	struct error why = s->queue.broken;

	if (why.fault)
		keep_breaker(s, false, &why);
	if (!keep_rest(s, &why, NULL, err))
		return false;
	s->attempted = true;
	/* aliases may have refused somebody */
	return queueing_fault(s) == FAULT_NONE;
}

static bool
deliver_now(struct submission *s, struct error *err)
{
	struct error why = ERROR_NONE, ignored = ERROR_NONE;
	bool good;

	(void)!keep_open(s, false, &ignored);
	good = attempt(s, &why);
	if (!good)
		return conclude(s, &why, err);
	keep_history_sent(s);
	return true;
}

/* Kept before it is tried. */
static bool
commit_first(struct submission *s, struct error *err)
{
	struct error why = ERROR_NONE, trouble = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	bool good;

	if (!keep_rest(s, &why, &e, &trouble)) {
		/* a full disk does not stop the mail */
		s->queue.trouble = trouble;
		return deliver_now(s, err);
	}
	good = attempt(s, &why);
	s->attempted = true;
	if (has_resigned(s)) {
		(void)!spool_remove(&s->queue.spool, &e, false, &trouble);
		signals_die(SIGINT);
	}
	if (!good) {
		envelope_fail_pending(&s->envelope, &why);
		keep_drops(s);
	}
	/* what cannot be written down now the next attempt finds out */
	if (!keep_settle(s, &e, &why, &trouble))
		s->queue.trouble = trouble;
	entry_done(&e);
	return queueing_fault(s) == FAULT_NONE ? true : fail(err, &why);
}

bool
queueing_deliver(struct submission *s, struct error *err)
{
	struct queueing *q = &s->queue;
	struct error trouble = ERROR_NONE;

	signals_catch();
	if (q->mode == QUEUE_FIRST && !q->not_before)
		return commit_first(s, err);
	if (q->mode != QUEUE_ALWAYS && !q->not_before)
		return deliver_now(s, err);
	if (commit_only(s, &trouble) || !trouble.fault)
		return queueing_fault(s) == FAULT_NONE;
	q->trouble = trouble;
	/* better now than never, unless it is too early */
	if (q->not_before > clock_wall() || q->broken.fault)
		return fail(err, &trouble);
	return deliver_now(s, err);
}
