/* What is due is tried on the connection that a submission has left open. */
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "courier.h"
#include "network.h"
#include "queueing.h"
#include "queueing_signal.h"
#include "submission.h"
#include "wishes.h"

#define DRAIN_MS  (10 * CLOCK_SECOND)
#define DRAIN_MAX 100 /* messages */

/* True iff the connection is the account's as it is configured, not as the command line has it. */
static bool
is_plain(const struct submission *s)
{
	for (int id = 0; id < OPT_COUNT; id++)
		if ((options[id].group == OPTION_GROUP_SERVER ||
			    options[id].group == OPTION_GROUP_TLS ||
			    options[id].group == OPTION_GROUP_AUTH) &&
			submission_given(s, (enum option_id)id))
			return false;
	if (wishes_lost(s) || submission_given(s, OPT_IN) || submission_given(s, OPT_AT))
		return false;
	/* it would be looked for from elsewhere */
	return !submission_given(s, OPT_CONFIG) ||
	       *profile_text(&s->args->given, OPT_CONFIG) == '/';
}

struct look {
	int64_t now;
	bool due;
};

static bool
look_at(void *ctx, const struct spool_item *item)
{
	struct look *l = ctx;

	l->due = !item->held && item->due <= l->now;
	return !l->due;
}

static bool
something_is_due(struct submission *s)
{
	struct look l = { .now = clock_wall() };
	struct error ignored = ERROR_NONE;

	return spool_scan(&s->queue.spool, false, look_at, &l, &ignored) && l.due;
}

static bool
is_stopped(void *ctx)
{
	(void)ctx;
	return signals_caught() != 0;
}

static void
drain(struct submission *s)
{
	struct queueing *q = &s->queue;
	struct courier c;
	struct runner_callbacks cb;
	struct runner_settings settings = { .in_process = true };
	struct runner_result result = { 0 };
	unsigned most = (unsigned)profile_number(&s->account, OPT_MESSAGES_PER_CONNECTION);

	courier_init(&c, s->args, q->directory, s);
	c.quiet = true;
	cb = courier_callbacks(&c);
	cb.stop = is_stopped;
	most = most < 1 ? 0 : most - 1;
	runner_drain(&q->spool, &settings, s->account.name, most < DRAIN_MAX ? most : DRAIN_MAX,
		clock_in(DRAIN_MS), &cb, &result);
	courier_done(&c);
}

/* What the process that drains goes on with. */
static size_t
descriptors(const struct submission *s, int keep[CHILD_KEEP])
{
	const struct spool *spool = &s->queue.spool;
	const int all[] = { network_socket(s->link), spool->dir, spool->queue, spool->failed,
		spool->damaged, spool->tmp, spool->drop, s->queue.slot.fd };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] >= 0)
			keep[n++] = all[i];
	return n;
}

void
queueing_drain(struct submission *s)
{
	int keep[CHILD_KEEP];
	size_t n;

	if (!s->queue.open || !s->link || signals_caught() || !network_is_open(s->link) ||
		!is_plain(s) || !something_is_due(s))
		return;
	/* one in a box stays there, and ends with us: whoever drains begins anew. The service has a
	 * runner. */
	if (network_is_boxed() || (network_socket(s->link) < 0 && !network_renew(s->link)))
		return;
	n = descriptors(s, keep);
	switch (child_detach(keep, n)) {
	case -1:
		return;
	case 0:
		drain(s);
		_exit(0);
	default:
		network_abandon(s->link);
		submission_disconnect(s);
	}
}
