#include <stdlib.h>

#include "alloc.h"
#include "kept.h"
#include "linger.h"
#include "report.h"
#include "status.h"
#include "submission.h"

void
kept_free(struct kept *k)
{
	if (!k)
		return;
	wire_link_free(k->link);
	smarthost_close(&k->smarthost);
	free(k);
}

/* Whoever has no outcome shares this one. */
static void
fail_pending(struct envelope *e, const struct error *why)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].outcome == OUTCOME_PENDING)
			recipient_fail(&e->recipients[i], why);
}

/* Over a connection that another submission has left, then over one of our own. */
static bool
send(struct submission *s, struct kept *k, struct error *err)
{
	size_t pending = envelope_count(&s->envelope, OUTCOME_PENDING), left;

	linger_ask(s);
	left = envelope_count(&s->envelope, OUTCOME_PENDING);
	s->attempted = left < pending;
	if (left && !smarthost_ask(&k->smarthost, &s->account, err)) {
		if (s->attempted)
			fail_pending(&s->envelope, err);
		return false;
	}
	s->attempted = true;
	k->link = wire_link_new(&k->smarthost.settings);
	return wire_link_deliver(
		k->link, &s->envelope, &s->message, status_progress, NULL, &s->report, err);
}

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
	s->kept = xcalloc(1, sizeof(*s->kept));
	good = smarthost_prepare(&s->kept->smarthost, s, &s->account, err) && send(s, s->kept, err);
	if (!good || !s->kept->seconds) {
		kept_free(s->kept);
		s->kept = NULL;
	}
	return good;
}
