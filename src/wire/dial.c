#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "resolve.h"
#include "strbuf.h"

#define REASONS_MAX 3 /* addresses that an error names */

enum state { UNTRIED, TRYING, FAILED, USED };

struct attempt {
	struct sockaddr_storage to;
	socklen_t to_len;
	enum state state;
	int fd;           /* TRYING */
	int64_t deadline; /* TRYING */
	int sys;          /* FAILED: why */
	char address[64];
};

struct dial {
	struct attempt attempts[DIAL_ADDRESSES];
	size_t n;
	char host[256];
	uint16_t port; /* 0 for a unix socket */
	struct sockaddr_storage from;
	socklen_t from_len; /* 0: the kernel chooses */
	int (*reach)(void *ctx);
	void *reach_ctx;
};

static bool
is_known(const struct dial *d, const struct addrinfo *a)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].to_len == a->ai_addrlen &&
			memcmp(&d->attempts[i].to, a->ai_addr, a->ai_addrlen) == 0)
			return true;
	return false;
}

static void
add_address(struct dial *d, const struct addrinfo *a)
{
	struct attempt *t = &d->attempts[d->n];

	if (is_known(d, a) || a->ai_addrlen > sizeof(t->to))
		return;
	memcpy(&t->to, a->ai_addr, a->ai_addrlen);
	t->to_len = a->ai_addrlen;
	if (getnameinfo(a->ai_addr, a->ai_addrlen, t->address, sizeof(t->address), NULL, 0,
		    NI_NUMERICHOST))
		snprintf(t->address, sizeof(t->address), "?");
	d->n++;
}

/* RFC 8305 section 4: one of each family in turn, the resolver's first choice first. */
static void
interleave(struct dial *d, const struct addrinfo *list)
{
	int first = list->ai_family;
	const struct addrinfo *next[2] = { list, list };
	unsigned turn = 0;

	while ((next[0] || next[1]) && d->n < DIAL_ADDRESSES) {
		const struct addrinfo **a = &next[turn % 2];

		while (*a && ((*a)->ai_family == first) != (turn % 2 == 0))
			*a = (*a)->ai_next;
		if (*a) {
			add_address(d, *a);
			*a = (*a)->ai_next;
		}
		turn++;
	}
}

static bool
resolve_failed(int rc, int sys, const char *host, struct error *err)
{
	switch (rc) {
	case RESOLVE_LATE:
		return error_at(err, STAGE_RESOLVE, FAULT_TEMPORARY,
			"cannot find the address of %s: no answer from the name server in time",
			host);
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return error_at(err, STAGE_RESOLVE, FAULT_NOHOST,
			"cannot find the address of %s: %s", host, gai_strerror(rc));
	case EAI_MEMORY:
		alloc_failed();
	case EAI_SYSTEM:
		return error_at(err, STAGE_RESOLVE, FAULT_TEMPORARY,
			"cannot find the address of %s: %s", host,
			strerrordesc_np(sys) ?: "unknown error");
	default: /* EAI_AGAIN, EAI_FAIL */
		return error_at(err, STAGE_RESOLVE, FAULT_TEMPORARY,
			"cannot find the address of %s: %s", host, gai_strerror(rc));
	}
}

struct dial *
dial_open(const char *host, uint16_t port, enum wire_ip ip, int64_t deadline, struct error *err)
{
	static const int families[] = {
		[WIRE_IP_ANY] = AF_UNSPEC,
		[WIRE_IP_4] = AF_INET,
		[WIRE_IP_6] = AF_INET6,
	};
	struct addrinfo *list = NULL;
	struct dial *d;
	int rc;

	rc = resolve(host, port, families[ip], deadline, &list);
	if (rc) {
		resolve_failed(rc, errno, host, err);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	snprintf(d->host, sizeof(d->host), "%s", host);
	d->port = port;
	if (list) {
		interleave(d, list);
		freeaddrinfo(list);
	}
	return d;
}

struct dial *
dial_open_unix(const char *path, int (*reach)(void *ctx), void *ctx, struct error *err)
{
	struct dial *d;
	struct sockaddr_un *to;
	size_t n = strlen(path);

	if (!n || n >= sizeof(to->sun_path)) {
		error_at(err, STAGE_CONNECT, FAULT_CONFIG,
			"the name of the socket %.120s is too long: at most %zu octets", path,
			sizeof(to->sun_path) - 1);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	snprintf(d->host, sizeof(d->host), "%s", path);
	to = (struct sockaddr_un *)&d->attempts[0].to;
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, n + 1);
	d->attempts[0].to_len = sizeof(*to);
	snprintf(d->attempts[0].address, sizeof(d->attempts[0].address), "socket");
	d->n = 1;
	d->reach = reach;
	d->reach_ctx = ctx;
	return d;
}

/* Leaves out the addresses that cannot be reached from one of FAMILY. */
static void
keep_family(struct dial *d, int family)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].to.ss_family == family)
			d->attempts[kept++] = d->attempts[i];
	d->n = kept;
}

