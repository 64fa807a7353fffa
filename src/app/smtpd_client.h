/* The client of -bs: lines and content from one descriptor, replies to another. Blocking, with a
 * time for the client to say something; replies are collected and sent when there is nothing left
 * to read, while input is taken in that keeps the client from reading them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#define CLIENT_LINE    4096      /* octets of a command with its line end */
#define CLIENT_SKIP    (1 << 20) /* octets of a longer one that are passed over */
#define CLIENT_BUFFER  (64 << 10)
#define CLIENT_REPLIES (1 << 20)       /* octets of replies that nobody has read yet */
#define CLIENT_IDLE    (5 * 60 * 1000) /* milliseconds, RFC 5321 4.5.3.2.7 */

enum client_event {
	CLIENT_READY,   /* what was asked for is there */
	CLIENT_LONG,    /* a line longer than CLIENT_LINE was passed over */
	CLIENT_BARE_LF, /* a line that ended in a bare LF was passed over */
	CLIENT_ENDLESS, /* CLIENT_SKIP octets without a line end */
	CLIENT_END,     /* the input has ended; a line without its end does not count */
	CLIENT_LATE,    /* nothing came for CLIENT_IDLE */
	CLIENT_BROKEN   /* input or output cannot be read or written */
};

struct client {
	int in, out;
	char *buffer;
	size_t size, at, end; /* allocated; what has been read and not taken */
	bool spoke;           /* a line has come */
	bool lf;              /* the first one ended in a bare LF: LF is a line end */
	struct strbuf replies;
	bool broken; /* nobody takes the replies */
};

void client_init(struct client *c, int in, int out);
void client_done(struct client *c);

/* The next command, without its line end and with a NUL behind it, valid until the next call. */
enum client_event client_line(struct client *c, char **ret, size_t *ret_n);
/* True iff the client has sent on without waiting for a reply. */
bool client_is_ahead(struct client *c);

/* Takes content. The sink gets all of it, in pieces. */
typedef void client_sink(void *ctx, const char *data, size_t n);
/* Up to a line that is a single dot, dots at the start of lines undone (RFC 5321 4.5.2). A line
 * ends in CRLF and nothing else, or in LF where c->lf is set. */
enum client_event client_content(struct client *c, client_sink *sink, void *ctx);
/* N octets as they are. */
enum client_event client_chunk(struct client *c, uint64_t n, client_sink *sink, void *ctx);

/* Sends all replies, for the end. */
void client_flush(struct client *c);
