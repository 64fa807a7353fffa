/* Builds a message from flags: text, attachments, correct MIME. Attachments are streamed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct address;
struct address_list;
struct error;
struct message;

/* What to build. All strings are UTF-8 and borrowed. */
struct composition {
	const struct address *from;          /* NULL: no From field is written */
	const struct address_list *to, *cc, *reply_to; /* may be NULL or empty */
	const char *subject;                 /* NULL: none */
	const char *body;                    /* text, or NULL */
	int body_fd;                         /* read when body is NULL and this is >= 0 */
	const char *body_name;               /* what messages call body_fd */
	const char *html;                    /* multipart/alternative with the text when not NULL */
	const char *const *attachments;      /* file names */
	size_t attachment_count;
	const char *const *headers;          /* "Name: value" lines, checked by header_check_line */
	size_t header_count;
	const char *directory;               /* for the temporary file, may be NULL */
};

/* Fills M (uninitialised before). Text: 7bit when it is ASCII with lines of at most 998 octets, else
 * quoted-printable, or base64 when that is shorter; charset utf-8 (malformed UTF-8 is FAULT_DATA).
 * Attachments: base64 with type by file name, text parts as quoted-printable when that is shorter, file
 * name as RFC 2231 plus fallback; a message/rfc822 attachment is sent as 7bit or 8bit as it must be.
 * The file is opened before anything is built: FAULT_NOINPUT names one that cannot be read or is no
 * regular file, FIFO or device that yields data. A header given by name replaces the one compose
 * would write. CR, LF and other controls in subject, names or headers are FAULT_DATA. */
bool compose(const struct composition *what, struct message *m, struct error *err)
	__attribute__((warn_unused_result));
