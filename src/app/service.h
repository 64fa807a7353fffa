/* The service and its clients: what they say to one another over the unix socket, in parcels.
 *
 *   client   SERVICE_SUBMIT, a request, beside it the message: a descriptor that holds an entry
 *   service  SERVICE_MARK, SERVICE_TRACE ..., SERVICE_ANSWER
 *
 *   client   SERVICE_SMTP or SERVICE_COMMAND, a request
 *   service  SERVICE_STREAMS, beside it descriptors to talk through: what a command prints and
 *            complains, or an SMTP dialogue both ways; when it has ended SERVICE_END
 *
 *   service  SERVICE_BUSY at any time instead of all that: come again
 *
 * While a submission goes on the client may say one octet more: that it is to be given up. When it
 * closes the connection, or its writing side, the service keeps the message in the queue. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"

struct error;
struct strbuf;
struct submission;

enum service_kind {
	SERVICE_SUBMIT = 1,
	SERVICE_SMTP,
	SERVICE_COMMAND,
	SERVICE_MARK = 16, /* one octet, a service_mark; behind QUEUED the id */
	SERVICE_TRACE,     /* one octet, a wire_trace, and the line */
	SERVICE_ANSWER,    /* an answer */
	SERVICE_STREAMS,
	SERVICE_END, /* one octet: the exit status */
	SERVICE_BUSY
};

enum service_mark {
	SERVICE_TAKEN,     /* copied and allowed: it will be tried */
	SERVICE_COMMITTED, /* durably queued */
	SERVICE_SENDING,   /* the end of data leaves */
	SERVICE_ACCEPTED   /* accepted for somebody */
};

#define SERVICE_REQUEST (64 << 10) /* octets */
#define SERVICE_WORDS   1000       /* operands of a command */

/* What a client asks for. */
struct service_request {
	enum personality personality;
	bool errors_mailed; /* -oem */
	bool verbose, debug;
	enum mode mode;       /* of a command under the name sendmail */
	char command[16];     /* a command by name, "" for none */
	struct profile given; /* options that are allowed to be given here */
	char **words;         /* operands */
	size_t count;
};
/* Empty. */
void service_request_init(struct service_request *r);
void service_request_done(struct service_request *r);

/* True iff option ID can be handed to the service: it says something about this message. */
bool service_takes(enum option_id id);
/* Writes down what ARGS asks for. FAULT_USAGE for an option that would make the service connect
 * elsewhere, or otherwise, than the configuration says. */
bool service_add_request(struct strbuf *out, const struct arguments *args, bool command,
	struct error *err) __attribute__((warn_unused_result));
/* Reads it. FAULT_PROTOCOL, FAULT_USAGE. *RET is to be freed in any case. */
bool service_take_request(const char *s, size_t n, struct service_request *ret, struct error *err)
	__attribute__((warn_unused_result));

/* service_connect.c. The settings of the service for the configuration that ARGS names: those of
 * the account that is the default, or the first, with the command line over them. *RET is to be
 * freed iff it succeeds. */
bool service_settings(const struct arguments *args, struct profile *ret, struct error *err)
	__attribute__((warn_unused_result));
/* The same for the service of the machine, which runs before there is an account in its file: *RET
 * has what the command line says then, and nothing else. */
bool service_settings_or_none(const struct arguments *args, struct profile *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Connects to the service at PATH until DEADLINE; -1 with *ERR. *RET_ABSENT: nobody
 * listens there. */
int service_connect(const char *path, int64_t deadline, bool *ret_absent, struct error *err)
	__attribute__((warn_unused_result));
/* True iff the account has its mail submitted by the service. */
bool service_is_asked(const struct submission *s);

/* service_client.c. Has the service deliver S, as submission_deliver; without a service it goes
 * into the in-tray. */
bool service_deliver(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* service_drop.c: the in-tray. WHY: what is wrong with the service. */
struct service_entry;
bool service_drop(struct submission *s, struct service_entry *e, const struct error *why,
	struct error *err) __attribute__((warn_unused_result));

/* service_streams.c: --wait, for a message that the service has queued. Returns the exit status. */
int service_wait(const struct submission *s);
/* Has the service of ACCOUNT carry out what ARGS asks for, SERVICE_SMTP or
 * SERVICE_COMMAND: passes on standard input and output until it is done, *RET_STATUS is the exit
 * status then. */
bool
service_talk(const struct profile *account, const struct arguments *args, enum service_kind kind,
	int *ret_status, struct error *err) __attribute__((warn_unused_result));
