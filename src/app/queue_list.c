#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "breaker.h"
#include "clock.h"
#include "error.h"
#include "queue.h"
#include "queue_text.h"
#include "strbuf.h"
#include "text.h"

#define BATCH    1000 /* names that are sorted together */
#define FLUSH_MS 200

struct listing {
	const struct queue_view *v;
	struct queue_counts *counts;
	struct error *err;
	char (*names)[ENTRY_ID + 1];
	size_t n;
	bool header, shown;
	int64_t flushed;
	bool good;
};

static void
count(struct queue_counts *c, const struct entry *e, bool failed, int64_t now)
{
	c->octets += e->octets;
	if (failed) {
		c->failed++;
		return;
	}
	c->messages++;
	c->held += e->state == ENTRY_HELD;
	c->uncertain += e->state == ENTRY_UNCERTAIN;
	c->late += e->state == ENTRY_QUEUED && now - e->not_before - e->held > QUEUE_OLD;
}

static void
show(struct listing *l, const struct entry *e)
{
	struct strbuf text = STRBUF_INIT(16 << 20);

	if (l->v->json)
		queue_add_json(&text, l->v, e);
	else if (l->v->quiet)
		strbuf_addf(&text, "%s\n", e->id);
	else
		queue_add_text(&text, l->v, e);
	if (!l->header && !l->v->json && !l->v->quiet)
		queue_add_header(l->v->out);
	l->header = true;
	fwrite(text.s, 1, text.len, l->v->out);
	strbuf_done(&text);
	/* the first at once, the others together */
	if (!l->shown || clock_ms() - l->flushed > FLUSH_MS) {
		fflush(l->v->out);
		l->flushed = clock_ms();
	}
	l->shown = true;
}

static void
look(struct listing *l, const char *id)
{
	const struct queue_view *v = l->v;
	struct entry e = ENTRY_NONE;
	struct error why = ERROR_NONE;

	switch (spool_look(v->spool, id, v->failed, &e, &why)) {
	case SPOOL_CLAIMED:
		if (!v->everybody && e.uid != v->uid)
			break;
		count(l->counts, &e, v->failed, v->now);
		show(l, &e);
		break;
	case SPOOL_DAMAGED:
		l->counts->damaged++;
		fprintf(stderr, "%s: entry %s is damaged: %s\n", v->program, id, why.text);
		break;
	case SPOOL_ERROR:
		l->good = error_set(l->err, why.fault, "%s", why.text);
		break;
	case SPOOL_BUSY:
	case SPOOL_GONE:
		break;
	}
	entry_done(&e);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
end_batch(struct listing *l)
{
	qsort(l->names, l->n, sizeof(*l->names), compare);
	for (size_t i = 0; i < l->n && l->good; i++)
		look(l, l->names[i]);
	l->n = 0;
}

static bool
take_name(void *ctx, const char *id)
{
	struct listing *l = ctx;

	memcpy(l->names[l->n++], id, ENTRY_ID + 1);
	if (l->n == BATCH)
		end_batch(l);
	return l->good;
}

bool
queue_list(const struct queue_view *v, struct queue_counts *ret, struct error *err)
{
	struct listing l = { .v = v, .counts = ret, .err = err, .good = true };
	bool good;

	l.names = xcalloc(BATCH, sizeof(*l.names));
	good = spool_names(v->spool, v->failed, take_name, &l, err);
	if (good && l.good)
		end_batch(&l);
	free(l.names);
	return good && l.good;
}

void
queue_list_damaged(const struct queue_view *v, struct queue_counts *ret)
{
	unsigned long n = v->everybody ? spool_damaged_count(v->spool) : 0;

	ret->damaged += n;
	if (n)
		fprintf(stderr,
			"%s: %lu damaged message%s in %s/damaged: see what can be saved, check the "
			"disk, and remove the file%s\n",
			v->program, n, n == 1 ? "" : "s", v->spool->path, n == 1 ? "" : "s");
}

struct accounts {
	const struct queue_view *v;
	struct queue_counts *counts;
};

static void
show_account(void *ctx, const struct breaker *b)
{
	const struct accounts *a = ctx;
	struct strbuf text = STRBUF_INIT(8192);

	a->counts->accounts += breaker_is_loud(b->kind);
	if (a->v->quiet)
		return;
	if (a->v->json)
		queue_add_account_json(&text, b);
	else
		queue_add_account(&text, a->v, b);
	fwrite(text.s, 1, text.len, a->v->out);
	strbuf_done(&text);
}

bool
queue_list_accounts(const struct queue_view *v, struct queue_counts *ret, struct error *err)
{
	struct accounts a = { v, ret };

	return breaker_each(v->spool, v->now, show_account, &a, err);
}

bool
queue_needs_attention(const struct queue_counts *n)
{
	return n->held || n->uncertain || n->late || n->failed || n->damaged || n->accounts;
}

void
queue_list_end(const struct queue_view *v, const struct queue_counts *counts)
{
	unsigned long n = v->failed ? counts->failed : counts->messages;

	if (v->json || v->quiet)
		return;
	if (n)
		fprintf(v->out, "-- %" PRIu64 " Kbytes in %lu Request%s.\n",
			(counts->octets + 1023) / 1024, n, n == 1 ? "" : "s");
	else
		fprintf(v->out, v->failed ? "No message has failed\n" : "Mail queue is empty\n");
	if (!v->failed && counts->failed)
		fprintf(v->out, "%lu message%s failed (sendoff queue list failed)\n",
			counts->failed, counts->failed == 1 ? "" : "s");
}
