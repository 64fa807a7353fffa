#include "smtpd_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"

void
client_init(struct client *c, int in, int out)
{
	*c = (struct client){ .in = in,
		.out = out,
		.buffer = xmalloc(CLIENT_BUFFER),
		.size = CLIENT_BUFFER,
		.replies = STRBUF_INIT(2 * CLIENT_REPLIES) };
}

void
client_done(struct client *c)
{
	free(c->buffer);
	strbuf_done(&c->replies);
	c->buffer = NULL;
}

/* Writes what a pipe takes without blocking when poll says so. */
static bool
send_some(struct client *c)
{
	size_t n = c->replies.len < PIPE_BUF ? c->replies.len : PIPE_BUF;
	ssize_t done = write(c->out, c->replies.s, n);

	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (done < 0) {
		c->broken = true;
		strbuf_clear(&c->replies);
		return false;
	}
	strbuf_consume(&c->replies, (size_t)done);
	return true;
}

/* Waits for input, or with TAKE unset only for the replies to leave. Sending goes first; input is
 * read while the client does not take its replies, up to a limit. */
static enum client_event
wait_for(struct client *c, bool take)
{
	int64_t deadline = clock_in(CLIENT_IDLE);
	struct pollfd p[2];
	int ready;

	while (take || c->replies.len) {
		bool hungry = take && c->replies.len < CLIENT_REPLIES;

		p[0] = (struct pollfd){ hungry ? c->in : -1, POLLIN, 0 };
		p[1] = (struct pollfd){ c->replies.len ? c->out : -1, POLLOUT, 0 };
		ready = poll(p, 2, clock_left(deadline));
		if (ready < 0 && errno != EINTR)
			return CLIENT_BROKEN;
		if (ready == 0)
			return CLIENT_LATE;
		if (ready < 0)
			continue;
		if (p[1].revents) {
			if (!send_some(c))
				return CLIENT_BROKEN;
		} else if (p[0].revents) {
			return CLIENT_READY;
		}
	}
	return CLIENT_READY;
}

