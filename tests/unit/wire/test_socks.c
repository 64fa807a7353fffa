/* What a proxy says in answer, octet by octet, and what it was asked. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "socks.h"
#include "strbuf.h"
#include "tap.h"
#include "text.h"

#define OCTETS(s) s, sizeof(s) - 1

static const struct row {
	const char *what, *host, *user, *password;
	const char *answer;
	size_t n;
	const char *asked;
	size_t asked_n;
	enum fault fault;
	const char *text; /* part of the error */
	size_t left;      /* octets of the answer that are the server's */
	unsigned turns;
} rows[] = {
	{ "a name", "mail.example", NULL, NULL,
		OCTETS("\5\0\5\0\0\1\1\2\3\4\0\x19"
		       "220 hi\r\n"),
		OCTETS("\5\1\0\5\1\0\3\x0cmail.example\2\x4b"), FAULT_NONE, "", 8, 2 },
	{ "an address", "192.0.2.1", NULL, NULL, OCTETS("\5\0\5\0\0\1\1\2\3\4\0\x19"),
		OCTETS("\5\1\0\5\1\0\1\xc0\0\2\1\2\x4b"), FAULT_NONE, "", 0, 2 },
	{ "an IPv6 address", "2001:db8::1", NULL, NULL,
		OCTETS("\5\0\5\0\0\4\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\0\x19"
		       "2"),
		OCTETS("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\2\x4b"), FAULT_NONE,
		"", 1, 2 },
	{ "a name in the reply", "h", NULL, NULL, OCTETS("\5\0\5\0\0\3\3abc\0\x19xx"),
		OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"), FAULT_NONE, "", 2, 2 },
	{ "an empty name in the reply", "h", NULL, NULL, OCTETS("\5\0\5\0\0\3\0\0\x19"),
		OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"), FAULT_NONE, "", 0, 2 },
	{ "a login", "h", "u", "pw", OCTETS("\5\2\1\0\5\0\0\1\1\2\3\4\0\x19"),
		OCTETS("\5\2\0\2\1\1u\2pw\5\1\0\3\1h\2\x4b"), FAULT_NONE, "", 0, 3 },
	{ "a login that is not needed", "h", "u", "pw", OCTETS("\5\0\5\0\0\1\1\2\3\4\0\x19"),
		OCTETS("\5\2\0\2\5\1\0\3\1h\2\x4b"), FAULT_NONE, "", 0, 2 },
	{ "a login refused", "h", "u", "pw", OCTETS("\5\2\1\1"), OCTETS("\5\2\0\2\1\1u\2pw"),
		FAULT_PERMISSION, "refused the login", 0, 2 },
	{ "a login answered in another version", "h", "u", "pw", OCTETS("\5\2\5\0"),
		OCTETS("\5\2\0\2\1\1u\2pw"), FAULT_PROTOCOL, "none to a login", 0, 2 },
	{ "no password", "h", "u", "", OCTETS("\5\2"), OCTETS("\5\2\0\2"), FAULT_CONFIG, "1 to 255",
		0, 1 },
	{ "no method", "h", NULL, NULL, OCTETS("\5\xff"), OCTETS("\5\1\0"), FAULT_PERMISSION,
		"wants a login", 0, 1 },
	{ "no method in spite of a login", "h", "u", "pw", OCTETS("\5\xff"), OCTETS("\5\2\0\2"),
		FAULT_PERMISSION, "takes no login by password", 0, 1 },
	{ "a login that was not offered", "h", NULL, NULL, OCTETS("\5\2"), OCTETS("\5\1\0"),
		FAULT_PROTOCOL, "was not offered", 0, 1 },
	{ "GSSAPI", "h", NULL, NULL, OCTETS("\5\1"), OCTETS("\5\1\0"), FAULT_PROTOCOL,
		"was not offered", 0, 1 },
	{ "SOCKS4", "h", NULL, NULL, OCTETS("\0\x5b"), OCTETS("\5\1\0"), FAULT_PROTOCOL,
		"does not speak SOCKS5", 0, 1 },
	{ "another version in the reply", "h", NULL, NULL, OCTETS("\5\0\4\0\0\1\1\2\3\4\0\x19"),
		OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"), FAULT_PROTOCOL, "not SOCKS5", 8, 2 },
	{ "an unknown kind of address", "h", NULL, NULL, OCTETS("\5\0\5\0\0\2\1\2\3\4\0\x19"),
		OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"), FAULT_PROTOCOL, "unknown kind", 6, 2 },
	{ "the end in the middle", "h", NULL, NULL, OCTETS("\5\0\5\0\0\1\1\2\3"),
		OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"), FAULT_TEMPORARY, "closed the connection", 0, 2 },
	{ "the end at once", "h", NULL, NULL, OCTETS(""), OCTETS("\5\1\0"), FAULT_TEMPORARY,
		"closed the connection", 0, 1 },
	{ "1", "h", NULL, NULL, OCTETS("\5\0\5\1"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_TEMPORARY, "has failed: h port 587 (SOCKS reply 1)", 0, 2 },
	{ "2", "h", NULL, NULL, OCTETS("\5\0\5\2"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_UNAVAILABLE, "does not allow a connection: h port 587", 0, 2 },
	{ "3", "h", NULL, NULL, OCTETS("\5\0\5\3"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_TEMPORARY, "cannot reach the network", 0, 2 },
	{ "6", "h", NULL, NULL, OCTETS("\5\0\5\6"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_TEMPORARY, "too many hops", 0, 2 },
	{ "8", "h", NULL, NULL, OCTETS("\5\0\5\x08"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_UNAVAILABLE, "does not know such addresses", 0, 2 },
	{ "9", "h", NULL, NULL, OCTETS("\5\0\5\x09"), OCTETS("\5\1\0\5\1\0\3\1h\2\x4b"),
		FAULT_TEMPORARY, "a reason of its own: h port 587 (SOCKS reply 9)", 0, 2 },
};

static void
check(const struct row *r)
{
	struct strbuf password = STRBUF_INIT(300);
	struct wire_proxy proxy = { .host = "proxy:1080", .user = r->user, .password = &password };
	struct error err = ERROR_NONE;
	char asked[1024], left[1024];
	unsigned turns = 0;
	ssize_t n;
	bool good;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) ||
		write(fd[1], r->answer, r->n) != (ssize_t)r->n || shutdown(fd[1], SHUT_WR))
		return;
	strbuf_adds(&password, r->password ? r->password : "");
	good = socks_connect(fd[0], &proxy, r->host, 587, clock_in(5000), &turns, &err);
	ok(good == (r->fault == FAULT_NONE) && err.fault == r->fault && strstr(err.text, r->text) &&
			(good || r->fault == FAULT_CONFIG || err.stage == STAGE_CONNECT),
		"%s: %s", r->what, err.text);
	ok(turns == r->turns, "%s: %u turns", r->what, turns);
	n = read(fd[1], asked, sizeof(asked));
	if (!ok(n == (ssize_t)r->asked_n && memcmp(asked, r->asked, r->asked_n) == 0,
		    "%s: what was asked", r->what))
		tap_show("asked", asked, n > 0 ? (size_t)n : 0);
	n = read(fd[0], left, sizeof(left));
	ok(n == (ssize_t)r->left, "%s: %zd octets are left", r->what, n);
	strbuf_done(&password);
	close(fd[0]);
	close(fd[1]);
}

static void
late(void)
{
	struct wire_proxy proxy = { .host = "proxy:1080" };
	struct error err = ERROR_NONE;
	int64_t since = clock_ms();
	unsigned turns;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		return;
	if (write(fd[1], "\5", 1) != 1)
		return;
	ok(!socks_connect(fd[0], &proxy, "h", 25, clock_in(100), &turns, &err) &&
			err.fault == FAULT_TEMPORARY && strstr(err.text, "in time") &&
			clock_ms() - since < 2000,
		"half an answer is waited for until the deadline: %s", err.text);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&rows[i]);
	late();
	return tap_done();
}
