#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"
#include "error.h"
#include "tap.h"

/* The resolver of this test: names below "test" have the answers of this table, the rest
 * (addresses, localhost) goes to the real one. */
static const struct {
	const char *name, *addresses[8];
	int result, sys;
	unsigned sleep_ms;
} answers[] = {
	{ "one.test", { "127.0.0.1" } },
	{ "deadfirst.test", { "127.0.0.9", "127.0.0.1" } },
	{ "dead.test", { "127.0.0.9" } },
	{ "alldead.test", { "127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.6", "127.0.0.5" } },
	{ "holefirst.test", { "127.0.0.2", "127.0.0.1" } },
	{ "hole.test", { "127.0.0.2" } },
	{ "two.test", { "127.0.0.1", "127.0.0.3" } },
	{ "twice.test", { "127.0.0.1", "127.0.0.1", "127.0.0.1" } },
	{ "mixed.test", { "::2", "::3", "::4", "127.0.0.1", "127.0.0.3" } },
	{ "four.test", { "127.0.0.1", "::1", "::2" } },
	{ "noname.test", { 0 }, .result = EAI_NONAME },
	{ "nodata.test", { 0 }, .result = EAI_NODATA },
	{ "family.test", { 0 }, .result = EAI_ADDRFAMILY },
	{ "again.test", { 0 }, .result = EAI_AGAIN },
	{ "fail.test", { 0 }, .result = EAI_FAIL },
	{ "system.test", { 0 }, .result = EAI_SYSTEM, .sys = EMFILE },
	{ "slow.test", { "127.0.0.1" }, .sleep_ms = 700 },
	{ "slowdead.test", { 0 }, .result = EAI_NONAME, .sleep_ms = 700 },
};

static atomic_int asked_family = -1;

int
getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo **end = ret, numeric;

	if (!real)
		real = (int (*)(const char *, const char *, const struct addrinfo *,
			struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (strcmp(name, answers[i].name) != 0)
			continue;
		if (hints->ai_flags & AI_NUMERICHOST)
			return EAI_NONAME;
		asked_family = hints->ai_family;
		usleep(answers[i].sleep_ms * 1000);
		errno = answers[i].sys;
		if (answers[i].result)
			return answers[i].result;
		numeric = *hints;
		numeric.ai_flags |= AI_NUMERICHOST;
		numeric.ai_family = AF_UNSPEC;
		for (size_t at = 0; at < 8 && answers[i].addresses[at]; at++) {
			if (real(answers[i].addresses[at], service, &numeric, end))
				exit(98);
			while (*end)
				end = &(*end)->ai_next;
		}
		return 0;
	}
	return real(name, service, hints, ret);
}

static const struct {
	const char *text, *host;
	unsigned port;
} splits[] = {
	{ "mail.example.org", "mail.example.org", 25 },
	{ "mail.example.org:587", "mail.example.org", 587 },
	{ "mail.example.org.", "mail.example.org.", 25 },
	{ "MAIL.Example.org:1", "mail.example.org", 1 },
	{ "192.0.2.1", "192.0.2.1", 25 },
	{ "192.0.2.1:65535", "192.0.2.1", 65535 },
	{ "2001:db8::1", "2001:db8::1", 25 },
	{ "::1", "::1", 25 },
	{ "[2001:DB8::1]:465", "2001:db8::1", 465 },
	{ "[::1]", "::1", 25 },
	{ "fe80::1%eth0", "fe80::1%eth0", 25 },
	{ "localhost", "localhost", 25 },
	{ "x_y-1.example", "x_y-1.example", 25 },
	{ "b\xc3\xbc"
	  "cher.example:587",
		"xn--bcher-kva.example", 587 },
	{ "B\xc3\x9c"
	  "CHER.example",
		"xn--bcher-kva.example", 25 },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de", 25 },
	{ "1.example", "1.example", 25 },
	{ "a.1b", "a.1b", 25 },
	{ "", NULL, 0 },
	{ ":", NULL, 0 },
	{ ":25", NULL, 0 },
	{ ".", NULL, 0 },
	{ "a..b", NULL, 0 },
	{ ".a", NULL, 0 },
	{ "host:", NULL, 0 },
	{ "host:0", NULL, 0 },
	{ "host:65536", NULL, 0 },
	{ "host:smtp", NULL, 0 },
	{ "host:25 ", NULL, 0 },
	{ "host:+25", NULL, 0 },
	{ "host name", NULL, 0 },
	{ "host\n", NULL, 0 },
	{ "host\r\n:25", NULL, 0 },
	{ "ho\x01st", NULL, 0 },
	{ "host/", NULL, 0 },
	{ "a@b", NULL, 0 },
	{ "a:b:c", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "[::1]25", NULL, 0 },
	{ "[::1]:", NULL, 0 },
	{ "[127.0.0.1]", NULL, 0 },
	{ "[host]:25", NULL, 0 },
	{ "[]", NULL, 0 },
	{ "[", NULL, 0 },
	{ "127.1", NULL, 0 },
	{ "1.2.3.4.5", NULL, 0 },
	{ "2130706433", NULL, 0 },
	{ "256.0.0.1", NULL, 0 },
	{ "fe80::1%", NULL, 0 },
	{ "\xff\xfe.example", NULL, 0 },
	{ "b\xc3.example", NULL, 0 },
};

