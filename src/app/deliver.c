#include "report.h"
#include "smarthost.h"
#include "status.h"
#include "submission.h"

bool
submission_deliver(struct submission *s, struct error *err)
{
	struct smarthost h;
	bool good;

	if (submission_given(s, OPT_DRY_RUN))
		return report_dry_run(s, err);
	if (!envelope_count(&s->envelope, OUTCOME_PENDING)) {
		/* each recipient says why */
		s->attempted = true;
		return error_set(err, FAULT_UNAVAILABLE, "no recipient is left");
	}
	good = s->attempted = smarthost_open(&h, s, &s->account, err);
	good = good && session_deliver(&h.settings, &s->envelope, &s->message, status_progress,
			       NULL, &s->report, err);
	smarthost_close(&h);
	return good;
}
