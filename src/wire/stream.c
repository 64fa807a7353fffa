#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

#define CHUNK   (4 << 10)  /* asked for at once: replies are short */
#define COMPACT (64 << 10) /* taken input is cut off when there is that much */
#define RECORD  (16 << 10) /* plain octets that go to the layer at once, a full TLS record */
#define SLICE   (64 << 10) /* output taken at once */

void
stream_init(struct stream *s, int fd)
{
	*s = (struct stream){
		.fd = fd,
		.in = STRBUF_INIT(STREAM_INPUT_MAX + CHUNK + COMPACT),
		.out = STRBUF_INIT_SECRET(STREAM_FLUSH),
		/* a peer may ask for records of 64 octets (RFC 8449): they more than double a slice
		 */
		.wire = STRBUF_INIT(STREAM_FLUSH + 3 * SLICE),
		.spoke = true,
	};
}

void
stream_done(struct stream *s)
{
	if (s->fd < 0)
		return;
	if (s->layer)
		s->layer->done(s);
	s->layer = NULL;
	s->layer_data = NULL;
	strbuf_done(&s->in);
	strbuf_done(&s->out);
	strbuf_done(&s->wire);
	close(s->fd);
	s->fd = -1;
}

static size_t
unsent(const struct stream *s)
{
	return s->out.len + s->wire.len - s->gone;
}

static size_t
untaken(const struct stream *s)
{
	return s->in.len - s->taken;
}

static int
poll_socket(struct stream *s, int what, int64_t deadline)
{
	struct pollfd p = { .fd = s->fd };
	int ready = 0, got;

	if (what & STREAM_READ)
		p.events |= POLLIN;
	if (what & STREAM_WRITE)
		p.events |= POLLOUT;
	do
		got = poll(&p, 1, clock_left(deadline));
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return 0;
	/* on an error or a hang-up the next recv or send tells which */
	if (p.revents & ~POLLOUT)
		ready |= STREAM_READ;
	if (p.revents & ~POLLIN)
		ready |= STREAM_WRITE;
	if (ready & STREAM_READ)
		s->readable = true;
	return ready & what;
}

int
stream_wait(struct stream *s, int what, int64_t deadline)
{
	if (what == STREAM_READ && s->spoke && !unsent(s)) {
		s->turns++;
		s->spoke = false;
	}
	return poll_socket(s, what, deadline);
}

