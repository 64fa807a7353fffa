/* The state of one connection, shared by the files that make up the session: session.c (hosts and
 * addresses), link.c (a connection and its messages), relay.c (step by step), connect.c, flight.c
 * (the FIFO of commands), verb.c (the table), greet.c, login.c, transaction.c, step.c, content.c,
 * probe.c. Nobody else includes this. */
#pragma once

#include "capability.h"
#include "dial.h"
#include "envelope.h"
#include "known.h"
#include "message.h"
#include "reply.h"
#include "route.h"
#include "sasl.h"
#include "session.h"
#include "settings.h"
#include "stream.h"
#include "verb.h"

/* A command whose reply has not come yet. */
struct in_flight {
	enum verb verb;
	size_t argument; /* VERB_RCPT: index into the group */
};

/* One transaction: MAIL to end of data, for a group of recipients. */
struct transaction {
	size_t *group; /* indices into the envelope */
	bool *taken;   /* RCPT was answered 2yz */
	bool *late;    /* the server takes no more recipients now: next transaction */
	size_t count, taken_count, refused_count, late_count;
	bool mail_answered;        /* by anything but a 421 */
	bool mail_taken, go_ahead; /* 2yz to MAIL; 354 to DATA */
	bool content_begun;        /* an octet of the content left, or may have */
	bool content_sent;         /* its end left too: from here on an outcome may be in doubt */
	size_t replies;            /* LMTP: to the end of data that came, one for each taken */
	bool answered;             /* the reply to the end of data came, in LMTP all of them */
	bool delivered;            /* ... and was 2yz, for somebody */
};

struct session {
	const struct wire_settings *settings;
	struct tls_context *tls;
	struct envelope *envelope;
	const struct message *original;
	struct wire_report *report;
	wire_progress *progress;
	void *progress_ctx;

	struct target target; /* where this connection leads */
	struct tls_peer peer; /* ... and what the TLS context is told of it */
	char host[256];
	bool loopback;
	struct stream stream;
	struct capability capability;
	struct reply reply; /* the one being read or just taken */

	struct in_flight *queue; /* ring of queue_size, queue_count in use from queue_head on */
	size_t queue_size, queue_head, queue_count;
	bool lockstep;       /* no command ahead of a reply, whatever the server offers */
	bool wants_lockstep; /* this connection is lost, but another one in lockstep may work */
	bool spent;          /* what comes next needs another connection */
	bool unsalted;       /* what is kept of the password was refused: SCRAM asks for it */
	bool no_secret;      /* the password could not be had: no other address will help */
	bool greeted;        /* EHLO or HELO was accepted: QUIT is in order */
	bool ehlo_refused;   /* HELO instead */
	bool in_transaction; /* MAIL was accepted and nothing has ended it: RSET before the next */
	bool goodbye;        /* a 421 came: what is in flight behind it was not carried out */
	bool after_auth;     /* the reply to a pipelined AUTH was 2yz, the next one is awaited */

	struct known known; /* of this server, from earlier sessions */
	struct memo_key known_key;
	bool known_usable, known_found; /* there is a memory; it knew something */
	bool may_guess;                 /* the caller can begin again when a guess was wrong */
	bool early;  /* commands went ahead of the greeting; it and EHLO are not answered yet */
	bool misled; /* this connection is lost by what was remembered: another may work */

	const struct sasl_mechanism *mechanism; /* to be used, NULL for none */
	unsigned tried;                         /* mechanisms that did not work: bits by index */
	struct sasl sasl;
	struct strbuf response; /* what AUTH or the next step sends, base64, secret */
	bool auth_more;         /* a 334 came: challenge in reply */
	bool authenticated;
	struct error auth_error; /* AUTH was refused */
	bool auth_unsupported;   /* ... as a mechanism: the next may work */

	struct transaction tx;
	unsigned transactions; /* on this connection */
	int64_t answered;      /* clock_age_ms() of the last word, between two messages */
	bool resumed;          /* ... since when nothing was heard, although we spoke */
	char **domains;        /* of its recipients, sorted, while their number is limited */
	size_t domain_count;

	const struct message *content; /* original, or converted, for this server */
	struct message converted;      /* header always its own; body its own iff body_converted */
	bool content_ready, converted_used, body_converted;
	bool smtputf8, eightbit; /* what MAIL declares */
	uint64_t declared;       /* for SIZE= while there is no content, 0: not known */
};

struct wire_link {
	const struct wire_settings *settings;
	struct tls_context *tls; /* made when it is first needed */
	struct session session;  /* while open */
	bool open;
	bool wary;                /* what was remembered has misled us: no guesses any more */
	bool lockstep;            /* the server has lost step: for all connections to come */
	struct wire_report facts; /* of the connection, while it carries no message */
};

/* One message on its way, for all attempts that it takes. */
struct delivery {
	struct wire_link *link;
	struct envelope *envelope;
	const struct message *message;
	wire_progress *progress;
	void *progress_ctx;
	struct wire_report *report;
	bool again; /* the last connection was no good, but another in lockstep may be */
	bool final; /* the last failure will not go away at another address */
};

/* link.c. One connection. True when it went as far as it could: what is still pending needs another
 * one, as it does when d->again is set. */
bool link_attempt(struct delivery *d, const struct target *target, struct dial *dial,
	struct error *err) __attribute__((warn_unused_result));
/* The message goes over the connection that is open, as far as it goes; *ERR is set when it failed.
 * Whoever is still pending needs another one, unless d->final is set. */
