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
	const struct address *from;                    /* NULL: no From field is written */
	const struct address_list *to, *cc, *reply_to; /* may be NULL or empty */
	const char *subject;                           /* NULL: none */
	const char *body;                              /* text, or NULL */
	int body_fd;                                   /* read when body is NULL and this is >= 0 */
	const char *body_name;                         /* what messages call body_fd */
	const char *html;               /* multipart/alternative with the text when not NULL */
	const char *const *attachments; /* file names */
	size_t attachment_count;
	const char *const *headers; /* "Name: value" lines, checked by header_check_line */
	size_t header_count;
	const char *directory; /* for the temporary file, may be NULL */
};

/* Fills M (uninitialised before, empty after a failure). Text: 7bit when it is ASCII with lines of
 * at most 998 octets, else quoted-printable, or base64 when that is shorter; charset utf-8
 * (malformed UTF-8 is FAULT_DATA); a last line without end gets one. Attachments: base64 with type
 * by file name; text as quoted-printable when that is not longer and gives the same file back (LF
 * its only line end, no NUL, UTF-8); file name as RFC 2231 plus fallback; a message/rfc822
 * attachment is sent as 7bit or 8bit as it must be. All files are opened before anything is built:
 * FAULT_NOINPUT names one that cannot be read or is a directory. Date and Message-ID are left to
 * the caller. A header given by name replaces the one compose would write. Content-Type so given is
 * that of the text (not of the HTML) and must be text/...; utf-8 is added where it names no
 * charset. Content-Transfer-Encoding cannot be given (FAULT_DATA). CR, LF and other controls in
 * subject, names or headers are FAULT_DATA. */
bool compose(const struct composition *what, struct message *m, struct error *err)
	__attribute__((warn_unused_result));
