/* The app's half of the runner: finds an account in the configuration as it is now, and delivers an
 * entry to its smarthost. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "log.h"
#include "profile.h"
#include "runner.h"
#include "submission.h"

struct error;

/* What happens is told on standard error, as it is written to the log; to a person; as JSON. */
enum courier_show { COURIER_RECORDS, COURIER_RECEIPTS, COURIER_JSON };

struct courier {
	struct submission own;
	struct submission *s; /* carries one message after the other: its accounts are in use */
	struct profile_sources where;
	bool loaded;
	uint64_t stamp;              /* of the files that were read */
	struct error unreadable;     /* why they could not be */
	struct address bounce_from;  /* of the account that was asked for last */
	uint64_t account_stamp;      /* of the account in s->account, 0: none */
	char account[ENTRY_ACCOUNT]; /* the name it was asked for by */
	bool system; /* it serves the system's spool: what happens goes to syslog unless log says */
	bool quiet;  /* nothing is told but to the log */
	enum courier_show show;
	struct spool *tray; /* whose in-tray is taken in; NULL: nobody's */
	unsigned shown;     /* events that were printed */
};

/* ARGS is the command line that the runner was started with: it says which configuration, and
 * whether the dialogue is shown. It outlives *C. SPOOL is the path of the spool. LENT is a
 * submission that is done with, whose account and connection are used; NULL: none. */
void courier_init(struct courier *c, const struct arguments *args, const char *spool,
	struct submission *lent);
void courier_done(struct courier *c);
/* The callbacks for *C, which stays where it is. */
struct runner_callbacks courier_callbacks(struct courier *c);
/* Whether the owner of E, which lies in the in-tray of C's spool, may submit it: what the service
 * would say to him. For struct spool_limits. */
bool courier_admit(void *ctx, const struct entry *e, struct error *err)
	__attribute__((warn_unused_result));
/* How notifications about ACCOUNT's mail are made. S is used to find out who a local sender is. */
struct bounce_settings courier_bounce_settings(struct submission *s, const struct profile *account);
/* The `watched` of struct runner_callbacks; CTX is the courier. */
char **courier_watched(void *ctx);
