#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dial.h"
#include "error.h"
#include "privilege.h"
#include "serve_state.h"
#include "text.h"

#define FIRST_PASSED 3
#define BACKLOG      512

/* Others must not be able to put a socket of theirs in the place of ours. */
static bool
check_directory(const char *path, struct error *err)
{
	struct passwd *user = getpwnam(PRIVILEGE_USER);
	char directory[256];
	struct stat st;

	serve_directory_of(path, directory);
	if (stat(directory, &st) != 0)
		return error_sys(
			err, FAULT_CONFIG, errno, "unable to use the directory %s", directory);
	if (st.st_uid != 0 && st.st_uid != geteuid() && !(user && user->pw_uid == st.st_uid))
		return error_set(err, FAULT_CONFIG,
			"the directory %s of the service's socket belongs to user %u", directory,
			(unsigned)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, FAULT_CONFIG,
			"the directory %s of the service's socket can be written by others (chmod "
			"go-w %s)",
			directory, directory);
	return true;
}

/* The one service at a time that may use the name; its lock ends with it, whatever happens. */
static int
lock_name(const char *path, struct error *err)
{
	char name[320];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0 && errno == EWOULDBLOCK)
		error_set(err, FAULT_TEMPORARY, "another service listens at %s", path);
	else
		error_sys(err, FAULT_CREATE, errno, "unable to lock %s", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What a service that has ended left behind. */
static bool
remove_stale(const char *path, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ||
		       error_sys(err, FAULT_CONFIG, errno, "unable to use %s", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, FAULT_CONFIG, "%s is in the way: it is no socket", path);
	return unlink(path) == 0 ||
	       error_sys(err, FAULT_CREATE, errno, "unable to replace %s", path);
}

static struct listener *
add(struct serve *s, int fd, enum listener_kind kind, const char *name)
{
	struct listener *l = &s->listeners[s->listener_count++];

	*l = (struct listener){ .fd = fd, .lock = -1, .kind = kind };
	snprintf(l->name, sizeof(l->name), "%s", name);
	return l;
}

static bool
listen_unix(struct serve *s, const char *path, enum listener_kind kind, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct listener *l;
	mode_t mask;
	int fd, lock;
	bool bound;

	if (strlen(path) >= sizeof(at.sun_path) || *path != '/')
		return error_set(err, FAULT_CONFIG, "%s is no name that a socket can have", path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (!check_directory(path, err) || (lock = lock_name(path, err)) < 0)
		return false;
	if (!remove_stale(path, err)) {
		close(lock);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0111);
	bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		listen(fd, BACKLOG) == 0;
	umask(mask);
	if (!bound) {
		error_sys(err, FAULT_CREATE, errno, "unable to listen at %s", path);
		if (fd >= 0)
			close(fd);
		close(lock);
		return false;
	}
	l = add(s, fd, kind, path);
	l->lock = lock;
	return true;
}

static bool
is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static bool
may_listen_tcp(const struct serve *s, const char *name, struct error *err)
{
	if (profile_is_set(&s->settings, OPT_LISTEN_PASSWORD_FILE) ||
		profile_yes(&s->settings, OPT_TRUST_LOOPBACK))
		return true;
	return error_set(err, FAULT_CONFIG,
		"listen: %s can be reached by every program on this machine: set "
		"listen-password-file, or trust-loopback = yes",
		name);
}

/* An address of the loopback interface with a port. */
static bool
parse_tcp(const char *name, struct sockaddr_storage *ret, socklen_t *ret_size, struct error *err)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	char host[256];
	uint16_t port;

	if (!dial_split(name, 0, host, &port, err))
		return error_prefix(err, "listen");
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		*ret_size = sizeof(*four);
	} else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		*ret_size = sizeof(*six);
	}
	if (ret->ss_family && is_loopback((struct sockaddr *)ret))
		return true;
	return error_set(err, FAULT_CONFIG,
		"listen: %s is neither a file nor an address of the loopback interface with a port",
		name);
}

static bool
listen_tcp(struct serve *s, const char *name, struct error *err)
{
	struct sockaddr_storage at;
	socklen_t size;
	int fd, on = 1;

	if (!parse_tcp(name, &at, &size, err) || !may_listen_tcp(s, name, err))
		return false;
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, BACKLOG) == 0) {
		add(s, fd, LISTENER_TCP, name);
		return true;
	}
	error_sys(err, FAULT_CREATE, errno, "unable to listen at %s", name);
	if (fd >= 0)
		close(fd);
	return false;
}

