/* Token files of the system, and locks and marks of everybody. A directory is fit for them when its
 * owner is who we are or, for root, the user of the service, and nobody else may write in it. All
 * names are used relative to the open directory: whoever owns it cannot lead root anywhere else. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "privilege.h"
#include "token_record.h"
#include "token_store.h"

#define FILE_SUFFIX ".json"

static bool
is_fit(const struct stat *st)
{
	const struct passwd *service;

	if (!S_ISDIR(st->st_mode) || (st->st_mode & 0077))
		return false;
	if (st->st_uid == geteuid())
		return true;
	service = geteuid() ? NULL : getpwnam(PRIVILEGE_USER);
	return service && st->st_uid == service->pw_uid;
}

static int
open_directory(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && is_fit(st))
		return fd;
	close(fd);
	errno = EACCES;
	return -1;
}

bool
token_file_prepare(const char *directory, struct error *err)
{
	const struct passwd *service = geteuid() ? NULL : getpwnam(PRIVILEGE_USER);
	struct stat st;
	bool system, made;
	int fd;

	system = strncmp(directory, LOCALSTATEDIR "/", sizeof(LOCALSTATEDIR)) == 0;
	/* above it is the user's own, or the system's */
	(void)!io_make_parents(directory, system ? 0755 : 0700);
	made = mkdir(directory, 0700) == 0;
	fd = open_directory(directory, &st);
	/* by the descriptor: the service's user may own what is above, and put something else there
	 */
	if (fd >= 0 && made && system && service)
		(void)!fchown(fd, service->pw_uid, service->pw_gid);
	if (fd < 0)
		return error_sys(err, FAULT_CREATE, errno, "unable to use %s%s", directory,
			errno == EACCES ? ", which must be this user's own, mode 700" : "");
	close(fd);
	return true;
}

static void
name(char out[64], const char *base, const char *suffix)
{
	snprintf(out, 64, "%s%s", base, suffix);
}

bool
token_file_read(const char *directory, const char *base, struct strbuf *ret, bool *ret_there,
	struct error *err)
{
	char file[64], octets[4096];
	struct stat st, dir_st;
	ssize_t n = 0;
	int dir, fd;

	*ret_there = false;
	name(file, base, FILE_SUFFIX);
	dir = open_directory(directory, &dir_st);
	if (dir < 0)
		return errno == ENOENT ||
		       error_sys(err, FAULT_CONFIG, errno, "unable to use %s", directory);
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(dir);
	if (fd < 0)
		return errno == ENOENT ||
		       error_sys(err, FAULT_CONFIG, errno, "unable to read %s/%s", directory, file);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0077) ||
		(st.st_uid != dir_st.st_uid && st.st_uid != geteuid())) {
		close(fd);
		return error_set(err, FAULT_CONFIG,
			"%s/%s must be a file of the directory's owner, mode 600", directory, file);
	}
	while (!ret->full && (n = io_read(fd, octets, sizeof(octets))) > 0)
		strbuf_add(ret, octets, (size_t)n);
	close(fd);
	explicit_bzero(octets, sizeof(octets));
	*ret_there = true;
	return (n == 0 && !ret->full) ||
	       error_set(err, FAULT_NOINPUT, "unable to read %s/%s", directory, file);
}

/* The file is the directory owner's, whoever writes it. */
static bool
fill(int dir, int fd, const struct stat *dir_st, const char *temporary, const char *file,
	const struct strbuf *value)
{
	return (dir_st->st_uid == geteuid() || fchown(fd, dir_st->st_uid, dir_st->st_gid) == 0) &&
	       io_write_full(fd, value->s, value->len) && fsync(fd) == 0 &&
	       renameat(dir, temporary, dir, file) == 0 && fsync(dir) == 0;
}

bool
token_file_write(
	const char *directory, const char *base, const struct strbuf *value, struct error *err)
{
	char file[64], temporary[64];
	struct stat st;
	int dir, fd = -1, saved;
	bool good;

	if (!token_file_prepare(directory, err))
		return false;
	name(file, base, FILE_SUFFIX);
	name(temporary, base, ".new");
	dir = open_directory(directory, &st);
	/* the lock is held: what lies there is of somebody who died */
	if (dir >= 0) {
		(void)!unlinkat(dir, temporary, 0);
		fd = openat(
			dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	good = fd >= 0 && fill(dir, fd, &st, temporary, file, value);
	saved = errno;
	if (!good && fd >= 0)
		(void)!unlinkat(dir, temporary, 0);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return good ||
	       error_sys(err, FAULT_CREATE, saved, "unable to write %s/%s", directory, file);
}

bool
token_file_remove(const char *directory, const char *base, bool *ret_was, struct error *err)
{
	char file[64];
	struct stat st;
	int dir, saved;

	*ret_was = false;
	name(file, base, FILE_SUFFIX);
	dir = open_directory(directory, &st);
	if (dir < 0)
		return errno == ENOENT ||
		       error_sys(err, FAULT_CREATE, errno, "unable to use %s", directory);
	*ret_was = unlinkat(dir, file, 0) == 0;
	saved = errno;
	(void)!fsync(dir);
	close(dir);
	return *ret_was || saved == ENOENT ||
	       error_sys(err, FAULT_CREATE, saved, "unable to remove %s/%s", directory, file);
}

int
token_file_open(const char *directory, const char *base, const char *suffix)
{
	struct stat st;
	char file[64];
	int dir = open_directory(directory, &st), fd, saved;

	if (dir < 0)
		return -1;
	name(file, base, suffix);
	fd = openat(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0 && st.st_uid != geteuid())
		(void)!fchown(fd, st.st_uid, st.st_gid);
	saved = errno;
	close(dir);
	errno = saved;
	return fd;
}
