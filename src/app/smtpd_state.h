/* The state of `-bs`, shared by the files that make it up: smtpd.c (the dialogue), smtpd_mail.c
 * (the envelope), smtpd_data.c (the content), smtpd_upstream.c (connections to smarthosts),
 * smtpd_reply.c. Nobody else includes this. */
#pragma once

#include "args.h"
#include "network_relay.h"
#include "peer.h"
#include "relay.h"
#include "smarthost.h"
#include "smtpd.h"
#include "smtpd_client.h"
#include "smtpd_command.h"
#include "submission.h"

#define SMTPD_RECIPIENTS 5000        /* RCPT commands of one transaction, refused ones included */
#define SMTPD_UPSTREAMS  8           /* connections at a time, each of another account */
#define SMTPD_MESSAGE    (1LL << 30) /* octets, where the smarthost has not named a limit */

#define SMTPD_MISTAKE 2000 /* what a mistake costs: a command costs one */

/* The connection for an account; its place does not change. */
struct upstream {
	struct profile account;
	struct smarthost smarthost;
	struct wire_report report;
	struct network_relay *relay;
	struct error refused; /* the login was refused: a password is not tried twice */
};

struct smtpd {
	const struct smtpd_client_of *of; /* who talks to us */
	const struct arguments *called;   /* the command line */
	struct arguments args;            /* the same, with what MAIL said over it */
	struct client client;
	struct submission s; /* the transaction; its configuration is everybody's */
	struct upstream *upstreams[SMTPD_UPSTREAMS];
	int keeper;           /* who has the passwords, while s.keeper points here */
	size_t next_upstream; /* which one makes room for the next account */

	/* the transaction */
	bool mail;               /* MAIL was accepted */
	struct upstream *up;     /* through which it goes */
	size_t asked;            /* RCPT commands */
	size_t taken;            /* addresses that the smarthost has taken */
	struct content *content; /* while BDAT goes on */

	unsigned long waste;       /* what the client has cost since the last message */
	bool wary;                 /* DATA was refused: what follows may be content */
	bool lost;                 /* a smarthost was lost in a transaction */
	struct peer authenticated; /* who has logged in: s.peer points to it then */
	unsigned refused_logins;
	bool expects_response; /* AUTH goes on with the next line */
	bool silent;           /* no more replies either: it is no SMTP client */
	bool over;             /* no more commands; STATUS is set */
	int status;
};

/* smtpd.c. Ends the transaction; what was refused in it goes to the log. */
void smtpd_reset(struct smtpd *d);
/* Ends the dialogue. */
void smtpd_end(struct smtpd *d, int status);
/* Writes the record of the transaction; WHY may be NULL. */
void smtpd_record(struct smtpd *d, const struct error *why);

/* smtpd_box.c. Sandboxes the process when it serves somebody else. */
bool smtpd_shut(struct smtpd *d, struct error *err) __attribute__((warn_unused_result));

/* smtpd_listen.c. Takes a line of a client that came by a socket; false where it is like any other.
 */
bool smtpd_listened(struct smtpd *d, const char *line);

/* smtpd_reply.c. Lines of TEXT, each ended by LF, or one without. */
void smtpd_say(struct smtpd *d, int code, struct enhanced enhanced, const char *text);
void smtpd_reply(struct smtpd *d, int code, unsigned short subject, unsigned short detail,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What smtpd_refuse has made. */
void smtpd_reply_refusal(struct smtpd *d, const struct error *refusal);
/* The smarthost's words. */
void smtpd_reply_pass(struct smtpd *d, const struct relay_reply *reply);
/* A failure of ours, or of the way to the smarthost, as a reply by its fault. */
void smtpd_reply_failure(struct smtpd *d, const struct error *err);
/* The table behind it. */
void smtpd_failure_code(const struct error *err, int *ret_code, struct enhanced *ret_enhanced);

/* smtpd_mail.c. */
void smtpd_mail(struct smtpd *d, const struct smtpd_command *c);
void smtpd_rcpt(struct smtpd *d, const struct smtpd_command *c);

/* smtpd_data.c. False when the input is over or cannot be understood any more; the event tells. */
enum client_event smtpd_data(struct smtpd *d);
enum client_event smtpd_bdat(struct smtpd *d, const struct smtpd_command *c);
void smtpd_content_forget(struct smtpd *d);

/* smtpd_upstream.c. The connection for the account of the transaction; NULL with *ERR set. */
struct upstream *
smtpd_upstream(struct smtpd *d, struct error *err) __attribute__((warn_unused_result));
void smtpd_upstreams_close(struct smtpd *d);
