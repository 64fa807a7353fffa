/* SMTP replies (RFC 5321 4.2), parsed line by line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "strbuf.h"

#define REPLY_LINES 256        /* lines of one reply */
#define REPLY_TEXT  (64 << 10) /* octets of its text */

struct reply {
	int code;                 /* 200 to 599, 0 before the first line */
	struct enhanced enhanced; /* of the first line that has one; zero if its class is not the
				     code's */
	struct strbuf text;       /* the lines' text without codes, each ended by LF; hostile */
	size_t lines;
};

void reply_init(struct reply *r);
void reply_done(struct reply *r);
void reply_clear(struct reply *r);

/* Takes one line without its line end. *RET_COMPLETE tells whether it was the last one. False with
 * FAULT_PROTOCOL (stage not set): no three-digit code of class 2 to 5, another code than the line
 * before, something else than blank or '-' behind the code, NUL, or more than the limits allow. */
bool reply_feed(struct reply *r, const char *line, size_t n, bool *ret_complete, struct error *err)
	__attribute__((warn_unused_result));

int reply_class(const struct reply *r);

/* The text for people: printable, in one line, without the enhanced code that stands in `enhanced`.
 */
void reply_words(const struct reply *r, char *out, size_t size);
