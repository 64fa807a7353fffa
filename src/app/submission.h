/* Everything about one submission on its way from left to right; submit.c owns it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "args.h"
#include "envelope.h"
#include "error.h"
#include "linger.h"
#include "message.h"
#include "profile.h"
#include "queueing.h"
#include "session.h"
#include "settings.h"
#include "smarthost.h"

struct network;
struct peer;

struct submission {
	const struct arguments *args;
	struct profile_list accounts;
	struct profile account; /* the chosen one with the command line over it */
	const struct profile
		*used; /* the account that was tried last: ACCOUNT (NULL too) or FALLBACK */
	struct profile fallback; /* one that stands in for it, while one does */
	struct message message;
	struct envelope envelope;
	struct wire_report report;
	struct smarthost smarthost; /* open while the link is there */
	struct network *link;       /* NULL: nothing was sent */
	struct error error;         /* of the whole; the recipients have their own */
	char message_id[256];       /* with its brackets, "" if the message has none */
	time_t when;
	int64_t started, finished; /* clock_ms */
	bool input_read;           /* standard input was read to its end, or is not used */
	bool attempted;            /* an attempt to send was made, or it was queued */
	struct queueing queue;
	struct lingering linger;
	const struct peer *peer; /* on whose behalf the service submits; NULL: our own */
	const int *keeper; /* who is asked for passwords and tokens (keeper.h); NULL: ourselves */
	bool recorded;     /* the service has written the log record */
	/* Where the dialogue goes if not to the terminal; NULL: as the command line says. */
	void (*trace)(void *ctx, enum wire_trace kind, const char *text, size_t n);
	void *trace_ctx;
};

void submission_init(struct submission *s, const struct arguments *args);
void submission_done(struct submission *s);

/* True iff the option was given on the command line. */
bool submission_given(const struct submission *s, enum option_id id);

/* account.c: where the configuration is. */
struct profile_sources submission_sources(const struct submission *s);
/* The name of the account that was used, or was to be. */
const char *submission_used(const struct submission *s);

/* account.c: loads the configuration. Chooses an account, as far as that can be done before the
 * message is read, for the settings that reading it needs. */
bool account_load(struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* input.c: reads the message, or composes one. */
bool input_get(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* Reads a pipe on standard input to its end if nobody has: a caller that writes its message must
 * see our exit status, not a broken pipe. Gives up after some seconds without input. */
void input_drain(const struct submission *s);

/* account.c: chooses the account for good, puts the command line over it, checks it. */
bool account_choose(struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* addressing.c: sender and recipients. */
bool envelope_fill(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* The parts of it, for recipients that come one by one: the sender and what belongs to the message
 * as a whole; and what addresses of recipients, as they were given, stand for on the wire, with
 * what the aliases refuse of them in *REFUSED. */
bool envelope_begin(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* What is said of a message that nobody is to get; returns false. */
bool envelope_refuse_empty(struct error *err);
struct address_list;
bool recipients_resolve(struct submission *s, struct address_list *l, struct envelope *refused,
	struct error *err) __attribute__((warn_unused_result));

/* complete.c: what the message lacks (From, Date, Message-ID), and what must not leave (Bcc). */
bool message_complete(struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* ... of which this takes down the Message-ID. */
void submission_keep_id(struct submission *s);

/* author.c: the From field, added or rewritten, and domains for the addresses of the header. */
bool author_complete(struct submission *s, struct error *err) __attribute__((warn_unused_result));

/* deliver.c: sends the message, or queues it. */
bool
submission_deliver(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* One attempt: the account's smarthost, and those that stand in for it. The content begins to leave
 * before BUDGET (clock_ms, 0: whenever). A connection that is still open in s->link is used again.
 */
bool submission_attempt(struct submission *s, int64_t budget, wire_progress *progress,
	void *progress_ctx, struct error *err) __attribute__((warn_unused_result));
/* Ends the connection. */
void submission_disconnect(struct submission *s);
/* What is left to do with the connection when everything is reported. Nobody has to wait for it. */
void submission_part(struct submission *s, int status);

/* The address that stands in the message's From field (the first one), or false. Free it. */
struct address;
bool submission_from(const struct submission *s, struct address *ret);
