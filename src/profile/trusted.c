#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "privilege.h"
#include "strbuf.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define SERVICE_SECRETS SYSCONFDIR "/sendoff/secrets"
#define PIPE_SECONDS    60 /* for a password that comes through a pipe */

static bool
is_secret(enum trusted_kind kind)
{
	return kind == TRUSTED_SECRET || kind == TRUSTED_MOUNTED_SECRET;
}

/* Nobody else may read it. */
static bool
is_private(enum trusted_kind kind)
{
	return kind == TRUSTED_SECRET || kind == TRUSTED_STORED;
}

/* A descriptor of this process, given by whoever started it. */
static bool
is_descriptor(const char *path)
{
	if (strcmp(path, "/dev/stdin") == 0)
		return true;
	if (strncmp(path, "/dev/fd/", 8) != 0)
		return false;
	path += 8;
	return *path && !path[strspn(path, "0123456789")];
}

static void
user_name(char out[80], uid_t uid)
{
	struct passwd *entry = getpwuid(uid);

	if (entry)
		snprintf(out, 80, "%s", entry->pw_name);
	else
		snprintf(out, 80, "%u", (unsigned)uid);
}

bool
trusted_is_owner(const char *path, uid_t owner)
{
	size_t n = strlen(SERVICE_SECRETS);
	struct passwd *entry;

	if (owner == 0 || owner == geteuid())
		return true;
	if (strncmp(path, SERVICE_SECRETS, n) != 0 || (path[n] && path[n] != '/') ||
		strstr(path, "/../"))
		return false;
	entry = getpwnam(PRIVILEGE_USER);
	return entry && entry->pw_uid == owner;
}

/* A group that consists of the user alone, as many systems give every user, or root's. */
static bool
group_is_trusted(gid_t gid)
{
	char user[80];
	struct group *entry;

	if (gid == 0)
		return true;
	user_name(user, geteuid());
	entry = getgrgid(gid);
	if (!entry || strcmp(entry->gr_name, user) != 0)
		return false;
	for (char **member = entry->gr_mem; *member; member++)
		if (strcmp(*member, user) != 0)
			return false;
	return true;
}

static const char *
kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

static bool
check(const char *path, enum trusted_kind kind, const struct stat *st, struct error *err)
{
	char owner[80], user[80];

	if (S_ISFIFO(st->st_mode) && is_secret(kind) && is_descriptor(path))
		return true;
	if (!S_ISREG(st->st_mode))
		return error_set(
			err, FAULT_CONFIG, "%s is %s, not a file", path, kind_name(st->st_mode));
	if (kind == TRUSTED_ROOT && st->st_uid != 0)
		return error_set(err, FAULT_CONFIG, "%s does not belong to root", path);
	if (!trusted_is_owner(path, st->st_uid)) {
		user_name(owner, st->st_uid);
		user_name(user, geteuid());
		return error_set(err, FAULT_CONFIG,
			"%s belongs to %s, who could change it (chown %s %s)", path, owner, user,
			path);
	}
	if (st->st_mode & S_IWOTH)
		return error_set(err, FAULT_CONFIG, "%s can be written by everybody (chmod %s %s)",
			path, is_private(kind) ? "600" : "go-w", path);
	if ((st->st_mode & S_IWGRP) && !group_is_trusted(st->st_gid))
		return error_set(err, FAULT_CONFIG, "%s can be written by its group (chmod g-w %s)",
			path, path);
	if (is_private(kind) && (st->st_mode & S_IROTH))
		return error_set(err, FAULT_CONFIG,
			"%s holds a secret but can be read by everybody (chmod o-rwx %s)", path,
			path);
	return true;
}

/* Opens and checks; -1 on failure. */
static int
open_checked(const char *path, enum trusted_kind kind, bool *ret_missing, struct stat *st,
	struct error *err)
{
	/* nonblocking, as opening a pipe would wait for somebody to write to it */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, kind == TRUSTED_STORED ? flags | O_NOFOLLOW : flags), sys = errno;

	if (ret_missing)
		*ret_missing = fd < 0 && (sys == ENOENT || sys == ENOTDIR);
	if (fd < 0) {
		error_sys(err,
			sys == EMFILE || sys == ENFILE || sys == ENOMEM ? FAULT_TEMPORARY
									: FAULT_CONFIG,
			sys, "unable to open %s", path);
		return -1;
	}
	if (fstat(fd, st) < 0)
		error_sys(err, FAULT_NOINPUT, errno, "unable to read %s", path);
	else if (check(path, kind, st, err))
		return fd;
	close(fd);
	return -1;
}

static bool
read_all(int fd, const char *path, struct strbuf *out, struct error *err)
{
	int64_t deadline = clock_in(PIPE_SECONDS * CLOCK_SECOND);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t got;
	char *to, more;

	for (;;) {
		size_t room = out->cap - out->len < 4096 ? out->cap - out->len : 4096;

		to = room ? strbuf_reserve(out, room) : &more;
		got = io_read(fd, to, room ? room : 1);
		if (!got)
			return true;
		if (got > 0 && !room) {
			explicit_bzero(&more, 1);
			return error_set(
				err, FAULT_CONFIG, "%s is larger than %zu octets", path, out->cap);
		}
		if (got > 0)
			strbuf_advance(out, (size_t)got);
		else if (errno != EAGAIN)
			return error_sys(err, FAULT_NOINPUT, errno, "unable to read %s", path);
		else if (!clock_left(deadline))
			return error_set(err, FAULT_TEMPORARY, "%s: nothing came in time", path);
		else
			poll(&p, 1, clock_left(deadline));
	}
}

bool
trusted_read(const char *path, enum trusted_kind kind, struct strbuf *out, bool *ret_missing,
	struct error *err)
{
	struct stat st;
	int fd = open_checked(path, kind, ret_missing, &st, err);
	bool good;

	if (fd < 0)
		return false;
	good = read_all(fd, path, out, err);
	close(fd);
	return good;
}

bool
trusted_check(const char *path, enum trusted_kind kind, struct error *err)
{
	struct stat st;
	int fd = open_checked(path, kind, NULL, &st, err);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}
