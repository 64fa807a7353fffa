#include "report.h"
#include "service.h"
#include "status.h"
#include "submission.h"
#include "way.h"

bool
submission_attempt(struct submission *s, int64_t budget, wire_progress *progress,
	void *progress_ctx, struct error *err)
{
	struct way *way = way_open(s, &s->account, err);
	bool good;

	s->attempted = way != NULL;
	if (!way)
		return false;
	good = way_deliver(
		way, &s->envelope, &s->message, budget, progress, progress_ctx, &s->report, err);
	if (good && s->queue.prepared)
		s->queue.way = way;
	else
		way_free(way);
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
	if (submission_given(s, OPT_DRY_RUN))
		return report_dry_run(s, err);
	if (!envelope_count(&s->envelope, OUTCOME_PENDING)) {
		/* each recipient says why */
		s->attempted = true;
		return error_set(err, FAULT_UNAVAILABLE, "no recipient is left");
	}
	if (service_is_asked(s))
		return service_deliver(s, err);
	if (queueing_is_on(s))
		return queueing_deliver(s, err);
	return submission_attempt(s, 0, progress, s, err);
}