static bool
same_tcp(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return four->sin_port == ((const struct sockaddr_in *)b)->sin_port &&
		       four->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return six->sin6_port == ((const struct sockaddr_in6 *)b)->sin6_port &&
	       IN6_ARE_ADDR_EQUAL(&six->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr);
}

/* True iff L, a socket that was passed, listens at NAME of the configuration. Files are compared, not
 * their names: /var/run/x is /run/x, and must not be removed to be made anew. */
static bool
is_at(const struct listener *l, const char *name)
{
	struct sockaddr_storage at = { 0 }, wanted;
	socklen_t size = sizeof(at);
	struct stat a, b;

	if (*name == '/')
		return l->kind != LISTENER_TCP &&
		       (strcmp(l->name, name) == 0 ||
			       (stat(l->name, &a) == 0 && stat(name, &b) == 0 &&
				       a.st_dev == b.st_dev && a.st_ino == b.st_ino));
	return l->kind == LISTENER_TCP && parse_tcp(name, &wanted, &size, NULL) &&
	       getsockname(l->fd, (struct sockaddr *)&at, &size) == 0 && same_tcp(&at, &wanted);
}

/* Takes one socket that whoever started us has opened. */
static bool
take_passed(struct serve *s, int fd, struct error *err)
{
	const char *own = profile_text(&s->settings, OPT_SERVICE_SOCKET);
	struct sockaddr_storage at = { 0 };
	socklen_t size = sizeof(at), length = sizeof(int);
	const struct sockaddr_un *name = (const struct sockaddr_un *)&at;
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening ||
		getsockname(fd, (struct sockaddr *)&at, &size) != 0)
		return error_set(err, FAULT_CONFIG, "descriptor %d is no socket that listens", fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (at.ss_family == AF_UNIX) {
		/* its own socket by name, or the only one */
		add(s, fd,
			strcmp(name->sun_path, own) == 0 || !s->listener_count ? LISTENER_SERVICE
									       : LISTENER_SMTP,
			name->sun_path);
		return true;
	}
	if (!is_loopback((struct sockaddr *)&at))
		return error_set(err, FAULT_CONFIG,
			"descriptor %d listens beyond the loopback interface", fd);
	if (!may_listen_tcp(s, "a port", err))
		return false;
	add(s, fd, LISTENER_TCP, "a port");
	return true;
}

/* How many sockets were passed to this process. */
static int
passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t number, count;

	if (!pid || !fds || !text_number(pid, 1, INT32_MAX, &number) || (pid_t)number != getpid() ||
		!text_number(fds, 1, SERVE_LISTENERS / 2, &count))
		return 0;
	return (int)count;
}

static bool
is_passed(const struct serve *s, size_t passed, const char *name)
{
	for (size_t i = 0; i < passed; i++)
		if (is_at(&s->listeners[i], name))
			return true;
	return false;
}

bool
serve_open_sockets(struct serve *s, struct error *err)
{
	size_t count = (size_t)passed(), n;
	const char *const *v = profile_list_of(&s->settings, OPT_LISTEN, &n);
	bool good = true;

	for (size_t i = 0; good && i < count; i++)
		good = take_passed(s, FIRST_PASSED + (int)i, err);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (good && !count)
		good = listen_unix(
			s, profile_text(&s->settings, OPT_SERVICE_SOCKET), LISTENER_SERVICE, err);
	for (size_t i = 0; good && i < n; i++) {
		if (is_passed(s, count, v[i]))
			continue;
		if (s->listener_count == SERVE_LISTENERS)
			return error_set(err, FAULT_CONFIG, "listen: too many sockets");
		good = *v[i] == '/' ? listen_unix(s, v[i], LISTENER_SMTP, err)
				    : listen_tcp(s, v[i], err);
	}
	return good;
}

void
serve_close_sockets(struct serve *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		/* one that was passed is not ours to remove */
		if (s->listeners[i].lock >= 0) {
			unlink(s->listeners[i].name);
			close(s->listeners[i].lock);
		}
		close(s->listeners[i].fd);
	}
	s->listener_count = 0;
}
