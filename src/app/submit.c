#include "submit.h"

#include "clock.h"
#include "report.h"
#include "status.h"
#include "submission.h"

/* True iff the message went, or was shown, as far as it should. */
static bool
run(struct submission *s, struct error *err)
{
	return account_load(s, err) && input_get(s, err) && account_choose(s, err) &&
	       envelope_fill(s, err) && message_complete(s, err) && submission_deliver(s, err);
}

int
submit(const struct arguments *args)
{
	struct submission s = {
		.args = args,
		.message = MESSAGE_NONE,
		.envelope = ENVELOPE_NONE,
		.smarthost = SMARTHOST_NONE,
		.when = clock_wall(),
		.started = clock_ms(),
	};
	int status;

	profile_init(&s.account, "", "");
	wire_report_init(&s.report);
	if (!run(&s, &s.error))
		input_drain(&s);
	s.finished = clock_ms();
	status = report(&s);
	status_set(status);
	submission_part(&s);
	wire_report_done(&s.report);
	envelope_done(&s.envelope);
	message_done(&s.message);
	profile_done(&s.account);
	profile_list_done(&s.accounts);
	return status;
}
