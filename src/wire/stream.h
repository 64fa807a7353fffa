/* Buffered octets and lines over a socket, with or without TLS. Reads while it writes, so that no
 * flight of commands is too long for the peer's buffers. Errors have no stage: the caller knows it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "strbuf.h"

struct error;

#define STREAM_LINE_MAX  (16 << 10)  /* octets of one received line, line end included */
#define STREAM_INPUT_MAX (1 << 20)   /* octets received and not yet taken */
#define STREAM_FLUSH     (256 << 10) /* output that is sent without being asked for */

/* What carries the octets: TLS puts itself here. Both work on the stream's non-blocking socket.
 * Return octets done, 0 for the peer's end (read), STREAM_AGAIN, or STREAM_FAILED with err set. */
#define STREAM_AGAIN  (-1)
#define STREAM_FAILED (-2)
struct stream;
struct stream_layer {
	/* Decrypts; takes octets from the socket by stream_receive, at most one buffer per call. */
	ssize_t (*read)(struct stream *s, void *buffer, size_t n, struct error *err);
	/* Takes all N octets into s->wire (encrypted), never touches the socket. */
	bool (*write)(struct stream *s, const void *data, size_t n, struct error *err);
	void (*done)(struct stream *s);
};

struct stream {
	int fd;
	const struct stream_layer *layer; /* NULL: none */
	void *layer_data;
	struct strbuf in;   /* received; the first `taken` octets have been taken */
	struct strbuf out;  /* plain octets to send, secret */
	struct strbuf wire; /* octets for the socket as the layer made them */
	size_t taken;       /* of in */
	size_t scanned;     /* octets behind `taken` that are known to hold no LF */
	size_t gone;        /* of wire, or of out without a layer: sent already */
	bool readable;      /* poll saw input and recv has not emptied it yet */
	bool ended;         /* the peer has closed its side */
	bool reset;         /* reading or writing failed: what is in `in` may still be taken */
	unsigned turns;     /* how often we waited for the peer with everything sent: round trips */
	bool spoke;         /* something was sent since the last turn; connecting counts */
	uint64_t sent, received; /* octets on the socket */
};

/* Takes over FD. */
void stream_init(struct stream *s, int fd);
/* Closes the socket (without waiting, without TLS closure), frees everything. Accepts a closed one.
 */
void stream_done(struct stream *s);

/* Puts octets into the output; sends when there are STREAM_FLUSH of them or more (then DEADLINE
 * holds). Errors as stream_flush. */
bool stream_write(struct stream *s, const void *data, size_t n, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
/* Sends everything; takes in whatever arrives meanwhile. False with FAULT_TEMPORARY: the peer reset
 * or closed the connection, or DEADLINE passed; FAULT_PROTOCOL: more than STREAM_INPUT_MAX came;
 * or what the layer says. When writing fails, what the peer has said before stays readable: the
 * caller should look for a reply (a 421, a 552) before reporting the failure. */
bool stream_flush(struct stream *s, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));

/* Takes the next line: *RET points at it, without its line end, *RET_LEN octets, valid until the
 * next call on the stream. A line counts only when its LF has come; a CR before it is taken off.
 * Waits until DEADLINE; what is there already when DEADLINE has passed is still taken. False:
 * FAULT_TEMPORARY (closed, reset, time is up), FAULT_PROTOCOL (longer than STREAM_LINE_MAX), or
 * what the layer says. Does not flush. How many lines a peer may send is the caller's business. */
bool stream_line(struct stream *s, int64_t deadline, const char **ret, size_t *ret_len,
	struct error *err) __attribute__((warn_unused_result));
/* True iff received octets wait to be taken, or are ready to be read from the socket or from TLS
 * right now: unwanted input before a TLS handshake is found so (RFC 3207 section 4). Takes them in.
 */
bool stream_has_input(struct stream *s);
/* Waits for the socket: READ, WRITE or both, until DEADLINE. Returns what is ready, 0 on time-out.
 * A wait for READ alone with everything sent counts as a turn. */
#define STREAM_READ  1
#define STREAM_WRITE 2
int stream_wait(struct stream *s, int what, int64_t deadline);

/* For layers. Sends what the socket takes of s->wire (of s->out without a layer) now: 0 when all is
 * gone, STREAM_AGAIN, STREAM_FAILED with errno set. */
int stream_push(struct stream *s);
/* Receives from the socket: octets, 0 for its end, STREAM_AGAIN (without a system call while poll
 * has seen nothing), STREAM_FAILED with errno set. */
ssize_t stream_receive(struct stream *s, void *buffer, size_t n);
