#include "queue_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "breaker.h"
#include "clock.h"
#include "entry.h"
#include "queue.h"
#include "report_json.h"
#include "schedule.h"
#include "strbuf.h"
#include "text.h"

#define SHOWN 400 /* octets of a server's words */

void
queue_add_header(FILE *out)
{
	fputs("-Queue ID-------  --Size---  --Age--  -Sender, recipients--------------------\n",
		out);
}

void
queue_add_span(struct strbuf *out, int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		strbuf_addf(out, "%" PRId64 " s", seconds);
	else if (seconds < 120 * 60)
		strbuf_addf(out, "%" PRId64 " min", seconds / 60);
	else if (seconds < 48 * 3600)
		strbuf_addf(out, "%" PRId64 " h", seconds / 3600);
	else
		strbuf_addf(out, "%" PRId64 " d", seconds / 86400);
}

void
queue_add_size(struct strbuf *out, uint64_t octets)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	double size = (double)octets;
	size_t unit = 0;

	for (; size >= 1000 && unit < 3; unit++)
		size /= 1024;
	strbuf_addf(out, unit && size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

const char *
queue_state(const struct entry *e, int64_t now)
{
	switch (e->state) {
	case ENTRY_HELD:
		return "held";
	case ENTRY_UNCERTAIN:
		return "uncertain";
	case ENTRY_FAILED:
		return "failed";
	case ENTRY_QUEUED:
		break;
	}
	return e->failed ? "failed" : e->not_before > now ? "waiting" : "queued";
}

static void
add_address(struct strbuf *out, const struct address *a)
{
	if (address_is_null(a))
		strbuf_adds(out, "<>");
	else
		address_add_printable(out, a, 1000);
}

/* What is known of E's account. Of many entries in a row one finds it out. */
static const struct breaker *
account_of(const struct queue_view *v, const struct entry *e)
{
	struct breaker *b = v->account;

	if (b->kind == BREAKER_COUNT || strcmp(b->account, e->account) != 0)
		breaker_read(v->spool, e->account, v->now, b);
	return b;
}

int64_t
queue_next(const struct queue_view *v, const struct entry *e)
{
	int64_t due = schedule_due(e->due, e->not_before, v->now);
	const struct breaker *b = account_of(v, e);

	return b->kind != BREAKER_CLOSED && b->next > due ? b->next : due;
}

static void
add_next(struct strbuf *out, const struct queue_view *v, const struct entry *e)
{
	int64_t next = queue_next(v, e);
	const struct breaker *b = account_of(v, e);

	if (next > v->now && b->kind != BREAKER_CLOSED && next == b->next)
		strbuf_adds(out,
			breaker_is_held(b->kind) ? "the account is held" : "waits for the account");
	else if (next <= v->now)
		strbuf_adds(out, "due");
	if (next <= v->now || next == INT64_MAX)
		return;
	strbuf_adds(out, next == b->next ? ", next try in " : "next try in ");
	queue_add_span(out, next - v->now);
}

/* What will become of it. */
static void
add_prospect(struct strbuf *out, const struct queue_view *v, const struct entry *e)
{
	switch (e->state) {
	case ENTRY_HELD:
		strbuf_adds(out, "held");
		return;
	case ENTRY_UNCERTAIN:
		strbuf_adds(out, "may have been delivered: release or remove it");
		return;
	case ENTRY_FAILED:
		strbuf_adds(out, "failed");
		return;
	case ENTRY_QUEUED:
		break;
	}
	if (v->failed) {
		strbuf_adds(out, "failed");
		return;
	}
	add_next(out, v, e);
	if (e->attempts)
		strbuf_addf(out, ", tried %u time%s", e->attempts, e->attempts == 1 ? "" : "s");
}

static void
add_recipient(struct strbuf *out, const struct recipient *r)
{
	const char *words = r->why ? r->why->text : r->words;

	strbuf_adds(out, "                                       ");
	add_address(out, &r->address);
	if (r->outcome == OUTCOME_ACCEPTED)
		strbuf_adds(out, " (delivered)");
	else if (words && *words) {
		strbuf_adds(out, " (");
		text_add_printable(out, words, strlen(words), SHOWN);
		strbuf_addc(out, ')');
	}
	strbuf_addc(out, '\n');
}

void
queue_add_text(struct strbuf *out, const struct queue_view *v, const struct entry *e)
{
	struct strbuf size = STRBUF_INIT(64), age = STRBUF_INIT(64);

	queue_add_size(&size, e->octets);
	queue_add_span(&age, v->now - e->created);
	strbuf_addf(out, "%s  %9s  %7s  ", e->id, size.s, age.s);
	add_address(out, &e->envelope.sender);
	strbuf_adds(out, "  [");
	if (*e->account)
		strbuf_addf(out, "%s: ", e->account);
	add_prospect(out, v, e);
	strbuf_adds(out, "]\n");
	for (size_t i = 0; i < e->envelope.count; i++)
		add_recipient(out, &e->envelope.recipients[i]);
	strbuf_done(&size);
	strbuf_done(&age);
}

static const char *
tls_words(enum tls_wish tls)
{
	return tls == TLS_WISH_YES ? "yes" : tls == TLS_WISH_NO ? "no" : "where it is offered";
}

void
queue_add_wishes(struct strbuf *out, const struct wishes *w)
{
	if (w->tls != TLS_WISH_NONE)
		strbuf_addf(out, "require-tls: %s\n", tls_words(w->tls));
	if (w->late != LATE_WISH_NONE) {
		strbuf_adds(out, "deliver-by: ");
		clock_add_rfc3339(out, (time_t)w->deliver_by);
		strbuf_adds(
			out, w->late == LATE_WISH_RETURN ? ", else return\n" : ", else notify\n");
	}
	if (w->priority_set)
		strbuf_addf(out, "priority: %d\n", w->priority);
	if (w->hold_until) {
		strbuf_adds(out, "held by the server until: ");
		clock_add_rfc3339(out, (time_t)w->hold_until);
		strbuf_addc(out, '\n');
	}
	if (w->mail_auth) {
		strbuf_adds(out, "mail-auth: ");
		text_add_printable(out, w->mail_auth, strlen(w->mail_auth), SHOWN);
		strbuf_addc(out, '\n');
	}
}

static json_t *
time_value(int64_t when)
{
	struct strbuf text = STRBUF_INIT(64);
	json_t *value;

	clock_add_rfc3339(&text, (time_t)when);
	value = json_text(text.s);
	strbuf_done(&text);
	return value;
}

/* Only what is asked for is there. */
static json_t *
json_wishes(const struct wishes *w)
{
	json_t *o = json_object();

	if (w->tls != TLS_WISH_NONE)
		json_put_text(o, "require_tls",
			w->tls == TLS_WISH_IF_OFFERED ? "if-offered" : tls_words(w->tls));
	if (w->late != LATE_WISH_NONE) {
		json_put(o, "deliver_by", time_value(w->deliver_by));
		json_put_text(o, "late", w->late == LATE_WISH_RETURN ? "return" : "notify");
	}
	if (w->priority_set)
		json_put(o, "priority", json_integer(w->priority));
	if (w->hold_until)
		json_put(o, "hold_until", time_value(w->hold_until));
	if (w->mail_auth)
		json_put_text(o, "mail_auth", w->mail_auth);
	return o;
}

void
queue_add_json(struct strbuf *out, const struct queue_view *v, const struct entry *e)
{
	json_t *o = json_object();
	bool tried = !v->failed && e->state == ENTRY_QUEUED;
	int64_t next = tried ? queue_next(v, e) : INT64_MAX;

	json_put_text(o, "entry", e->id);
	json_put_text(o, "state", v->failed ? "failed" : queue_state(e, v->now));
	json_put_text(o, "account", e->account);
	json_put(o, "uid", json_integer((json_int_t)e->uid));
	json_put(o, "size", json_integer((json_int_t)e->octets));
	json_put(o, "created", time_value(e->created));
	json_put(o, "next", next == INT64_MAX ? json_null() : time_value(next));
	json_put(o, "expires", time_value(e->not_before + e->lifetime + e->held));
	json_put(o, "attempts", json_integer(e->attempts));
	json_put(o, "last", e->last ? time_value(e->last) : json_null());
	json_put(o, "sender", json_address(&e->envelope.sender));
	json_put(o, "recipients", json_recipients(&e->envelope));
	json_put(o, "wishes", json_wishes(&e->envelope.wishes));
	json_add_line(out, o);
}

void
queue_add_account(struct strbuf *out, const struct queue_view *v, const struct breaker *b)
{
	strbuf_addf(out, "account %s: ", b->account);
	text_add_printable(out, b->why.text, strlen(b->why.text), SHOWN);
	strbuf_addf(out, " (%u %s in ", b->count, b->count == 1 ? "failure" : "failures");
	queue_add_span(out, v->now - b->since);
	if (b->next == INT64_MAX)
		strbuf_adds(out, "; held until the configuration changes, or: sendoff queue flush");
	else if (b->next > v->now) {
		strbuf_addf(
			out, "; %s in ", breaker_is_held(b->kind) ? "held, next try" : "next try");
		queue_add_span(out, b->next - v->now);
	} else
		strbuf_adds(out, "; to be tried now");
	strbuf_adds(out, ")\n");
}

void
queue_add_account_json(struct strbuf *out, const struct breaker *b)
{
	json_t *o = json_object();

	json_put_text(o, "account", b->account);
	json_put_text(o, "state", breaker_name(b->kind));
	json_put(o, "held", json_boolean(breaker_is_held(b->kind)));
	json_put(o, "failures", json_integer(b->count));
	json_put(o, "since", time_value(b->since));
	json_put(o, "next", b->next == INT64_MAX ? json_null() : time_value(b->next));
	json_put_text(o, "error", b->why.text);
	json_add_line(out, o);
}
