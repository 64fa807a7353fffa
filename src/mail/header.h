/* The header block of a message, as octets: scan, find, drop, add, fold. A block is a sequence of
 * field lines that each end in CRLF, without the empty line that ends it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct strbuf;

#define HEADER_MAX (1 << 20) /* octets of a whole block; a larger one is FAULT_DATA */

/* One field inside a block: pointers into it, valid until the block changes. */
struct header_field {
	const char *name; /* without blanks before the colon */
	size_t name_len;
	const char *value; /* from behind the colon to before the last CRLF, folding included */
	size_t value_len;
	size_t start, end; /* offsets of the whole field in the block, last CRLF included */
};

/* True iff LINE (N octets, without line end) can start a field: printable ASCII but ':' (RFC 5322
 * 2.2; blanks may stand before the colon, obsolete syntax) and then a colon. */
bool header_is_field(const char *line, size_t n);

/* Takes the field at offset *POS of the block and moves *POS behind it; false at the end. A line
 * that is no field comes out as one with an empty name. */
bool header_next(const char *block, size_t n, size_t *pos, struct header_field *ret);
/* Finds the first field called NAME (ASCII, any case) at or behind *POS; moves *POS behind it. */
bool
header_find(const char *block, size_t n, size_t *pos, const char *name, struct header_field *ret);
bool header_has(const char *block, size_t n, const char *name);
bool header_is(const struct header_field *f, const char *name);

/* Removes every field called NAME; returns how many there were. */
size_t header_drop(struct strbuf *block, const char *name);
/* Puts "NAME: VALUE" CRLF at the front, or at the end. VALUE may hold folding made by the functions
 * below and must not end in a line end. Sets block->full where it does not fit. */
void header_prepend(struct strbuf *block, const char *name, const char *value);
void header_append(struct strbuf *block, const char *name, const char *value);

/* Appends the value without its folding and outer blanks. */
void header_add_unfolded(struct strbuf *out, const struct header_field *f);

/* Appends free text (UTF-8) as an unstructured value: as it is if it is printable ASCII that can be
 * folded to lines of 998 octets, else with RFC 2047 encoded-words (UTF-8, or unknown-8bit (RFC
 * 1428) for text that is not; B or Q whichever is shorter, at most 75 octets each, never inside a
 * character), folded at 78 columns where it can be. Controls, line breaks too, are encoded. USED is
 * how many columns the line has already. */
void header_add_text(struct strbuf *out, size_t used, const char *text, size_t n);
/* Appends a phrase (a display name): an atom sequence or quoted-string if ASCII, else encoded-words
 * as RFC 2047 section 5 (3) allows them in a phrase, with single spaces between them. Not folded.
 */
void header_add_phrase(struct strbuf *out, const char *text, size_t n);

/* Checks "Name: value" from a flag: a field name right before the colon, and a value without CR,
 * LF, NUL or other controls (tab allowed), well-formed UTF-8. FAULT_DATA names what is wrong. */
bool header_check_line(const char *line, size_t n, struct error *err)
	__attribute__((warn_unused_result));

/* What a block says about recipients, sender and signatures. */
struct address_list;
/* Takes the recipients of To, Cc and Bcc, or, when there is any Resent-To, Resent-Cc or Resent-Bcc,
 * those of the first Resent block that has one of these only (RFC 5322 3.6.6). A block is a run of
 * Resent fields; one that comes again, but not right behind its like, starts the next block.
 * Appends to *RET. An address that cannot be parsed is FAULT_DATA naming the field, and nothing is
 * appended. */
bool header_recipients(const char *block, size_t n, struct address_list *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Finds the first Resent block, that of who resent the message last: the offset of its first field,
 * and behind its last one. */
bool header_first_resent(const char *block, size_t n, size_t *ret_start, size_t *ret_end);
/* Removes Bcc and Resent-Bcc (every spelling), Return-Path and Content-Length. With KEEP_BCC the
 * first two stay. */
void header_clean(struct strbuf *block, bool keep_bcc);
