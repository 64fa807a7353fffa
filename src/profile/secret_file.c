#include "secret_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "secret_store.h"
#include "strbuf.h"
#include "trusted.h"

#define PATH_CAP     8192
#define RETRY_MS     20 /* between two tries for a lock */
#define SERVICE_USER "sendoff"

/* No two names are written alike. */
static void
add_part(struct strbuf *out, const char *s, bool lower)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.@";

	for (; *s; s++)
		if (!strchr(plain, *s))
			strbuf_addf(out, "%%%02X", (unsigned char)*s);
		else
			strbuf_addc(out, (char)(lower ? tolower((unsigned char)*s) : *s));
}

bool
secret_file_name(const struct secret_name *n, bool sealed, struct strbuf *out, struct error *err)
{
	size_t before = out->len;

	add_part(out, n->service, false);
	strbuf_addc(out, ',');
	add_part(out, n->host, true);
	strbuf_addc(out, ',');
	add_part(out, n->user, false);
	if (sealed)
		strbuf_adds(out, ",sealed");
	/* the temporary file has a longer name */
	if (!out->full && out->len - before < NAME_MAX - 8)
		return true;
	return error_set(err, FAULT_CONFIG,
		"user and host are too long for the name of a file: store it in the Secret "
		"Service");
}

/* The package makes the machine's secrets the service's; so does root where they are new. */
static void
give_to_service(const char *path)
{
	const struct passwd *service = geteuid() ? NULL : getpwnam(SERVICE_USER);

	if (service)
		(void)!lchown(path, service->pw_uid, service->pw_gid);
}

/* The directories on the way to PATH that are missing, and PATH itself. */
static void
make_directories(const char *path)
{
	bool system = strncmp(path, SYSCONFDIR "/", sizeof(SYSCONFDIR)) == 0;

	(void)!io_make_parents(path, system ? 0755 : 0700);
	if (mkdir(path, 0700) == 0 && system)
		give_to_service(path);
}

/* Nobody else may change what is in there: rename and unlink ask for nothing but that. */
static bool
check_directory(const char *path, int fd, struct stat *st, struct error *err)
{
	if (fstat(fd, st) < 0)
		return error_sys(err, FAULT_CREATE, errno, "unable to look at %s", path);
	if (!trusted_is_owner(path, st->st_uid))
		return error_set(err, FAULT_CREATE, "%s belongs to another user", path);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, FAULT_CREATE, "%s can be written by others (chmod 700 %s)",
			path, path);
	if (st->st_uid == geteuid() && (st->st_mode & (S_IRWXG | S_IRWXO)))
		(void)!fchmod(fd, 0700);
	return true;
}

/* -1 on failure. */
static int
open_directory(const char *path, struct stat *st, struct error *err)
{
	int fd;

	if (!path || *path != '/') {
		error_set(err, FAULT_CREATE, "there is no home directory to store it in");
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		make_directories(path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		error_sys(err, FAULT_CREATE, errno, "unable to open %s", path);
		return -1;
	}
	if (check_directory(path, fd, st, err))
		return fd;
	close(fd);
	return -1;
}

/* One writer at a time, so that the temporary file has one name and what a crash left is found. */
static bool
lock(const char *path, int fd, int64_t deadline, struct error *err)
{
	int left;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(err, FAULT_TEMPORARY, errno, "unable to lock %s", path);
		left = clock_left(deadline);
		if (!left)
			return error_set(
				err, FAULT_TEMPORARY, "%s: another program is writing", path);
		poll(NULL, 0, left < 0 || left > RETRY_MS ? RETRY_MS : left);
	}
	return true;
}

static void
temporary_name(char out[NAME_MAX + 1], const char *name)
{
	snprintf(out, NAME_MAX + 1, ".%s.new", name);
}

static bool
put(int dir, const struct stat *owner, const char *name, const struct strbuf *value)
{
	char temporary[NAME_MAX + 1];
	bool good;
	int fd, sys;

	temporary_name(temporary, name);
	(void)unlinkat(dir, temporary, 0);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = (owner->st_uid == geteuid() || geteuid() != 0 ||
		       fchown(fd, owner->st_uid, owner->st_gid) == 0) &&
	       fchmod(fd, 0600) == 0 && io_write_full(fd, value->s, value->len) && fsync(fd) == 0 &&
	       renameat(dir, temporary, dir, name) == 0;
	sys = errno;
	close(fd);
	if (!good)
		(void)unlinkat(dir, temporary, 0);
	errno = sys;
	return good && fsync(dir) == 0;
}

bool
secret_file_write(const char *directory, const char *name, const struct strbuf *value,
	int64_t deadline, struct error *err)
{
	struct stat st;
	int dir = open_directory(directory, &st, err);
	bool good;

	if (dir < 0)
		return false;
	good = lock(directory, dir, deadline, err);
	if (good && !put(dir, &st, name, value)) {
		bool room = errno == ENOSPC || errno == EDQUOT;

		good = error_sys(err, room ? FAULT_TEMPORARY : FAULT_CREATE, errno,
			"unable to write %s/%s", directory, name);
	}
	close(dir);
	return good;
}

bool
secret_file_read(const char *directory, const char *name, struct strbuf *ret, bool *ret_there,
	struct error *err)
{
	struct strbuf path = STRBUF_INIT(PATH_CAP);
	struct error why = ERROR_NONE;
	bool missing = false, good;

	*ret_there = false;
	if (!directory || *directory != '/')
		return true;
	strbuf_addf(&path, "%s/%s", directory, name);
	good = trusted_read(path.s, TRUSTED_STORED, ret, &missing, &why);
	strbuf_done(&path);
	*ret_there = good;
	if (!good && !missing && err && !err->fault)
		*err = why;
	return good || missing;
}

bool
secret_file_remove(const char *directory, const char *name, bool *ret_there, struct error *err)
{
	char temporary[NAME_MAX + 1];
	bool good;
	int dir;

	*ret_there = false;
	if (!directory || *directory != '/')
		return true;
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ||
		       error_sys(err, FAULT_CREATE, errno, "unable to open %s", directory);
	temporary_name(temporary, name);
	(void)unlinkat(dir, temporary, 0);
	*ret_there = unlinkat(dir, name, 0) == 0;
	good = *ret_there ? fsync(dir) == 0 : errno == ENOENT;
	if (!good)
		error_sys(err, FAULT_CREATE, errno, "unable to remove %s/%s", directory, name);
	close(dir);
	return good;
}
