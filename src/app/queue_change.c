#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "breaker.h"
#include "error.h"
#include "history.h"
#include "queue.h"

/* Tells the history; that it cannot be told stops nobody. */
static void
tell(const struct queue_view *v, const struct entry *e, enum history_event event)
{
	struct history_record r = { .event = event, .when = v->now };
	struct error ignored = ERROR_NONE;
	char id[256];

	history_of_entry(&r, e, id, sizeof(id));
	r.event = event;
	r.when = v->now;
	(void)!history_add(v->spool, &r, &ignored);
}

/* Who was refused, or may have got it, is tried again as if nobody had been. */
static bool
start_anew(struct entry *e, int64_t now, struct error *err)
{
	enum outcome *before = xcalloc(e->envelope.count + 1, sizeof(*before));
	const struct enhanced none = { 0, 0, 0 };
	bool good;

	for (size_t i = 0; i < e->envelope.count; i++) {
		struct recipient *r = &e->envelope.recipients[i];

		before[i] = r->outcome;
		if (r->outcome != OUTCOME_ACCEPTED)
			recipient_set(r, OUTCOME_PENDING, 0, none, NULL, NULL);
	}
	e->state = ENTRY_QUEUED;
	e->attempts = e->doubts = 0;
	e->bounced = e->warned = false;
	e->due = now;
	good = entry_append(e, before, now, err);
	free(before);
	return good;
}

static bool
release(const struct queue_view *v, struct entry *e, struct error *err)
{
	struct error ignored = ERROR_NONE;

	if (e->state == ENTRY_UNCERTAIN && !start_anew(e, v->now, err))
		return false;
	if (e->state == ENTRY_HELD && !spool_hold(v->spool, e, false, v->now, err))
		return false;
	/* a person wants it to go now, whatever was known of the account */
	(void)!breaker_release(v->spool, e->account, v->now, &ignored);
	return spool_set_due(v->spool, e, v->now, err);
}

static bool
apply(const struct queue_view *v, enum queue_change what, struct entry *e, bool failed,
	struct error *err)
{
	static const enum history_event events[] = { [QUEUE_HOLD] = HISTORY_HELD,
		[QUEUE_RELEASE] = HISTORY_RELEASED,
		[QUEUE_REMOVE] = HISTORY_REMOVED,
		[QUEUE_RETRY] = HISTORY_RETRIED };
	bool good = false;

	switch (what) {
	case QUEUE_HOLD:
		good = spool_hold(v->spool, e, true, v->now, err);
		break;
	case QUEUE_RELEASE:
		good = release(v, e, err);
		break;
	case QUEUE_REMOVE:
		good = spool_remove(v->spool, e, false, err);
		break;
	case QUEUE_RETRY:
		good = start_anew(e, v->now, err) && spool_retry(v->spool, e, v->now, err);
		break;
	}
	(void)failed;
	if (good)
		tell(v, e, events[what]);
	return good;
}

bool
queue_change(const struct queue_view *v, enum queue_change what, const char *id, bool failed,
	struct error *err)
{
	struct entry e = ENTRY_NONE;
	bool good = false;

	if (failed && (what == QUEUE_HOLD || what == QUEUE_RELEASE))
		return error_set(
			err, FAULT_USAGE, "%s has failed (sendoff queue retry %s)", id, id);
	if (!failed && what == QUEUE_RETRY)
		return error_set(
			err, FAULT_USAGE, "%s has not failed (sendoff queue flush %s)", id, id);
	switch (spool_claim(v->spool, id, failed, &e, err)) {
	case SPOOL_CLAIMED:
		good = v->everybody || e.uid == v->uid
			       ? apply(v, what, &e, failed, err)
			       : error_set(err, FAULT_NOINPUT, "there is no entry %s", id);
		break;
	case SPOOL_BUSY:
		error_set(err, FAULT_TEMPORARY, "%s is just being sent", id);
		break;
	case SPOOL_GONE:
		error_set(err, FAULT_NOINPUT, "%s is gone", id);
		break;
	case SPOOL_DAMAGED:
	case SPOOL_ERROR:
		break;
	}
	entry_done(&e);
	return good;
}
