#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "report.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

/* Strings that are no UTF-8 are shown escaped: JSON has no other octets. */
static json_t *
string(const char *s)
{
	struct strbuf shown = STRBUF_INIT(1 << 20);
	json_t *value;

	if (!text_is_utf8(s, strlen(s)))
		text_add_printable(&shown, s, strlen(s), 1 << 19);
	value = json_string(shown.len ? shown.s : s);
	strbuf_done(&shown);
	if (!value)
		alloc_failed();
	return value;
}

static void
set(json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new(object, key, value) != 0)
		alloc_failed();
}

/* Text that may be unknown: null rather than "". */
static void
set_text(json_t *object, const char *key, const char *s)
{
	set(object, key, s && *s ? string(s) : json_null());
}

static void
set_code(json_t *object, int code, struct enhanced enhanced)
{
	char text[16];

	set(object, "code", code ? json_integer(code) : json_null());
	set_text(object, "enhanced", enhanced_print(enhanced, text));
}

static json_t *
address_value(const struct address *a)
{
	struct strbuf text = STRBUF_INIT(1024);
	json_t *value;

	(void)!address_add_smtp(&text, a, false, NULL);
	value = string(text.s);
	strbuf_done(&text);
	return value;
}

static json_t *
recipients(const struct envelope *e)
{
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < e->count; i++) {
		const struct recipient *r = &e->recipients[i];

		one = json_object();
		set(one, "address", address_value(&r->address));
		set(one, "status", string(outcome_name(r->outcome)));
		set_code(one, r->code, r->enhanced);
		set_text(one, "text", r->words);
		if (r->why)
			set(one, "error", string(r->why->text));
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
		set(ms, wire_phase_name((enum wire_phase)i), json_integer(s->report.ms[i]));
	set(ms, "total", json_integer(s->finished - s->started));
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
		if (json_array_append_new(list, string(one)) != 0)
			alloc_failed();
		free(one);
	}
	return list;
}

static void
set_connection(json_t *o, const struct wire_report *r)
{
	set_text(o, "host", r->host);
	set_text(o, "address", r->address);
	set(o, "port", r->port ? json_integer(r->port) : json_null());
	set_text(o, "tls", r->tls.version);
	set_text(o, "cipher", r->tls.cipher);
	set(o, "tls_resumed", json_boolean(r->tls.resumed));
	set_text(o, "mechanism", r->mechanism);
}

void
report_add_json(struct strbuf *out, const struct submission *s)
{
	const struct wire_report *r = &s->report;
	struct strbuf text = STRBUF_INIT(1024);
	enum fault fault = report_fault(s);
	const char *advice = hint(&s->error);
	json_t *o = json_object();
	char *dump;

	clock_add_rfc3339(&text, s->when);
	set(o, "time", string(text.s));
	set_text(o, "account", s->account.name);
	set_connection(o, r);
	set(o, "sender",
		s->envelope.sender.local ? address_value(&s->envelope.sender) : json_null());
	set(o, "recipients", recipients(&s->envelope));
	set_code(o, r->code, r->enhanced);
	set_text(o, "text", r->words);
	strbuf_clear(&text);
	report_add_queue_id(&text, r->words);
	set_text(o, "queue_id", text.s);
	set_text(o, "message_id", s->message_id);
	set_text(o, "asked", r->asked);
	set(o, "size", json_integer((json_int_t)(r->size ? r->size : message_size(&s->message))));
	set(o, "round_trips", json_integer(r->round_trips));
	set(o, "ms", times(s));
	set(o, "notes", notes(s));
	set(o, "status", json_integer(fault_status(fault)));
	set(o, "status_name", string(fault_name(fault)));
	set_text(o, "stage", s->error.fault ? stage_name(s->error.stage) : NULL);
	set_text(o, "error", s->error.text);
	set_text(o, "hint", s->error.fault ? advice : NULL);
	dump = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!dump)
		alloc_failed();
	strbuf_adds(out, dump);
	free(dump);
	json_decref(o);
	strbuf_done(&text);
}
