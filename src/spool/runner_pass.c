/* A scan, and what is started because of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "runner_private.h"

#define MOST     250000
#define ACCOUNTS 100 /* whose state is kept in files: the names come from outside */

void
runner_init(struct runner *r, struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb)
{
	*r = (struct runner){ .s = s, .settings = settings, .cb = cb, .force = settings->flush };
}

void
runner_done(struct runner *r)
{
	runner_reap(r, true);
	free(r->accounts);
	free(r->workers);
	free(r->known);
	r->accounts = NULL;
	r->workers = NULL;
	r->known = NULL;
	r->account_count = r->worker_count = r->known_count = 0;
}

int
runner_account_index(struct runner *r, const char *name)
{
	struct runner_account_state *a;

	for (size_t i = 0; i < r->account_count; i++)
		if (strcmp(r->accounts[i].name, name) == 0)
			return (int)i;
	r->accounts = xreallocarray(r->accounts, r->account_count + 1, sizeof(*r->accounts));
	a = &r->accounts[r->account_count];
	*a = (struct runner_account_state){ .running = 0 };
	snprintf(a->name, sizeof(a->name), "%s", name);
	return (int)r->account_count++;
}

static int
by_id(const void *a, const void *b)
{
	const struct runner_item *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int
by_due(const void *a, const void *b)
{
	const struct runner_item *x = a, *y = b;

	if (x->due != y->due)
		return x->due > y->due ? 1 : -1;
	return strcmp(x->id, y->id);
}

static int
by_account(const void *a, const void *b)
{
	const struct runner_item *x = a, *y = b;

	return x->account != y->account ? (x->account > y->account ? 1 : -1) : by_due(a, b);
}

/* What is due, the earliest if there are very many. */
struct scan {
	struct runner *r;
	struct runner_item *v;
	size_t n, room, most;
	int64_t now;
	bool late; /* the time for it is over */
};

static int64_t
over_of(const struct entry *e)
{
	return e->envelope.wishes.late == LATE_WISH_RETURN ? e->envelope.wishes.deliver_by : 0;
}

static void
add_item(struct scan *scan, const struct spool_item *item, int account, int64_t over)
{
	if (scan->n == scan->most + scan->most / 4 + 1) {
		qsort(scan->v, scan->n, sizeof(*scan->v), by_due);
		scan->n = scan->most;
	}
	if (scan->n == scan->room) {
		scan->room = scan->room ? 2 * scan->room : 64;
		scan->v = xreallocarray(scan->v, scan->room, sizeof(*scan->v));
	}
	scan->v[scan->n] =
		(struct runner_item){ .account = account, .due = item->due, .over = over };
	memcpy(scan->v[scan->n++].id, item->id, sizeof(item->id));
}

static bool
take_item(void *ctx, const struct spool_item *item)
{
	struct scan *scan = ctx;
	struct runner *r = scan->r;
	struct entry e = ENTRY_NONE;
	int64_t due = item->due, over = 0;
	int account = -1;

	if (item->held || (r->settings->only_id && strcmp(item->id, r->settings->only_id) != 0))
		return true;
	/* either somebody asked for it to wait so long, or the clock has jumped */
	if (due > scan->now + SCHEDULE_HORIZON && !r->force &&
		spool_look(r->s, item->id, false, &e, NULL) == SPOOL_CLAIMED) {
		due = schedule_due(due, e.not_before, scan->now);
		account = runner_account_index(r, e.account);
		over = over_of(&e);
	}
	entry_done(&e);
	if (due <= scan->now || r->force)
		add_item(scan, item, account, over);
	else if (due < r->result.next)
		r->result.next = due;
	return true;
}

/* Whose the entry is: from the last pass, or from the file. -1: it cannot be told, or is gone.
 * Fills in item->over. */
static int
account_of(struct runner *r, struct runner_item *item)
{
	const struct runner_item *known = NULL;
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	enum spool_claim got;
	int account = -1;

	if (r->known_count)
		known = bsearch(item, r->known, r->known_count, sizeof(*item), by_id);
	if (known) {
		item->over = known->over;
		return known->account;
	}
	got = spool_look(r->s, item->id, false, &e, &err);
	if (got == SPOOL_DAMAGED) {
		entry_done(&e);
		error_clear(&err);
		/* it may only have looked so while its trailer was written: under the lock it is
		 * certain */
		got = spool_claim(r->s, item->id, false, &e, &err);
	}
	if (got == SPOOL_DAMAGED) {
		r->result.damaged++;
		runner_tell_damaged(r->s, item->id, &err, r->cb);
	} else if (got == SPOOL_CLAIMED) {
		account = runner_account_index(r, e.account);
		item->over = over_of(&e);
	} else
		runner_trouble(r->cb, &err);
	entry_done(&e);
	return account;
}

static bool
is_asked_for(const struct runner *r, int account)
{
	return account >= 0 &&
	       (!r->settings->only_account ||
		       strcmp(r->accounts[account].name, r->settings->only_account) == 0);
}

/* Finds out whose the items are; those that need nothing fall out. */
static void
assign(struct scan *scan)
{
	struct runner *r = scan->r;
	const int64_t deadline = r->settings->deadline;
	size_t kept = 0;

	if (scan->n)
		qsort(scan->v, scan->n, sizeof(*scan->v), by_due);
	for (size_t i = 0; i < scan->n; i++) {
		if (deadline && i % 64 == 63 && clock_ms() >= deadline) {
			r->result.left += (unsigned)(scan->n - i);
			break;
		}
		if (scan->v[i].account < 0)
			scan->v[i].account = account_of(r, &scan->v[i]);
		if (is_asked_for(r, scan->v[i].account))
			scan->v[kept++] = scan->v[i];
	}
	scan->n = kept;
}

/* Remembers whose the items are, for the next pass. */
static void
remember(struct scan *scan)
{
	struct runner *r = scan->r;

	free(r->known);
	r->known = NULL;
	r->known_count = scan->n;
	if (!scan->n)
		return;
	r->known = xreallocarray(NULL, scan->n, sizeof(*r->known));
	memcpy(r->known, scan->v, scan->n * sizeof(*r->known));
	qsort(r->known, r->known_count, sizeof(*r->known), by_id);
}

/* The account cannot be used as it is configured. */
static void
hold_account(struct runner *r, int index, uint64_t stamp, const struct error *why)
{
	struct runner_account_state *a = &r->accounts[index];
	const int64_t now = clock_wall();
	struct breaker before, b = { .kind = BREAKER_CLOSED };
	struct error err = ERROR_NONE;
	enum breaker_kind kind = breaker_judge(why);

	a->blocked = now + BREAKER_LOUD;
	if (r->account_count > ACCOUNTS || kind == BREAKER_CLOSED) {
		runner_trouble(r->cb, why);
		return;
	}
	breaker_read(r->s, a->name, now, &before);
	if (!breaker_fail(r->s, a->name, kind, stamp, why, now, &r->settings->draw, &b, &err)) {
		runner_trouble(r->cb, &err);
		return;
	}
	a->blocked = b.next;
	if (r->cb->breaker && before.kind != b.kind)
		r->cb->breaker(r->cb->ctx, &b);
}

/* How many workers may be started; 0: the account waits. */
static unsigned
workers_for(struct runner *r, int index, const struct runner_account *account, size_t n)
{
	const unsigned connections = account->connections ?: 2;
	struct runner_account_state *a = &r->accounts[index];
	const size_t chunk = account->per_connection ?: 100;
	const int64_t now = clock_wall();
	size_t chunks = (n + chunk - 1) / chunk;
	struct breaker b;

	breaker_read(r->s, a->name, now, &b);
	if (b.kind != BREAKER_CLOSED) {
		if (!r->force && now < b.next && b.stamp == account->stamp) {
			a->blocked = b.next;
			return 0;
		}
		/* one message of one process finds out for all */
		return a->running ? 0 : 1;
	}
	if (a->running >= connections || (a->running && n < 2))
		return 0;
	if (chunks > connections - a->running)
		chunks = connections - a->running;
	return (unsigned)chunks;
}

/* The account has to wait: of its N items those are ended that are to be returned by now. Returns
 * how many are. */
static size_t
start_returns(struct runner *r, const struct runner_item *items, size_t n)
{
	struct runner_item *v = xcalloc(n, sizeof(*v));
	struct runner_account account = { .stamp = 0 };
	struct error ignored = ERROR_NONE;
	const int64_t now = clock_wall();
	const int index = items->account;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (items[i].over && items[i].over <= now)
			v[count++] = items[i];
		else if (items[i].over && items[i].over < r->result.next)
			r->result.next = items[i].over;
	}
	/* nobody can be told by an account that is broken */
	if (count && r->cb->account(r->cb->ctx, r->accounts[index].name, &account, &ignored))
		runner_start(r, index, &account, v, count, 1);
	else
		count = 0;
	free(v);
	return count;
}

