#include "queueing_keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bounce.h"
#include "breaker.h"
#include "clock.h"
#include "courier.h"
#include "heartbeat.h"
#include "history.h"
#include "queueing.h"
#include "report.h"
#include "schedule.h"
#include "stamp.h"
#include "submission.h"

enum fate
fate_of(const struct recipient *r)
{
	enum breaker_kind kind;

	if (r->outcome == OUTCOME_ACCEPTED)
		return FATE_SENT;
	if (r->outcome != OUTCOME_PERMANENT)
		return FATE_LATER;
	kind = r->why ? breaker_judge(r->why) : BREAKER_CLOSED;
	return kind == BREAKER_CLOSED ? FATE_REFUSED
	       : kind == BREAKER_DOWN ? FATE_LATER
				      : FATE_LASTING;
}

bool
keep_open(struct submission *s, bool create, struct error *err)
{
	struct queueing *q = &s->queue;

	if (!q->open && create && spool_is_system(q->directory) &&
		!spool_prepare(q->directory, err))
		return false;
	if (!q->open)
		q->open = spool_open(&q->spool, q->directory, create, err);
	return q->open;
}

/* Which recipients of S have FATE or, with LASTING, FATE_LASTING. Free it. */
static bool *
choose(const struct submission *s, enum fate fate, bool lasting)
{
	bool *chosen = xcalloc(s->envelope.count + 1, sizeof(*chosen));
	enum fate this;

	for (size_t i = 0; i < s->envelope.count; i++) {
		this = fate_of(&s->envelope.recipients[i]);
		chosen[i] = this == fate || (lasting && this == FATE_LASTING);
	}
	return chosen;
}

static void
copy_chosen(const struct submission *s, const bool *chosen, struct envelope *ret)
{
	*ret = (struct envelope)ENVELOPE_NONE;
	envelope_copy(ret, &s->envelope);
	envelope_keep(ret, chosen);
}

/* The facts of an entry for what is left of S. */
static void
describe(const struct submission *s, struct entry *e)
{
	const struct queueing *q = &s->queue;

	*e = (struct entry)ENTRY_NONE;
	if (!q->nameless)
		snprintf(e->account, sizeof(e->account), "%s", s->account.name);
	e->uid = q->uid;
	e->created = s->when;
	e->not_before = q->not_before ? q->not_before : s->when;
	e->lifetime = (int64_t)profile_number(&s->account, OPT_EXPIRE);
	e->notify_error = q->notify_error;
}

/* When to try again, as the runner would say after the same attempt. */
static int64_t
plan(const struct submission *s, struct entry *e, const struct envelope *envelope,
	const struct error *why)
{
	enum breaker_kind kind = why->fault ? breaker_judge(why) : BREAKER_CLOSED;
	int64_t now = clock_wall();
	bool answered = false;

	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *r = &envelope->recipients[i];

		if (r->outcome == OUTCOME_IN_DOUBT)
			e->doubts = 1;
		answered = answered || r->code;
	}
	if (s->attempted && s->report.connected)
		e->last = now;
	if (e->doubts) {
		e->attempts = 1;
		switch (schedule_after_doubt(
			(enum schedule_doubt)profile_choice(&s->account, OPT_UNCERTAIN),
			e->doubts)) {
		case SCHEDULE_AGAIN:
		case SCHEDULE_DROP: /* by keep_drops, already */
			break;
		case SCHEDULE_KEEP:
			e->state = ENTRY_UNCERTAIN;
			break;
		}
		return now + SCHEDULE_LATE;
	}
	if (!s->attempted || !answered || kind != BREAKER_CLOSED)
		return e->not_before > now ? e->not_before : now;
	e->attempts = 1;
	return wishes_sooner(&envelope->wishes, now, now + schedule_pause(1, NULL));
}

/* What the account's trouble was belongs to the account: who only waits for it has no outcome. */
static void
forget_account_faults(struct envelope *e)
{
	const struct enhanced none = { 0, 0, 0 };

	for (size_t i = 0; i < e->count; i++) {
		struct recipient *r = &e->recipients[i];

		if (r->outcome == OUTCOME_PERMANENT ||
			(r->outcome == OUTCOME_TEMPORARY && r->why && !r->code))
			recipient_set(r, OUTCOME_PENDING, 0, none, NULL, NULL);
	}
}

