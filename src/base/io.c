#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

ssize_t
io_read(int fd, void *buffer, size_t n)
{
	ssize_t got;

	do
		got = read(fd, buffer, n);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t
io_read_full(int fd, void *buffer, size_t n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = io_read(fd, (char *)buffer + have, n - have);
		if (got < 0)
			return -1;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

ssize_t
io_pread_full(int fd, void *buffer, size_t n, uint64_t offset)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = pread(fd, (char *)buffer + have, n - have, (off_t)(offset + have));
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

bool
io_write_full(int fd, const void *data, size_t n)
{
	const char *at = data;
	ssize_t done;

	while (n) {
		done = write(fd, at, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		at += done;
		n -= (size_t)done;
	}
	return true;
}

bool
io_pwritev_full(int fd, struct iovec *v, int count, uint64_t offset)
{
	size_t done;
	ssize_t n;

	for (;;) {
		for (; count && !v->iov_len; v++)
			count--;
		if (!count)
			return true;
		n = pwritev(fd, v, count, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* a file never answers 0 to octets; going on would be for ever */
			errno = n < 0 ? errno : EIO;
			return false;
		}
		offset += (uint64_t)n;
		for (done = (size_t)n; count && done >= v->iov_len; v++, count--)
			done -= v->iov_len;
		if (count) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= done;
		}
	}
}

static bool
in_memory(const char *directory)
{
	struct statfs fs;

	return statfs(directory, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static int
open_unnamed(const char *directory)
{
	char name[4096];
	size_t n = 0;
	int fd;

	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* a file system or kernel without O_TMPFILE */
	while (directory[n] && n < sizeof(name) - 16)
		name[n] = directory[n], n++;
	if (directory[n]) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (const char *s = "/sendoff.XXXXXX"; *s; s++)
		name[n++] = *s;
	name[n] = '\0';
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

int
io_temporary(const char *directory, struct error *err)
{
	const char *const places[] = { directory, secure_getenv("TMPDIR"), "/var/tmp", "/tmp" };
	const size_t count = sizeof(places) / sizeof(*places);
	int fd, first = 0;

	for (int memory = 0; memory < 2; memory++) {
		for (size_t i = 0; i < count; i++) {
			if (!places[i] || !*places[i] || in_memory(places[i]) != (memory == 1))
				continue;
			fd = open_unnamed(places[i]);
			if (fd >= 0)
				return fd;
			if (!first)
				first = errno;
		}
	}
	error_sys(err,
		first == ENOSPC || first == EDQUOT || first == EMFILE || first == ENFILE
			? FAULT_TEMPORARY
			: FAULT_CREATE,
		first ? first : ENOENT,
		"unable to create a temporary file in %s (set TMPDIR to a writable directory)",
		directory && *directory ? directory : "/var/tmp");
	return -1;
}

int
io_temporary_beside(int fd)
{
	const char *const places[] = { secure_getenv("TMPDIR"), "/var/tmp", "/tmp" };
	struct stat full, other;

	if (fstat(fd, &full) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (!places[i] || !*places[i] || stat(places[i], &other) != 0 ||
			other.st_dev == full.st_dev || in_memory(places[i]))
			continue;
		fd = open_unnamed(places[i]);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

bool
io_make_parents(const char *path, mode_t mode)
{
	char *part = xstrdup(path);
	bool good = true;
	int sys;

	for (char *slash = part; good && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		good = mkdir(part, S_IRWXU) == 0 ? chmod(part, mode) == 0 : errno == EEXIST;
		*slash = '/';
	}
	sys = errno;
	free(part);
	errno = sys;
	return good;
}

void
io_keep_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_WRONLY);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

const char *
io_home(void)
{
	static char *found;
	const char *home = secure_getenv("HOME");
	struct passwd *entry;

	if (home && *home == '/')
		return home;
	if (!found && (entry = getpwuid(geteuid())) && entry->pw_dir && *entry->pw_dir == '/')
		found = xstrdup(entry->pw_dir);
	return found;
}