static void
test_split(void)
{
	char host[256], text[1100];
	struct error err;
	uint16_t port;

	for (size_t i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
		bool good;

		error_clear(&err);
		good = dial_split(splits[i].text, 25, host, &port, &err);
		if (splits[i].host)
			ok(good && !strcmp(host, splits[i].host) && port == splits[i].port,
				"split case %zu: %s", i, good ? host : err.text);
		else
			ok(!good && err.fault == FAULT_CONFIG, "split case %zu refused: %s", i,
				err.text);
	}
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ok(!dial_split(text, 25, host, &port, NULL), "a very long name");
	text[64] = '\0';
	ok(!dial_split(text, 25, host, &port, NULL), "a label of 64");
	text[63] = '\0';
	ok(dial_split(text, 25, host, &port, NULL), "a label of 63");
	for (size_t i = 0; i < 260; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[254] = '\0';
	ok(dial_split(text, 25, host, &port, NULL), "a name of 253 and a dot");
	text[254] = '.', text[254] = 'a', text[255] = '\0';
	ok(!dial_split(text, 25, host, &port, NULL), "a name of 255");
	ok(dial_is_address("::ffff:1.2.3.4") && dial_is_address("fe80::1%lo") &&
			!dial_is_address("a.b") && !dial_is_address("") &&
			!dial_is_address("1.2.3") && !dial_is_address("%eth0"),
		"addresses are told from names");
}

static void
test_resolve(void)
{
	static const struct {
		const char *name;
		enum fault fault;
	} cases[] = {
		{ "noname.test", FAULT_NOHOST },
		{ "nodata.test", FAULT_NOHOST },
		{ "family.test", FAULT_NOHOST },
		{ "again.test", FAULT_TEMPORARY },
		{ "fail.test", FAULT_TEMPORARY },
		{ "system.test", FAULT_TEMPORARY },
	};
	struct error err;
	struct dial *d;
	int64_t start;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		error_clear(&err);
		d = dial_open(cases[i].name, 25, WIRE_IP_ANY, clock_in(2000), &err);
		ok(!d && err.fault == cases[i].fault && err.stage == STAGE_RESOLVE, "%s: %s",
			cases[i].name, err.text);
	}
	ok(strstr(err.text, "Too many open files") != NULL, "the system's reason is told");
	for (int i = 0; i < 2; i++) {
		error_clear(&err);
		start = clock_ms();
		d = dial_open(
			i ? "slow.test" : "slowdead.test", 25, WIRE_IP_ANY, clock_in(100), &err);
		ok(!d && err.fault == FAULT_TEMPORARY && err.stage == STAGE_RESOLVE, "slow: %s",
			err.text);
		ok(clock_ms() - start < 500, "the deadline holds");
	}
	usleep(900000); /* the answers that nobody waits for must do no harm */
	error_clear(&err);
	ok((d = dial_open("slow.test", 25, WIRE_IP_ANY, CLOCK_NEVER, &err)) != NULL, "with time");
	ok(dial_has_more(d), "an address to try");
	dial_free(d);
	dial_free(NULL);
	ok((d = dial_open("localhost", 25, WIRE_IP_4, clock_in(5000), &err)) != NULL,
		"localhost from /etc/hosts: %s", err.text);
	dial_free(d);
	dial_free(dial_open("one.test", 25, WIRE_IP_4, clock_in(2000), &err));
	ok(asked_family == AF_INET, "IPv4 only");
	dial_free(dial_open("one.test", 25, WIRE_IP_6, clock_in(2000), &err));
	ok(asked_family == AF_INET6, "IPv6 only");
	error_clear(&err);
	ok(!(d = dial_open("127.0.0.1", 25, WIRE_IP_6, clock_in(2000), &err)) &&
			err.fault == FAULT_NOHOST,
		"an IPv4 address for IPv6 only: %s", err.text);
}

