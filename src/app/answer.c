#include "answer.h"

#include "entry.h"
#include "envelope.h"
#include "field.h"
#include "packing.h"
#include "queueing.h"
#include "strbuf.h"

static void
add_queue(struct strbuf *out, const struct queueing *q)
{
	field_add_number(out, q->state);
	field_add_text(out, q->id);
	field_add_text(out, q->failed_id);
	field_add_error(out, &q->reason);
	field_add_error(out, &q->trouble);
	field_add_number(out, q->loud);
	field_add_number(out, q->unserved);
	field_add_string(out, q->once ? q->seen.outcome : NULL);
}

static bool
take_id(const char **at, const char *end, char id[ENTRY_ID + 1])
{
	return field_take_text(at, end, id, ENTRY_ID + 1) && (!*id || entry_is_id(id));
}

/* Whether there is an outcome of --id, and which. */
static bool
take_once(const char **at, const char *end, struct queueing *q)
{
	return field_take_bool(at, end, &q->once) &&
	       field_take_text(at, end, q->seen.outcome, sizeof(q->seen.outcome));
}

static bool
take_queue(const char **at, const char *end, struct queueing *q)
{
	uint64_t state = QUEUE_STATE_NONE;
	bool good = field_take_number(at, end, QUEUE_STATE_COUNT - 1, &state) &&
		    take_id(at, end, q->id) && take_id(at, end, q->failed_id) &&
		    field_take_error(at, end, &q->reason) &&
		    field_take_error(at, end, &q->trouble) && field_take_bool(at, end, &q->loud) &&
		    field_take_bool(at, end, &q->unserved) && take_once(at, end, q);

	q->state = (enum queue_state)state;
	return good;
}

void
answer_add(struct strbuf *out, const struct answer *a)
{
	field_add_number(out, a->good);
	field_add_number(out, a->attempted);
	field_add_error(out, a->error);
	packing_add_report(out, a->report);
	field_add_number(out, a->envelope->count);
	for (size_t i = 0; i < a->envelope->count; i++) {
		packing_add_outcome(out, &a->envelope->recipients[i]);
		field_add_number(out, a->kept && a->kept[i]);
	}
	field_add_text(out, a->account);
	field_add_number(out, a->queue != NULL);
	if (a->queue)
		add_queue(out, a->queue);
}

/* A message that was refused at once has none that anybody knows of. */
static bool
take_recipients(const char **at, const char *end, struct answer *a)
{
	uint64_t count;
	bool kept;

	if (!field_take_number(at, end, a->envelope->count, &count) ||
		(count != a->envelope->count && (count || a->attempted)))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!packing_take_outcome(at, end, &a->envelope->recipients[i]) ||
			!field_take_bool(at, end, &kept))
			return false;
		if (a->kept)
			a->kept[i] = kept;
	}
	return true;
}

bool
answer_take(const char *s, size_t n, struct answer *a, struct error *err)
{
	const char *end = s + n;
	bool queue;

	if (field_take_bool(&s, end, &a->good) && field_take_bool(&s, end, &a->attempted) &&
		field_take_error(&s, end, a->error) && packing_take_report(&s, end, a->report) &&
		take_recipients(&s, end, a) &&
		field_take_text(&s, end, a->account, sizeof(a->account)) &&
		field_take_bool(&s, end, &queue) &&
		(!queue || (a->queue && take_queue(&s, end, a->queue))) && s == end)
		return true;
	return error_set(err, FAULT_PROTOCOL, "the answer cannot be understood");
}
