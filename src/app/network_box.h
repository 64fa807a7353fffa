/* Between network.c and the sandboxed process: what is said, in parcels. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct envelope;
struct message;
struct strbuf;
struct wire_settings;

enum network_kind {
	NETWORK_DELIVER = 1, /* to it: a message, its body's file beside it */
	NETWORK_GO,          /* to it: WIRE_SENT was heard */
	NETWORK_MARK,  /* from it: one octet, a wire_mark; it waits for an answer to WIRE_SENT */
	NETWORK_TRACE, /* one octet, a wire_trace, and the line */
	NETWORK_ANSWER /* what came of it: one octet, whether the link is open; an answer */
};
#define NETWORK_PARCEL (48 << 20)

/* How the process gives up what it does not need. */
struct network_rules {
	bool down;     /* root's privileges too */
	bool remember; /* it may keep what it learns of servers, as the user that it becomes */
};

/* A message with its envelope, and the deadlines that hold for it. */
void network_add_job(struct strbuf *out, const struct envelope *e, const struct message *m,
	const struct wire_settings *settings);
/* E and M are empty; FD is the body's file or -1, borrowed by M. */
bool network_take_job(const char *s, size_t n, int fd, struct envelope *e, struct message *m,
	struct wire_settings *settings);

/* Runs in the forked process; ends when the other side of FD closes, or is gone. */
void network_serve(int fd, const struct wire_settings *settings, const struct network_rules *rules)
	__attribute__((noreturn));
