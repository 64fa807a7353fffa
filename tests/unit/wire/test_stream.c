#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "stream.h"
#include "tap.h"

#define BIG (8 << 20)

static void
unblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A stream and its peer's (blocking) socket. */
static int
pair(struct stream *s)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		exit(99);
	unblock(fd[0]);
	stream_init(s, fd[0]);
	return fd[1];
}

static int
tcp_pair(struct stream *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM, 0),
	    theirs;

	if (bind(listener, (struct sockaddr *)&a, len) || listen(listener, 1) ||
		getsockname(listener, (struct sockaddr *)&a, &len) ||
		connect(ours, (struct sockaddr *)&a, len))
		exit(99);
	theirs = accept(listener, NULL, NULL);
	close(listener);
	unblock(ours);
	stream_init(s, ours);
	return theirs;
}

static void
say(int fd, const char *s)
{
	if (write(fd, s, strlen(s)) != (ssize_t)strlen(s))
		exit(98);
}

static void
want_line(struct stream *s, const char *want, const char *what)
{
	struct error err = ERROR_NONE;
	const char *line = NULL;
	size_t n = 0;
	bool good = stream_line(s, clock_in(2000), &line, &n, &err);

	same(good ? line : NULL, n, want, what);
	if (!good)
		printf("# %s\n", err.text);
}

static void
want_fault(struct stream *s, int64_t ms, enum fault fault, const char *what)
{
	struct error err = ERROR_NONE;
	const char *line;
	size_t n;

	ok(!stream_line(s, clock_in(ms), &line, &n, &err) && err.fault == fault && *err.text,
		"%s (%s)", what, err.text);
}

static void
test_lines(void)
{
	struct stream s;
	int peer = pair(&s);
	char long_line[STREAM_LINE_MAX + 10];

	say(peer, "220 hello\r\n250 bare\n\r\n25\r0 inner\r\n");
	want_line(&s, "220 hello", "CRLF is taken off");
	want_line(&s, "250 bare", "LF alone ends a line");
	want_line(&s, "", "an empty line");
	want_line(&s, "25\r0 inner", "CR inside stays");
	say(peer, "250 no end");
	want_fault(&s, 50, FAULT_TEMPORARY, "a line without its LF does not count");
	say(peer, " yet\r\n");
	want_line(&s, "250 no end yet", "and is there when the LF comes");
	say(peer, "last\r\npart");
	close(peer);
	want_line(&s, "last", "what came before the end");
	want_fault(&s, 1000, FAULT_TEMPORARY, "then the end");
	want_fault(&s, 1000, FAULT_TEMPORARY, "and again");
	ok(s.ended, "ended");
	stream_done(&s);
	stream_done(&s);

	peer = pair(&s);
	memset(long_line, 'x', sizeof(long_line));
	long_line[STREAM_LINE_MAX - 1] = '\n';
	if (write(peer, long_line, STREAM_LINE_MAX) < 0)
		exit(98);
	const char *line;
	size_t n;
	ok(stream_line(&s, clock_in(1000), &line, &n, NULL) && n == STREAM_LINE_MAX - 1,
		"the longest line");
	long_line[STREAM_LINE_MAX - 1] = 'x';
	long_line[STREAM_LINE_MAX] = '\n';
	if (write(peer, long_line, STREAM_LINE_MAX + 1) < 0)
		exit(98);
	want_fault(&s, 1000, FAULT_PROTOCOL, "one octet more");
	want_fault(&s, 1000, FAULT_PROTOCOL, "and again");
	close(peer);
	stream_done(&s);
}

static void
test_nul(void)
{
	struct stream s;
	int peer = pair(&s);
	const char *line;
	size_t n;

	if (write(peer, "a\0b\r\n", 5) != 5)
		exit(98);
	ok(stream_line(&s, clock_in(1000), &line, &n, NULL) && n == 3 && !memcmp(line, "a\0b", 3),
		"NUL is an octet like others");
	close(peer);
	stream_done(&s);
}

static void
test_turns(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	int peer = pair(&s);
	char buffer[100];

	say(peer, "220 hello\r\n");
	want_line(&s, "220 hello", "greeting");
	ok(s.turns == 1, "to connect and to wait is a turn");
	ok(stream_write(&s, "MAIL\r\n", 6, clock_in(1000), &err) &&
			stream_write(&s, "RCPT\r\n", 6, clock_in(1000), &err),
		"two commands");
	ok(s.sent == 0, "nothing leaves before the flush");
	ok(stream_flush(&s, clock_in(1000), &err) && s.sent == 12, "flush");
	ok(read(peer, buffer, sizeof(buffer)) == 12, "in one piece");
	say(peer, "250 1\r\n");
	want_line(&s, "250 1", "first reply");
	say(peer, "250 2\r\n");
	want_line(&s, "250 2", "second reply");
	ok(s.turns == 2, "one flight is one turn (%u)", s.turns);
	ok(stream_flush(&s, clock_in(1000), &err), "an empty flush");
	want_fault(&s, 10, FAULT_TEMPORARY, "silence");
	ok(s.turns == 2, "waiting again without a word is none");
	ok(s.received == 11 + 7 + 7, "octets are counted");
	close(peer);
	stream_done(&s);
}

static void
test_has_input(void)
{
	struct stream s;
	int peer = pair(&s);

	ok(!stream_has_input(&s), "no input");
	say(peer, "x");
	ok(stream_has_input(&s), "one octet in the socket");
	ok(stream_has_input(&s), "and it stays");
	say(peer, "\r\n");
	want_line(&s, "x", "and can be taken");
	ok(!stream_has_input(&s), "none again");
	ok(s.turns == 0 || s.turns == 1, "looking is no turn");
	close(peer);
	ok(!stream_has_input(&s), "the end is no input");
	want_fault(&s, 100, FAULT_TEMPORARY, "but an end");
	stream_done(&s);
}

