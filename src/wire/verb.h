/* The verbs of the dialogue: one row each, how it is written and how its reply is taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum verb {
	VERB_GREETING, /* written by nobody, answered by the server */
	VERB_EHLO,     /* LHLO in LMTP */
	VERB_HELO,
	VERB_STARTTLS,
	VERB_AUTH,
	VERB_AUTH_STEP, /* a line of the SASL exchange */
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_END,    /* content and the final dot */
	VERB_BDAT,   /* BDAT LAST and the content */
	VERB_NOBODY, /* the final dot alone, after a 354 that no recipient is behind */
	VERB_RSET,
	VERB_QUIT,
	VERB_COUNT
};

/* What to do after a reply. Every handler returns one, so that no branch can forget it. */
enum move {
	MOVE_ON,   /* go on with the plan */
	MOVE_MORE, /* the same command has another reply (LMTP, RFC 2033 section 4.2) */
	MOVE_QUIT, /* the session ends here, politely; err is set */
	MOVE_LOST  /* nothing more can be said on this connection; err is set */
};

struct session;

struct verb_row {
	const char *name; /* for messages: "MAIL FROM" */
	enum stage stage;
	int64_t timeout; /* milliseconds for the whole reply, RFC 5321 4.5.3.2 */
	bool ahead;      /* other commands may follow before the reply has come */
	/* Writes the command into the stream's buffer. */
	bool (*write)(struct session *s, size_t argument, struct error *err);
	/* Takes s->reply, of class 2 to 5; a 421 only when content is in flight. */
	enum move (*take)(struct session *s, size_t argument, struct error *err);
};

extern const struct verb_row verbs[VERB_COUNT];
