/* A message: its header block in memory, its body in memory or in a file without a name. Read once,
 * normalised on the way in: every line ends in CRLF, no NUL, no other CR. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "strbuf.h"

struct error;
struct header_field;

#define MESSAGE_MEMORY (256 << 10) /* octets of body kept in memory before a file is used */
#define MESSAGE_RESCUE (16 << 20)  /* where no file can be had: a full disk must not stop an alarm \
				    */
#define MESSAGE_LINE 998           /* octets of a line without CRLF, RFC 5322 2.1.1 */

/* What was found while reading; octets and lines are those of the message as stored. */
struct message_facts {
	uint64_t body_size;
	uint64_t longest_line; /* of the body, without CRLF */
	size_t longest_header; /* longest line of the header block */
	uint64_t nul_removed;  /* NUL octets left out */
	uint64_t cr_changed;   /* bare CRs and CRCRLFs turned into CRLF, each counted once */
	bool body_8bit;        /* octets above 127 */
	bool header_8bit;
	bool header_utf8; /* header_8bit, and all of it well-formed UTF-8 */
	bool empty_input; /* there was not one octet */
	bool headerless;  /* the input had no header block: all of it is the body */
};

struct message {
	struct strbuf header;  /* the block, HEADER_MAX */
	struct strbuf memory;  /* the body while small, later its end: what the file lacks */
	int fd;                /* the body's file once large, else -1 */
	const char *directory; /* tried first for that file; borrowed, may be NULL */
	uint64_t base;         /* where in the file the body begins; set before there is one */
	bool borrowed;         /* the file is somebody else's: never closed, never written to */
	uint64_t line;         /* octets of the body's last line so far, 0 behind a line end */
	struct message_facts facts;
};

#define MESSAGE_NONE                                                                               \
	{                                                                                          \
		.header = STRBUF_INIT(1 << 20), .memory = STRBUF_INIT(256 << 10), .fd = -1         \
	}

void message_init(struct message *m);
/* Frees all, closes the file unless it is borrowed, leaves an empty message. Accepts a zeroed one.
 */
void message_done(struct message *m);

/* How a message is read. */
struct message_reading {
	const char *directory; /* tried first for the temporary file, may be NULL */
	bool dot_ends;         /* a line that is a single dot ends the input */
	bool dot_is_last_line; /* with !dot_ends: a lone dot as the very last line is dropped */
	bool dot_doubled; /* of two dots at a line's start one is dropped, as sendmail 8 does */
	bool body_only;   /* there is no header block, and nobody looks for one */
};

/* Reads FD to its end (or to the dot) into *M, which is empty. Line ends: LF, CRLF, CRCRLF and bare
 * CR all end a line; NUL octets are left out before anything else is looked at. A last line without
 * end gets one. A leading mbox "From " or ">From " line is removed, and so is a byte order mark in
 * front of the header. Lines up to the first that cannot be a field or continuation are the header
 * block; an empty line behind it is taken away; if the first line cannot be a field the whole input
 * is the body. A first line that is empty leaves an empty header. Behind the dot nothing more is waited for; what came in one block with it is
 * dropped. False with FAULT_NOINPUT (cannot be read), FAULT_DATA (header block larger than
 * HEADER_MAX), FAULT_TEMPORARY, FAULT_CREATE or FAULT_IO (temporary file). */
bool message_read(struct message *m, int fd, const struct message_reading *how, struct error *err)
	__attribute__((warn_unused_result));

/* Reads a message of ours that was in other hands as if it had just come in: whatever its octets
 * are, lines end in CRLF and the facts are true. *RET is empty; DIRECTORY (borrowed) and BASE are
 * what it has. Errors as message_read. */
bool message_read_anew(const struct message *m, const char *directory, uint64_t base,
	struct message *ret, struct error *err) __attribute__((warn_unused_result));

/* Building a message by hand (compose): body octets that are normalised already are appended;
 * memory turns into a file by itself. Facts are kept up to date. (Other octets are kept as they are
 * too; longest_line then counts as if LF were the end of a line and one CR before it no part.) */
bool message_add_body(struct message *m, const void *data, size_t n, struct error *err)
	__attribute__((warn_unused_result));
/* Brings the header part of the facts up to date; call it after changing m->header. */
void message_update_header_facts(struct message *m);

/* Size on the wire as SIZE= counts it (RFC 1870 section 5): header block, empty line and body with
 * CRLF, without dot-stuffing. */
uint64_t message_size(const struct message *m);

/* Reads the message as it goes on the wire: header block, CRLF, body. A reader is cheap; any number
 * may be open on one message, and each starts at the beginning. */
struct message_reader {
	const struct message *m;
	uint64_t at; /* octets delivered so far */
};
void message_reader_init(struct message_reader *r, const struct message *m);
/* Fills BUFFER with the next octets, at most N; returns how many (0 at the end), or -1 with
 * FAULT_IO. N of 64 KiB and more costs one system call per call for a body in a file. */
ssize_t message_reader_get(struct message_reader *r, void *buffer, size_t n, struct error *err);

/* Why a message must be re-encoded. */
enum message_need {
	MESSAGE_NEED_NOTHING,
	MESSAGE_NEED_SHORT_LINES, /* a line is longer than MESSAGE_LINE */
	MESSAGE_NEED_7BIT,        /* the server has no 8BITMIME */
};
/* True iff the body may be re-encoded as quoted-printable: one text part (Content-Type absent or
 * text/anything, but with a charset that is known to be an ASCII superset; no multipart),
 * Content-Transfer-Encoding absent, 7bit or 8bit, and nobody signed it (no DKIM-Signature,
 * DomainKey-Signature, ARC-Seal or ARC-Message-Signature; a multipart is refused already). When
 * not, *RET_WHY says why, for a note ("it is signed"). */
bool message_can_reencode(const struct message *m, const char **ret_why);
/* Makes in *RET (uninitialised before) the message with its body in quoted-printable (RFC
 * 2045 6.7), Content-Transfer-Encoding set, and MIME-Version and Content-Type (text/plain;
 * charset=utf-8, or unknown-8bit where the octets are no UTF-8, us-ascii where there are none above
 * 127) added when missing. *M is left as it is. */
bool message_reencode(const struct message *m, struct message *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Sets *RET iff the body is well-formed UTF-8. Reads all of it unless the facts tell. */
bool message_body_is_utf8(const struct message *m, bool *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Header fields with octets above 127 written as RFC 2047 (unstructured fields and display names;
 * UTF-8, or unknown-8bit) for a server without SMTPUTF8. Address fields whose mailboxes themselves
 * are not ASCII cannot be written so: local parts are FAULT_DATA naming field and address, domains
 * become A-labels. File names in Content-Type and Content-Disposition are written as RFC 2231. *M
 * is left as it was when it fails. */
bool
message_encode_header(struct message *m, struct error *err) __attribute__((warn_unused_result));
/* The same for one field: appends what stands behind its colon. */
bool message_encode_field(struct strbuf *out, const struct header_field *f, struct error *err)
	__attribute__((warn_unused_result));
/* Folds header lines longer than MESSAGE_LINE at blanks where there are any; returns true iff every
 * line is short enough now. */
bool message_fold_header(struct message *m);
