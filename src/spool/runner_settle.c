/* What came of an attempt, taken down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "runner_private.h"

enum outcome *
runner_note(const struct entry *e)
{
	enum outcome *noted = xcalloc(e->envelope.count + 1, sizeof(*noted));

	for (size_t i = 0; i < e->envelope.count; i++)
		noted[i] = e->envelope.recipients[i].outcome;
	return noted;
}

void
runner_trouble(const struct runner_callbacks *cb, const struct error *err)
{
	if (cb->trouble && err->fault)
		cb->trouble(cb->ctx, err);
}

void
runner_tell(struct spool *s, const struct entry *e, enum history_event event,
	const struct runner_delivery *delivery, const char *text, const struct runner_callbacks *cb)
{
	struct history_record r = { .event = event, .when = clock_wall(), .text = text };
	char message_id[512];

	history_of_entry(&r, e, message_id, sizeof(message_id));
	if (delivery) {
		r.host = delivery->host;
		r.queue_id = delivery->queue_id;
	}
	(void)!history_add(s, &r, NULL);
	if (cb->event)
		cb->event(cb->ctx, &r,
			event == HISTORY_FAILED || event == HISTORY_EXPIRED ||
				event == HISTORY_UNCERTAIN || event == HISTORY_DAMAGED);
}

void
runner_tell_damaged(
	struct spool *s, const char *id, const struct error *why, const struct runner_callbacks *cb)
{
	const struct history_record r = { .event = HISTORY_DAMAGED,
		.when = clock_wall(),
		.id = id,
		.uid = s->owner,
		.text = why->text };

	(void)!history_add(s, &r, NULL);
	if (cb->event)
		cb->event(cb->ctx, &r, true);
	runner_trouble(cb, why);
}

enum breaker_kind
runner_judge(const struct entry *e, bool good, const struct error *why, const struct error **ret)
{
	enum breaker_kind kind = good ? BREAKER_CLOSED : breaker_judge(why);
	const struct recipient *r;

	*ret = why;
	/* of several transactions a later one may have met it */
	for (size_t i = 0; !good && !kind && i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome == OUTCOME_ACCEPTED || !r->why)
			continue;
		kind = breaker_judge(r->why);
		*ret = r->why;
	}
	return kind;
}

/* True iff the answer that recipient R got is not about this message, so that it counts as none. A
 * server that says 421 to a recipient or to the content may say so because of them: such a message
 * waits its turn, so that it does not stand in front of all others. */
static bool
is_of_account(const struct recipient *r)
{
	return r->why && r->why->stage < STAGE_RCPT && breaker_judge(r->why) != BREAKER_CLOSED;
}

/* Brings the outcomes into order; returns true iff the attempt has reached an answer about the
 * message; *RET_DOUBTED: and the answer to the end of data was lost. */
static bool
sort_out(const struct runner_attempt *a, struct entry *e, bool *ret_doubted)
{
	const struct error unknown = { .fault = FAULT_TEMPORARY,
		.text = "the outcome is not known" };
	const struct error *why = a->why && a->why->fault ? a->why : &unknown;
	bool of_account =
		!a->good && breaker_judge(why) != BREAKER_CLOSED && why->stage < STAGE_RCPT;
	struct recipient *r;
	bool reached = false, doubted = false;

	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (!a->delivery || a->before[i] != OUTCOME_PENDING)
			continue;
		/* each must have an outcome, or it would be tried for ever */
		if (r->outcome == OUTCOME_PENDING && !of_account)
			recipient_fail(r, why);
		else if ((r->outcome == OUTCOME_TEMPORARY || r->outcome == OUTCOME_PERMANENT) &&
			 is_of_account(r))
			recipient_set(r, OUTCOME_PENDING, 0, (struct enhanced){ 0 }, NULL, NULL);
		reached = reached || r->outcome != OUTCOME_PENDING;
		doubted = doubted || r->outcome == OUTCOME_IN_DOUBT;
	}
	*ret_doubted = doubted;
	return reached;
}

/* Turns what was refused for now into failures, if the time is over. */
static bool
give_up(struct entry *e, int64_t now)
{
	const struct schedule_facts facts = { e->not_before, e->lifetime, e->held, e->attempts,
		e->warned };
	const int64_t age = now - e->not_before, hours = age / 3600;
	struct recipient *r;
	struct error why;
	char words[512];
	bool any = false;

	if (!schedule_is_expired(&facts, now))
		return false;
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome != OUTCOME_TEMPORARY)
			continue;
		why = r->why ? *r->why : (struct error)ERROR_NONE;
		why.fault = FAULT_UNAVAILABLE;
		snprintf(why.text, sizeof(why.text), "given up after %u attempts in %lld %s",
			e->attempts,
			(long long)(hours < 2    ? age / 60
				    : hours < 48 ? hours
						 : hours / 24),
			hours < 2    ? "minutes"
			: hours < 48 ? "hours"
				     : "days");
		snprintf(words, sizeof(words), "%s", r->words ?: "");
		/* RFC 3463 3.5, X.4.7: delivery time expired */
		recipient_set(
			r, OUTCOME_PERMANENT, r->code, (struct enhanced){ 4, 4, 7 }, words, &why);
		any = true;
	}
	return any;
}

