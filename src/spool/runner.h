/* The runner: tries what is due. It knows neither how mail is sent nor what is configured: that
 * comes in through callbacks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounce.h"
#include "breaker.h"
#include "entry.h"
#include "history.h"
#include "schedule.h"
#include "slot.h"
#include "spool.h"

struct error;

/* What is configured for an account. Borrowed until the next call of the callback that gave it. */
struct runner_account {
	uint64_t stamp; /* changes when configuration or secret may have changed; set in any case */
	unsigned connections;    /* at a time; 0: 2 */
	unsigned per_connection; /* messages; 0: 100 */
	unsigned rate;           /* messages in rate_seconds; 0: no limit */
	int64_t rate_seconds;
	enum schedule_doubt uncertain;
	int64_t delay_warning;             /* seconds; 0: none */
	const struct address *bounce_from; /* NULL: none */
	struct bounce_settings bounce;
};

/* What a delivery tells beside the outcomes of the recipients; texts are printable. */
struct runner_delivery {
	char host[256];     /* the smarthost that answered */
	char queue_id[128]; /* its id of the message */
};

struct runner_callbacks {
	void *ctx;

	/* The settings of account NAME, read anew whenever a pass begins ("" for messages that were
	 * queued while the configuration could not be read: the default account). FAULT_CONFIG:
	 * there is no such account, or the configuration is broken: the account is held, nothing is
	 * bounced. */
	bool (*account)(void *ctx, const char *name, struct runner_account *ret, struct error *err);

	/* Tries E: its recipients that are OUTCOME_PENDING, each of which has an outcome
	 * afterwards, as session_deliver says; true iff all of them were accepted. MORE: another
	 * message for the same account may follow, so that the connection is worth keeping. In a
	 * worker process; the first call in a process opens what it needs (secret, link). It must
	 * call runner_mark_sent when the end of data is about to leave. */
	bool (*deliver)(void *ctx, struct entry *e, bool more, struct runner_delivery *ret,
		struct error *err);
	/* Closes the connection, if one is open: the limit of messages is reached, or nothing is
	 * left. */
	void (*disconnect)(void *ctx);

	/* Something has happened to a message: called after it was written into the history, for
	 * the log. LOUD: a person should know. May be NULL. */
	void (*event)(void *ctx, const struct history_record *r, bool loud);
	/* An account's breaker has opened, changed its kind, or closed. May be NULL. */
	void (*breaker)(void *ctx, const struct breaker *b);
	/* Something is wrong with the spool or an entry, and the work goes on. May be NULL. */
	void (*trouble)(void *ctx, const struct error *err);

	/* Directories whose changes may mean a new stamp (configuration, secrets), for
	 * runner_serve: ended by NULL, each and the whole on the heap, the runner's then. Asked at
	 * the beginning and whenever one of them has changed. May be NULL. */
	char **(*watched)(void *ctx);

	/* Asked between messages: end now? May be NULL. */
	bool (*stop)(void *ctx);
};

struct runner_settings {
	const char *heartbeat;     /* its file; NULL: none is kept */
	struct spool_limits drops; /* for the in-tray */
	struct bounce_limits failed;
	const char *only_id;      /* only this entry, NULL: all */
	const char *only_account; /* only this account's, NULL: all */
	bool flush;       /* on behalf of a person: due or not, breakers get one probe now */
	bool in_process;  /* deliver in this process, account by account: no workers */
	int64_t deadline; /* clock_ms; no message is begun after it; 0: none */
	struct schedule_draw draw; /* zero: the kernel */
	unsigned most;             /* entries kept in mind in one pass, the earliest; 0: 250000 */
};

/* What a pass did. */
struct runner_result {
	unsigned sent, failed, deferred, uncertain; /* messages */
	unsigned busy; /* entries that other processes have, or whose account has no slot free */
	unsigned left; /* due, but not tried: breaker, rate, deadline, stop */
	unsigned damaged, trouble;
	int64_t next; /* seconds since 1970: when something is due next; INT64_MAX: nothing is */
};

/* One pass: takes the in-tray, makes notifications that are owed, sorts what is due, and tries it,
 * one connection for many messages, at most `connections` at a time for one account, each account
 * by worker processes of its own (a message that crashes one is put off). Repeats while something
 * is due that can be tried. Returns when all workers are done. False only when the spool cannot be
 * read at all. */
bool runner_run(struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb, struct runner_result *ret, struct error *err)
	__attribute__((warn_unused_result));

/* `queue run`: passes until SIGTERM or SIGINT. In between it sleeps until something is due, queue/
 * or drop/ gets an entry, a watched directory changes, runner_kick, or SIGHUP (which flushes); the
 * only other wake-up is the heartbeat's, hourly. Takes SIGTERM, SIGINT, SIGHUP and SIGCHLD for
 * itself while it runs, and passes SIGTERM on to its workers, which end after the message in
 * flight, at once where none is. */
bool runner_serve(struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb, struct error *err) __attribute__((warn_unused_result));
/* Wakes every runner that serves this spool: something may be due earlier than it knows (released,
 * flushed, retried, a breaker reset). A new entry does that by itself. */
void runner_kick(struct spool *s);

/* After a successful submission by this process, which still has the account's slot and connection:
 * tries what is due for ACCOUNT in this process until DEADLINE (clock_ms), or as many messages as
 * the connection has left (MOST). Never fails: what is wrong goes to cb->trouble. */
void runner_drain(struct spool *s, const struct runner_settings *settings, const char *account,
	unsigned most, int64_t deadline, const struct runner_callbacks *cb,
	struct runner_result *ret);

/* One entry that this process has claimed was just tried by it (the foreground's own attempt in the
 * modes `first` and on a retry): takes down what came of it, exactly as the runner does: outcomes,
 * next time, breaker, failed/ and notification, uncertain, removal, history, events. GOOD, WHY:
 * what the delivery returned. NOTED: the outcomes before it (e->envelope.count; all PENDING for a
 * new entry). E is done afterwards. *RET_STATE (may be NULL) says where it is now. */
enum runner_end {
	RUNNER_SENT,      /* accepted by all, removed */
	RUNNER_QUEUED,    /* tried again later; e->due was set */
	RUNNER_FAILED,    /* in failed/ */
	RUNNER_UNCERTAIN, /* kept as uncertain */
	RUNNER_DROPPED    /* in doubt, taken as sent, removed */
};
bool runner_settle(struct spool *s, struct entry *e, const enum outcome *noted,
	const struct runner_account *account, const struct runner_delivery *delivery, bool good,
	const struct error *why, const struct schedule_draw *draw,
	const struct runner_callbacks *cb, enum runner_end *ret_end, struct error *err)
	__attribute__((warn_unused_result));

/* The end of data leaves: until deliver has returned, SIGTERM waits. Safe anywhere. */
void runner_mark_sent(void);
