#include <stdio.h>
#include <string.h>

#include "report.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

/* Whom the message reached, in a few words. */
static void
add_reached(struct strbuf *out, const struct envelope *e)
{
	size_t accepted = envelope_count(e, OUTCOME_ACCEPTED);

	if (e->count == 1)
		address_add_printable(out, &e->recipients[0].address, 512);
	else if (accepted == e->count)
		strbuf_addf(out, "%zu recipients", accepted);
	else
		strbuf_addf(out, "%zu of %zu recipients", accepted, e->count);
}

void
receipt_add_queued(struct strbuf *out, const struct submission *s)
{
	const struct queueing *q = &s->queue;

	strbuf_addf(out, "%s %s", queue_state_name(q->state), q->id);
	if (q->reason.fault)
		strbuf_addf(out, ": %s", q->reason.text);
}

void
receipt_add(struct strbuf *out, const struct submission *s)
{
	const struct wire_report *r = &s->report;
	char enhanced[16];

	strbuf_adds(out, "sent to ");
	add_reached(out, &s->envelope);
	strbuf_addf(out, " by %s: %d", r->host, r->code);
	enhanced_print(r->enhanced, enhanced);
	if (*enhanced)
		strbuf_addf(out, " %s", enhanced);
	if (*r->words)
		strbuf_addf(out, " %s", r->words);
	strbuf_addf(out, " (%llu octets, %s%s", (unsigned long long)r->size,
		r->lmtp ? "LMTP, " : "", *r->tls.version ? r->tls.version : "no TLS");
	if (r->tls.resumed)
		strbuf_adds(out, " resumed");
	if (*r->tls.dane)
		strbuf_addf(out, ", DANE by %s", r->resolver);
	if (*r->mechanism)
		strbuf_addf(out, ", %s", r->mechanism);
	if (*r->asked)
		strbuf_addf(out, ", %s", r->asked);
	strbuf_addf(out, ", %u round trip%s, %lld ms)", r->round_trips,
		r->round_trips == 1 ? "" : "s", (long long)(s->finished - s->started));
}