static void
add_history(struct submission *s, enum history_event event, const char *entry,
	const struct envelope *envelope, const char *text)
{
	struct strbuf id = STRBUF_INIT(128);
	struct error ignored = ERROR_NONE;
	struct history_record r = {
		.event = event,
		.when = clock_wall(),
		.id = entry,
		.uid = s->queue.uid,
		.account = s->account.name,
		.message_id = *s->message_id ? s->message_id : NULL,
		.envelope = envelope,
		.host = *s->report.host ? s->report.host : NULL,
		.text = text && *text ? text : NULL,
	};

	if (!s->queue.open)
		return;
	report_add_queue_id(&id, s->report.words);
	if (id.len)
		r.queue_id = id.s;
	(void)!history_add(&s->queue.spool, &r, &ignored);
	strbuf_done(&id);
}

/* In the spool, or in the in-tray of one that is not ours to open. */
static bool
commit(struct submission *s, struct entry *e, const struct envelope *envelope, int64_t due,
	struct error *err)
{
	struct queueing *q = &s->queue;
	struct strbuf drop = STRBUF_INIT(4096);
	struct error why = ERROR_NONE;
	bool good;

	if (keep_open(s, true, &why))
		return spool_commit(&q->spool, e, envelope, &s->message, due, NULL, err);
	if ((why.sys != EACCES && why.sys != EPERM) || !spool_is_system(q->directory)) {
		if (err && !err->fault)
			*err = why;
		return false;
	}
	strbuf_addf(&drop, "%s/drop", q->directory);
	good = queueing_has_runner(q) ||
	       error_set(err, FAULT_TEMPORARY, "no runner is known that would take it from %s",
		       drop.s);
	good = good && spool_drop(drop.s, e, envelope, &s->message, err);
	strbuf_done(&drop);
	return good;
}

/* Why the first of those who are kept has nothing yet: somebody else's refusal may be the trouble
 * of the whole. */
static const struct error *
reason_of(const struct submission *s, const struct error *why)
{
	for (size_t i = 0; why->fault && i < s->envelope.count; i++)
		if (s->queue.kept[i] && s->envelope.recipients[i].why)
			return s->envelope.recipients[i].why;
	return why;
}

static void
note_kept(struct submission *s, const struct entry *e, const struct error *why)
{
	struct queueing *q = &s->queue;
	enum breaker_kind kind = why->fault ? breaker_judge(why) : BREAKER_CLOSED;

	memcpy(q->id, e->id, sizeof(q->id));
	q->state = e->state != ENTRY_QUEUED || breaker_is_held(kind) ? QUEUE_STATE_HELD
								     : QUEUE_STATE_QUEUED;
	q->reason = *reason_of(s, why);
	q->loud = breaker_is_loud(kind);
	q->unserved = !queueing_has_runner(q);
	if (q->progress)
		q->progress(q->progress_ctx, QUEUE_MARK_COMMITTED);
}

bool
keep_rest(struct submission *s, const struct error *why, struct entry *entry, struct error *err)
{
	struct queueing *q = &s->queue;
	struct entry own = ENTRY_NONE, *e = entry ? entry : &own;
	struct envelope rest;
	int64_t due;
	bool good;

	free(q->kept);
	q->kept = choose(s, FATE_LATER, q->keeps_lasting);
	copy_chosen(s, q->kept, &rest);
	describe(s, e);
	due = plan(s, e, &rest, why);
	forget_account_faults(&rest);
	good = rest.count && commit(s, e, &rest, due, err);
	if (good) {
		note_kept(s, e, why);
		add_history(s,
			e->doubts                      ? HISTORY_UNCERTAIN
			: q->state == QUEUE_STATE_HELD ? HISTORY_HELD
						       : HISTORY_QUEUED,
			e->id, &rest, q->reason.text);
	} else {
		free(q->kept);
		q->kept = NULL;
	}
	if (!good || !entry)
		entry_done(e);
	envelope_done(&rest);
	return good;
}

static void
notify(struct submission *s, struct entry *e)
{
	struct bounce_settings how = courier_bounce_settings(s, &s->account);
	struct error ignored = ERROR_NONE;
	char id[ENTRY_ID + 1];

	how.smarthost = *s->report.host ? s->report.host : NULL;
	/* what cannot be made now is owed: the runner will see to it */
	(void)!bounce_make(&s->queue.spool, e, BOUNCE_FAILED, &how, clock_wall(), id, &ignored);
}

