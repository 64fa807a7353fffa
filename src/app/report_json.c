#include "report_json.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "report.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

void
json_put_code(json_t *object, int code, struct enhanced enhanced)
{
	char text[16];

	json_put(object, "code", code ? json_integer(code) : json_null());
	json_put_text(object, "enhanced", enhanced_print(enhanced, text));
}

json_t *
json_address(const struct address *a)
{
	struct strbuf text = STRBUF_INIT(1024);
	json_t *value;

	(void)!address_add_smtp(&text, a, false, NULL);
	value = json_text(text.s);
	strbuf_done(&text);
	return value;
}

json_t *
json_recipients(const struct envelope *e)
{
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < e->count; i++) {
		const struct recipient *r = &e->recipients[i];

		one = json_object();
		json_put(one, "address", json_address(&r->address));
		json_put(one, "status", json_text(outcome_name(r->outcome)));
		json_put_code(one, r->code, r->enhanced);
		json_put_text(one, "text", r->words);
		json_put_text(one, "error", r->why ? r->why->text : NULL);
		if (json_array_append_new(list, one) != 0)
			alloc_failed();
	}
	return list;
}

static json_t *
recipients(const struct submission *s)
{
	const struct envelope *e = &s->envelope;
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < e->count; i++) {
		const struct recipient *r = &e->recipients[i];

		one = json_object();
		json_put(one, "address", json_address(&r->address));
		json_put(one, "status", json_text(report_outcome(s, i)));
		json_put_code(one, r->code, r->enhanced);
		json_put_text(one, "text", r->words);
		if (r->why)
			json_put(one, "error", json_text(r->why->text));
		if (json_array_append_new(list, one) != 0)
			alloc_failed();
	}
	return list;
}

static json_t *
times(const struct submission *s)
{
	json_t *ms = json_object();

	for (int i = 0; i < WIRE_PHASE_COUNT; i++)
		json_put(ms, wire_phase_name((enum wire_phase)i), json_integer(s->report.ms[i]));
	json_put(ms, "total", json_integer(s->finished - s->started));
	return ms;
}

static json_t *
notes(const struct submission *s)
{
	json_t *list = json_array();
	const char *at = s->report.notes.s, *stop;
	char *one;

	for (; (stop = strchr(at, '\n')); at = stop + 1) {
		one = xstrndup(at, (size_t)(stop - at));
		if (json_array_append_new(list, json_text(one)) != 0)
			alloc_failed();
		free(one);
	}
	return list;
}

static void
set_connection(json_t *o, const struct wire_report *r)
{
	json_put_text(o, "host", r->host);
	json_put_text(o, "address", r->address);
	json_put(o, "port", r->port ? json_integer(r->port) : json_null());
	json_put_text(o, "proxy", r->proxy);
	json_put(o, "protocol", json_text(r->lmtp ? "lmtp" : "smtp"));
	json_put_text(o, "tls", r->tls.version);
	json_put_text(o, "cipher", r->tls.cipher);
	json_put(o, "tls_resumed", json_boolean(r->tls.resumed));
	json_put_text(o, "dane", r->tls.dane);
	json_put_text(o, "vouched_by", r->resolver);
	json_put_text(o, "mechanism", r->mechanism);
}

void
report_add_json(struct strbuf *out, const struct submission *s)
{
	const struct wire_report *r = &s->report;
	struct strbuf text = STRBUF_INIT(1024);
	enum fault fault = report_fault(s);
	const char *advice = hint(&s->error);
	json_t *o = json_object();

	clock_add_rfc3339(&text, s->when);
	json_put(o, "time", json_text(text.s));
	json_put_text(o, "account", submission_used(s));
	set_connection(o, r);
	json_put(o, "sender",
		s->envelope.sender.local ? json_address(&s->envelope.sender) : json_null());
	json_put(o, "recipients", recipients(s));
	json_put_code(o, r->code, r->enhanced);
	json_put_text(o, "text", r->words);
	strbuf_clear(&text);
	report_add_queue_id(&text, r->words);
	json_put_text(o, "queue_id", text.s);
	json_put_text(o, "message_id", s->message_id);
	json_put_text(o, "asked", r->asked);
	json_put(o, "size",
		json_integer((json_int_t)(r->size ? r->size : message_size(&s->message))));
	json_put(o, "round_trips", json_integer(r->round_trips));
	json_put(o, "ms", times(s));
	json_put(o, "notes", notes(s));
	json_put(o, "status", json_integer(fault_status(fault)));
	json_put(o, "status_name", json_text(fault_name(fault)));
	json_put(o, "state", json_text(report_state(s)));
	json_put_text(o, "entry", *s->queue.id ? s->queue.id : s->queue.failed_id);
	json_put_text(o, "reason", s->queue.reason.text);
	json_put_text(o, "stage", s->error.fault ? stage_name(s->error.stage) : NULL);
	json_put_text(o, "error", s->error.text);
	json_put_text(o, "hint", s->error.fault ? advice : NULL);
	json_add_line(out, o);
	strbuf_done(&text);
}