/* A peer that writes one octet at a time for ever. */
static void *
dribble(void *ctx)
{
	int fd = *(int *)ctx;

	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(20000);
	return NULL;
}

static void *
flood(void *ctx)
{
	int fd = *(int *)ctx;
	char lines[4096];

	memset(lines, '2', sizeof(lines));
	for (size_t i = 99; i < sizeof(lines); i += 100)
		lines[i] = '\n';
	while (send(fd, lines, sizeof(lines), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void
test_deadline(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	int peer = pair(&s);
	pthread_t thread;
	int64_t start = clock_ms(), took;
	const char *line;
	size_t n;

	pthread_create(&thread, NULL, dribble, &peer);
	ok(!stream_line(&s, clock_in(300), &line, &n, &err) && err.fault == FAULT_TEMPORARY,
		"a dribble does not extend the deadline");
	took = clock_ms() - start;
	ok(took >= 290 && took < 1000, "it took %d ms", (int)took);
	stream_done(&s);
	pthread_join(thread, NULL);
	close(peer);

	peer = pair(&s);
	say(peer, "250 there\r\n");
	ok(stream_line(&s, clock_ms() - 1000, &line, &n, &err) && n == 9,
		"what is there is taken although the deadline has passed");
	start = clock_ms();
	want_fault(&s, -1000, FAULT_TEMPORARY, "but nobody waits for more");
	ok(clock_ms() - start < 200, "at once");
	close(peer);
	stream_done(&s);
}

static char big[BIG];

static void
test_stalled(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	int peer = pair(&s);
	int64_t start = clock_ms();

	ok(!stream_write(&s, big, BIG, clock_in(200), &err) && err.fault == FAULT_TEMPORARY,
		"a peer that takes nothing: %s", err.text);
	ok(clock_ms() - start < 1000, "in time");
	ok(s.out.alloc <= STREAM_FLUSH + 1, "no more memory than allowed");
	close(peer);
	stream_done(&s);
}

static void
test_flood(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	int peer = pair(&s);
	pthread_t thread;

	pthread_create(&thread, NULL, flood, &peer);
	ok(!stream_write(&s, big, BIG, clock_in(5000), &err) && err.fault == FAULT_PROTOCOL,
		"a peer that talks without end while we write: %s", err.text);
	ok(s.in.len <= STREAM_INPUT_MAX + (64 << 10), "and its words are capped (%zu)", s.in.len);
	stream_done(&s);
	pthread_join(thread, NULL);
	close(peer);
}

/* Writes a megabyte of lines before it reads anything, then reads all. */
static void *
talk_first(void *ctx)
{
	int fd = *(int *)ctx;
	static char buffer[65536];
	size_t got = 0;
	ssize_t n;

	for (int i = 0; i < 9000; i++)
		if (send(fd,
			    "250 this is a reply, and it is a long one, of many words and with "
			    "many octets, "
			    "padded\r\n",
			    87, MSG_NOSIGNAL) != 87)
			return NULL;
	while (got < BIG && (n = read(fd, buffer, sizeof(buffer))) > 0)
		got += (size_t)n;
	say(fd, got == BIG ? "250 all\r\n" : "451 lost\r\n");
	return NULL;
}

static void
test_both_ways(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	int peer = tcp_pair(&s), lines = 0;
	pthread_t thread;
	const char *line;
	size_t n;

	pthread_create(&thread, NULL, talk_first, &peer);
	ok(stream_write(&s, big, BIG, clock_in(20000), &err) &&
			stream_flush(&s, clock_in(20000), &err),
		"both talk at once without deadlock: %s", err.text);
	while (lines < 9000 && stream_line(&s, clock_in(2000), &line, &n, &err) && n == 85)
		lines++;
	ok(lines == 9000, "every reply is there (%d)", lines);
	want_line(&s, "250 all", "and every octet of ours");
	ok(s.sent == BIG, "counted");
	pthread_join(thread, NULL);
	close(peer);
	stream_done(&s);
}

/* The last word of a peer that hangs up while we send must be readable. */
static void
test_last_word(void)
{
	struct stream s;
	struct error err = ERROR_NONE;
	struct linger reset = { 1, 0 };
	int peer = tcp_pair(&s);

	say(peer, "421 shutting down\r\n");
	usleep(20000);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(peer);
	usleep(20000);
	ok(!stream_write(&s, big, BIG, clock_in(2000), &err) && err.fault == FAULT_TEMPORARY,
		"reset while sending: %s", err.text);
	ok(s.reset, "noted");
	want_line(&s, "421 shutting down", "its last word");
	want_fault(&s, 500, FAULT_TEMPORARY, "then the end");
	stream_done(&s);

	error_clear(&err);
	peer = pair(&s);
	say(peer, "552 too much\r\n");
	close(peer);
	ok(!stream_write(&s, big, BIG, clock_in(2000), &err) && err.fault == FAULT_TEMPORARY,
		"closed while sending: %s", err.text);
	want_line(&s, "552 too much", "its last word");
	stream_done(&s);
}

int
main(void)
{
	alarm(120);
	memset(big, 'b', sizeof(big));
	test_lines();
	test_nul();
	test_turns();
	test_has_input();
	test_deadline();
	test_stalled();
	test_flood();
	test_both_ways();
	test_last_word();
	return tap_done();
}