int
stream_push(struct stream *s)
{
	struct strbuf *b = s->layer || s->wire.len ? &s->wire : &s->out;
	size_t want;
	ssize_t n;

	while ((want = b->len - s->gone)) {
		n = send(s->fd, b->s + s->gone, want, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? STREAM_AGAIN : STREAM_FAILED;
		s->gone += (size_t)n;
		s->sent += (uint64_t)n;
		s->spoke = true;
		if ((size_t)n < want)
			return STREAM_AGAIN;
	}
	strbuf_truncate(b, 0);
	s->gone = 0;
	return 0;
}

ssize_t
stream_receive(struct stream *s, void *buffer, size_t n)
{
	ssize_t got;

	if (!s->readable)
		return STREAM_AGAIN;
	do
		got = recv(s->fd, buffer, n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		s->received += (uint64_t)got;
		s->readable = (size_t)got == n;
	} else if (got < 0 && errno == EAGAIN) {
		s->readable = false;
		return STREAM_AGAIN;
	} else if (got < 0) {
		return STREAM_FAILED;
	}
	return got;
}

/* Reads once, without waiting. */
static ssize_t
fill(struct stream *s, struct error *err)
{
	ssize_t got;
	char *at;

	if (s->taken == s->in.len || s->taken >= COMPACT) {
		strbuf_consume(&s->in, s->taken);
		s->taken = 0;
	}
	if (!(at = strbuf_reserve(&s->in, CHUNK))) {
		error_set(err, FAULT_PROTOCOL, "the server sends much more than it was asked for");
		return STREAM_FAILED;
	}
	if (s->layer) {
		got = s->layer->read(s, at, CHUNK, err);
	} else {
		got = stream_receive(s, at, CHUNK);
		if (got == STREAM_FAILED)
			error_sys(err, FAULT_TEMPORARY, errno,
				"the connection to the server is lost");
	}
	if (got > 0)
		strbuf_advance(&s->in, (size_t)got);
	else if (!got)
		s->ended = true;
	else if (got == STREAM_FAILED)
		s->reset = true;
	return got;
}

/* Reads until there is nothing more for now. */
static bool
take_in(struct stream *s, struct error *err)
{
	ssize_t got;

	do {
		if (untaken(s) >= STREAM_INPUT_MAX)
			return error_set(err, FAULT_PROTOCOL,
				"the server sends much more than it was asked for");
		got = fill(s, err);
	} while (got > 0);
	return got != STREAM_FAILED;
}

static bool
encrypt(struct stream *s, struct error *err)
{
	if (!s->layer || !s->out.len)
		return true;
	if (!s->layer->write(s, s->out.s, s->out.len, err))
		return false;
	strbuf_truncate(&s->out, 0);
	return true;
}

/* Writing failed with errno value SYS: saves what the peer said before, which may be the reason. */
static bool
lost(struct stream *s, int sys, struct error *err)
{
	struct error reading = ERROR_NONE;
	bool good = true;

	s->reset = true;
	/* it ends: a lost connection brings nothing new */
	for (s->readable = true; good && s->readable && !s->ended;)
		good = take_in(s, &reading);
	if (!good && reading.fault != FAULT_TEMPORARY) {
		if (err && !err->fault)
			*err = reading;
		return false;
	}
	return error_sys(err, FAULT_TEMPORARY, sys, "the connection to the server is lost");
}

bool
stream_flush(struct stream *s, int64_t deadline, struct error *err)
{
	int done, ready;

	if (!encrypt(s, err))
		return false;
	while ((done = stream_push(s))) {
		if (done == STREAM_FAILED)
			return lost(s, errno, err);
		if (!clock_left(deadline))
			return error_set(
				err, FAULT_TEMPORARY, "the server does not take our data in time");
		ready = stream_wait(s, STREAM_READ | STREAM_WRITE, deadline);
		if ((ready & STREAM_READ) && !take_in(s, err))
			return false;
		if (s->ended)
			return error_set(err, FAULT_TEMPORARY,
				"the server closed the connection while data was sent");
	}
	return true;
}

static bool
put(struct stream *s, const char *data, size_t n, struct error *err)
{
	if (s->layer && s->out.len + n > RECORD) {
		if (!encrypt(s, err))
			return false;
		if (n > RECORD / 2)
			return s->layer->write(s, data, n, err);
	}
	strbuf_add(&s->out, data, n);
	return true;
}

bool
stream_write(struct stream *s, const void *data, size_t n, int64_t deadline, struct error *err)
{
	const char *at = data;
	size_t part;

	while (n) {
		part = unsent(s);
		if (part < STREAM_FLUSH) {
			part = STREAM_FLUSH - part;
			part = part < n ? part : n;
			part = part < SLICE ? part : SLICE;
			if (!put(s, at, part, err))
				return false;
			at += part;
			n -= part;
		}
		if (unsent(s) >= STREAM_FLUSH && !stream_flush(s, deadline, err))
			return false;
	}
	return true;
}

/* Looks for a whole line in the input: 1 found, 0 not yet, -1 too long. */
static int
find_line(struct stream *s, const char **ret, size_t *ret_len)
{
	const char *start = s->in.s + s->taken, *lf;
	size_t n = untaken(s), len;

	lf = memchr(start + s->scanned, '\n', n - s->scanned);
	if (!lf) {
		s->scanned = n;
		return n >= STREAM_LINE_MAX ? -1 : 0;
	}
	len = (size_t)(lf - start);
	if (len >= STREAM_LINE_MAX)
		return -1;
	s->taken += len + 1;
	s->scanned = 0;
	*ret = start;
	*ret_len = len && start[len - 1] == '\r' ? len - 1 : len;
	return 1;
}

bool
stream_line(
	struct stream *s, int64_t deadline, const char **ret, size_t *ret_len, struct error *err)
{
	bool late = false;
	ssize_t got;
	int found, what;

	while (!(found = find_line(s, ret, ret_len))) {
		if (s->ended)
			return error_set(err, FAULT_TEMPORARY, "the server closed the connection");
		if (late)
			return error_set(err, FAULT_TEMPORARY, "the server did not answer in time");
		/* one more look after the deadline, so that a dribble cannot extend it */
		late = !clock_left(deadline);
		got = fill(s, err);
		if (got == STREAM_AGAIN && !s->readable) {
			/* TLS may have something of its own to send: Finished, a key update */
			if (s->wire.len)
				stream_push(s);
			what = STREAM_READ | (s->wire.len ? STREAM_WRITE : 0);
			if (stream_wait(s, what, deadline))
				got = fill(s, err);
			else
				late = true;
		}
		if (got == STREAM_FAILED)
			return false;
	}
	if (found < 0)
		return error_set(err, FAULT_PROTOCOL,
			"the server sent a line of more than %d octets", STREAM_LINE_MAX);
	return true;
}

bool
stream_has_input(struct stream *s)
{
	struct error ignored = ERROR_NONE;

	if (untaken(s))
		return true;
	if (s->ended || fill(s, &ignored) > 0)
		return !s->ended;
	return poll_socket(s, STREAM_READ, 0) && fill(s, &ignored) > 0;
}
