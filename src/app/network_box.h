/* Between network.c, or network_relay.c, and the sandboxed process: what is said, in parcels. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct box_rules;
struct envelope;
struct message;
struct recipient;
struct strbuf;
struct wire_settings;

enum network_kind {
	NETWORK_DELIVER = 1, /* to it: a message, its body's file beside it */
	NETWORK_GO,          /* to it: WIRE_SENT was heard */
	NETWORK_MARK,   /* from it: one octet, a wire_mark; it waits for an answer to WIRE_SENT */
	NETWORK_ANSWER, /* what came of it: one octet, whether the link is open; an answer */
	/* to it, step by step, each answered by a NETWORK_ANSWER of its own kind: */
	NETWORK_BEGIN,     /* MAIL */
	NETWORK_RECIPIENT, /* RCPT */
	NETWORK_CONTENT    /* the message, its body's file beside it */
};

/* A message with its envelope, and the deadlines that hold for it. */
void network_add_job(struct strbuf *out, const struct envelope *e, const struct message *m,
	const struct wire_settings *settings);
/* E and M are empty; FD is the body's file or -1, borrowed by M. */
bool network_take_job(const char *s, size_t n, int fd, struct envelope *e, struct message *m,
	struct wire_settings *settings);

/* The parts of it. The deadlines; a sender with the recipients; one recipient. What is taken in
 * part when they fail is of no use. */
void network_add_deadlines(struct strbuf *out, const struct wire_settings *settings);
bool network_take_deadlines(const char **at, const char *end, struct wire_settings *settings);
void network_add_envelope(struct strbuf *out, const struct envelope *e);
bool network_take_envelope(const char **at, const char *end, struct envelope *e);
void network_add_recipient(struct strbuf *out, const struct recipient *r);
bool network_take_recipient(const char **at, const char *end, struct envelope *e);

/* Run in the forked process; end when the other side of FD closes, or is gone. */
void network_serve(int fd, const struct wire_settings *settings, const struct box_rules *rules)
	__attribute__((noreturn));
/* By steps. */
void network_relay_serve(int fd, const struct wire_settings *settings,
	const struct box_rules *rules) __attribute__((noreturn));
