#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

#define HEAD    12
#define MAGIC   "sendoff"
#define VERSION 1
#define STEP    (64 << 10) /* octets of a body that memory is made for at a time */

void
channel_parcel_init(struct channel_parcel *p, size_t cap)
{
	*p = (struct channel_parcel){ .body = STRBUF_INIT(cap) };
}

void
channel_parcel_clear(struct channel_parcel *p)
{
	while (p->fd_count)
		close(p->fds[--p->fd_count]);
	strbuf_clear(&p->body);
	p->kind = 0;
}

void
channel_parcel_done(struct channel_parcel *p)
{
	channel_parcel_clear(p);
	strbuf_done(&p->body);
}

/* Waits until FD can be read or written. */
static bool
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ready;

	do
		ready = poll(&p, 1, clock_left(deadline));
	while (ready < 0 && errno == EINTR && clock_left(deadline));
	return ready > 0;
}

static void
add_descriptors(struct msghdr *m, char *space, size_t size, const int *fds, size_t n)
{
	struct cmsghdr *c;

	if (!n)
		return;
	memset(space, 0, size);
	m->msg_control = space;
	m->msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

bool
channel_send(int fd, unsigned kind, const struct strbuf *body, const int *fds, size_t fd_count,
	int64_t deadline, struct error *err)
{
	size_t n = body ? body->len : 0, done = 0;
	char head[HEAD] = MAGIC;
	char space[CMSG_SPACE(CHANNEL_FDS * sizeof(int))]
		__attribute__((aligned(_Alignof(struct cmsghdr))));
	struct msghdr m;
	ssize_t sent;

	head[6] = VERSION;
	head[7] = (char)kind;
	for (size_t i = 0; i < 4; i++)
		head[8 + i] = (char)(n >> 8 * i & 0xff);
	while (done < HEAD + n) {
		size_t rest = done < HEAD ? HEAD - done : 0, from = done < HEAD ? 0 : done - HEAD;
		struct iovec v[2] = { { head + HEAD - rest, rest },
			{ n ? body->s + from : head, n - from } }; /* no NULL + 0 */

		m = (struct msghdr){ .msg_iov = v, .msg_iovlen = 2 };
		add_descriptors(&m, space, sizeof(space), fds, done ? 0 : fd_count);
		sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0)
			done += (size_t)sent;
		else if (errno == EAGAIN && !wait_for(fd, POLLOUT, deadline))
			return error_set(err, FAULT_TEMPORARY, "the other side does not read");
		else if (errno != EAGAIN && errno != EINTR)
			return error_sys(err, FAULT_TEMPORARY, errno, "the connection is lost");
	}
	return true;
}

/* Takes what came beside some octets; false when it is more than is allowed. All are kept, to be
 * closed. */
static bool
take_descriptors(struct channel_parcel *p, struct msghdr *m)
{
	bool good = !(m->msg_flags & MSG_CTRUNC);
	int fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n =
			c->cmsg_len >= CMSG_LEN(0) ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (p->fd_count < CHANNEL_FDS) {
				p->fds[p->fd_count++] = fd;
			} else {
				close(fd);
				good = false;
			}
		}
	}
	return good;
}

/* Reads exactly N octets. *RET_ANY: whether some came. */
static enum channel_event
read_all(int fd, struct channel_parcel *p, char *to, size_t n, int64_t deadline, bool *ret_any)
{
	char space[CMSG_SPACE(2 * CHANNEL_FDS * sizeof(int))]
		__attribute__((aligned(_Alignof(struct cmsghdr))));
	ssize_t got;

	while (n) {
		struct iovec v = { to, n };
		struct msghdr m = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = space,
			.msg_controllen = sizeof(space) };

		got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN && !wait_for(fd, POLLIN, deadline))
			return CHANNEL_LATE;
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got < 0 || !take_descriptors(p, &m))
			return CHANNEL_BAD;
		if (!got)
			return *ret_any ? CHANNEL_BAD : CHANNEL_END;
		*ret_any = true;
		to += got;
		n -= (size_t)got;
	}
	return CHANNEL_PARCEL;
}

static enum channel_event
read_body(int fd, struct channel_parcel *p, size_t n, int64_t deadline)
{
	enum channel_event event = CHANNEL_PARCEL;
	bool any = true;

	if (n > p->body.cap)
		return CHANNEL_BAD;
	/* what is announced need not come: memory is made for what has */
	while (n && event == CHANNEL_PARCEL) {
		size_t step = n < STEP ? n : STEP;
		char *to = strbuf_reserve(&p->body, step);

		if (!to)
			return CHANNEL_BAD;
		event = read_all(fd, p, to, step, deadline, &any);
		if (event == CHANNEL_PARCEL)
			strbuf_advance(&p->body, step);
		n -= step;
	}
	return event;
}

enum channel_event
channel_receive(int fd, struct channel_parcel *ret, int64_t deadline)
{
	enum channel_event event;
	unsigned char head[HEAD];
	bool any = false;
	size_t n = 0;

	event = read_all(fd, ret, (char *)head, HEAD, deadline, &any);
	if (event != CHANNEL_PARCEL)
		return event;
	if (memcmp(head, MAGIC, 6) != 0 || head[6] != VERSION)
		return CHANNEL_BAD;
	ret->kind = head[7];
	for (size_t i = 4; i-- > 0;)
		n = n << 8 | head[8 + i];
	return read_body(fd, ret, n, deadline);
}
