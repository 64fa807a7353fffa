#include "submit.h"

#include "clock.h"
#include "report.h"
#include "service.h"
#include "status.h"
#include "submission.h"

/* True iff the message went, or was shown, as far as it should. */
static bool
run(struct submission *s, struct error *err)
{
	return (account_load(s, err) || queueing_rescue(s, err)) && input_get(s, err) &&
	       (account_choose(s, err) || queueing_rescue(s, err)) && queueing_prepare(s, err) &&
	       envelope_fill(s, err) && message_complete(s, err) && submission_deliver(s, err);
}

int
submit(const struct arguments *args)
{
	struct submission s;
	int status;

	submission_init(&s, args);
	if (!run(&s, &s.error))
		input_drain(&s);
	s.finished = clock_ms();
	status = report(&s);
	status_set(status);
	queueing_drain(&s);
	if (s.queue.state != QUEUE_STATE_NONE && submission_given(&s, OPT_WAIT))
		status = s.recorded ? service_wait(&s) : queueing_wait(&s);
	submission_part(&s, status);
	submission_done(&s);
	return status;
}