/* Whether this machine has the address. */
static bool
can_bind(const struct dial *d, const char *source, struct error *err)
{
	int fd = socket(d->from.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	int sys = fd < 0 || bind(fd, (const struct sockaddr *)&d->from, d->from_len) ? errno : 0;

	if (fd >= 0)
		close(fd);
	if (!sys)
		return true;
	if (sys == EADDRNOTAVAIL)
		return error_at(err, STAGE_CONNECT, FAULT_TEMPORARY,
			"source-address %.64s is not an address of this machine, or its interface "
			"is down",
			source);
	return error_at(err, STAGE_CONNECT, FAULT_TEMPORARY,
		"cannot connect from source-address %.64s: %s", source,
		strerrordesc_np(sys) ?: "unknown error");
}

bool
dial_from(struct dial *d, const char *source, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *list;

	if (getaddrinfo(source, "0", &hints, &list))
		return error_at(err, STAGE_CONNECT, FAULT_CONFIG,
			"source-address: \"%.100s\" is no address", source);
	memcpy(&d->from, list->ai_addr, list->ai_addrlen);
	d->from_len = list->ai_addrlen;
	freeaddrinfo(list);
	if (!can_bind(d, source, err))
		return false;
	keep_family(d, d->from.ss_family);
	if (d->n)
		return true;
	return error_at(err, STAGE_CONNECT, FAULT_NOHOST,
		"%.100s has no address that can be reached from source-address %.64s", d->host,
		source);
}

void
dial_free(struct dial *d)
{
	free(d);
}

static struct attempt *
first_in(struct dial *d, enum state state)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].state == state)
			return &d->attempts[i];
	return NULL;
}

bool
dial_has_more(const struct dial *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].state == UNTRIED)
			return true;
	return false;
}

static void
fail(struct attempt *a, int sys)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->sys = sys;
	a->state = FAILED;
}

/* Somebody else connects. */
static void
start_elsewhere(const struct dial *d, struct attempt *a)
{
	a->fd = d->reach(d->reach_ctx);
	if (a->fd >= 0)
		a->state = USED;
	else
		fail(a, errno);
}

/* Begins to connect: TRYING, USED when it succeeded at once, or FAILED. */
static void
start(const struct dial *d, struct attempt *a, int64_t deadline)
{
	const int on = 1;
	bool local = a->to.ss_family == AF_UNIX;

	a->deadline = deadline;
	if (d->reach) {
		start_elsewhere(d, a);
		return;
	}
	a->fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		local ? 0 : IPPROTO_TCP);
	if (a->fd < 0) {
		fail(a, errno);
		return;
	}
	/* without it a short last segment of a flight waits for an acknowledgement of the one
	 * before */
	if (!local)
		setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (d->from_len) {
		/* the port is chosen when the other end is known: many may share one */
		setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(a->fd, (const struct sockaddr *)&d->from, d->from_len)) {
			fail(a, errno);
			return;
		}
	}
	if (!connect(a->fd, (const struct sockaddr *)&a->to, a->to_len))
		a->state = USED;
	else if (errno == EINPROGRESS || errno == EINTR)
		a->state = TRYING;
	else
		fail(a, errno);
}

/* What poll said about an attempt that is under way. */
static void
look(struct attempt *a, short revents, int64_t now)
{
	socklen_t len = sizeof(int);
	int sys = 0;

	if (revents) {
		if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &sys, &len))
			sys = errno;
		if (sys)
			fail(a, sys);
		else
			a->state = USED;
	} else if (now >= a->deadline) {
		fail(a, ETIMEDOUT);
	}
}

