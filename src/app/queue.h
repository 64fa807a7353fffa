/* `sendoff queue`, mailq and sendmail -q: what is in the queue, and what can be done about it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "breaker.h"
#include "entry.h"
#include "spool.h"

struct arguments;
struct error;

#define QUEUE_OLD (4 * 3600) /* seconds in the queue from which a message counts as late */

/* Who looks at which spool, and how it is shown. */
struct queue_view {
	struct spool *spool;
	const char *program;
	bool json;      /* one object for each line */
	bool quiet;     /* ids only */
	bool failed;    /* what lies in failed/ instead of the queue */
	bool everybody; /* else only what UID has submitted */
	uid_t uid;
	int64_t now; /* seconds since 1970 */
	FILE *out;
	struct breaker *account; /* what is known of the account that was shown last */
};

/* What a listing has come across. */
struct queue_counts {
	unsigned long messages, held, uncertain, late, failed, damaged, accounts;
	uint64_t octets;
};
/* Lists entry by entry, each shown before the next but one is opened, in the order of their ids as
 * far as a thousand names tell. */
bool queue_list(const struct queue_view *v, struct queue_counts *ret, struct error *err)
	__attribute__((warn_unused_result));
/* What is known against accounts: a line each. */
bool queue_list_accounts(const struct queue_view *v, struct queue_counts *ret, struct error *err)
	__attribute__((warn_unused_result));
/* What was put aside into damaged/, for those who may see everybody's: counted, and told of on
 * standard error. */
void queue_list_damaged(const struct queue_view *v, struct queue_counts *ret);
/* True iff a person should look at what was listed. */
bool queue_needs_attention(const struct queue_counts *n);
/* The last line, as Postfix's mailq has it, which programs know. */
void queue_list_end(const struct queue_view *v, const struct queue_counts *counts);
/* queue_show.c: shows everything about one entry. */
bool queue_show(const struct queue_view *v, const char *id, struct error *err)
	__attribute__((warn_unused_result));

/* Finds the entry that TEXT means: its id, or a part at the beginning or end of it that no other
 * has. *RET_FAILED: it is in failed/. FAULT_NOINPUT: there is none; FAULT_USAGE: there are several.
 */
bool queue_find(struct spool *s, const char *text, char ret[ENTRY_ID + 1], bool *ret_failed,
	struct error *err) __attribute__((warn_unused_result));

/* queue_change.c: what is done to one entry. */
enum queue_change { QUEUE_HOLD, QUEUE_RELEASE, QUEUE_REMOVE, QUEUE_RETRY };
/* Changes the entry ID, which is in failed/ if FAILED. With EVERYBODY false only one of UID's.
 * FAULT_TEMPORARY while it is being sent. */
bool queue_change(const struct queue_view *v, enum queue_change what, const char *id, bool failed,
	struct error *err) __attribute__((warn_unused_result));

/* Appends the paths of the spools that the configuration of ARGS names, in the order of the
 * accounts, each ended by a NUL; where there is no configuration, those of the user and, for who may
 * look into it, the system. False with *ERR set where the configuration cannot be read, though OUT
 * has what is known without it then, and where ARGS name an account that it does not have. */
struct strbuf;
bool queue_find_spools(const struct arguments *args, struct strbuf *out, struct error *err)
	__attribute__((warn_unused_result));

/* queue_run.c: runs the queue in the spool at PATH. */
enum queue_run {
	QUEUE_RUN_SERVE, /* until it is told to end */
	QUEUE_RUN_ONCE,  /* what is due, as the turn of a runner that a timer starts */
	QUEUE_RUN_DUE,   /* what is due; accounts that could not be reached get another try */
	QUEUE_RUN_FLUSH  /* everything */
};
struct queue_left {
	unsigned all;  /* messages that have not been sent to all their recipients */
	unsigned busy; /* those of them that other processes were at, or had no connection free for
			*/
};
bool queue_run(const struct arguments *args, const char *path, enum queue_run how, const char *id,
	const char *account, struct queue_left *ret, struct error *err)
	__attribute__((warn_unused_result));

/* The command; returns the exit status. */
int queue_command(const struct arguments *args);
/* mailq, sendmail -bp, -bP, -q: the same for sendmail's callers. */
int queue_as_sendmail(const struct arguments *args);
