/* What is due is tried on the connection that a submission has left open. */
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "courier.h"
#include "queueing.h"
#include "queueing_signal.h"
#include "status.h"
#include "submission.h"
#include "way.h"

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
	return true;
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

/* Nobody waits for this process, and nobody must wait for the ends of pipes that it holds. */
static void
detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	status_init();
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

	courier_init(&c, s->args, q->directory);
	c.quiet = true;
	courier_take_way(&c, q->way, s->account.name);
	q->way = NULL;
	cb = courier_callbacks(&c);
	cb.stop = is_stopped;
	most = most < 1 ? 0 : most - 1;
	runner_drain(&q->spool, &settings, s->account.name, most < DRAIN_MAX ? most : DRAIN_MAX,
		clock_in(DRAIN_MS), &cb, &result);
	courier_done(&c);
}

void
queueing_drain(struct submission *s)
{
	struct queueing *q = &s->queue;

	if (!q->open || !q->way || signals_caught() || !network_is_open(q->way->network) ||
		!is_plain(s) || !something_is_due(s))
		return;
	switch (fork()) {
	case -1:
		return;
	case 0:
		detach();
		drain(s);
		_exit(0);
	default:
		/* the connection is the other process's now */
		way_abandon(q->way);
		q->way = NULL;
	}
}