/* Turns whoever has not been served into a failure, if the message is not to be delivered so late
 * any more. */
static bool
return_late(struct entry *e, int64_t now)
{
	struct error why;
	struct recipient *r;
	char words[512];
	bool any = false;

	if (!wishes_are_over(&e->envelope.wishes, now))
		return false;
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome != OUTCOME_TEMPORARY && r->outcome != OUTCOME_PENDING)
			continue;
		/* RFC 2852 section 4, RFC 3463 3.5: delivery time expired */
		why = (struct error){ .fault = FAULT_UNAVAILABLE, .code = { 5, 4, 7 } };
		snprintf(why.text, sizeof(why.text),
			"returned, as the time within which it was to be delivered (deliver-by) is "
			"over");
		snprintf(words, sizeof(words), "%s", r->words ?: "");
		recipient_set(r, OUTCOME_PERMANENT, r->code, why.code, words, &why);
		any = true;
	}
	return any;
}

/* What is left of an entry. */
struct left {
	size_t open;     /* to be tried again */
	size_t doubtful; /* in doubt, and kept so */
	size_t failed;
	size_t untold; /* of those */
};

static struct left
count_left(const struct entry *e, bool doubt_again)
{
	struct left l = { envelope_count(&e->envelope, OUTCOME_PENDING) +
				  envelope_count(&e->envelope, OUTCOME_TEMPORARY),
		envelope_count(&e->envelope, OUTCOME_IN_DOUBT),
		envelope_count(&e->envelope, OUTCOME_PERMANENT), 0 };

	if (doubt_again) {
		l.open += l.doubtful;
		l.doubtful = 0;
	}
	for (size_t i = 0; i < e->envelope.count; i++)
		l.untold += bounce_is_about(e, BOUNCE_FAILED, i);
	return l;
}

bool
runner_notify(struct spool *s, struct entry *e, enum bounce_kind kind,
	const struct runner_account *account, const struct runner_callbacks *cb, struct error *err)
{
	char id[ENTRY_ID + 1], text[64];

	if (!bounce_make(s, e, kind, &account->bounce, clock_wall(), id, err))
		return false;
	if (*id) {
		snprintf(text, sizeof(text), "the sender is told by message %s", id);
		runner_tell(s, e, kind == BOUNCE_FAILED ? HISTORY_BOUNCED : HISTORY_WARNED, NULL,
			text, cb);
	}
	return true;
}

/* The smarthost refuses the null sender: the notification goes once more with another. *RET_AGAIN.
 */
static bool
try_from(const struct runner_attempt *a, struct entry *e, bool *ret_again, struct error *err)
{
	const struct recipient *r;

	*ret_again = false;
	if (!a->account->bounce_from || !address_is_null(&e->envelope.sender))
		return true;
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome != OUTCOME_PERMANENT || !r->why || r->why->stage != STAGE_MAIL)
			return true;
	}
	return bounce_from(a->s, e, a->account->bounce_from, clock_wall(), ret_again, err);
}

/* Everything is decided, and somebody was refused: failed/ first, then the sender is told. */
static bool
end_failed(const struct runner_attempt *a, struct entry *e, bool expired, int64_t now,
	enum runner_end *ret_end, struct error *err)
{
	struct error trouble = ERROR_NONE;
	bool again = false;

	if (a->delivery && !try_from(a, e, &again, err))
		return false;
	if (again) {
		*ret_end = RUNNER_QUEUED;
		runner_tell(a->s, e, HISTORY_ATTEMPT, a->delivery,
			"the null sender is refused; it goes again from bounce-from", a->cb);
		return true;
	}
	e->due = BOUNCE_OWED;
	if (!entry_append(e, a->noted, now, err) || !spool_fail(a->s, e, err))
		return false;
	runner_tell(a->s, e, expired ? HISTORY_EXPIRED : HISTORY_FAILED, a->delivery, NULL, a->cb);
	/* what cannot be made now is owed, and made by a later run */
	if (!runner_notify(a->s, e, BOUNCE_FAILED, a->account, a->cb, &trouble))
		runner_trouble(a->cb, &trouble);
	return true;
}

/* Kept as uncertain: until somebody releases or removes it. */
static bool
end_uncertain(const struct runner_attempt *a, struct entry *e, int64_t now, struct error *err)
{
	e->state = ENTRY_UNCERTAIN;
	e->due = now;
	if (!entry_append(e, a->noted, now, err))
		return false;
	/* so that a scan passes it over; whoever claims it sets that right if it is lost */
	(void)!fchmod(e->fd, 0700);
	runner_tell(a->s, e, HISTORY_UNCERTAIN, a->delivery,
		"it may have been delivered; kept until it is released or removed", a->cb);
	return true;
}

