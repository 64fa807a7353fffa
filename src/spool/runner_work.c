/* A walk over what is due for one account: one connection, many messages. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "runner_private.h"
#include "state.h"

#define REMOVALS      10    /* are flushed together at most ... */
#define REMOVALS_MS   100   /* ... and none waits longer */
#define FIRST_MS      60000 /* what others wait for the first, should it die */
#define LOST_IN_A_ROW 2 /* connections lost within a transaction: it is not the messages' fault */
#define RESERVE       4096 /* octets that a trailer may take beside those of the recipients */

/* The account has to wait until WHEN. */
static void
end_until(struct runner_work *w, int64_t when)
{
	if (when > w->share->blocked)
		w->share->blocked = when;
	w->ended = true;
}

static bool
must_stop(const struct runner_work *w)
{
	const int64_t deadline = w->settings->deadline;

	return runner_is_stopped() || (deadline && clock_ms() >= deadline) ||
	       (w->most && w->tried >= w->most) || (w->cb->stop && w->cb->stop(w->cb->ctx));
}

static void
flush_removals(struct runner_work *w)
{
	struct error err = ERROR_NONE;

	if (w->removals && !spool_flush(w->s, &err))
		runner_trouble(w->cb, &err);
	w->removals = 0;
}

static void
disconnect(struct runner_work *w)
{
	flush_removals(w);
	if (w->on_connection)
		w->cb->disconnect(w->cb->ctx);
	w->on_connection = 0;
}

static void
trouble(struct runner_work *w, const struct error *err)
{
	w->share->result.trouble++;
	runner_trouble(w->cb, err);
}

/* Asks the breaker once for each walk: what comes later is known here first. */
static bool
may_connect(struct runner_work *w)
{
	enum breaker_answer answer;

	if (w->asked || w->connected)
		return true;
	answer = breaker_ask(
		w->s, w->name, w->account->stamp, w->force, clock_wall(), &w->before, &w->probe);
	w->asked = answer != BREAKER_WAIT;
	if (answer == BREAKER_WAIT) {
		/* where another process probes, its answer comes soon */
		end_until(w, w->before.next > clock_wall() ? w->before.next
							   : clock_wall() + RUNNER_BUSY_PAUSE);
	}
	return w->asked;
}

static bool
may_send(struct runner_work *w)
{
	struct error err = ERROR_NONE;
	int64_t when = 0;

	if (!w->account->rate)
		return true;
	if (!rate_take(w->s, w->name, w->account->rate, w->account->rate_seconds, clock_wall(),
		    &when, &err)) {
		/* a quota that cannot be kept count of is not risked */
		trouble(w, &err);
		when = clock_wall() + RUNNER_BUSY_PAUSE;
	}
	if (when)
		end_until(w, when);
	return !when;
}

/* True iff the entry, claimed now, is still to be tried: another process may have been here. */
static bool
is_still_due(const struct runner_work *w, const struct runner_item *item, struct entry *e)
{
	const int64_t now = clock_wall(), due = schedule_due(e->due, e->not_before, now);

	if (e->state != ENTRY_QUEUED || strcmp(e->account, w->name) != 0)
		return false;
	if (w->force)
		return e->due == item->due && (w->settings->only_id || e->not_before <= now);
	/* so that the next scan does not find it due again */
	if (due > now && due != e->due)
		(void)!spool_set_due(w->s, e, due, NULL);
	return due <= now;
}

static bool
claim_item(struct runner_work *w, const struct runner_item *item, struct entry *e)
{
	struct error err = ERROR_NONE;

	switch (spool_claim(w->s, item->id, false, e, &err)) {
	case SPOOL_CLAIMED:
		if (is_still_due(w, item, e))
			return true;
		w->share->handled++;
		return false;
	case SPOOL_BUSY:
		w->share->result.busy++;
		return false;
	case SPOOL_GONE:
		w->share->handled++;
		return false;
	case SPOOL_DAMAGED:
		w->share->handled++;
		w->share->result.damaged++;
		runner_tell_damaged(w->s, item->id, &err, w->cb);
		return false;
	case SPOOL_ERROR:
		trouble(w, &err);
		return false;
	}
	return false;
}

/* Room for what the attempt will have to say of several recipients: a full disk must not make it
 * forget who was served. */
static bool
reserve(struct entry *e, struct error *err)
{
	const off_t octets = RESERVE + 64 * (off_t)e->envelope.count;

	if (e->envelope.count < 2 ||
		fallocate(e->fd, FALLOC_FL_KEEP_SIZE, (off_t)e->trailer, octets) == 0 ||
		(errno != ENOSPC && errno != EDQUOT))
		return true;
	return error_sys(err, FAULT_TEMPORARY, errno,
		"unable to make room for what becomes of message %s", e->id);
}

