/* What the rooms of runner share.
 *
 * The runner scans (runner_pass.c) and never talks to a server itself: for each account that has
 * something due it forks workers (runner_worker.c), each with a connection of its own. A worker
 * walks a list (runner_work.c), tries an entry, and takes down what came of it (runner_settle.c).
 */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner.h"

#define RUNNER_BUSY_PAUSE                                                                          \
	20 /* seconds until what another process has is looked at again, at most */

/* An entry that is due, or will be. */
struct runner_item {
	char id[ENTRY_ID + 1];
	int account;  /* index, -1 while it is not known */
	int64_t due;  /* the file's mtime */
	int64_t over; /* it is returned from then on, whatever holds its account; 0: never. Known
		       * with the account */
};

/* What a worker says of itself, in memory that the runner shares; valid whenever it ends. */
struct runner_share {
	struct runner_result result;
	size_t handled;             /* items that need nothing more now */
	int64_t blocked;            /* the account is not to be tried before; 0: it may be */
	char current[ENTRY_ID + 1]; /* the entry in its hands, "" for none */
	volatile sig_atomic_t sent; /* the end of its data has left */
	volatile sig_atomic_t over; /* it walks no more, or knows how the way is */
};

/* What the workers of one account share: where the next of them goes on. */
struct runner_batch {
	atomic_size_t next;
	size_t n;       /* items */
	size_t size;    /* octets of this */
	unsigned users; /* workers that the runner has not reaped yet */
	size_t handled;
	struct runner_share share[]; /* one each */
};

/* A walk over the items of one account. */
struct runner_work {
	struct spool *s;
	const struct runner_settings *settings;
	const struct runner_callbacks *cb;
	const char *name;
	const struct runner_account *account;
	const struct runner_item *items;
	size_t n, chunk; /* items are taken in pieces, as many as one connection has */
	atomic_size_t *next;
	struct runner_share *share, *first; /* FIRST: of the worker that was started first */
	bool force;     /* a person asked for it: due or not, whatever the breaker says */
	bool connected; /* the slot and an open connection are the caller's */
	unsigned most;  /* messages, 0: no limit */

	/* Its own. */
	struct slot slot;
	struct breaker before; /* as it was when this walk asked */
	int probe;
	bool asked, ended;
	unsigned on_connection, tried, lost;
	unsigned removals; /* not flushed yet */
	int64_t first_removal, last_ms;
};
/* Walks until the items are through or the account has to wait. */
void runner_work(struct runner_work *w);

/* Says whether an attempt failed for a reason that is the account's; *RET is that reason. */
enum breaker_kind
runner_judge(const struct entry *e, bool good, const struct error *why, const struct error **ret);
/* What runner_settle does but for the breaker, and with removals not flushed yet. */
struct runner_attempt {
	struct spool *s;
	const struct runner_account *account;
	const struct runner_delivery *delivery; /* NULL: nothing was tried */
	const struct schedule_draw *draw;
	const struct runner_callbacks *cb;
	const enum outcome *noted;  /* as the file says */
	const enum outcome *before; /* as they were tried: those that were pending */
	bool good;
	const struct error *why;
};
bool runner_take_down(const struct runner_attempt *a, struct entry *e, enum runner_end *ret_end,
	struct error *err) __attribute__((warn_unused_result));
/* Makes the notification of KIND if one is due, with history and events. */
bool runner_notify(struct spool *s, struct entry *e, enum bounce_kind kind,
	const struct runner_account *account, const struct runner_callbacks *cb, struct error *err)
	__attribute__((warn_unused_result));
/* Writes the history and tells the callback. */
void runner_tell(struct spool *s, const struct entry *e, enum history_event event,
	const struct runner_delivery *delivery, const char *text,
	const struct runner_callbacks *cb);
/* The same for an entry that was moved to damaged/, of which no more is known than its id. */
void runner_tell_damaged(struct spool *s, const char *id, const struct error *why,
	const struct runner_callbacks *cb);
void runner_trouble(const struct runner_callbacks *cb, const struct error *err);
/* The outcomes of all recipients; free it. */
enum outcome *runner_note(const struct entry *e);

/* In a worker: signals end it now, or when what it does has been taken down. */
void runner_hold_signals(bool hold);
bool runner_is_stopped(void);

/* A process that walks. */
struct runner_worker {
	pid_t pid; /* 0: none */
	int account;
	struct runner_batch *batch;
	struct runner_share *share;
};
struct runner_account_state {
	char name[ENTRY_ACCOUNT];
	unsigned running;
	int64_t blocked; /* not before */
	unsigned busy;   /* rounds in which others had all that was due */
};
/* Everything that outlives a pass. */
struct runner {
	struct spool *s;
	const struct runner_settings *settings;
	const struct runner_callbacks *cb;
	struct runner_account_state *accounts;
	size_t account_count;
	struct runner_worker *workers;
	size_t worker_count;
	struct runner_item *known; /* of the last pass, by id: whose they are */
	size_t known_count;
	struct runner_result result;
	unsigned
		drain; /* this process has the account's connection, for so many messages; else 0 */
	bool force;    /* in the next pass */
	bool progress; /* something was tried since the last pass */
};
#define RUNNER_WORKERS 64 /* processes at a time */

void runner_init(struct runner *r, struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb);
/* Kills nobody: workers that still run are waited for. */
void runner_done(struct runner *r);
/* Index of the account called NAME, which is added. */
int runner_account_index(struct runner *r, const char *name);
/* What is to be done now and then: what interrupted runs left behind, what is too old. */
void runner_tidy(struct runner *r);
/* Scans once and starts what can be started; r->result.next is when to come again. */
bool runner_pass(struct runner *r, struct error *err) __attribute__((warn_unused_result));
/* Runs a walk over ITEMS of account INDEX: by COUNT workers, or here. ITEMS may be freed behind it.
 */
void runner_start(struct runner *r, int index, const struct runner_account *account,
	const struct runner_item *items, size_t n, unsigned count);
/* Takes what the walk of a worker, or of this process, has come to. */
void runner_take_share(struct runner *r, int index, const struct runner_share *share);
/* Takes the results of workers that have ended; with WAIT, of all. */
void runner_reap(struct runner *r, bool wait);