static bool
end_queued(const struct runner_attempt *a, struct entry *e, bool doubt_again, int64_t now,
	struct error *err)
{
	const bool only_doubts = doubt_again && !envelope_count(&e->envelope, OUTCOME_TEMPORARY);
	int64_t pause = schedule_pause(e->attempts ?: 1, a->draw);

	if (doubt_again && (only_doubts || pause > SCHEDULE_LATE))
		pause = SCHEDULE_LATE;
	e->due = wishes_sooner(&e->envelope.wishes, now, now + pause);
	if (!entry_append(e, a->noted, now, err))
		return false;
	runner_tell(a->s, e, doubt_again ? HISTORY_UNCERTAIN : HISTORY_ATTEMPT, a->delivery,
		a->why && a->why->fault ? a->why->text : NULL, a->cb);
	return true;
}

/* RFC 2852 section 4: once the time is over, which is told once. */
static bool
wants_late_notice(const struct entry *e, int64_t now)
{
	const struct wishes *w = &e->envelope.wishes;

	return w->late == LATE_WISH_NOTIFY && now >= w->deliver_by && !e->warned;
}

/* Whom the sender is told of while others are still tried. */
static void
tell_sender(const struct runner_attempt *a, struct entry *e, const struct left *left, int64_t now)
{
	const struct schedule_facts facts = { e->not_before, e->lifetime, e->held, e->attempts,
		e->warned };
	struct error trouble = ERROR_NONE;

	if (left->untold && !runner_notify(a->s, e, BOUNCE_FAILED, a->account, a->cb, &trouble))
		runner_trouble(a->cb, &trouble);
	error_clear(&trouble);
	if (left->open &&
		(schedule_wants_warning(&facts, a->account->delay_warning, now) ||
			wants_late_notice(e, now)) &&
		!runner_notify(a->s, e, BOUNCE_DELAYED, a->account, a->cb, &trouble))
		runner_trouble(a->cb, &trouble);
}

static bool
end_sent(const struct runner_attempt *a, struct entry *e, bool dropped, struct error *err)
{
	if (!spool_remove(a->s, e, true, err))
		return false;
	runner_tell(a->s, e, dropped ? HISTORY_DROPPED : HISTORY_SENT, a->delivery, NULL, a->cb);
	return true;
}

bool
runner_take_down(const struct runner_attempt *a, struct entry *e, enum runner_end *ret_end,
	struct error *err)
{
	const int64_t now = clock_wall();
	bool reached, doubted, expired = false, again = false, dropped = false;
	enum schedule_verdict verdict;
	struct left left;

	reached = sort_out(a, e, &doubted);
	e->attempts += reached;
	if (doubted) {
		verdict = schedule_after_doubt(a->account->uncertain, ++e->doubts);
		again = verdict == SCHEDULE_AGAIN;
		dropped = verdict == SCHEDULE_DROP;
		if (dropped)
			(void)envelope_drop_doubts(&e->envelope);
	}
	if (reached)
		expired = give_up(e, now);
	expired = return_late(e, now) || expired;
	left = count_left(e, again);
	if (left.untold)
		e->bounced = false;
	*ret_end = RUNNER_QUEUED;
	if (left.open && !reached)
		return true; /* about the account alone: the entry is as it was */
	if (left.open) {
		if (!end_queued(a, e, again, now, err))
			return false;
		tell_sender(a, e, &left, now);
	} else if (left.doubtful) {
		*ret_end = RUNNER_UNCERTAIN;
		if (!end_uncertain(a, e, now, err))
			return false;
		tell_sender(a, e, &left, now);
	} else if (left.failed) {
		*ret_end = RUNNER_FAILED;
		return end_failed(a, e, expired, now, ret_end, err);
	} else {
		*ret_end = dropped ? RUNNER_DROPPED : RUNNER_SENT;
		return end_sent(a, e, dropped, err);
	}
	return true;
}

bool
runner_settle(struct spool *s, struct entry *e, const enum outcome *noted,
	const struct runner_account *account, const struct runner_delivery *delivery, bool good,
	const struct error *why, const struct schedule_draw *draw,
	const struct runner_callbacks *cb, enum runner_end *ret_end, struct error *err)
{
	const struct runner_attempt a = { s, account, delivery, draw, cb, noted, noted, good, why };
	const struct error *reason;
	enum breaker_kind kind = runner_judge(e, good, why, &reason);
	enum runner_end end = RUNNER_QUEUED;
	struct error trouble = ERROR_NONE;
	bool done;

	if (kind ? !breaker_fail(s, e->account, kind, account->stamp, reason, clock_wall(), draw,
			   NULL, &trouble)
		 : !breaker_succeed(s, e->account, &trouble))
		runner_trouble(cb, &trouble);
	done = runner_take_down(&a, e, &end, err);
	if (done && (end == RUNNER_SENT || end == RUNNER_DROPPED))
		done = spool_flush(s, err);
	entry_done(e);
	if (ret_end)
		*ret_end = end;
	return done;
}
