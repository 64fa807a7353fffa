/* The life of every message: a file in the spool that is only appended to, one line per event.
 *
 *   2026-11-24T11:05:09Z event=sent id=... uid=1000 account="work" message_id="<...>"
 *       from="a@example.org" to="b@example.net" outcome=accepted code=250 enhanced=2.0.0 text="..."
 *       host="smtp.example.org" queue_id="4XyZ" note="..."                             (one line)
 *
 * It is a help, not a record that anything depends on: it is not flushed, and who cannot write it
 * goes on. Every line is written by one write(2), so lines of several processes do not mix. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "envelope.h"

struct error;
struct entry;
struct spool;

#define HISTORY_LINE                                                                               \
	(8 << 10)        /* octets of a line; an event with more recipients gets several ... */
#define HISTORY_MORE 256 /* ... at most so many, each with all that belongs to the message */
#define HISTORY_NAME "history"
#define HISTORY_SIZE                                                                               \
	(8 << 20) /* octets; then the file becomes history.1, that history.2, that goes */

enum history_event {
	HISTORY_QUEUED,  /* committed */
	HISTORY_ATTEMPT, /* tried; refused for now for some or all */
	HISTORY_SENT,    /* every recipient that was left has been accepted */
	HISTORY_FAILED,  /* refused for good for some or all that were left */
	HISTORY_HELD,
	HISTORY_RELEASED,
	HISTORY_REMOVED,
	HISTORY_RETRIED,   /* from failed/ back into the queue */
	HISTORY_BOUNCED,   /* a notification was made; text names its id */
	HISTORY_WARNED,    /* the sender was told of a delay; text names the notice's id */
	HISTORY_EXPIRED,   /* given up */
	HISTORY_UNCERTAIN, /* the answer to the end of data was lost */
	HISTORY_DROPPED,   /* in doubt, taken as sent */
	HISTORY_DAMAGED,   /* moved to damaged/ */
	HISTORY_COUNT
};
const char *history_name(enum history_event event);

struct history_record {
	enum history_event event;
	int64_t when;   /* seconds since 1970 */
	const char *id; /* "" or NULL for a message that was never queued */
	uid_t uid;      /* who submitted it, and may read of it */
	const char *account;
	const char *message_id; /* with its brackets, or NULL */
	const struct envelope
		*envelope;           /* sender, recipients and what became of them; may be NULL */
	const char *host, *queue_id; /* the smarthost and its id of the message, or NULL */
	const char *text;            /* one more sentence (an error), or NULL */
};
/* Appends one event. False with FAULT_TEMPORARY when it cannot be written. */
bool history_add(struct spool *s, const struct history_record *r, struct error *err)
	__attribute__((warn_unused_result));
/* Fills what an entry knows into a record: id, uid, account, envelope, and message_id, which is
 * copied into ID (SIZE octets). */
void history_of_entry(struct history_record *r, const struct entry *e, char *id, size_t size);

/* One line, as it is read back. The strings live until the callback returns. */
struct history_recipient {
	const char *address, *outcome, *enhanced, *text; /* "" where there is none */
	int code;
};
struct history_line {
	int64_t when;
	enum history_event event;
	uid_t uid;
	const char *id, *account, *message_id, *sender, *host, *queue_id, *text;
	struct history_recipient *recipients;
	size_t count;
	size_t left_out; /* recipients that the event had beyond HISTORY_MORE lines */
};

/* What to read. NULL and 0 ask for nothing. */
struct history_filter {
	const char *id;         /* of the entry */
	const char *message_id; /* with or without its brackets */
	const char *address;    /* sender or recipient; domains without regard to ASCII case */
	int64_t since;
	bool everybody; /* else only lines of UID */
	uid_t uid;
};
/* Calls EACH for every line that fits, oldest first, until it returns false. Memory does not grow
 * with the file; lines that cannot be parsed or are too long are passed over. No history is no
 * error. */
bool history_read(struct spool *s, const struct history_filter *filter,
	bool (*each)(void *ctx, const struct history_line *line), void *ctx, struct error *err)
	__attribute__((warn_unused_result));

/* Parses one line of N octets without its LF, changing it; for tests and fuzzers. RET->recipients
 * is to be freed. */
bool
history_parse(char *line, size_t n, struct history_line *ret) __attribute__((warn_unused_result));
