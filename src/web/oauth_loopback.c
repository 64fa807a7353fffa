#include "oauth_loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

#define TRIES      20 /* ports, until one is free in both families */
#define LINE       512
#define PARTING_MS 1000
#define PEERS_MAX  (1 << 20) /* lines of the kernel's table that are read */

static int
listen_at(const char *address, uint16_t port, bool listens)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v6 = strchr(address, ':') != NULL;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved, one = 1;
	bool good = fd >= 0;

	if (v6) {
		good = good && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0;
		six.sin6_addr = in6addr_loopback;
		good = good && bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0;
	} else {
		four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		good = good && bind(fd, (struct sockaddr *)&four, sizeof(four)) == 0;
	}
	if (good && (!listens || listen(fd, LOOPBACK_CLIENTS) == 0))
		return fd;
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage at = { 0 };
	socklen_t n = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		return 0;
	return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
					      : ((struct sockaddr_in *)&at)->sin_port);
}

/* "localhost" may be either to a browser: one port in both families. A machine without one of them
 * does without. */
static bool
open_both(struct loopback *l, bool listens)
{
	for (int i = 0; i < TRIES; i++) {
		l->fd[0] = listen_at("127.0.0.1", 0, listens);
		if (l->fd[0] < 0) {
			l->fd[0] = listen_at("::1", 0, listens);
			return l->fd[0] >= 0;
		}
		l->fd[1] = listen_at("::1", port_of(l->fd[0]), listens);
		if (l->fd[1] >= 0 || errno != EADDRINUSE)
			return true;
		close(l->fd[0]);
		l->fd[0] = -1;
	}
	return false;
}

bool
loopback_open(struct loopback *l, const char *host, bool listens, struct error *err)
{
	bool good;

	*l = (struct loopback){ .fd = { -1, -1 }, .uid = geteuid() };
	for (size_t i = 0; i < LOOPBACK_CLIENTS; i++)
		l->clients[i] = (struct loopback_client){ .fd = -1,
			.in = STRBUF_INIT_SECRET(LOOPBACK_REQUEST) };
	if (strcmp(host, "localhost") == 0) {
		good = open_both(l, listens);
	} else {
		l->fd[0] = listen_at(strcmp(host, "[::1]") == 0 ? "::1" : "127.0.0.1", 0, listens);
		good = l->fd[0] >= 0;
	}
	if (!good)
		return error_sys(err, FAULT_TEMPORARY, errno,
			"unable to take a port of this machine for the browser's answer");
	l->port = port_of(l->fd[0]);
	snprintf(l->redirect, sizeof(l->redirect), "http://%s:%u/", host, l->port);
	return true;
}

static void
drop(struct loopback_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->answered = false;
	strbuf_done(&c->in);
}

/* An address and port as the kernel's table has them: words of the machine's order, in hex. */
static void
print_place(char out[48], const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *six = (const void *)a;
	const struct sockaddr_in *four = (const void *)a;
	uint32_t words[4];

	if (a->ss_family == AF_INET6) {
		memcpy(words, &six->sin6_addr, sizeof(words));
		snprintf(out, 48, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3],
			ntohs(six->sin6_port));
	} else {
		snprintf(out, 48, "%08X:%04X", four->sin_addr.s_addr, ntohs(four->sin_port));
	}
}