/* Reads at least one octet behind what there is. */
static enum client_event
fill(struct client *c)
{
	enum client_event event;
	ssize_t got;

	if (c->at == c->end)
		c->at = c->end = 0;
	if (c->end == c->size && c->at) {
		memmove(c->buffer, c->buffer + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	do {
		event = wait_for(c, true);
		if (event != CLIENT_READY)
			return event;
		got = io_read(c->in, c->buffer + c->end, c->size - c->end);
	} while (got < 0 && errno == EAGAIN);
	if (got < 0)
		return CLIENT_BROKEN;
	c->end += (size_t)got;
	return got ? CLIENT_READY : CLIENT_END;
}

bool
client_is_ahead(struct client *c)
{
	struct pollfd p = { c->in, POLLIN, 0 };

	if (c->at < c->end)
		return true;
	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
		return false;
	/* the end of the input is ready to be read too */
	return fill(c) == CLIENT_READY;
}

void
client_flush(struct client *c)
{
	if (!c->broken)
		(void)wait_for(c, false);
}

/* Passes over a line that is too long. LAST is its last octet so far. */
static enum client_event
skip_line(struct client *c, char last)
{
	size_t skipped = 0;
	enum client_event event;
	char *lf;

	for (;;) {
		lf = memchr(c->buffer + c->at, '\n', c->end - c->at);
		if (lf) {
			if (lf > c->buffer + c->at)
				last = lf[-1];
			if (!c->spoke)
				c->lf = last != '\r';
			c->spoke = true;
			c->at = (size_t)(lf + 1 - c->buffer);
			return CLIENT_LONG;
		}
		if (c->end > c->at)
			last = c->buffer[c->end - 1];
		skipped += c->end - c->at;
		c->at = c->end;
		if (skipped >= CLIENT_SKIP)
			return CLIENT_ENDLESS;
		event = fill(c);
		if (event != CLIENT_READY)
			return event;
	}
}

enum client_event
client_line(struct client *c, char **ret, size_t *ret_n)
{
	enum client_event event;
	size_t n, scanned = 0;
	char *line, *lf;

	while (!(lf = memchr(c->buffer + c->at + scanned, '\n', c->end - c->at - scanned))) {
		scanned = c->end - c->at;
		if (scanned >= CLIENT_LINE)
			return skip_line(c, '\0');
		event = fill(c);
		if (event != CLIENT_READY)
			return event;
	}
	line = c->buffer + c->at;
	n = (size_t)(lf - line);
	if (n >= CLIENT_LINE)
		return skip_line(c, '\0');
	c->at += n + 1;
	if (!c->spoke)
		c->lf = !n || lf[-1] != '\r';
	c->spoke = true;
	if (n && line[n - 1] == '\r')
		n--;
	else if (!c->lf)
		return CLIENT_BARE_LF;
	line[n] = '\0';
	*ret = line;
	*ret_n = n;
	return CLIENT_READY;
}

/* Where in a line of content the next octet stands. */
enum place {
	PLACE_START,  /* it begins a line */
	PLACE_DOT,    /* behind a dot that began it and is held back */
	PLACE_DOT_CR, /* behind that and a CR, held back as well */
	PLACE_TEXT,
	PLACE_CR, /* in the text, behind a CR */
};

/* Octets up to the next line end, or all there are. Returns where they end. */
static const char *
take_text(const struct client *c, const char *from, const char *end, enum place *place)
{
	const char *lf = memchr(from, '\n', (size_t)(end - from));
	bool cr;

	if (!lf) {
		*place = end[-1] == '\r' ? PLACE_CR : PLACE_TEXT;
		return end;
	}
	cr = lf > from ? lf[-1] == '\r' : *place == PLACE_CR;
	*place = cr || c->lf ? PLACE_START : PLACE_TEXT;
	return lf + 1;
}

/* Takes the content in the buffer; true iff its end was among it. */
static bool
take_content(struct client *c, enum place *place, client_sink *sink, void *ctx)
{
	const char *at = c->buffer + c->at, *end = c->buffer + c->end, *to;

	while (at < end) {
		switch (*place) {
		case PLACE_START:
			*place = *at == '.' ? PLACE_DOT : PLACE_TEXT;
			at += *at == '.';
			continue;
		case PLACE_DOT:
		case PLACE_DOT_CR:
			if (*at == '\n' && (*place == PLACE_DOT_CR || c->lf)) {
				c->at = (size_t)(at + 1 - c->buffer);
				return true;
			}
			if (*place == PLACE_DOT_CR) {
				sink(ctx, "\r", 1);
				*place = PLACE_CR;
			} else {
				*place = *at == '\r' ? PLACE_DOT_CR : PLACE_TEXT;
				at += *at == '\r';
			}
			continue;
		case PLACE_TEXT:
		case PLACE_CR:
			to = take_text(c, at, end, place);
			sink(ctx, at, (size_t)(to - at));
			at = to;
			continue;
		}
	}
	c->at = c->end;
	return false;
}

enum client_event
client_content(struct client *c, client_sink *sink, void *ctx)
{
	enum place place = PLACE_START;
	enum client_event event;

	while (!take_content(c, &place, sink, ctx)) {
		event = fill(c);
		if (event != CLIENT_READY)
			return event;
	}
	return CLIENT_READY;
}

enum client_event
client_chunk(struct client *c, uint64_t n, client_sink *sink, void *ctx)
{
	enum client_event event;
	size_t part;

	while (n) {
		if (c->at == c->end && (event = fill(c)) != CLIENT_READY)
			return event;
		part = c->end - c->at;
		part = part < n ? part : (size_t)n;
		sink(ctx, c->buffer + c->at, part);
		c->at += part;
		n -= part;
	}
	return CLIENT_READY;
}
