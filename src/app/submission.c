#include "submission.h"

#include "clock.h"

void
submission_init(struct submission *s, const struct arguments *args)
{
	*s = (struct submission){
		.args = args,
		.message = MESSAGE_NONE,
		.envelope = ENVELOPE_NONE,
		.smarthost = SMARTHOST_NONE,
		.when = clock_wall(),
		.started = clock_ms(),
		.queue = QUEUEING_NONE,
	};
	profile_init(&s->account, "", "");
	s->used = &s->account;
	wire_report_init(&s->report);
}

void
submission_done(struct submission *s)
{
	submission_disconnect(s);
	queueing_done(&s->queue);
	wire_report_done(&s->report);
	envelope_done(&s->envelope);
	message_done(&s->message);
	profile_done(&s->account);
	profile_done(&s->fallback);
	profile_list_done(&s->accounts);
}