/* The word of LINE behind N others, and what follows. */
static const char *
word_at(const char *line, int n)
{
	line += strspn(line, " ");
	while (n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* "sl local remote st tx:rx tr:when retrnsmt uid ..." */
static bool
is_line_of(const char *line, const char *local, const char *remote, uid_t *ret)
{
	const char *a = word_at(line, 1), *b = word_at(line, 2), *s = word_at(line, 7);

	if (strncmp(a, local, strlen(local)) != 0 || strncmp(b, remote, strlen(remote)) != 0 ||
		*s < '0' || *s > '9')
		return false;
	for (*ret = 0; *s >= '0' && *s <= '9'; s++)
		*ret = *ret * 10 + (uid_t)(*s - '0');
	return true;
}

/* Whose socket is at the other end of FD. False where the kernel does not tell. */
static bool
peer_uid(int fd, uid_t *ret)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t n = sizeof(here), m = sizeof(there);
	char us[48], them[48], line[LINE];
	bool found = false;
	FILE *f;

	if (getsockname(fd, (struct sockaddr *)&here, &n) != 0 ||
		getpeername(fd, (struct sockaddr *)&there, &m) != 0)
		return false;
	print_place(us, &here);
	print_place(them, &there);
	f = fopen(here.ss_family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp", "re");
	for (long i = 0; f && !found && i < PEERS_MAX && fgets(line, sizeof(line), f); i++)
		found = is_line_of(line, them, us, ret);
	if (f)
		fclose(f);
	return found;
}

static void
accept_from(struct loopback *l, int from)
{
	struct loopback_client *place = NULL;
	int fd = accept4(from, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uid_t uid;

	if (fd < 0)
		return;
	/* the address that the browser was told may have been seen by others: what they bring is
	 * not from there, and could lead to a mailbox of theirs */
	if (peer_uid(fd, &uid) && uid != l->uid && uid != 0) {
		l->strangers++;
		close(fd);
		return;
	}
	for (size_t i = 0; i < LOOPBACK_CLIENTS; i++)
		if (!place || (place->fd >= 0 && (l->clients[i].fd < 0 ||
							 l->clients[i].deadline < place->deadline)))
			place = &l->clients[i];
	/* the one that has been silent for longest makes room */
	drop(place);
	place->fd = fd;
	place->deadline = clock_in(LOOPBACK_SECONDS * CLOCK_SECOND);
}

/* Nothing of the answer is in the page, and no address that holds it goes to another. */
static void
answer(struct loopback_client *c, int status, const char *words)
{
	static const char page[] =
		"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\nCache-Control: no-store\r\n"
		"Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'\r\n\r\n%s%s%s";
	static const char head[] =
		"<!DOCTYPE html><meta charset=\"utf-8\"><title>sendoff</title><p>";
	static const char foot[] = "</p>\n";
	char out[1024];
	int n = snprintf(out, sizeof(out), page, status,
		status == 200   ? "OK"
		: status == 404 ? "Not Found"
				: "Bad Request",
		sizeof(head) - 1 + strlen(words) + sizeof(foot) - 1, head, words, foot);

	/* it fits into an empty socket's buffer; who does not read it does not see it */
	(void)!send(c->fd, out, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(c->fd, SHUT_WR);
	c->answered = true;
	strbuf_done(&c->in);
}

/* "GET /?QUERY HTTP/1.1". */
static bool
find_query(const struct strbuf *in, const char **ret, size_t *ret_n)
{
	const char *end = strstr(in->s, " HTTP/1."), *line = strpbrk(in->s, "\r\n");

	if (strncmp(in->s, "GET /?", 6) != 0 || !end || !line || end > line)
		return false;
	*ret = in->s + 6;
	*ret_n = (size_t)(end - *ret);
	return !memchr(*ret, ' ', *ret_n);
}

static bool
is_whole(const struct strbuf *in)
{
	return strstr(in->s, "\r\n\r\n") || strstr(in->s, "\n\n");
}

/* True when the wait is over. */
static bool
hear(struct loopback_client *c, loopback_judge *judge, void *ctx)
{
	char octets[2048];
	ssize_t n = recv(c->fd, octets, sizeof(octets), MSG_DONTWAIT);
	const char *query;
	size_t query_n;
	bool over, good;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		drop(c);
		return false;
	}
	if (c->answered)
		return false;
	strbuf_add(&c->in, octets, (size_t)n);
	explicit_bzero(octets, sizeof(octets));
	if (c->in.full || memchr(c->in.s, '\0', c->in.len)) {
		answer(c, 400, "This is not the answer that was waited for.");
		return false;
	}
	if (!is_whole(&c->in))
		return false;
	if (!find_query(&c->in, &query, &query_n)) {
		answer(c, 404, "There is nothing here.");
		return false;
	}
	over = judge(ctx, query, query_n, &good);
	if (!over)
		answer(c, 400, "This is not the answer that was waited for.");
	else if (good)
		answer(c, 200,
			"Access was granted. This window can be closed: the rest is told "
			"where the login was started.");
	else
		answer(c, 400, "Access was not granted. Why is told where the login was started.");
	return over;
}

size_t
loopback_polls(struct loopback *l, struct pollfd v[LOOPBACK_POLLS], int64_t *deadline)
{
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			v[n++] = (struct pollfd){ .fd = l->fd[i], .events = POLLIN };
	for (size_t i = 0; i < LOOPBACK_CLIENTS; i++)
		if (l->clients[i].fd >= 0) {
			v[n++] = (struct pollfd){ .fd = l->clients[i].fd, .events = POLLIN };
			*deadline = clock_sooner(*deadline, l->clients[i].deadline);
		}
	return n;
}

bool
loopback_serve(struct loopback *l, loopback_judge *judge, void *ctx)
{
	for (size_t i = 0; i < LOOPBACK_CLIENTS; i++) {
		struct loopback_client *c = &l->clients[i];

		if (c->fd >= 0 && hear(c, judge, ctx))
			return true;
		if (c->fd >= 0 && clock_left(c->deadline) == 0)
			drop(c);
	}
	for (size_t i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			accept_from(l, l->fd[i]);
	return false;
}

void
loopback_close(struct loopback *l)
{
	int64_t deadline = clock_in(PARTING_MS);
	char octets[256];

	for (size_t i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	for (size_t i = 0; i < LOOPBACK_CLIENTS; i++) {
		struct loopback_client *c = &l->clients[i];
		struct pollfd p = { .fd = c->fd, .events = POLLIN };

		/* closing with octets unread would take the page away from it */
		while (c->answered && poll(&p, 1, clock_left(deadline)) == 1 &&
			recv(c->fd, octets, sizeof(octets), MSG_DONTWAIT) > 0)
			continue;
		drop(c);
	}
	l->fd[0] = l->fd[1] = -1;
}
