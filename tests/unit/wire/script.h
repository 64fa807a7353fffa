/* A scripted SMTP server in a forked child, for tests of the session. */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The script, line by line; the first character tells what to do:
 *   <TEXT   send TEXT and CRLF           {TEXT   send TEXT alone, with CRLF for each |
 *   >TEXT   read a line that begins so   .       read content up to its lone dot
 *   #       read BDAT LAST and content   *       read until the client closes, QUIT at most
 *   !       close                        ^       close with a reset
 *   +       accept the next connection   ~N      sleep N milliseconds
 *   %N      read N octets of content and no more
 * The content must be what peer.data (dotted) and peer.plain say. */
struct peer {
	pid_t pid;
	uint16_t port;
	int done, said; /* pipes: "the client is through"; what did not fit */
	const char *script, *dotted, *plain;
};

/* The child's side. */
static struct {
	int listener, fd, out;
	char in[1 << 20];
	size_t n;
} me;

static void __attribute__((format(printf, 1, 2), noreturn)) peer_fail(const char *format, ...)
{
	char text[400];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	_exit(write(me.out, text, (size_t)n) == n ? 1 : 2);
}

static void
peer_accept(void)
{
	struct timeval patience = { .tv_sec = 3 };
	struct pollfd p = { .fd = me.listener, .events = POLLIN };
	int now = 1;

	me.n = 0;
	if (poll(&p, 1, 3000) <= 0)
		peer_fail("no connection came");
	me.fd = accept(me.listener, NULL, NULL);
	setsockopt(me.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(me.fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
}

/* False at the end of the connection. */
static bool
peer_more(void)
{
	ssize_t got = recv(me.fd, me.in + me.n, sizeof(me.in) - me.n, 0);

	if (got > 0)
		me.n += (size_t)got;
	return got > 0;
}

static void
peer_take(size_t n)
{
	memmove(me.in, me.in + n, me.n - n);
	me.n -= n;
}

static void
peer_expect_line(const char *want, size_t n)
{
	char *end;

	while (!(end = memmem(me.in, me.n, "\r\n", 2)))
		if (!peer_more())
			peer_fail("wanted \"%.*s\", got the end and \"%.*s\"", (int)n, want,
				(int)me.n, me.in);
	if ((size_t)(end - me.in) < n || memcmp(me.in, want, n) != 0)
		peer_fail("wanted \"%.*s\", got \"%.*s\"", (int)n, want, (int)(end - me.in), me.in);
	peer_take((size_t)(end - me.in) + 2);
}

static void
peer_expect_content(const char *want, size_t n)
{
	while (me.n < n)
		if (!peer_more())
			peer_fail("wanted %zu octets of content, got %zu", n, me.n);
	if (memcmp(me.in, want, n) != 0)
		peer_fail("wanted the content \"%s\", got \"%.*s\"", want, (int)n, me.in);
	peer_take(n);
}

static void
peer_expect_end(void)
{
	while (peer_more())
		;
	if (me.n == 6 && memcmp(me.in, "QUIT\r\n", 6) == 0)
		me.n = 0;
	if (me.n)
		peer_fail("wanted the end, got \"%.*s\"", (int)me.n, me.in);
	close(me.fd);
	me.fd = -1;
}

static void
peer_send(const char *text, size_t n, const char *end)
{
	char line[2048];
	int all = snprintf(line, sizeof(line), "%.*s%s", (int)n, text, end);

	if (send(me.fd, line, (size_t)all, MSG_NOSIGNAL) != all)
		peer_fail("unable to send \"%.*s\"", (int)n, text);
}

/* In one segment, so that what belongs together arrives together. */
static void
peer_send_raw(const char *text, size_t n)
{
	char raw[2048];
	size_t k = 0;

	for (size_t i = 0; i < n && k < sizeof(raw) - 2; i++) {
		if (text[i] == '|')
			raw[k++] = '\r';
		raw[k++] = text[i] == '|' ? '\n' : text[i];
	}
	peer_send(raw, k, "");
}

static void
peer_close(bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (reset)
		setsockopt(me.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(me.fd);
	me.fd = -1;
}

static void
peer_do(const struct peer *peer, const char *line, size_t n)
{
	char bdat[64];

	switch (*line) {
	case '<':
		peer_send(line + 1, n - 1, "\r\n");
		break;
	case '{':
		peer_send_raw(line + 1, n - 1);
		break;
	case '>':
		peer_expect_line(line + 1, n - 1);
		break;
	case '.':
		peer_expect_content(peer->dotted, strlen(peer->dotted));
		break;
	case '#':
		snprintf(bdat, sizeof(bdat), "BDAT %zu LAST", strlen(peer->plain));
		peer_expect_line(bdat, strlen(bdat));
		peer_expect_content(peer->plain, strlen(peer->plain));
		break;
	case '%':
		peer_expect_content(peer->dotted, (size_t)strtoul(line + 1, NULL, 10));
		break;
	case '*':
		peer_expect_end();
		break;
	case '!':
	case '^':
		peer_close(*line == '^');
		break;
	case '+':
		peer_accept();
		break;
	case '~':
		poll(NULL, 0, (int)strtol(line + 1, NULL, 10));
		break;
	default:
		peer_fail("the script is wrong: %.*s", (int)n, line);
	}
}

static void __attribute__((noreturn)) peer_run(const struct peer *peer, int done)
{
	struct pollfd p = { .fd = me.listener, .events = POLLIN };
	const char *at = peer->script, *end;
	char octet;

	peer_accept();
	for (; *at; at = end + (*end == '\n')) {
		end = strchrnul(at, '\n');
		peer_do(peer, at, (size_t)(end - at));
	}
	if (me.fd >= 0)
		peer_expect_end();
	while (read(done, &octet, 1) < 0)
		;
	if (poll(&p, 1, 0) > 0)
		peer_fail("another connection came");
	_exit(0);
}

static void
peer_start(struct peer *peer)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int done[2], said[2];

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	me.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(me.listener, (struct sockaddr *)&a, n) || listen(me.listener, 8) ||
		getsockname(me.listener, (struct sockaddr *)&a, &n) || pipe(done) || pipe(said))
		abort();
	peer->port = ntohs(a.sin_port);
	peer->done = done[1];
	peer->said = said[0];
	me.out = said[1];
	fflush(stdout);
	peer->pid = fork();
	if (!peer->pid) {
		close(done[1]);
		peer_run(peer, done[0]);
	}
	close(me.listener);
	close(done[0]);
	close(said[1]);
}

/* True iff everything went as the script has it; otherwise WHY tells. */
static bool
peer_stop(struct peer *peer, char *why, size_t size)
{
	ssize_t n;
	int status;

	close(peer->done);
	n = read(peer->said, why, size - 1);
	why[n > 0 ? n : 0] = '\0';
	close(peer->said);
	waitpid(peer->pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