/* A listener on ADDRESS; *PORT 0: any, and told. */
static int
listen_at(const char *address, uint16_t *port, int backlog)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	inet_pton(AF_INET, address, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, backlog) ||
		getsockname(fd, (struct sockaddr *)&a, &len)) {
		printf("Bail out! cannot listen: %s\n", strerror(errno));
		exit(97);
	}
	*port = ntohs(a.sin_port);
	return fd;
}

/* Fills the backlog of a listener, so that it answers no more. */
static void
make_hole(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct pollfd p = { .events = POLLOUT };

	inet_pton(AF_INET, address, &a.sin_addr);
	for (int i = 0; i < 16; i++) {
		p.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(p.fd, (struct sockaddr *)&a, sizeof(a));
		if (!poll(&p, 1, 100))
			return;
	}
	printf("# the backlog does not fill\n");
}

static struct dial *
open_good(const char *name, uint16_t port)
{
	struct error err = ERROR_NONE;
	struct dial *d = dial_open(name, port, WIRE_IP_ANY, clock_in(2000), &err);

	if (!d) {
		printf("Bail out! %s: %s\n", name, err.text);
		exit(96);
	}
	return d;
}

static int64_t took;

static bool
go(struct dial *d, int64_t attempt_ms, int64_t ms, struct dial_socket *s, struct error *err)
{
	int64_t start = clock_ms();
	bool good;

	error_clear(err);
	good = dial_connect(d, attempt_ms, clock_in(ms), s, err);
	took = clock_ms() - start;
	if (!good)
		printf("# %s\n", err->text);
	return good;
}

static void
test_connect(uint16_t port)
{
	struct dial *d = open_good("one.test", port);
	struct dial_socket s;
	struct error err = ERROR_NONE;
	int on = 0;
	socklen_t len = sizeof(on);

	ok(go(d, 2000, 5000, &s, &err) && !strcmp(s.address, "127.0.0.1") && s.loopback,
		"one address");
	ok(fcntl(s.fd, F_GETFL) & O_NONBLOCK, "non-blocking");
	ok(fcntl(s.fd, F_GETFD) & FD_CLOEXEC, "close-on-exec");
	ok(!getsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) && on, "TCP_NODELAY");
	close(s.fd);
	ok(!dial_has_more(d) && !go(d, 2000, 5000, &s, &err) && err.fault == FAULT_TEMPORARY &&
			err.stage == STAGE_CONNECT,
		"and no other");
	dial_free(d);

	d = open_good("deadfirst.test", port);
	ok(go(d, 2000, 5000, &s, &err) && !strcmp(s.address, "127.0.0.1") && took < 200,
		"a refused address costs nothing");
	close(s.fd);
	ok(!dial_has_more(d), "both tried");
	dial_free(d);

	d = open_good("two.test", port);
	ok(go(d, 2000, 5000, &s, &err) && !strcmp(s.address, "127.0.0.1"), "the first of two");
	close(s.fd);
	ok(dial_has_more(d) && go(d, 2000, 5000, &s, &err) && !strcmp(s.address, "127.0.0.3"),
		"then the second");
	close(s.fd);
	ok(!dial_has_more(d), "then none");
	dial_free(d);

	d = open_good("twice.test", port);
	ok(go(d, 2000, 5000, &s, &err), "an address named three times");
	close(s.fd);
	ok(!dial_has_more(d), "is one");
	dial_free(d);

	d = dial_open("127.0.0.1", port, WIRE_IP_ANY, clock_in(1000), &err);
	ok(d && go(d, 2000, 5000, &s, &err), "an address literal");
	close(s.fd);
	dial_free(d);
}