void link_resume(struct delivery *d, struct error *err);
/* rest.c. True iff the address that we connected from is still this machine's: the network may have
 * changed. */
bool link_has_address(const struct wire_link *l);
/* True iff the connection takes another transaction, as far as is known. */
bool link_usable(const struct session *s);

/* connect.c. The addresses of one place, and how it is identified (route_identify). Its name goes
 * into the report. */
struct dial *session_resolve(const struct wire_settings *settings, struct target *target,
	struct wire_report *report, struct error *err) __attribute__((warn_unused_result));
/* Connects to the next address of TARGET. On success *S is a session without envelope and message
 * that has heard nothing yet, and needs session_end. */
bool session_connect(struct session *s, const struct wire_settings *settings,
	struct tls_context *tls, struct wire_report *report, const struct target *target,
	struct dial *dial, struct error *err) __attribute__((warn_unused_result));
/* Says QUIT where that is in order, closes, frees all. */
void session_end(struct session *s);

/* A deadline MS from now, or the overall one if that is sooner. */
int64_t session_deadline(const struct session *s, int64_t ms);
/* Tells the trace; adds a sentence to the report. */
void session_trace(struct session *s, enum wire_trace kind, const char *text, size_t n);
void session_note(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells the caller of session_deliver how far it has come. */
void session_progress(struct session *s, enum wire_mark mark);
/* Adds the time since *SINCE to a phase and sets *SINCE to now. */
void session_phase(struct session *s, enum wire_phase phase, int64_t *since);

/* flight.c. Writes the command of VERB and puts it at the end of the FIFO. In lockstep, or when the
 * verb does not allow anything behind it, it also waits for the replies. False when the session
 * cannot go on. */
bool flight_push(struct session *s, enum verb verb, size_t argument, struct error *err)
	__attribute__((warn_unused_result));
/* Sends what is buffered and takes the replies of all commands in flight. */
bool flight_drain(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* True iff commands may run ahead of replies here and now. */
bool flight_pipelines(const struct session *s);
/* Reads one whole reply into s->reply. */
bool flight_reply(struct session *s, enum verb verb, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
/* Turns s->reply into an error of VERB's stage: verdict, codes, words; the text begins with WHAT
 * ("recipient <a@b> was refused"). Returns false. */
bool flight_refused(struct session *s, enum verb verb, struct error *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* greet.c: greeting, EHLO or HELO, TLS by either way, EHLO again. */
bool greet(struct session *s, struct error *err) __attribute__((warn_unused_result));

/* login.c. Chooses s->mechanism by settings and capability; NULL when no login is wanted. */
bool login_choose(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* Prepares s->response for the AUTH command of s->mechanism; asks for the password. */
bool login_begin(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* Runs AUTH to its end with turns of its own; tries the next mechanism while one is not workable.
 */
bool login_perform(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* After s->auth_unsupported: marks the mechanism and chooses the next. */
bool login_next(struct session *s, struct error *err) __attribute__((warn_unused_result));

/* content.c. Fits message and envelope to the server: SMTPUTF8, 8BITMIME, SIZE; decides what MAIL
 * declares. */
bool content_fit(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* The parts of it, for a message that comes after MAIL: an address that the server cannot take for
 * its spelling (FAULT_DATA, 5.6.7); then the message, when s->smtputf8 and s->eightbit are decided
 * (too large is FAULT_DATA, 5.3.4). */
bool content_fit_sender(struct session *s, struct error *err) __attribute__((warn_unused_result));
bool content_fit_recipient(struct session *s, const struct address *a, struct error *err)
	__attribute__((warn_unused_result));
bool content_convert(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* Writes the content into the stream: dot-stuffed with the final dot, or as it is for BDAT. */
bool content_write_dotted(struct session *s, struct error *err) __attribute__((warn_unused_result));
bool content_write_plain(struct session *s, struct error *err) __attribute__((warn_unused_result));
void content_done(struct session *s);

/* transaction.c. One transaction for as many pending recipients as the server takes at once. */
bool transaction_run(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* Gives every pending recipient ERR as its outcome. */
void transaction_fail_pending(struct session *s, const struct error *err);
/* s->reply decides about all recipients that RCPT took; a refusal's text begins with WHAT. */
void transaction_decide(struct session *s, enum verb verb, const char *what);
/* LMTP: s->reply decides about the next one of them. */
void transaction_decide_next(struct session *s, enum verb verb);
/* DATA and the content, or BDAT, to the recipients that were taken. */
bool
transaction_send_content(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* After a failure with a connection that is lost: recipients whose fate is not known are in doubt,
 * and *ERR says so; a refused login becomes the reason. */
void transaction_lost(struct session *s, struct error *err);
void transaction_done(struct transaction *tx);

/* step.c. Prepares a transaction for E, which must live until its end. False when the server cannot
 * take it; nothing was said then. */
bool step_begin(struct session *s, struct envelope *e, uint64_t size, bool smtputf8,
	struct error *err) __attribute__((warn_unused_result));
/* MAIL, behind RSET where a transaction is open. True when it was answered, s->tx.mail_taken tells
 * how; false: the connection can be used no more. */
bool step_mail(struct session *s, struct error *err) __attribute__((warn_unused_result));
/* RCPT for recipient I of the envelope; a refusal becomes its outcome. Results as step_mail's. */
bool
step_recipient(struct session *s, size_t i, struct error *err) __attribute__((warn_unused_result));
