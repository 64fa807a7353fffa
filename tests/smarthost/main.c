/* smarthost: a submission server for tests. It listens, prints "ready PORT", and serves each
 * connection in a process of its own that dies with it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "options.h"
#include "smarthost.h"

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	if (number != SIGCHLD)
		stop = 1;
}

/* Signals arrive only while ppoll waits, with the mask that is returned. */
static sigset_t
set_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGCHLD, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	return before;
}

static int
listen_on(const struct config *c, uint16_t *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = AF_UNSPEC };
	socklen_t n = sizeof(a);
	int fd, one = 1;

	if (inet_pton(AF_INET, c->listen, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons((uint16_t)c->port);
	} else if (inet_pton(AF_INET6, c->listen, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons((uint16_t)c->port);
	} else {
		errno = EINVAL;
		return -1;
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &a.any, sizeof(a)) < 0 || listen(fd, 128) < 0 ||
		getsockname(fd, &a.any, &n) < 0) {
		close(fd);
		return -1;
	}
	*ret_port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return fd;
}

static void
name_peer(int fd, char *out, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t n = sizeof(a);

	*out = '\0';
	if (getpeername(fd, &a.any, &n) < 0)
		return;
	if (a.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a.v4.sin_addr, out, (socklen_t)size);
	else
		inet_ntop(AF_INET6, &a.v6.sin6_addr, out, (socklen_t)size);
}

static void __attribute__((noreturn))
serve(int fd, struct config *c, pid_t parent, const sigset_t *mask)
{
	struct session *s = xcalloc(1, sizeof(*s));
	int one = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->config = c;
	s->connection = c->shared->connections;
	name_peer(fd, s->peer, sizeof(s->peer));
	link_init(&s->link, fd, c);
	smtp_serve(s);
	_exit(0);
}

static void
accept_one(int listener, struct config *c, const sigset_t *mask)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t parent = getpid(), pid;

	if (fd < 0)
		return;
	c->shared->connections++;
	pid = fork();
	if (pid == 0) {
		close(listener);
		serve(fd, c, parent, mask);
	}
	if (pid < 0)
		perror("smarthost: fork");
	close(fd);
}

/* Reaps children; returns how many are left. */
static bool
reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	return pid == 0; /* some run still */
}

/* Has the one who started us gone away? */
static bool
input_ended(void)
{
	char waste[256];
	ssize_t n = read(STDIN_FILENO, waste, sizeof(waste));

	return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static void
loop(int listener, struct config *c, const sigset_t *mask)
{
	struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
		{ .fd = c->until_eof ? STDIN_FILENO : -1, .events = POLLIN } };

	while (!stop) {
		if (c->messages && c->shared->accepted >= c->messages && !reap())
			return;
		if (ppoll(p, 2, NULL, mask) < 0) {
			reap();
			continue;
		}
		if (p[1].revents && input_ended())
			return;
		if (p[0].revents)
			accept_one(listener, c, mask);
	}
}

int
main(int argc, char **argv)
{
	struct config c;
	sigset_t mask;
	uint16_t port;
	int listener;

	if (!options_parse(&c, argc, argv))
		return 64;
	if (c.make_ca) {
		bool made = certificate_make_all(c.make_ca);

		options_done(&c);
		return made ? 0 : 73;
	}
	if (c.tls != TLS_NONE || c.ca_directory)
		if (!certificate_setup(&c))
			return 73;
	if (!options_write_password(&c))
		return 73;
	c.shared = mmap(
		NULL, sizeof(*c.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	listener = listen_on(&c, &port);
	if (c.shared == MAP_FAILED || listener < 0) {
		fprintf(stderr, "smarthost: unable to listen on %s port %u: %s\n", c.listen, c.port,
			strerror(errno));
		return 71;
	}
	mask = set_signals();
	printf("ready %u\n", port);
	fflush(stdout);
	loop(listener, &c, &mask);
	close(listener);
	certificate_done(&c);
	options_done(&c);
	return 0;
}
