#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "queue.h"
#include "queue_text.h"
#include "strbuf.h"
#include "text.h"

static void
add_time(struct strbuf *out, const char *label, int64_t when)
{
	if (!when)
		return;
	strbuf_addf(out, "%s: ", label);
	clock_add_rfc3339(out, (time_t)when);
	strbuf_addc(out, '\n');
}

static void
add_facts(struct strbuf *out, const struct queue_view *v, const struct entry *e, bool failed)
{
	strbuf_addf(
		out, "entry: %s\nstate: %s\n", e->id, failed ? "failed" : queue_state(e, v->now));
	strbuf_addf(out, "account: %s\nuid: %lu\n", *e->account ? e->account : "(the default)",
		(unsigned long)e->uid);
	add_time(out, "created", e->created);
	if (e->not_before > e->created)
		add_time(out, "not before", e->not_before);
	add_time(out, "expires", e->not_before + e->lifetime + e->held);
	add_time(out, "last try", e->last);
	if (!failed && e->state == ENTRY_QUEUED && queue_next(v, e) <= v->now)
		strbuf_adds(out, "next try: due\n");
	else if (!failed && e->state == ENTRY_QUEUED && queue_next(v, e) != INT64_MAX)
		add_time(out, "next try", queue_next(v, e));
	strbuf_addf(out, "attempts: %u\n", e->attempts);
	queue_add_wishes(out, &e->envelope.wishes);
}

/* The header block, which others wrote. */
static void
add_header_block(struct strbuf *out, const struct strbuf *block)
{
	const char *at = block->s, *end = at + block->len, *stop;

	strbuf_addc(out, '\n');
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			break;
		text_add_printable(
			out, at, (size_t)(stop - at) - (stop > at && stop[-1] == '\r'), 4000);
		strbuf_addc(out, '\n');
	}
}

bool
queue_show(const struct queue_view *v, const char *id, struct error *err)
{
	struct strbuf text = STRBUF_INIT(64 << 20);
	struct entry e = ENTRY_NONE;
	bool good = false;

	switch (spool_claim(v->spool, id, v->failed, &e, err)) {
	case SPOOL_BUSY:
		/* it is being sent: the facts are there all the same */
		entry_done(&e);
		if (spool_look(v->spool, id, v->failed, &e, err) != SPOOL_CLAIMED)
			break;
		good = true;
		break;
	case SPOOL_CLAIMED:
		good = true;
		break;
	case SPOOL_GONE:
		error_set(err, FAULT_NOINPUT, "%s is gone", id);
		break;
	case SPOOL_DAMAGED:
	case SPOOL_ERROR:
		break;
	}
	if (good && !v->everybody && e.uid != v->uid)
		good = error_set(err, FAULT_NOINPUT, "there is no entry %s", id);
	if (good && v->json) {
		queue_add_json(&text, v, &e);
	} else if (good) {
		add_facts(&text, v, &e, v->failed);
		queue_add_text(&text, v, &e);
		add_header_block(&text, &e.message.header);
	}
	fwrite(text.s, 1, text.len, v->out);
	entry_done(&e);
	strbuf_done(&text);
	return good;
}
