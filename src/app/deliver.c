#include <unistd.h>

#include "child.h"
#include "report.h"
#include "smarthost.h"
#include "status.h"
#include "submission.h"

bool
submission_deliver(struct submission *s, struct error *err)
{
	bool good;

	if (submission_given(s, OPT_DRY_RUN))
		return report_dry_run(s, err);
	if (!envelope_count(&s->envelope, OUTCOME_PENDING)) {
		/* each recipient says why */
		s->attempted = true;
		return error_set(err, FAULT_UNAVAILABLE, "no recipient is left");
	}
	good = s->attempted = smarthost_open(&s->smarthost, s, &s->account, err);
	if (!good)
		return false;
	s->link = wire_link_new(&s->smarthost.settings);
	return wire_link_deliver(
		s->link, &s->envelope, &s->message, status_progress, NULL, &s->report, err);
}

/* A process that nobody waits for finds out more about the server. */
static void
learn(struct submission *s)
{
	pid_t pid;

	/* it has no use for the password */
	strbuf_done(&s->smarthost.password);
	pid = child_detach(wire_link_socket(s->link));
	if (!pid) {
		wire_link_learn(s->link);
		_exit(0);
	}
	if (pid > 0)
		wire_link_abandon(s->link);
}

void
submission_part(struct submission *s)
{
	if (s->link && wire_link_learns(s->link))
		learn(s);
	wire_link_free(s->link);
	smarthost_close(&s->smarthost);
	s->link = NULL;
}
