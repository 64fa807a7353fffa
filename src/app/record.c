#include <unistd.h>

#include "peer.h"
#include "report.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

#define VALUE_MAX 1024 /* octets of one value */
#define SHOWN_MAX 100  /* recipients named in one record */

static void
add_recipients(struct strbuf *out, const struct submission *s)
{
	const struct envelope *e = &s->envelope;
	const struct recipient *r;
	char enhanced[16];

	for (size_t i = 0; i < e->count && i < SHOWN_MAX; i++) {
		r = &e->recipients[i];
		address_add_pair(out, "to", &r->address, VALUE_MAX);
		strbuf_addf(out, " outcome=%s", report_outcome(s, i));
		if (r->outcome == OUTCOME_ACCEPTED)
			continue;
		if (r->code)
			strbuf_addf(out, " code=%d", r->code);
		if (*enhanced_print(r->enhanced, enhanced))
			strbuf_addf(out, " enhanced=%s", enhanced);
		text_add_pair(out, "text", r->words, VALUE_MAX);
	}
	if (e->count > SHOWN_MAX)
		strbuf_addf(out, " recipients=%zu", e->count);
}

void
report_add_record(struct strbuf *out, const struct submission *s)
{
	const struct wire_report *r = &s->report;
	struct strbuf id = STRBUF_INIT(128);
	char enhanced[16];

	strbuf_addf(out, "status=%s uid=%lu", fault_name(report_fault(s)),
		(unsigned long)(s->peer ? s->peer->uid : getuid()));
	strbuf_addf(out, " state=%s", report_state(s));
	text_add_pair(out, "entry", s->queue.id, VALUE_MAX);
	text_add_pair(out, "failed_entry", s->queue.failed_id, VALUE_MAX);
	text_add_pair(out, "reason", s->queue.reason.text, VALUE_MAX);
	text_add_pair(out, "trouble", s->queue.trouble.text, VALUE_MAX);
	if (s->queue.unserved)
		strbuf_adds(out, " runner=unknown");
	text_add_pair(out, "account", submission_used(s), VALUE_MAX);
	text_add_pair(out, "host", r->host, VALUE_MAX);
	text_add_pair(out, "address", r->address, VALUE_MAX);
	if (r->port)
		strbuf_addf(out, " port=%u", r->port);
	text_add_pair(out, "proxy", r->proxy, VALUE_MAX);
	text_add_pair(out, "protocol", r->lmtp ? "lmtp" : NULL, VALUE_MAX);
	text_add_pair(out, "tls", r->tls.version, VALUE_MAX);
	text_add_pair(out, "cipher", r->tls.cipher, VALUE_MAX);
	if (r->tls.resumed)
		strbuf_adds(out, " resumed=yes");
	text_add_pair(out, "dane", r->tls.dane, VALUE_MAX);
	text_add_pair(out, "vouched_by", r->resolver, VALUE_MAX);
	text_add_pair(out, "mechanism", r->mechanism, VALUE_MAX);
	address_add_pair(out, "from", &s->envelope.sender, VALUE_MAX);
	add_recipients(out, s);
	if (r->code)
		strbuf_addf(out, " code=%d", r->code);
	if (*enhanced_print(r->enhanced, enhanced))
		strbuf_addf(out, " enhanced=%s", enhanced);
	text_add_pair(out, "text", r->words, VALUE_MAX);
	text_add_pair(out, "asked", r->asked, VALUE_MAX);
	report_add_queue_id(&id, r->words);
	text_add_pair(out, "queue_id", id.s, VALUE_MAX);
	text_add_pair(out, "message_id", s->message_id, VALUE_MAX);
	strbuf_addf(out, " size=%llu round_trips=%u ms=%lld", (unsigned long long)r->size,
		r->round_trips, (long long)(s->finished - s->started));
	for (int i = 0; i < WIRE_PHASE_COUNT; i++)
		strbuf_addf(out, " ms_%s=%lld", wire_phase_name((enum wire_phase)i),
			(long long)r->ms[i]);
	if (s->error.fault) {
		strbuf_addf(out, " stage=%s", stage_name(s->error.stage));
		text_add_pair(out, "error", s->error.text, VALUE_MAX);
	}
	strbuf_done(&id);
}
