/* Delivers one message to a smarthost: the only thing app/ needs to know of wire/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "strbuf.h"
#include "tls.h"

struct envelope;
struct message;
struct wire_settings;

enum wire_phase {
	WIRE_PHASE_RESOLVE,
	WIRE_PHASE_CONNECT,
	WIRE_PHASE_TLS,
	WIRE_PHASE_GREETING, /* greeting and EHLO, STARTTLS too */
	WIRE_PHASE_AUTH,     /* mechanisms that need turns of their own */
	WIRE_PHASE_MAIL,     /* the envelope, with AUTH where it rides along */
	WIRE_PHASE_DATA,     /* the content and its reply */
	WIRE_PHASE_COUNT
};
const char *wire_phase_name(enum wire_phase phase);

/* What happened, for the receipt. Every text in it is printable. */
struct wire_report {
	char host[256], address[64]; /* of the last connection attempt; "" before one */
	char proxy[264];             /* whose address it is then; "" without one */
	uint16_t port;               /* 0 for a unix socket */
	bool connected, lmtp;
	char resolver[64];   /* the name server that vouched for tls.dane; "" without it */
	struct tls_info tls; /* version "" without TLS */
	char mechanism[32];  /* "" without AUTH */
	char asked[96];      /* what MAIL asked for beyond delivery: "REQUIRETLS HOLDFOR=7200" */
	uint64_t size;       /* octets of the content as SIZE= counts them */
	int code;            /* the reply to the end of data: the last 2yz, else the last one */
	struct enhanced enhanced;
	char words[512];
	unsigned round_trips; /* waits for the server: connecting and TLS included */
	int64_t ms[WIRE_PHASE_COUNT];
	struct strbuf notes; /* sentences, each ended by LF: what was changed or is remarkable */
};
#define WIRE_NOTES 4096
void wire_report_init(struct wire_report *r);
void wire_report_done(struct wire_report *r);
/* Forgets what belongs to one message; what belongs to the connection stays. */
void wire_report_next(struct wire_report *r);

/* How far a delivery has come: what an end of the process at this moment means for the mail. */
enum wire_mark {
	WIRE_SENT,           /* the end of data leaves: from here on the outcome may be in doubt */
	WIRE_ACCEPTED,       /* accepted for somebody: the process must not end with EX_TEMPFAIL any
				more; told before anything else is done with the reply */
	WIRE_ACCEPTED_BY_ALL /* every recipient of the envelope is accepted */
};
/* May be NULL. Must not fail and must not allocate. */
typedef void wire_progress(void *ctx, enum wire_mark mark);

/* Delivers MESSAGE to the recipients of ENVELOPE that are OUTCOME_PENDING: host by host, address by
 * address while failures are temporary, as many transactions and connections as it takes. Each
 * recipient has an outcome afterwards. True iff all of them were accepted; otherwise *ERR is the
 * first error of the attempt that decided (the recipients have their own). */
bool session_deliver(const struct wire_settings *settings, struct envelope *envelope,
	const struct message *message, wire_progress *progress, void *progress_ctx,
	struct wire_report *report, struct error *err) __attribute__((warn_unused_result));

/* A way to the smarthost that outlives one message: the connection that the last delivery left in
 * good order carries the next one (RSET between them), as long as the server allows (LIMITS
 * MAILMAX). */
struct wire_link;
/* Connects to nobody yet. SETTINGS are borrowed; their deadline holds for all deliveries, so that a
 * caller with a deadline for each message changes it between them. Never NULL. */
struct wire_link *wire_link_new(const struct wire_settings *settings);
/* Opens what TLS needs, unless that was done: all files but those that everybody may read.
 * Otherwise the first delivery does it. False as tls_context_new. */
bool wire_link_prepare(struct wire_link *l, struct error *err) __attribute__((warn_unused_result));
/* As session_deliver. A connection that was left open and turns out to be dead before MAIL was
 * answered is replaced by a new one, silently, unless content was in flight and not refused: then
 * the outcome is in doubt as ever. What REPORT says of the connection is filled in each time; it
 * may be another one for each message, or the same after wire_report_next. */
bool wire_link_deliver(struct wire_link *l, struct envelope *envelope,
	const struct message *message, wire_progress *progress, void *progress_ctx,
	struct wire_report *report, struct error *err) __attribute__((warn_unused_result));
/* True iff a connection is open on which the next message could go. Closes one on which the server
 * has said something, or its end. */
bool wire_link_is_open(struct wire_link *l);
/* Ends the connection, if there is one, by QUIT without waiting. Accepts NULL. */
void wire_link_free(struct wire_link *l);

/* With pipelining = auto, and where something may be remembered: true iff it is not known of the
 * server how it answers a BDAT that it refuses, and the connection that is open can be used up to
 * find that out. Nothing of a message depends on it. */
bool wire_link_learns(struct wire_link *l);
/* Finds out, remembers, ends the connection: seconds at most. For a process that nobody waits for,
 * which has taken over the connection (the descriptor that wire_link_socket names) by fork. */
void wire_link_learn(struct wire_link *l);
int wire_link_socket(const struct wire_link *l); /* -1 without a connection */
/* Closes our end of a connection that another process has taken over, without a word to the server.
 */
void wire_link_abandon(struct wire_link *l);

/* What follows is for a process that keeps an open link for others (warm.h). */

/* As wire_link_deliver, but over the connection that is open only: who is still pending afterwards
 * has got nothing, and needs another way. A failure that no other address would mend is everybody's
 * outcome. */
void
wire_link_continue(struct wire_link *l, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report);
/* Wipes password and client key: an open connection needs them no more, and no other will be made.
 */
void wire_link_forget(struct wire_link *l);
/* With pipelining = auto, and where that is not known: finds out, as wire_link_learn does, how the
 * server answers a BDAT that it refuses, and goes on with the connection. A server that takes
 * content for commands closes it by that. */
void wire_link_prove(struct wire_link *l);
/* What a report says of the connection that is open. */
const struct wire_report *wire_link_facts(const struct wire_link *l);
/* No octet leaves any more: what is being written fails, as if the network had. */
void wire_link_cut(struct wire_link *l);
