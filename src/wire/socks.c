#include "socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "error.h"
#include "strbuf.h"

#define VERSION       5
#define LOGIN_VERSION 1
#define MESSAGE_MAX   600 /* octets of the longest request: a login */

enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_REFUSED = 0xff };
enum { COMMAND_CONNECT = 1 };
enum { ADDRESS_4 = 1, ADDRESS_NAME = 3, ADDRESS_6 = 4 };

struct conversation {
	int fd;
	int64_t deadline;
	const char *proxy; /* for messages */
	unsigned turns;
};

static bool
fail(const struct conversation *c, enum fault fault, const char *why, struct error *err)
{
	return error_at(err, STAGE_CONNECT, fault, "the proxy %.100s %s", c->proxy, why);
}

static bool
await(const struct conversation *c, short events, struct error *err)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int got;

	do
		got = poll(&p, 1, clock_left(c->deadline));
	while (got < 0 && errno == EINTR);
	return got > 0 || fail(c, FAULT_TEMPORARY, "has not answered in time", err);
}

static bool
lost(const struct conversation *c, struct error *err)
{
	return fail(c, FAULT_TEMPORARY, "closed the connection", err);
}

static bool
say(const struct conversation *c, const struct strbuf *message, struct error *err)
{
	size_t at = 0;
	ssize_t n;

	while (at < message->len) {
		n = send(c->fd, message->s + at, message->len - at, MSG_NOSIGNAL);
		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN && !await(c, POLLOUT, err))
			return false;
		else if (errno != EAGAIN && errno != EINTR)
			return lost(c, err);
	}
	return true;
}

/* Exactly N octets: what follows them belongs to the server. */
static bool
hear(const struct conversation *c, unsigned char *out, size_t n, struct error *err)
{
	size_t at = 0;
	ssize_t got;

	while (at < n) {
		got = recv(c->fd, out + at, n - at, 0);
		if (got > 0)
			at += (size_t)got;
		else if (got < 0 && errno == EAGAIN && !await(c, POLLIN, err))
			return false;
		else if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return lost(c, err);
	}
	return true;
}

/* RFC 1928 section 3. */
static bool
choose_method(struct conversation *c, const struct wire_proxy *proxy, unsigned char *ret,
	struct error *err)
{
	struct strbuf message = STRBUF_INIT(MESSAGE_MAX);
	unsigned char answer[2];
	bool good;

	strbuf_addc(&message, VERSION);
	strbuf_addc(&message, proxy->user ? 2 : 1);
	strbuf_addc(&message, METHOD_NONE);
	if (proxy->user)
		strbuf_addc(&message, METHOD_PASSWORD);
	c->turns++;
	good = say(c, &message, err) && hear(c, answer, sizeof(answer), err);
	strbuf_done(&message);
	if (!good)
		return false;
	if (answer[0] != VERSION)
		return fail(c, FAULT_PROTOCOL, "does not speak SOCKS5", err);
	*ret = answer[1];
	if (answer[1] == METHOD_NONE || (answer[1] == METHOD_PASSWORD && proxy->user))
		return true;
	if (answer[1] != METHOD_REFUSED)
		return fail(c, FAULT_PROTOCOL, "chose a login that was not offered", err);
	return fail(c, FAULT_PERMISSION,
		proxy->user ? "takes no login by password" : "wants a login: name a user in proxy",
		err);
}

/* RFC 1929. */
static bool
log_in(struct conversation *c, const struct wire_proxy *proxy, struct error *err)
{
	struct strbuf message = STRBUF_INIT_SECRET(MESSAGE_MAX);
	size_t user = strlen(proxy->user), password = proxy->password ? proxy->password->len : 0;
	unsigned char answer[2];
	bool good;

	if (!user || user > 255 || !password || password > 255)
		return error_set(err, FAULT_CONFIG,
			"the user and the password of the proxy must have 1 to 255 octets");
	strbuf_addc(&message, LOGIN_VERSION);
	strbuf_addc(&message, (char)user);
	strbuf_add(&message, proxy->user, user);
	strbuf_addc(&message, (char)password);
	strbuf_add(&message, proxy->password->s, password);
	c->turns++;
	good = say(c, &message, err) && hear(c, answer, sizeof(answer), err);
	strbuf_done(&message);
	if (!good)
		return false;
	if (answer[0] != LOGIN_VERSION)
		return fail(c, FAULT_PROTOCOL, "gave an answer that is none to a login", err);
	return !answer[1] || fail(c, FAULT_PERMISSION, "refused the login", err);
}

