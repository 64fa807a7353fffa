/* Parts of a message that is being built: content in an encoding. For compose.c and attach.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct message;
struct strbuf;

enum encoding { ENCODING_7BIT, ENCODING_8BIT, ENCODING_QP, ENCODING_BASE64, ENCODING_COUNT };

/* A multipart that is being written. */
struct multipart {
	char boundary[40];
	bool line_end; /* the last part ended in a line end that may serve the next delimiter */
	bool begun;
	bool has_8bit; /* a part has octets above 127: the whole must say so (RFC 2045 6.4) */
};

/* Draws a boundary. It holds "=_", which occurs in neither quoted-printable nor base64, and is too
 * long to be guessed by who writes the rest. */
bool multipart_init(struct multipart *mp, struct error *err) __attribute__((warn_unused_result));
/* Appends "multipart/SUBTYPE; boundary=...". */
void multipart_add_type(const struct multipart *mp, struct strbuf *out, const char *subtype);
/* Begins a part in the body of M: the delimiter, then the lines of HEADER, then an empty line. */
bool multipart_next(struct multipart *mp, struct message *m, const struct strbuf *header,
	struct error *err) __attribute__((warn_unused_result));
/* The last delimiter. */
bool multipart_end(struct multipart *mp, struct message *m, struct error *err)
	__attribute__((warn_unused_result));

/* Appends a Content-Transfer-Encoding field with its CRLF. */
void part_add_encoding(struct strbuf *out, enum encoding encoding);

/* Octets on their way into the body of M. */
struct part_writer;
struct part_writer *part_writer_new(struct message *m, enum encoding encoding);
/* With LF_ENDS every LF is written as CRLF. */
bool part_write(struct part_writer *w, const char *s, size_t n, bool lf_ends, struct error *err)
	__attribute__((warn_unused_result));
/* Writes what the encoder held, unless GOOD is false already, and frees W; returns false when GOOD
 * was or when it cannot be written. */
bool part_writer_end(struct part_writer *w, bool good, struct error *err)
	__attribute__((warn_unused_result));

/* Writes the body of FROM. */
bool part_copy(const struct message *from, struct message *m, enum encoding encoding, bool lf_ends,
	struct error *err) __attribute__((warn_unused_result));

/* What decides about the encoding of text. */
struct part_count {
	uint64_t size;
	uint64_t costly; /* octets that quoted-printable writes as three */
	uint64_t lf;     /* line ends */
	bool cr, nul;
};
void part_count_add(struct part_count *c, const char *s, size_t n);
/* True iff quoted-printable is not longer than base64. */
bool part_prefers_qp(const struct part_count *c);

/* A file that becomes a part. */
struct attachment {
	const char *path;
	const char *name; /* the last part of the path, borrowed */
	int fd;
};
/* Opens a file; see compose. */
bool attachment_open(struct attachment *a, const char *path, struct error *err)
	__attribute__((warn_unused_result));
void attachment_close(struct attachment *a);
/* Writes it as a part. */
bool attachment_write(struct attachment *a, struct multipart *mp, struct message *m,
	struct error *err) __attribute__((warn_unused_result));
