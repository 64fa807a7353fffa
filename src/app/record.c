#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "report.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

#define VALUE_MAX 1024 /* octets of one value */
#define SHOWN_MAX 100  /* recipients named in one record */

static void
add_value(struct strbuf *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	strbuf_addf(out, " %s=", key);
	text_add_quoted(out, value, strlen(value), VALUE_MAX);
}

static void
add_address(struct strbuf *out, const char *key, const struct address *a)
{
	struct strbuf text = STRBUF_INIT(1024);

	if (!a->local)
		return;
	(void)!address_add_smtp(&text, a, false, NULL);
	strbuf_addf(out, " %s=", key);
	text_add_quoted(out, text.s, text.len, VALUE_MAX);
	strbuf_done(&text);
}

static void
add_recipients(struct strbuf *out, const struct submission *s)
{
	const struct envelope *e = &s->envelope;
	const struct recipient *r;
	char enhanced[16];

	for (size_t i = 0; i < e->count && i < SHOWN_MAX; i++) {
		r = &e->recipients[i];
		add_address(out, "to", &r->address);
		strbuf_addf(out, " outcome=%s", report_outcome(s, i));
		if (r->outcome == OUTCOME_ACCEPTED)
			continue;
		if (r->code)
			strbuf_addf(out, " code=%d", r->code);
		if (*enhanced_print(r->enhanced, enhanced))
			strbuf_addf(out, " enhanced=%s", enhanced);
		add_value(out, "text", r->words);
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

	strbuf_addf(out, "status=%s uid=%lu", fault_name(report_fault(s)), (unsigned long)(s->peer ? s->peer->uid : getuid()));
	strbuf_addf(out, " state=%s", report_state(s));
	add_value(out, "entry", s->queue.id);
	add_value(out, "failed_entry", s->queue.failed_id);
	add_value(out, "reason", s->queue.reason.text);
	add_value(out, "trouble", s->queue.trouble.text);
	if (s->queue.unserved)
		strbuf_adds(out, " runner=unknown");
	add_value(out, "account", submission_used(s));
	add_value(out, "host", r->host);
	add_value(out, "address", r->address);
	if (r->port)
		strbuf_addf(out, " port=%u", r->port);
	add_value(out, "proxy", r->proxy);
	add_value(out, "protocol", r->lmtp ? "lmtp" : NULL);
	add_value(out, "tls", r->tls.version);
	add_value(out, "cipher", r->tls.cipher);
	if (r->tls.resumed)
		strbuf_adds(out, " resumed=yes");
	add_value(out, "dane", r->tls.dane);
	add_value(out, "vouched_by", r->resolver);
	add_value(out, "mechanism", r->mechanism);
	add_address(out, "from", &s->envelope.sender);
	add_recipients(out, s);
	if (r->code)
		strbuf_addf(out, " code=%d", r->code);
	if (*enhanced_print(r->enhanced, enhanced))
		strbuf_addf(out, " enhanced=%s", enhanced);
	add_value(out, "text", r->words);
	add_value(out, "asked", r->asked);
	report_add_queue_id(&id, r->words);
	add_value(out, "queue_id", id.s);
	add_value(out, "message_id", s->message_id);
	strbuf_addf(out, " size=%llu round_trips=%u ms=%lld", (unsigned long long)r->size,
		r->round_trips, (long long)(s->finished - s->started));
	for (int i = 0; i < WIRE_PHASE_COUNT; i++)
		strbuf_addf(out, " ms_%s=%lld", wire_phase_name((enum wire_phase)i),
			(long long)r->ms[i]);
	if (s->error.fault) {
		strbuf_addf(out, " stage=%s", stage_name(s->error.stage));
		add_value(out, "error", s->error.text);
	}
	strbuf_done(&id);
}
