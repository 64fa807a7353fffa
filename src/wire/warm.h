/* A message is handed over to a process that has kept a connection to the smarthost, and what
 * became of it is handed back: the words that both sides exchange over a unix socket. Each takes
 * what the other says for hostile until it has been parsed. Where socket and process come from is
 * app's business.
 *
 *     client   request (envelope, message)                        go
 *     server                               ready, trace..., mark      ..., mark, end (outcomes)
 *
 * No octet that ends the content leaves before the client has said "go": should either side end
 * before that, the message is the client's as it was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envelope.h"
#include "memo.h"
#include "message.h"
#include "session.h"
#include "settings.h"

#define WARM_RECIPIENTS 1000      /* a message for more goes its own way */
#define WARM_MAX        (8 << 20) /* octets of one thing said */

/* Client. Hands the recipients of ENVELOPE that are pending over to the process behind FD, whose
 * connection must be what KEY stands for. Afterwards whoever has an outcome is settled (in doubt,
 * too), and whoever is still pending has got nothing: the usual way is open. *REPORT says what it
 * would say of a delivery; of SETTINGS what belongs to the message counts: deadline, trace, wishes,
 * partial-abort and strict-body. */
void warm_ask(int fd, const struct memo_key *key, const struct wire_settings *settings,
	struct envelope *envelope, const struct message *message, wire_progress *progress,
	void *progress_ctx, struct wire_report *report);

enum warm_service {
	WARM_NOTHING,  /* no whole message came, or no connection is open */
	WARM_SERVED,   /* the message was taken up */
	WARM_OTHER_KEY /* it is for a connection that differs from ours */
};
/* Server. Takes one message from FD, which stays open, and sends it over L. SETTINGS are those of
 * L; what belongs to the message is changed meanwhile. */
enum warm_service warm_serve(int fd, struct wire_link *l, struct wire_settings *settings,
	const struct memo_key *key) __attribute__((warn_unused_result));

/* The rest is for the files behind this header, for tests and fuzzing. */
struct warm_request {
	struct memo_key key;
	bool trace; /* the dialogue is wanted */
	bool partial_abort, strict_body;
	int64_t patience; /* milliseconds that are left, -1 without a limit */
	int64_t budget;   /* ... until the content begins to leave */
	struct wishes wishes;
	uint64_t in_file; /* octets of the body that stand in a descriptor */
	struct envelope envelope;
	struct message message; /* without the descriptor */
};
void warm_request_done(struct warm_request *r);
/* OUT is full when something cannot be said, as an address that would be read as another one. */
void warm_add_request(struct strbuf *out, const struct memo_key *key,
	const struct wire_settings *settings, const struct envelope *e, const struct message *m);
/* *RET needs warm_request_done in any case. */
bool warm_take_request(const char *s, size_t n, struct warm_request *ret)
	__attribute__((warn_unused_result));
void warm_add_result(struct strbuf *out, const struct wire_report *r, const struct envelope *e);
/* All of what packing_add_report has written. R is initialised; it may be changed in part when they
 * fail. */
bool warm_take_report(const char *s, size_t n, struct wire_report *r)
	__attribute__((warn_unused_result));
/* The outcomes are for those who are pending in E, in their order. Nothing of E is changed when it
 * fails. */
bool warm_take_result(const char *s, size_t n, struct wire_report *r, struct envelope *e)
	__attribute__((warn_unused_result));

enum warm_word {
	WARM_REQUEST = 'Q', /* with a descriptor where the body stands in a file */
	WARM_READY = 'R',   /* a report */
	WARM_TRACE = 'T',   /* an octet for the kind, and the line */
	WARM_MARK = 'M',    /* an octet: enum wire_mark */
	WARM_GO = 'G',      /* the answer to WIRE_SENT */
	WARM_END = 'E'      /* a result */
};
/* A word with N octets, and the descriptor PASS unless it is -1; the socket is non-blocking. False
 * when it could not be said until DEADLINE. Allocates nothing. */
bool warm_say(int fd, enum warm_word word, const void *data, size_t n, int pass, int64_t deadline)
	__attribute__((warn_unused_result));
/* The next word and its octets; *RET_PASSED (may be NULL) is a descriptor that came with it, or -1.
 */
bool warm_hear(int fd, enum warm_word *ret, struct strbuf *data, int *ret_passed, int64_t deadline)
	__attribute__((warn_unused_result));
