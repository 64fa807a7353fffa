#include "queueing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "heartbeat.h"
#include "submission.h"
#include "wishes.h"

#define BUDGET      30 /* seconds as sendmail: cron jobs must not hang */
#define PATH_OCTETS 4096

static const char *const states[] = {
	[QUEUE_STATE_NONE] = "", [QUEUE_STATE_QUEUED] = "queued", [QUEUE_STATE_HELD] = "held"
};
_Static_assert(sizeof(states) / sizeof(*states) == QUEUE_STATE_COUNT, "one name per state");

const char *
queue_state_name(enum queue_state state)
{
	return states[state];
}

void
queueing_done(struct queueing *q)
{
	slot_done(&q->slot);
	seen_end(&q->seen);
	if (q->open)
		spool_close(&q->spool);
	free(q->directory);
	free(q->heartbeat);
	free(q->kept);
	*q = (struct queueing)QUEUEING_NONE;
}

static bool
as_sendmail(const struct submission *s)
{
	return s->args->personality == PERSONALITY_SENDMAIL;
}

void
queueing_set_spool(struct queueing *q, const char *path)
{
	struct strbuf heartbeat = STRBUF_INIT(PATH_OCTETS);

	if (!*path)
		return;
	spool_add_heartbeat(&heartbeat, path);
	free(q->directory);
	free(q->heartbeat);
	q->directory = xstrdup(path);
	q->heartbeat = xstrdup(heartbeat.s);
	strbuf_done(&heartbeat);
}

/* The command line names a place to connect to: no runner could find it again. */
static bool
is_nowhere_written(const struct submission *s)
{
	return strcmp(s->account.origin, s->args->given.origin) == 0;
}

/* -odq is for the account's queue; one that says never has none. */
static bool
is_refused_by_account(const struct submission *s)
{
	const char *origin = s->account.settings[OPT_QUEUE].origin;

	if (!origin || strncmp(origin, "-o", 2) != 0)
		return false;
	for (size_t i = 0; i < s->accounts.n; i++)
		if (strcmp(s->accounts.v[i].name, s->account.name) == 0)
			return profile_choice(&s->accounts.v[i], OPT_QUEUE) == QUEUE_NEVER;
	return false;
}

static bool
choose_mode(struct submission *s, struct error *err)
{
	struct queueing *q = &s->queue;
	const char *origin = s->account.settings[OPT_QUEUE].origin;
	bool asked = submission_given(s, OPT_QUEUE) && strncmp(origin, "-o", 2) != 0;

	q->mode = (enum queue_mode)profile_choice(&s->account, OPT_QUEUE);
	q->keeps_lasting = as_sendmail(s) || asked;
	if (is_refused_by_account(s))
		q->mode = QUEUE_NEVER;
	if (!is_nowhere_written(s) && strlen(s->account.name) < ENTRY_ACCOUNT)
		return true;
	if (q->mode != QUEUE_AUTO && q->mode != QUEUE_NEVER && asked)
		return error_set(err, FAULT_USAGE,
			"--queue needs an account of a configuration file: what the command line "
			"says of the smarthost is not kept with the message");
	q->mode = QUEUE_NEVER;
	return true;
}

/* --in and --at: the queue holds the message where there is one, unless the server is to. */
static bool
choose_time(struct submission *s, struct error *err)
{
	time_t when = 0;

	if (!wishes_hold_until(&s->account, s->when, &when, err))
		return false;
	if (!when || profile_choice(&s->account, OPT_HOLD_BY) == HOLD_BY_SERVER ||
		!queueing_is_on(s))
		return true;
	s->queue.not_before = when;
	profile_unset(&s->account, OPT_IN);
	profile_unset(&s->account, OPT_AT);
	return true;
}

bool
queueing_prepare(struct submission *s, struct error *err)
{
	struct queueing *q = &s->queue;
	struct strbuf path = STRBUF_INIT(PATH_OCTETS);
	uint64_t budget = profile_number(&s->account, OPT_BUDGET);

	if (q->prepared)
		return true;
	q->uid = getuid();
	q->keeps_refused = as_sendmail(s);
	q->resigned = !as_sendmail(s);
	q->notify_error = s->args->errors_mailed;
	if (!choose_mode(s, err))
		return false;
	if (q->mode != QUEUE_NEVER) {
		spool_add_path(&path, &s->account);
		queueing_set_spool(q, path.s);
	}
	if (!budget && as_sendmail(s))
		budget = BUDGET;
	if (budget)
		q->budget = clock_in((int64_t)budget * CLOCK_SECOND);
	strbuf_done(&path);
	q->prepared = true;
	return choose_time(s, err);
}

void
queueing_add_directory(struct strbuf *out, const struct submission *s)
{
	if (profile_choice(&s->account, OPT_QUEUE) == QUEUE_NEVER)
		return;
	spool_add_path(out, &s->account);
	if (out->len)
		strbuf_adds(out, "/queue");
}

bool
queueing_has_runner(struct queueing *q)
{
	q->runner = q->runner || heartbeat_is_fresh(q->heartbeat,
					 q->open ? q->spool.owner : spool_owner(q->directory));
	return q->runner;
}

bool
queueing_is_on(struct submission *s)
{
	struct queueing *q = &s->queue;

	if (q->mode == QUEUE_NEVER || !q->directory)
		return false;
	return q->mode != QUEUE_AUTO || queueing_has_runner(q);
}

bool
queueing_has(const struct submission *s, size_t i)
{
	return s->queue.kept && s->queue.kept[i];
}

enum fault
queueing_fault(const struct submission *s)
{
	struct envelope seen = ENVELOPE_NONE;
	enum fault fault;

	if (!s->queue.kept)
		return envelope_fault(&s->envelope);
	envelope_copy(&seen, &s->envelope);
	for (size_t i = 0; i < seen.count; i++)
		if (s->queue.kept[i])
			seen.recipients[i].outcome = OUTCOME_ACCEPTED;
	fault = envelope_fault(&seen);
	envelope_done(&seen);
	return fault;
}

bool
queueing_rescue(struct submission *s, struct error *why)
{
	struct queueing *q = &s->queue;
	struct strbuf path = STRBUF_INIT(PATH_OCTETS);
	bool named = s->account.name && *s->account.name && !is_nowhere_written(s);

	if (!as_sendmail(s) || why->fault != FAULT_CONFIG || s->args->mode != MODE_SUBMIT ||
		submission_given(s, OPT_DRY_RUN) ||
		(named && profile_choice(&s->account, OPT_QUEUE) == QUEUE_NEVER))
		return false;
	if (named)
		spool_add_path(&path, &s->account);
	else
		spool_add_system(&path);
	queueing_set_spool(q, path.s);
	strbuf_done(&path);
	if (!q->directory || !queueing_has_runner(q))
		return false;
	q->prepared = q->runner = true;
	q->mode = QUEUE_ALWAYS;
	q->uid = getuid();
	q->broken = *why;
	q->nameless = !named;
	q->keeps_lasting = true;
	error_clear(why);
	return true;
}
