/* One queued message as one self-checking file.
 *
 *   block     ENTRY_BLOCK octets: magic, version, lengths, checksums, creation time, not-before,
 *             lifetime, submitter's uid, account
 *   body      as mail/message keeps it: CRLF, not dot-stuffed, before any conversion for a server;
 *             first, so that a body that was read into a file in the spool need not be copied
 *   header    the header block, without the empty line
 *   envelope  sender, DSN options, wishes, recipients; lines of text
 *   trailer   records that are appended later, each with a checksum that covers the one before, so
 *             that what an interrupted append left behind never counts again
 *
 * The checksum of the block covers the block, and by the sums in it header, envelope and body.
 * Nothing in an entry is trusted for what its submitter may do. All numbers little-endian or
 * decimal text: a spool can be copied to another machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "envelope.h"
#include "message.h"

struct error;

#define ENTRY_BLOCK    512 /* where the body begins: message.base of a message that may be queued */
#define ENTRY_ID       16  /* characters of an id: time-sorted, then random; [0-9a-z] */
#define ENTRY_ACCOUNT  128 /* octets of an account's name with its NUL */
#define ENTRY_ENVELOPE (8 << 20)
#define ENTRY_TRAILER  (16 << 20) /* octets; what is behind is not read */
#define ENTRY_WORDS    512        /* of a server's words and of an error's text with the NUL */

enum entry_state {
	ENTRY_QUEUED,
	ENTRY_HELD,      /* by hold: not tried before release */
	ENTRY_UNCERTAIN, /* the answer to the end of data was lost, and it was tried again once */
	ENTRY_FAILED     /* in failed/ */
};

struct entry {
	char id[ENTRY_ID + 1];
	char account[ENTRY_ACCOUNT]; /* "" when the configuration could not be read; no controls */
	uid_t uid;                   /* who submitted it */
	int64_t created, not_before; /* seconds since 1970 */
	int64_t lifetime;            /* seconds from not_before */
	bool notify_error;           /* -oem: send a notification for a permanent refusal at once */
	struct envelope envelope;    /* outcomes are those of the trailer */
	struct message message;      /* header in memory, body borrowed from the entry's file */

	/* From the trailer. */
	enum entry_state state;
	unsigned attempts; /* that reached the server's answer about this message */
	unsigned doubts;   /* attempts whose answer to the end of data was lost */
	int64_t last;      /* time of the last record of an attempt, 0 for none */
	int64_t held;      /* seconds spent held so far, a hold that still lasts included */
	int64_t since;     /* when a hold that lasts was counted last, else 0 */
	bool warned;       /* a delay warning was sent */
	bool bounced;      /* a notification was made, or will never be, for all that failed: those
			    * recipients are told. Clear it when more fail */

	int fd;           /* the file, locked while claimed; -1 for none */
	bool failed;      /* the file lies in failed/ */
	int64_t due;      /* seconds since 1970: the file's mtime */
	uint64_t size;    /* of the file when it was read */
	uint64_t octets;  /* of the message in it: header, empty line, body */
	uint64_t print;   /* of message and envelope as written: equal for equal ones */
	uint64_t begin;   /* where the trailer begins */
	uint64_t trailer; /* where the next record goes: behind the last intact one */
	uint64_t chain;   /* checksum that the next record goes on from */
};

#define ENTRY_NONE                                                                                 \
	{                                                                                          \
		.envelope = ENVELOPE_NONE, .message = MESSAGE_NONE, .fd = -1                       \
	}

/* Accepts ENTRY_NONE. Closes the file, which ends the claim. */
void entry_done(struct entry *e);

/* Makes a new id. WHEN sorts it. */
void entry_new_id(char id[ENTRY_ID + 1], int64_t when);
/* Makes the id that stands for PURPOSE ("failure", "delay", a key) of the message FROM: the same
 * each time, equal to none of entry_new_id, and never taken from the in-tray. */
void entry_derive_id(char id[ENTRY_ID + 1], const char *from, const char *purpose);
/* True iff S is an id. */
bool entry_is_id(const char *s);
/* True iff it was made by entry_derive_id. */
bool entry_is_derived(const char *id);

/* Writes an entry into FD, a file for reading and writing: what is set in *E, ENVELOPE, MESSAGE,
 * and a trailer where there are outcomes already or *E is anything but newly queued. The body of
 * MESSAGE is not copied when it is in this file already at ENTRY_BLOCK, as SAME says; else it is
 * copied by large pieces. The block is written last. Sets size, trailer and chain of *E.
 * FAULT_TEMPORARY (no space, quota, I/O), FAULT_DATA for what no entry can carry (no recipient,
 * controls, over a limit). */
bool
entry_write(int fd, struct entry *e, const struct envelope *envelope, const struct message *message,
	bool same, struct error *err) __attribute__((warn_unused_result));

/* Reads an entry from FD (regular file, not written to meanwhile; FD is taken over, by *ret->fd).
 * WHAT limits the work. Everything is checked: lengths against the file's, checksums, every field.
 * FAULT_DATA: it is damaged, the text says what; FAULT_IO. *RET needs entry_done in any case; its
 * id and failed are the caller's. The message's body is read from the file where it lies. */
enum entry_depth {
	ENTRY_FACTS, /* block, envelope and trailer: what a listing needs. At most 3 system calls */
	ENTRY_WHOLE  /* the header too, and the checksum of the body */
};
bool entry_read(int fd, enum entry_depth what, struct entry *ret, struct error *err)
	__attribute__((warn_unused_result));

/* Appends records to the trailer by one write, and flushes them (fdatasync): the outcomes of those
 * recipients of e->envelope that differ from NOTED's (an array of e->envelope.count outcomes as
 * they were; NULL: no outcomes), or are still OUTCOME_TEMPORARY or OUTCOME_IN_DOUBT (their words
 * may be new); and state, attempts, doubts, held, warned, bounced as they are in *E now. WHEN is
 * the time of it; with NOTED it becomes e->last. The file's time stays e->due. Words are left out
 * once the trailer is nearly full. FAULT_TEMPORARY (no space, quota, trailer full), FAULT_IO: the
 * records may be there or not. */
bool entry_append(struct entry *e, const enum outcome *noted, int64_t when, struct error *err)
	__attribute__((warn_unused_result));