/* What the last attempt left for now is open again. Returns how many recipients are. */
static size_t
open_again(struct entry *e, enum schedule_doubt mode)
{
	struct recipient *r;
	size_t open = 0;
	bool doubts;

	for (size_t i = 0; i < e->envelope.count; i++)
		open += e->envelope.recipients[i].outcome == OUTCOME_TEMPORARY ||
			e->envelope.recipients[i].outcome == OUTCOME_PENDING;
	/* where nothing else is open and it is due nevertheless, a person has released it */
	doubts = !open || schedule_after_doubt(mode, e->doubts) == SCHEDULE_AGAIN;
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome == OUTCOME_TEMPORARY || (doubts && r->outcome == OUTCOME_IN_DOUBT))
			recipient_set(r, OUTCOME_PENDING, 0, (struct enhanced){ 0 }, NULL, NULL);
	}
	return envelope_count(&e->envelope, OUTCOME_PENDING);
}

static bool
is_owed(const struct entry *e)
{
	for (size_t i = 0; !e->bounced && i < e->envelope.count; i++)
		if (bounce_is_about(e, BOUNCE_FAILED, i))
			return true;
	return false;
}

/* What interrupted runs have left to be done before the entry may be tried. */
static bool
catch_up(struct runner_work *w, struct entry *e, struct error *err)
{
	if (is_owed(e) && envelope_count(&e->envelope, OUTCOME_PERMANENT) < e->envelope.count &&
		!runner_notify(w->s, e, BOUNCE_FAILED, w->account, w->cb, err))
		return false;
	return bounce_settle(w->s, e, clock_wall(), err) && reserve(e, err);
}

static void
count_end(struct runner_work *w, enum runner_end end)
{
	struct runner_result *r = &w->share->result;

	switch (end) {
	case RUNNER_DROPPED:
	case RUNNER_SENT:
		r->sent++;
		if (!w->removals++)
			w->first_removal = clock_ms();
		break;
	case RUNNER_QUEUED:
		r->deferred++;
		break;
	case RUNNER_FAILED:
		r->failed++;
		break;
	case RUNNER_UNCERTAIN:
		r->uncertain++;
		break;
	}
}

static void
breaker_opens(struct runner_work *w, enum breaker_kind kind, const struct error *why)
{
	struct error err = ERROR_NONE;
	struct breaker now;

	if (!breaker_fail(w->s, w->name, kind, w->account->stamp, why, clock_wall(),
		    &w->settings->draw, &now, &err)) {
		trouble(w, &err);
		end_until(w, clock_wall() + BREAKER_FIRST);
		return;
	}
	end_until(w, now.next);
	if (w->cb->breaker && now.kind != w->before.kind)
		w->cb->breaker(w->cb->ctx, &now);
}

static void
breaker_closes(struct runner_work *w)
{
	struct error err = ERROR_NONE;
	const bool was_open = w->before.kind != BREAKER_CLOSED;

	w->lost = 0;
	if (!was_open)
		return;
	if (!breaker_succeed(w->s, w->name, &err))
		trouble(w, &err);
	breaker_probe_done(&w->probe);
	w->before.kind = BREAKER_CLOSED;
	if (w->cb->breaker)
		w->cb->breaker(w->cb->ctx, &w->before);
}

/* What the attempt says of the way to the smarthost. */
static void
judge(struct runner_work *w, const struct entry *e, bool good, const struct error *why)
{
	const struct error *reason;
	enum breaker_kind kind = runner_judge(e, good, why, &reason);

	if (!kind && !good && why->stage >= STAGE_MAIL && why->fault == FAULT_TEMPORARY &&
		!why->smtp && ++w->lost >= LOST_IN_A_ROW)
		kind = BREAKER_DOWN;
	if (kind)
		breaker_opens(w, kind, reason);
	else if (good || why->smtp || why->stage < STAGE_MAIL)
		breaker_closes(w);
}

/* It cannot be tried now, or not be taken down: looked at again later. */
static void
put_off(struct runner_work *w, struct entry *e, const struct error *err)
{
	struct error ignored = ERROR_NONE;

	trouble(w, err);
	w->share->result.deferred++;
	if (!spool_set_due(w->s, e, clock_wall() + schedule_pause(1, &w->settings->draw), &ignored))
		runner_trouble(w->cb, &ignored);
}

/* The worst that can happen: it was tried, and what came of it cannot be kept. Whoever was served
 * must not be served again with every round, so the entry is passed over until a person has looked
 * at it; the mark needs no room on the disk. */
static void
not_taken_down(
	struct runner_work *w, struct entry *e, const enum outcome *before, const struct error *err)
{
	bool served = false;

	for (size_t i = 0; i < e->envelope.count; i++)
		served = served ||
			 (before[i] == OUTCOME_PENDING &&
				 (e->envelope.recipients[i].outcome == OUTCOME_ACCEPTED ||
					 e->envelope.recipients[i].outcome == OUTCOME_IN_DOUBT));
	if (served)
		(void)!fchmod(e->fd, 0700);
	put_off(w, e, err);
	end_until(w, clock_wall() + SCHEDULE_FIRST);
}