void
keep_refused(struct submission *s)
{
	struct queueing *q = &s->queue;
	struct entry e;
	struct envelope refused;
	struct error ignored = ERROR_NONE;
	bool *chosen = choose(s, FATE_REFUSED, !q->keeps_lasting);

	copy_chosen(s, chosen, &refused);
	describe(s, &e);
	e.attempts = 1;
	e.last = clock_wall();
	/* the exit status has told */
	e.bounced = !q->notify_error;
	if (refused.count && keep_open(s, true, &ignored) &&
		spool_commit(&q->spool, &e, &refused, &s->message, e.last, NULL, &ignored) &&
		spool_fail(&q->spool, &e, &ignored)) {
		memcpy(q->failed_id, e.id, sizeof(q->failed_id));
		add_history(s, HISTORY_FAILED, e.id, &refused, s->error.text);
		if (q->notify_error)
			notify(s, &e);
	}
	entry_done(&e);
	envelope_done(&refused);
	free(chosen);
}

/* Writes the outcomes of an attempt on E down. */
static bool
note_outcomes(struct entry *e, struct error *err)
{
	enum outcome *before = xcalloc(e->envelope.count + 1, sizeof(*before));
	bool good = entry_append(e, before, clock_wall(), err);

	free(before);
	return good;
}

static enum history_event
sent_event(const struct submission *s)
{
	return s->queue.dropped ? HISTORY_DROPPED : HISTORY_SENT;
}

/* Nobody is left to try: E goes, to failed/ if anybody was refused. */
static bool
finish(struct submission *s, struct entry *e, const struct error *why, struct error *err)
{
	struct queueing *q = &s->queue;
	bool refused = queueing_fault(s) != FAULT_NONE;

	q->state = QUEUE_STATE_NONE;
	q->id[0] = '\0';
	add_history(s, refused ? HISTORY_FAILED : sent_event(s), e->id, &s->envelope, why->text);
	if (!refused || !q->keeps_refused)
		return spool_remove(&q->spool, e, false, err);
	e->bounced = !q->notify_error;
	if (!note_outcomes(e, err) || !spool_fail(&q->spool, e, err))
		return false;
	memcpy(q->failed_id, e->id, sizeof(q->failed_id));
	if (q->notify_error)
		notify(s, e);
	return true;
}

bool
keep_settle(struct submission *s, struct entry *e, const struct error *why, struct error *err)
{
	struct queueing *q = &s->queue;
	bool later = false;

	free(q->kept);
	q->kept = choose(s, FATE_LATER, q->keeps_lasting);
	for (size_t i = 0; i < s->envelope.count; i++)
		later = later || q->kept[i];
	envelope_done(&e->envelope);
	envelope_copy(&e->envelope, &s->envelope);
	if (!later)
		return finish(s, e, why, err);
	e->due = plan(s, e, &s->envelope, why);
	forget_account_faults(&e->envelope);
	if (!note_outcomes(e, err))
		return false;
	note_kept(s, e, why);
	add_history(s, HISTORY_ATTEMPT, e->id, &s->envelope, why->text);
	return true;
}

void
keep_drops(struct submission *s)
{
	if (profile_choice(&s->account, OPT_UNCERTAIN) != SCHEDULE_DOUBT_DROP ||
		!envelope_drop_doubts(&s->envelope))
		return;
	s->queue.dropped = true;
	strbuf_adds(&s->report.notes,
		"the answer to the message was lost; it is taken as sent (uncertain = drop)\n");
}

void
keep_history_sent(struct submission *s)
{
	bool *chosen = choose(s, FATE_SENT, false);
	struct envelope sent;

	copy_chosen(s, chosen, &sent);
	if (sent.count)
		add_history(s, sent_event(s), *s->queue.id ? s->queue.id : NULL, &sent, NULL);
	envelope_done(&sent);
	free(chosen);
}

void
keep_breaker(struct submission *s, bool good, const struct error *why)
{
	struct queueing *q = &s->queue;
	enum breaker_kind kind = good ? BREAKER_CLOSED : breaker_judge(why);
	struct error ignored = ERROR_NONE;

	if (kind != BREAKER_CLOSED && keep_open(s, true, &ignored))
		(void)!breaker_fail(&q->spool, s->account.name, kind, submission_stamp(s), why,
			clock_wall(), NULL, NULL, &ignored);
	else if (kind == BREAKER_CLOSED && q->open && q->probe >= 0)
		(void)!breaker_succeed(&q->spool, s->account.name, &ignored);
	breaker_probe_done(&q->probe);
}
