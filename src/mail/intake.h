/* Normalises a message on its way in, whatever pieces it comes in: line ends, NUL, dots, and where
 * the header block ends. message_read and compose put a source in front. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct error;
struct message;
struct message_reading;

/* What is known of the line under way. */
enum intake_line {
	INTAKE_START, /* it has no octet yet */
	INTAKE_DOT,   /* it is a dot so far */
	INTAKE_TEXT,
};

struct intake {
	struct message *m;
	const struct message_reading *how;
	struct strbuf line; /* while there is a header block: the line under way */
	char *out, *end;    /* room in m->memory that is filled and not yet counted */
	size_t want;        /* how much room the block under way may need */
	enum intake_line at;
	unsigned cr;    /* CRs seen whose meaning is open: 0, 1 or 2 */
	uint64_t dots;  /* lines of the body that are a single dot */
	bool dot_last;  /* the last line is one */
	bool mbox_seen; /* the mbox line has been removed */
	bool body;      /* the header block has ended */
	bool ended;     /* the dot came: feed no more */
};

/* M is empty and stays the caller's, as HOW does. */
void intake_init(struct intake *in, struct message *m, const struct message_reading *how);
void intake_done(struct intake *in);

/* Takes the next N octets. */
bool intake_feed(struct intake *in, const char *s, size_t n, struct error *err)
	__attribute__((warn_unused_result));
/* The input has ended: ends the last line and brings the facts up to date. */
bool intake_finish(struct intake *in, struct error *err) __attribute__((warn_unused_result));
