#include "courier_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "breaker.h"
#include "clock.h"
#include "history.h"
#include "queue.h"
#include "queue_text.h"
#include "report_json.h"
#include "strbuf.h"
#include "text.h"

#define LINES_MAX (1 << 20)
#define SHOWN     400 /* octets of a server's words */

static void
print(const struct strbuf *text)
{
	fwrite(text->s, 1, text->len, stdout);
	/* in order with what stands on standard error, and while one waits for the next */
	fflush(stdout);
}

static void
add_words(struct strbuf *out, const char *before, const char *s)
{
	if (!s || !*s)
		return;
	strbuf_adds(out, before);
	text_add_printable(out, s, strlen(s), SHOWN);
}

static void
add_reached(struct strbuf *out, const struct history_record *r, const struct recipient *to)
{
	char enhanced[16];

	strbuf_addf(out, "%s: %s to ", r->id, to->code ? "sent" : "taken as sent");
	address_add_printable(out, &to->address, SHOWN);
	add_words(out, " by ", r->host);
	if (to->code)
		strbuf_addf(out, ": %d", to->code);
	enhanced_print(to->enhanced, enhanced);
	add_words(out, " ", enhanced);
	add_words(out, to->code ? " " : ": ", to->words);
	strbuf_addc(out, '\n');
}

static void
add_missed(struct strbuf *out, const struct history_record *r, const struct recipient *to)
{
	strbuf_addf(out, "%s: %s: ", r->id,
		to->outcome == OUTCOME_PERMANENT ? "failed"
		: r->event == HISTORY_ATTEMPT    ? "still queued"
						 : history_name(r->event));
	address_add_printable(out, &to->address, SHOWN);
	add_words(out, ": ", to->why ? to->why->text : to->words);
	strbuf_addc(out, '\n');
}

static void
add_text(struct strbuf *out, const struct history_record *r)
{
	const struct recipient *to;
	size_t before = out->len;

	for (size_t i = 0; r->envelope && i < r->envelope->count; i++) {
		to = &r->envelope->recipients[i];
		if (r->event == HISTORY_BOUNCED || r->event == HISTORY_WARNED)
			continue;
		if (to->outcome == OUTCOME_ACCEPTED)
			add_reached(out, r, to);
		else if (to->why || to->words)
			add_missed(out, r, to);
	}
	if (out->len == before) {
		strbuf_addf(out, "%s: %s", r->id ? r->id : "-", history_name(r->event));
		add_words(out, ": ", r->text);
		strbuf_addc(out, '\n');
	}
}

static void
add_json(struct strbuf *out, const struct history_record *r)
{
	struct strbuf when = STRBUF_INIT(64);
	json_t *o = json_object();

	clock_add_rfc3339(&when, (time_t)r->when);
	json_put_text(o, "time", when.s);
	json_put_text(o, "event", history_name(r->event));
	json_put_text(o, "entry", r->id);
	json_put(o, "uid", json_integer((json_int_t)r->uid));
	json_put_text(o, "account", r->account);
	json_put_text(o, "message_id", r->message_id);
	json_put(o, "sender", r->envelope ? json_address(&r->envelope->sender) : json_null());
	json_put(o, "recipients", r->envelope ? json_recipients(r->envelope) : json_array());
	json_put_text(o, "host", r->host);
	json_put_text(o, "queue_id", r->queue_id);
	json_put_text(o, "text", r->text);
	json_add_line(out, o);
	strbuf_done(&when);
}

void
courier_show_event(const struct courier *c, const struct history_record *r)
{
	struct strbuf text = STRBUF_INIT(LINES_MAX);

	if (c->show == COURIER_JSON)
		add_json(&text, r);
	else
		add_text(&text, r);
	print(&text);
	strbuf_done(&text);
}

void
courier_show_breaker(const struct courier *c, const struct breaker *b)
{
	const struct queue_view now = { .now = clock_wall() };
	struct strbuf text = STRBUF_INIT(8192);

	if (c->show == COURIER_JSON)
		queue_add_account_json(&text, b);
	else if (b->kind != BREAKER_CLOSED)
		queue_add_account(&text, &now, b);
	else
		strbuf_addf(&text, "account %s: it can be used again\n", b->account);
	print(&text);
	strbuf_done(&text);
}

void
courier_show_trouble(const struct courier *c, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", c->s->args->program, err->text);
}