/* Starts what the N items of one account need. */
static void
start_account(struct runner *r, const struct runner_item *items, size_t n)
{
	struct runner_account_state *a = &r->accounts[items->account];
	struct runner_account account = { .stamp = 0 };
	struct error err = ERROR_NONE;
	const int index = items->account;
	unsigned count = 0;

	if (a->blocked <= clock_wall() || r->force) {
		a->blocked = 0;
		if (r->cb->account(r->cb->ctx, a->name, &account, &err))
			count = workers_for(r, index, &account, n);
		else
			hold_account(r, index, account.stamp, &err);
	}
	if (count)
		runner_start(r, index, &account, items, n, count);
	else if (!a->running)
		r->result.left += (unsigned)(n - start_returns(r, items, n));
	/* running ones are heard of when they end */
	a = &r->accounts[index];
	if (a->blocked && !a->running && a->blocked < r->result.next)
		r->result.next = a->blocked;
}

static void
tell_taken(void *ctx, const struct entry *e)
{
	struct runner *r = ctx;

	runner_tell(r->s, e, HISTORY_QUEUED, NULL, NULL, r->cb);
}

static void
take_drops(struct runner *r)
{
	struct error err = ERROR_NONE;

	if (!r->drain && r->s->drop >= 0 &&
		!spool_take_drops(r->s, &r->settings->drops, tell_taken, r, &err)) {
		r->result.trouble++;
		runner_trouble(r->cb, &err);
	}
}

bool
runner_pass(struct runner *r, struct error *err)
{
	struct scan scan = { .r = r, .now = clock_wall() };
	size_t end;
	bool good;

	scan.most = r->settings->most ? r->settings->most : MOST;
	r->result.next = INT64_MAX;
	r->result.left = r->result.busy = 0;
	r->progress = false;
	take_drops(r);
	good = spool_scan(r->s, false, take_item, &scan, err);
	if (good) {
		assign(&scan);
		remember(&scan);
		if (scan.n)
			qsort(scan.v, scan.n, sizeof(*scan.v), by_account);
		for (size_t i = 0; i < scan.n; i = end) {
			for (end = i + 1; end < scan.n; end++)
				if (scan.v[end].account != scan.v[i].account)
					break;
			start_account(r, scan.v + i, end - i);
		}
	}
	r->force = false;
	free(scan.v);
	return good;
}
