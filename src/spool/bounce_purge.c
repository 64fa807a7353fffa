/* What failed/ has too much of. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bounce_private.h"
#include "error.h"
#include "history.h"
#include "spool.h"

#define AGE    (30LL * 86400)
#define OCTETS (1ULL << 30)

/* The oldest entries of failed/, at most MAX of them; there is room for twice as many. */
struct oldest {
	struct spool *s;
	struct spool_item *v;
	size_t n, max;
	uint64_t octets; /* of all */
	unsigned owed;
	int64_t now, age;
};

static int
by_age(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return (x->due > y->due) - (x->due < y->due);
}

static void
keep_oldest(struct oldest *o)
{
	qsort(o->v, o->n, sizeof(*o->v), by_age);
	if (o->n > o->max)
		o->n = o->max;
}

/* One that is owed a notification stays, unless nobody can make it for ever so long. */
static bool
is_owed_for_long(struct oldest *o, const char *id)
{
	struct entry e;
	bool is;

	is = spool_look(o->s, id, true, &e, NULL) == SPOOL_CLAIMED && e.last &&
	     o->now - e.last > 2 * o->age;
	entry_done(&e);
	return is;
}

static bool
take_item(void *ctx, const struct spool_item *item)
{
	struct oldest *o = ctx;

	o->octets += item->size;
	if (item->due == BOUNCE_OWED) {
		o->owed++;
		if (!is_owed_for_long(o, item->id))
			return true;
	}
	o->v[o->n++] = *item;
	if (o->n == 2 * o->max)
		keep_oldest(o);
	return true;
}

/* Removes one; false when the spool refuses. */
static bool
remove_one(struct oldest *o, const char *id, bool *ret_removed, struct error *err)
{
	struct entry e = ENTRY_NONE;
	enum spool_claim got = spool_claim(o->s, id, true, &e, NULL);
	struct history_record r = { .event = HISTORY_REMOVED,
		.when = o->now,
		.text = "kept in failed/ for as long as it may be" };
	char message_id[256];
	bool good = true;

	*ret_removed = false;
	if (got == SPOOL_CLAIMED) {
		good = spool_remove(o->s, &e, true, err);
		*ret_removed = good;
		history_of_entry(&r, &e, message_id, sizeof(message_id));
		if (good)
			(void)!history_add(o->s, &r, NULL);
	}
	entry_done(&e);
	return good;
}

bool
bounce_purge(struct spool *s, const struct bounce_limits *limits, int64_t now, unsigned max,
	unsigned *ret_owed, struct error *err)
{
	const uint64_t cap = limits->octets ? limits->octets : OCTETS;
	struct oldest o = {
		.s = s, .max = max, .now = now, .age = limits->age ? limits->age : AGE
	};
	bool good, removed;

	o.v = xcalloc(2 * (size_t)max + 1, sizeof(*o.v));
	good = spool_scan(s, true, take_item, &o, err);
	keep_oldest(&o);
	for (size_t i = 0; good && i < o.n; i++) {
		if (now - o.v[i].due <= o.age && o.octets <= cap)
			break;
		good = remove_one(&o, o.v[i].id, &removed, err);
		o.octets -= removed ? o.v[i].size : 0;
	}
	free(o.v);
	if (ret_owed)
		*ret_owed = o.owed;
	return good;
}
