/* How a submission is queued: which spool, in which mode, and what came of it. One struct queueing
 * is part of each struct submission. A submission from the command line has it filled in by
 * queueing_prepare; the service fills it in by hand, sets `prepared`, and calls submission_deliver.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "entry.h"
#include "error.h"
#include "seen.h"
#include "slot.h"
#include "spool.h"

struct profile;
struct strbuf;
struct submission;

/* The order of key `queue` in the table. */
enum queue_mode { QUEUE_NEVER, QUEUE_AUTO, QUEUE_ON_FAILURE, QUEUE_FIRST, QUEUE_ALWAYS };

/* What became of a submission, beside the outcomes of its recipients. */
enum queue_state {
	QUEUE_STATE_NONE,   /* nothing was kept */
	QUEUE_STATE_QUEUED, /* what is not accepted is kept, and tried again */
	QUEUE_STATE_HELD,   /* kept, but not tried before a person or a changed configuration */
	QUEUE_STATE_COUNT
};
const char *queue_state_name(enum queue_state state); /* "queued", "held"; "" for none */

/* What is told while a submission goes on, to those who must know should they lose it. */
enum queue_mark {
	QUEUE_MARK_COMMITTED, /* durably queued: it will not be lost */
	QUEUE_MARK_SENDING,   /* the end of data leaves */
	QUEUE_MARK_ACCEPTED   /* accepted for somebody */
};

struct queueing {
	/* Filled in before submission_deliver. Strings are borrowed. */
	bool prepared;
	enum queue_mode mode;
	bool keeps_lasting; /* lasting faults of the account are queued too: as sendmail, --queue */
	bool keeps_refused; /* what is refused for good goes to failed/: as sendmail */
	bool notify_error;  /* ... and its sender is notified: -oem */
	bool resigned;      /* INT before the end of data keeps nothing: as sendoff */
	bool runner;        /* it is known that a runner serves the spool: no heartbeat is asked */
	uid_t uid;          /* who submits */
	char *directory;    /* the spool, owned; NULL: there is none, and nothing is queued */
	char *heartbeat;    /* the file that tells of a runner, owned */
	uid_t runner_uid;   /* whose heartbeat is believed beside root's and the user's own */
	int64_t not_before; /* seconds since 1970: held here until then; 0: go at once */
	struct error broken; /* why the account cannot be used: kept, held, without an attempt */
	bool nameless;       /* ... nor be named: the entry is the default account's */
	int64_t budget;      /* clock_ms: the first octet of the body leaves by then; 0: any time */
	/* Told of progress beside status_progress; may be NULL. Must not fail or allocate. */
	void (*progress)(void *ctx, enum queue_mark mark);
	void *progress_ctx;

	/* Results. */
	enum queue_state state;
	char id[ENTRY_ID + 1];        /* of the entry in queue/, "" for none */
	char failed_id[ENTRY_ID + 1]; /* of the one in failed/ */
	struct error reason;          /* why it was queued; FAULT_NONE: it was to be */
	struct error trouble;         /* why something could not be kept that should have been */
	bool *kept;                   /* of each recipient: it is in the queue; NULL: none is */
	bool loud;                    /* a person must do something */
	bool unserved;                /* queued, but no runner is known */
	bool dropped; /* somebody in doubt was taken as accepted: uncertain = drop */

	/* While it goes on. */
	struct spool spool;
	bool open;        /* the spool is */
	struct slot slot; /* held until the connection is done with */
	int probe;        /* of a breaker; -1: none */
	struct seen seen; /* --id: the key, while it is ours */
	bool once;        /* ... which was sent or queued before: nothing was done */
};

#define QUEUEING_NONE                                                                              \
	{                                                                                          \
		.uid = (uid_t)-1, .spool = SPOOL_NONE, .slot = SLOT_NONE, .probe = -1,             \
		.seen = SEEN_NONE                                                                  \
	}

void queueing_done(struct queueing *q);

/* Fills in what a submission from the command line asks for: mode, spool, budget, time, once the
 * account is chosen (account_choose). Touches no file. FAULT_USAGE for what does not go together.
 */
bool queueing_prepare(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* Names the spool of Q; an empty PATH changes nothing. */
void queueing_set_spool(struct queueing *q, const char *path);
/* Where the message's temporary file should be made so that committing it need not copy it: the
 * spool's queue directory for ACCOUNT appended to OUT, nothing where nothing can be queued. Asked
 * before the message is read; with the account that is likely then. */
void queueing_add_directory(struct strbuf *out, const struct submission *s);

/* The spool of ACCOUNT: queue-dir; else the user's for an account that does not come from the
 * system's configuration, else the system's. "" where there is none (no home). */
void spool_add_path(struct strbuf *out, const struct profile *account);
/* The system's. */
void spool_add_system(struct strbuf *out);
/* The file in which the runner of the spool at PATH tells that it is at work. */
void spool_add_heartbeat(struct strbuf *out, const char *path);
/* True iff PATH is the system's spool, and the user who owns it. */
bool spool_is_system(const char *path);
uid_t spool_owner(const char *path);
/* As root, where there is a user of the service: makes the spool at PATH for him if it is missing,
 * so that whoever uses it first does not keep the service from it. FAULT_CREATE. */
bool spool_prepare(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Delivers with a queue behind it (submission_deliver calls it): takes a connection slot, tries,
 * commits what could not go, by the mode. True iff every recipient was accepted or is queued. TERM,
 * HUP and INT end the attempt from here on, and what is left is committed. */
bool queueing_deliver(struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* Whether something is kept where it cannot go now: the mode, and for QUEUE_AUTO whether a runner
 * is known. */
bool queueing_is_on(struct submission *s);
/* True iff a runner is known; looked for once. */
bool queueing_has_runner(struct queueing *q);

/* The exit status as a fault: who is queued counts as accepted. */
enum fault queueing_fault(const struct submission *s);
/* True iff recipient I of the envelope is in the queue. */
bool queueing_has(const struct submission *s, size_t i);

/* As sendmail a submission whose configuration cannot be used (WHY) may be kept nevertheless, held:
 * in the system's spool, where a runner is known. True iff it may, and is prepared for that: WHY is
 * forgotten. */
bool queueing_rescue(struct submission *s, struct error *why);

/* --id (queueing_once.c): finds out whether the key was used before. *RET_DONE: it was, and there
 * is nothing to do. FAULT_TEMPORARY while another process is at work on it. */
bool once_begin(struct submission *s, bool *ret_done, struct error *err)
	__attribute__((warn_unused_result));
/* Takes down that it was sent or queued, or gives the key free. */
void once_end(struct submission *s, bool good);

/* --wait (queueing_wait.c): after the report, waits until the queued message has left, and tells
 * what came of it. Returns the exit status. */
int queueing_wait(struct submission *s);
/* Sleeps *MS milliseconds, 0 for the first time, and doubles it, up to a second: between looks at
 * what others do. A signal ends the sleep. */
void queueing_pause(int64_t *ms);

/* After the report: tries what is due for the account on the connection that is still open, in a
 * process of its own that keeps none of the caller's descriptors. Returns at once. */
void queueing_drain(struct submission *s);
