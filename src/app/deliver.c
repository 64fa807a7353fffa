#include "report.h"
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
	if (queueing_is_on(s))
		return queueing_deliver(s, err);
	return submission_attempt(s, 0, status_progress, NULL, err);
}