static void
attempt(struct runner_work *w, struct entry *e, const enum outcome *noted, bool more)
{
	struct runner_delivery delivery = { .host = "" };
	struct error why = ERROR_NONE, err = ERROR_NONE;
	enum outcome *before = runner_note(e);
	struct runner_attempt a = { w->s, w->account, &delivery, &w->settings->draw, w->cb, noted,
		before, false, &why };
	enum runner_end end = RUNNER_QUEUED;
	const int64_t start = clock_ms();

	memcpy(w->share->current, e->id, sizeof(e->id));
	w->tried++;
	w->on_connection++;
	a.good = w->cb->deliver(w->cb->ctx, e, more, &delivery, &why);
	runner_hold_signals(true);
	judge(w, e, a.good, &why);
	if (runner_take_down(&a, e, &end, &err))
		count_end(w, end);
	else
		not_taken_down(w, e, before, &err);
	w->share->current[0] = '\0';
	w->share->sent = 0;
	w->last_ms = clock_ms() - start;
	free(before);
}

/* Ends an entry that needs no attempt any more: a run was interrupted before it could. */
static void
finish(struct runner_work *w, struct entry *e, const enum outcome *noted)
{
	const struct runner_attempt a = { w->s, w->account, NULL, &w->settings->draw, w->cb, noted,
		noted, true, NULL };
	struct error err = ERROR_NONE;
	enum runner_end end = RUNNER_QUEUED;

	runner_hold_signals(true);
	if (runner_take_down(&a, e, &end, &err))
		count_end(w, end);
	else
		put_off(w, e, &err);
}

/* Removals wait for each other only while the attempts are so quick that none waits long. */
static void
flush_in_time(struct runner_work *w)
{
	if (w->removals >= REMOVALS ||
		(w->removals && (w->last_ms > REMOVALS_MS / REMOVALS ||
					clock_ms() - w->first_removal >= REMOVALS_MS)))
		flush_removals(w);
}

static void
work_on(struct runner_work *w, const struct runner_item *item, bool more)
{
	const unsigned limit = w->account->per_connection ?: 100;
	struct entry e = ENTRY_NONE;
	struct error err = ERROR_NONE;
	enum outcome *noted;

	if (!claim_item(w, item, &e)) {
		entry_done(&e);
		return;
	}
	noted = runner_note(&e);
	if (!catch_up(w, &e, &err)) {
		put_off(w, &e, &err);
	} else if (wishes_are_over(&e.envelope.wishes, clock_wall()) ||
		   !open_again(&e, w->account->uncertain)) {
		finish(w, &e, noted);
	} else if (may_connect(w) && may_send(w)) {
		if (w->on_connection >= limit)
			disconnect(w);
		attempt(w, &e, noted, more && w->on_connection + 1 < limit);
	}
	w->share->handled += !w->ended;
	entry_done(&e);
	free(noted);
	flush_in_time(w);
	runner_hold_signals(false);
}

static bool
take_slot(struct runner_work *w)
{
	struct error err = ERROR_NONE;

	w->slot = (struct slot)SLOT_NONE;
	if (w->connected)
		return true;
	if (!slot_take(w->s, w->name, w->account->connections ?: 2, 0, &w->slot, &err)) {
		trouble(w, &err);
		return true; /* it is a help, not a condition */
	}
	if (w->slot.fd >= 0)
		return true;
	w->share->result.busy++;
	end_until(w, clock_wall() + RUNNER_BUSY_PAUSE);
	return false;
}

/* One finds out for all whether there is a way to the smarthost: as long as nothing is known, that
 * costs one connection. */
static bool
await_first(struct runner_work *w)
{
	const int64_t deadline = clock_in(FIRST_MS);

	for (unsigned round = 0; w->first && w->first != w->share && !w->first->over; round++) {
		if (!clock_left(deadline))
			break;
		state_rest(round, deadline);
	}
	return !w->first || w->first == w->share || !w->first->blocked;
}

void
runner_work(struct runner_work *w)
{
	size_t at, end;

	w->probe = -1;
	w->slot = (struct slot)SLOT_NONE;
	w->before = (struct breaker){ .kind = BREAKER_CLOSED };
	snprintf(w->before.account, sizeof(w->before.account), "%s", w->name);
	if (!await_first(w) || !take_slot(w)) {
		w->share->over = 1;
		return;
	}
	while (!w->ended && (at = atomic_fetch_add(w->next, w->chunk)) < w->n) {
		end = w->n - at < w->chunk ? w->n : at + w->chunk;
		for (; at < end && !w->ended; at++) {
			w->ended = must_stop(w);
			if (!w->ended)
				work_on(w, &w->items[at], at + 1 < end);
			w->share->over = 1;
		}
	}
	w->share->over = 1;
	if (!w->connected)
		disconnect(w);
	flush_removals(w);
	breaker_probe_done(&w->probe);
	slot_done(&w->slot);
}