static void
test_refused(uint16_t port)
{
	struct dial *d = open_good("alldead.test", port);
	struct dial_socket s;
	struct error err = ERROR_NONE;

	ok(!go(d, 2000, 5000, &s, &err) && err.fault == FAULT_TEMPORARY &&
			err.stage == STAGE_CONNECT && err.sys == ECONNREFUSED,
		"all refused");
	ok(strstr(err.text, "127.0.0.9: Connection refused; 127.0.0.8: ") &&
			strstr(err.text, "and 2 more") && !strstr(err.text, "127.0.0.6"),
		"three are named");
	ok(took < 300, "at once");
	dial_free(d);
}

static void
test_hole(uint16_t port)
{
	struct dial *d = open_good("holefirst.test", port);
	struct dial_socket s;
	struct error err = ERROR_NONE;

	ok(go(d, 5000, 5000, &s, &err) && !strcmp(s.address, "127.0.0.1"),
		"a silent address beside a live one");
	ok(took >= DIAL_DELAY - 10 && took < 2 * DIAL_DELAY + 200, "costs one delay (%d ms)",
		(int)took);
	close(s.fd);
	ok(dial_has_more(d), "the silent one counts as not tried");
	ok(!go(d, 300, 5000, &s, &err) && err.sys == ETIMEDOUT && took >= 290 && took < 1000,
		"alone it ends with its attempt");
	ok(!dial_has_more(d), "and is used up");
	dial_free(d);

	d = open_good("hole.test", port);
	ok(!go(d, 60000, 200, &s, &err) && err.fault == FAULT_TEMPORARY && took >= 190 &&
			took < 1000,
		"or with the deadline");
	dial_free(d);
	d = open_good("hole.test", port);
	ok(!go(d, 60000, -1, &s, &err) && took < 100 && strstr(err.text, "time is up"),
		"which may have passed before");
	dial_free(d);
}

/* Order of attempts, seen in the error: families in turn (nothing listens on the port). */
static void
test_interleave(uint16_t port)
{
	struct dial *d = open_good("mixed.test", port);
	struct dial_socket s;
	struct error err = ERROR_NONE;
	const char *six, *four, *six_again;

	ok(!go(d, 500, 5000, &s, &err), "nobody there");
	six = strstr(err.text, "::2: ");
	four = strstr(err.text, "127.0.0.1: ");
	six_again = strstr(err.text, "::3: ");
	ok(six && four && six_again && six < four && four < six_again, "families are interleaved");
	dial_free(d);
	d = open_good("four.test", port);
	ok(!go(d, 500, 5000, &s, &err), "nobody there either");
	ok((four = strstr(err.text, "127.0.0.1: ")) && (six = strstr(err.text, "; ::")) &&
			four < six,
		"the resolver's first choice stays first");
	dial_free(d);
}

int
main(void)
{
	uint16_t port = 0, other = 0;
	int live, closed;

	alarm(60);
	test_split();
	test_resolve();
	live = listen_at("127.0.0.1", &port, 20);
	listen_at("127.0.0.3", &port, 20);
	listen_at("127.0.0.2", &port, 0);
	make_hole("127.0.0.2", port);
	test_connect(port);
	test_refused(port);
	test_hole(port);
	closed = listen_at("127.0.0.1", &other, 1);
	close(closed);
	test_interleave(other);
	close(live);
	return tap_done();
}
