/* One run over the queue; the drain behind a submission; what is done now and then. */
#include "runner.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "heartbeat.h"
#include "runner_private.h"
#include "seen.h"

#define OWED  1000 /* notifications made at a time */
#define PURGE 1000 /* entries removed at a time */

/* Entries of failed/ whose sender has not been told. */
struct owed {
	char (*v)[ENTRY_ID + 1];
	size_t n;
};

static bool
take_owed(void *ctx, const struct spool_item *item)
{
	struct owed *o = ctx;

	if (item->due != BOUNCE_OWED)
		return true;
	memcpy(o->v[o->n++], item->id, sizeof(item->id));
	return o->n < OWED;
}

static void
make_owed(struct runner *r, const char *id)
{
	struct error err = ERROR_NONE;
	struct runner_account account = { .stamp = 0 };
	struct entry e = ENTRY_NONE;

	/* where the account is gone the notification could not leave either */
	if (spool_claim(r->s, id, true, &e, &err) == SPOOL_CLAIMED && e.due == BOUNCE_OWED &&
		r->cb->account(r->cb->ctx, e.account, &account, &err))
		(void)!runner_notify(r->s, &e, BOUNCE_FAILED, &account, r->cb, &err);
	runner_trouble(r->cb, &err);
	entry_done(&e);
}

void
runner_tidy(struct runner *r)
{
	struct owed owed = { .n = 0 };
	struct error err = ERROR_NONE;
	unsigned left = 0;

	if (r->settings->heartbeat && !heartbeat_write(r->settings->heartbeat, &err))
		runner_trouble(r->cb, &err);
	error_clear(&err);
	if (!spool_tidy(r->s, &err) ||
		!bounce_purge(r->s, &r->settings->failed, clock_wall(), PURGE, &left, &err))
		runner_trouble(r->cb, &err);
	error_clear(&err);
	seen_purge(r->s, clock_wall(), PURGE);
	if (!left)
		return;
	owed.v = xcalloc(OWED, sizeof(*owed.v));
	if (!spool_scan(r->s, true, take_owed, &owed, &err))
		runner_trouble(r->cb, &err);
	for (size_t i = 0; i < owed.n; i++)
		make_owed(r, owed.v[i]);
	free(owed.v);
}

static bool
is_over(const struct runner *r)
{
	const int64_t deadline = r->settings->deadline;

	return (deadline && clock_ms() >= deadline) || runner_is_stopped() ||
	       (r->cb->stop && r->cb->stop(r->cb->ctx));
}

bool
runner_run(struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb, struct runner_result *ret, struct error *err)
{
	struct runner r;
	bool good;

	runner_init(&r, s, settings, cb);
	runner_tidy(&r);
	do {
		good = runner_pass(&r, err);
		runner_reap(&r, true);
	} while (good && r.progress && !is_over(&r));
	*ret = r.result;
	runner_done(&r);
	return good;
}

void
runner_drain(struct spool *s, const struct runner_settings *settings, const char *account,
	unsigned most, int64_t deadline, const struct runner_callbacks *cb,
	struct runner_result *ret)
{
	struct runner_settings drain = *settings;
	struct error err = ERROR_NONE;
	struct runner r;

	drain.deadline = deadline;
	drain.only_account = account;
	drain.in_process = true;
	drain.flush = false;
	drain.most = drain.most ? drain.most : 1000;
	runner_init(&r, s, &drain, cb);
	r.drain = most;
	if (!most || !runner_pass(&r, &err))
		runner_trouble(cb, &err);
	*ret = r.result;
	runner_done(&r);
}
