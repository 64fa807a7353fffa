/* MIME encodings (RFC 2045, 2046, 2231), as pure and incremental functions. Encoded-words (RFC
 * 2047) are in header.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* Appends the base64 of N octets, without line ends. */
void mime_add_base64(struct strbuf *out, const void *data, size_t n);
/* Appends the octets of N base64 characters; false if they are no canonical base64. */
bool
mime_decode_base64(struct strbuf *out, const char *s, size_t n) __attribute__((warn_unused_result));

/* Base64 in lines of 76 characters, CRLF after each, for bodies of any length. */
struct mime_base64 {
	unsigned char held[57]; /* one line's worth of octets */
	size_t n;
};
void mime_base64_feed(struct mime_base64 *e, struct strbuf *out, const void *data, size_t n);
void mime_base64_end(struct mime_base64 *e, struct strbuf *out);

/* Quoted-printable of text whose lines end in CRLF, for bodies of any length. Lines come out at
 * most 76 octets long; blanks at line ends, and "From " and a dot at the start of an output line
 * are encoded too, so that the text survives any transport. */
struct mime_qp {
	size_t column; /* octets on the current output line */
	char held[8];  /* undecided octets: a blank, a CR, the start of "From " */
	size_t n;
};
void mime_qp_init(struct mime_qp *e);
void mime_qp_feed(struct mime_qp *e, struct strbuf *out, const void *data, size_t n);
/* Ends the text; what it held comes out. */
void mime_qp_end(struct mime_qp *e, struct strbuf *out);

/* Appends "; NAME=VALUE": as a token or quoted-string if VALUE is ASCII, else as RFC 2231 extended
 * value (NAME*=utf-8''..., or unknown-8bit''), in continuations (NAME*0*=) where it would pass 78
 * columns, each on a folded line of its own. Controls, too, are written by an extended value. With
 * FALLBACK the plain NAME="=?utf-8?..?=" that Outlook reads is written in front. */
void mime_add_parameter(struct strbuf *out, const char *name, const char *value, bool fallback);

/* The media type for a file name by its ending (any case), "application/octet-stream" where it is
 * not known. */
const char *mime_type(const char *file_name);