/* Waits until something happens to one of the attempts, at most until DEADLINE. Returns one that is
 * connected; *RET_FAILED: another one has failed. */
static struct attempt *
wait_any(struct dial *d, int64_t deadline, bool *ret_failed)
{
	struct pollfd p[DIAL_ADDRESSES];
	struct attempt *of[DIAL_ADDRESSES];
	nfds_t n = 0;
	int64_t now;

	for (size_t i = 0; i < d->n; i++) {
		struct attempt *a = &d->attempts[i];

		if (a->state != TRYING)
			continue;
		p[n] = (struct pollfd){ .fd = a->fd, .events = POLLOUT };
		of[n++] = a;
		deadline = clock_sooner(deadline, a->deadline);
	}
	*ret_failed = false;
	if (poll(p, n, clock_left(deadline)) < 0)
		return NULL;
	now = clock_ms();
	for (nfds_t i = 0; i < n; i++) {
		look(of[i], p[i].revents, now);
		if (of[i]->state == USED)
			return of[i];
		*ret_failed |= of[i]->state == FAILED;
	}
	return NULL;
}

/* RFC 8305 section 5. */
static struct attempt *
race(struct dial *d, int64_t attempt_ms, int64_t deadline)
{
	int64_t now, next = 0;
	struct attempt *a, *won;
	bool failed = false;

	for (;;) {
		now = clock_ms();
		if (!clock_left(deadline))
			return NULL;
		a = first_in(d, UNTRIED);
		if (a && now >= next) {
			start(d, a, clock_in(attempt_ms));
			if (a->state == USED)
				return a;
			if (a->state == TRYING)
				next = now + DIAL_DELAY;
			continue;
		}
		if (!a && !first_in(d, TRYING))
			return NULL;
		won = wait_any(d, a ? clock_sooner(next, deadline) : deadline, &failed);
		if (won)
			return won;
		if (failed)
			next = 0;
	}
}

static bool
connect_failed(const struct dial *d, struct error *err)
{
	struct strbuf reasons = STRBUF_INIT(400), where = STRBUF_INIT(300);
	size_t failed = 0;
	int sys = ETIMEDOUT;

	strbuf_addf(&where, "%.110s", d->host);
	if (d->port)
		strbuf_addf(&where, " port %u", d->port);
	for (size_t i = 0; i < d->n; i++) {
		const struct attempt *a = &d->attempts[i];

		if (a->state != FAILED)
			continue;
		if (!failed)
			sys = a->sys;
		if (failed++ < REASONS_MAX)
			strbuf_addf(&reasons, "%s%s%s%s", failed > 1 ? "; " : "",
				d->port ? a->address : "", d->port ? ": " : "",
				a->sys == ETIMEDOUT ? "no answer in time" :
						      strerrordesc_np(a->sys) ?: "unknown error");
	}
	if (failed > REASONS_MAX)
		strbuf_addf(&reasons, "; and %zu more", failed - REASONS_MAX);
	error_at(err, STAGE_CONNECT, FAULT_TEMPORARY, "cannot connect to %s: %s", where.s,
		failed             ? reasons.s
		: dial_has_more(d) ? "time is up"
				   : "every address has been tried");
	if (err && err->stage == STAGE_CONNECT && !err->sys)
		err->sys = sys;
	strbuf_done(&reasons);
	strbuf_done(&where);
	return false;
}

static bool
is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_UNIX)
		return true;
	if (a->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return a->ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127));
}

bool
dial_connect(struct dial *d, int64_t attempt_ms, int64_t deadline, struct dial_socket *ret,
	struct error *err)
{
	struct attempt *won = race(d, attempt_ms, deadline), *a;

	while ((a = first_in(d, TRYING))) {
		if (!won) {
			fail(a, ETIMEDOUT);
			continue;
		}
		close(a->fd);
		a->fd = -1;
		a->state = UNTRIED;
	}
	if (!won)
		return connect_failed(d, err);
	*ret = (struct dial_socket){ .fd = won->fd, .loopback = is_loopback(&won->to) };
	if (won->to.ss_family != AF_UNIX)
		memcpy(ret->address, won->address, sizeof(ret->address));
	won->fd = -1;
	return true;
}

const char *
dial_address(const struct dial *d, size_t i)
{
	return i < d->n ? d->attempts[i].address : NULL;
}