static void
add_destination(struct strbuf *message, const char *host, uint16_t port)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1) {
		strbuf_addc(message, ADDRESS_4);
		strbuf_add(message, address, 4);
	} else if (inet_pton(AF_INET6, host, address) == 1) {
		strbuf_addc(message, ADDRESS_6);
		strbuf_add(message, address, 16);
	} else {
		strbuf_addc(message, ADDRESS_NAME);
		strbuf_addc(message, (char)strlen(host));
		strbuf_adds(message, host);
	}
	strbuf_addc(message, (char)(port >> 8));
	strbuf_addc(message, (char)(port & 0xff));
}

/* RFC 1928 section 6. */
static const struct {
	enum fault fault;
	const char *words;
} failures[] = {
	{ FAULT_TEMPORARY, "has failed" },
	{ FAULT_UNAVAILABLE, "does not allow a connection" },
	{ FAULT_TEMPORARY, "cannot reach the network" },
	{ FAULT_TEMPORARY, "cannot reach the host" },
	{ FAULT_TEMPORARY, "got its connection refused" },
	{ FAULT_TEMPORARY, "cannot reach the host (too many hops)" },
	{ FAULT_UNAVAILABLE, "makes no connections" },
	{ FAULT_UNAVAILABLE, "does not know such addresses" },
};

static bool
refused(const struct conversation *c, unsigned code, const char *host, uint16_t port,
	struct error *err)
{
	bool known = code <= sizeof(failures) / sizeof(*failures);

	return error_at(err, STAGE_CONNECT, known ? failures[code - 1].fault : FAULT_TEMPORARY,
		"the proxy %.100s %s: %.100s port %u (SOCKS reply %u)", c->proxy,
		known ? failures[code - 1].words : "has failed for a reason of its own", host, port,
		code);
}

/* Takes the rest of the reply, the address that the proxy connects from: of no use, but its length
 * says where the server's words begin. */
static bool
skip_address(const struct conversation *c, unsigned char kind, struct error *err)
{
	unsigned char rest[256 + 2], length = 0;
	size_t n;

	switch (kind) {
	case ADDRESS_4:
		n = 4;
		break;
	case ADDRESS_6:
		n = 16;
		break;
	case ADDRESS_NAME:
		if (!hear(c, &length, 1, err))
			return false;
		n = length;
		break;
	default:
		return fail(c, FAULT_PROTOCOL, "gave an address of an unknown kind", err);
	}
	return hear(c, rest, n + 2, err);
}

static bool
request(struct conversation *c, const char *host, uint16_t port, struct error *err)
{
	struct strbuf message = STRBUF_INIT(MESSAGE_MAX);
	unsigned char head[4];
	bool good;

	strbuf_addc(&message, VERSION);
	strbuf_addc(&message, COMMAND_CONNECT);
	strbuf_addc(&message, 0);
	add_destination(&message, host, port);
	c->turns++;
	/* a refusal may be shorter than the rest of a reply: its code is enough */
	good = say(c, &message, err) && hear(c, head, 2, err);
	strbuf_done(&message);
	if (!good)
		return false;
	if (head[0] != VERSION)
		return fail(c, FAULT_PROTOCOL, "gave an answer that is not SOCKS5", err);
	if (head[1])
		return refused(c, head[1], host, port, err);
	return hear(c, head + 2, 2, err) && skip_address(c, head[3], err);
}

bool
socks_connect(int fd, const struct wire_proxy *proxy, const char *host, uint16_t port,
	int64_t deadline, unsigned *ret_turns, struct error *err)
{
	struct conversation c = { .fd = fd, .deadline = deadline, .proxy = proxy->host };
	unsigned char method = 0;
	bool good;

	good = choose_method(&c, proxy, &method, err) &&
	       (method == METHOD_NONE || log_in(&c, proxy, err)) && request(&c, host, port, err);
	*ret_turns = c.turns;
	return good;
}
