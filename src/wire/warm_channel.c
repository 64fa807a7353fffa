#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "warm.h"

#define HEAD 5 /* the word, and how many octets follow: four octets, the highest first */

static bool
wait_for(int fd, short what, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	int got;

	do
		got = poll(&p, 1, clock_left(deadline));
	while (got < 0 && errno == EINTR);
	return got > 0;
}

/* Sends all that MESSAGE points to. */
static bool
send_all(int fd, struct msghdr *message, int64_t deadline)
{
	struct iovec *v = message->msg_iov;
	size_t part;
	ssize_t n;

	while (message->msg_iovlen) {
		n = sendmsg(fd, message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno != EAGAIN || !wait_for(fd, POLLOUT, deadline)))
			return false;
		if (n <= 0)
			continue;
		/* what was passed along has gone with the first octet */
		message->msg_control = NULL;
		message->msg_controllen = 0;
		for (; message->msg_iovlen && (size_t)n >= v->iov_len; v++) {
			n -= (ssize_t)v->iov_len;
			message->msg_iovlen--;
		}
		part = (size_t)n;
		message->msg_iov = v;
		if (message->msg_iovlen) {
			v->iov_base = (char *)v->iov_base + part;
			v->iov_len -= part;
		}
	}
	return true;
}

union passed {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

bool
warm_say(int fd, enum warm_word word, const void *data, size_t n, int pass, int64_t deadline)
{
	unsigned char head[HEAD] = { (unsigned char)word, (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n };
	struct iovec v[2] = { { head, HEAD }, { (void *)(uintptr_t)data, n } };
	struct msghdr message = { .msg_iov = v, .msg_iovlen = n ? 2 : 1 };
	union passed passed = { .room = { 0 } };
	struct cmsghdr *c;

	if (n > WARM_MAX)
		return false;
	if (pass >= 0) {
		message.msg_control = passed.room;
		message.msg_controllen = sizeof(passed.room);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	return send_all(fd, &message, deadline);
}

/* Keeps the first descriptor that comes, and closes what there may be of others. */
static void
take_passed(struct msghdr *message, int *passed)
{
	size_t n;
	int fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*passed < 0)
				*passed = fd;
			else
				close(fd);
		}
	}
}

static bool
receive_all(int fd, void *buffer, size_t n, int *passed, int64_t deadline)
{
	union passed room;
	char *at = buffer;
	ssize_t got;

	while (n) {
		struct iovec v = { at, n };
		struct msghdr message = { .msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = room.room,
			.msg_controllen = sizeof(room.room) };

		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && wait_for(fd, POLLIN, deadline))
			continue;
		if (got <= 0)
			return false;
		take_passed(&message, passed);
		at += got;
		n -= (size_t)got;
	}
	return true;
}

bool
warm_hear(int fd, enum warm_word *ret, struct strbuf *data, int *ret_passed, int64_t deadline)
{
	unsigned char head[HEAD];
	int passed = -1;
	bool good;
	char *room;
	size_t n;

	strbuf_clear(data);
	good = receive_all(fd, head, HEAD, &passed, deadline);
	if (good) {
		n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
		room = n <= WARM_MAX ? strbuf_reserve(data, n) : NULL;
		good = room && receive_all(fd, room, n, &passed, deadline);
		if (good)
			strbuf_advance(data, n);
		*ret = (enum warm_word)head[0];
	}
	if (good && ret_passed)
		*ret_passed = passed;
	else if (passed >= 0)
		close(passed);
	return good;
}
