/* Between network.c and the sandboxed process: what is said, in parcels. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "strbuf.h"

struct envelope;
struct message;
struct wire_settings;

enum network_kind {
	NETWORK_DELIVER = 1, /* to it: a message, its body's file beside it */
	NETWORK_GO,          /* to it: WIRE_SENT was heard */
	NETWORK_MARK,  /* from it: one octet, a wire_mark; it waits for an answer to WIRE_SENT */
	NETWORK_TRACE, /* one octet, a wire_trace, and the line */
	NETWORK_ANSWER /* what came of it: one octet, whether the link is open; an answer */
};
#define NETWORK_PARCEL (48 << 20)

/* The password, or why there is none. */
struct network_secret {
	struct strbuf value;
	struct error err;
};

/* A message with its envelope, and the deadlines that hold for it. */
void network_add_job(struct strbuf *out, const struct envelope *e, const struct message *m,
	const struct wire_settings *settings);
/* E and M are empty; FD is the body's file or -1, borrowed by M. */
bool network_take_job(const char *s, size_t n, int fd, struct envelope *e, struct message *m,
	struct wire_settings *settings);

/* Runs in the forked process; ends when the other side of FD closes. */
void network_serve(int fd, const struct wire_settings *settings,
	const struct network_secret *secret) __attribute__((noreturn));
