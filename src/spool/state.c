#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "error.h"
#include "io.h"
#include "spool.h"

#define STATE "state"

/* Octets of an account in a name before the rest of it becomes a digest; what is appended to a
 * name, suffix and ".new", must fit behind. */
#define NAME_PLAIN 160
#define SEAL       "check "

/* What root makes for somebody else's spool belongs to that user. */
static void
give(int fd, uid_t owner)
{
	/* if it fails the owner finds a file that it cannot write, and says so */
	if (geteuid() == 0 && owner != 0 && fchown(fd, owner, (gid_t)-1) != 0)
		return;
}

static int
open_directory(int at, const char *name, uid_t owner)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == ENOENT && (mkdirat(at, name, 0700) == 0 || errno == EEXIST)) {
		fd = openat(at, name, flags);
		if (fd >= 0)
			give(fd, owner);
	}
	return fd;
}

int
state_directory(struct spool *s, const char *name, struct error *err)
{
	int fd = open_directory(s->dir, STATE, s->owner), inner = -1;

	if (fd >= 0 && name) {
		inner = open_directory(fd, name, s->owner);
		close(fd);
		fd = inner;
	}
	if (fd < 0)
		error_sys(err, FAULT_TEMPORARY, errno, "unable to open %s/%s%s%s",
			s->path ? s->path : "", STATE, name ? "/" : "", name ? name : "");
	return fd;
}

void
state_name(const char *account, const char *suffix, char ret[STATE_NAME])
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char hex[DIGEST_HEX];
	size_t n = 0;

	for (const char *p = account; *p && n < NAME_PLAIN; p++)
		if (strchr(plain, *p) && !(*p == '.' && n == 0))
			ret[n++] = *p;
		else
			n += (size_t)snprintf(ret + n, 4, "%%%02X", (unsigned char)*p);
	if (n >= NAME_PLAIN) {
		digest_hex(account, strlen(account), hex);
		n = NAME_PLAIN - 40;
		n += (size_t)snprintf(ret + n, 40, "%%-%.32s", hex);
	} else if (!n) {
		ret[n++] = '%';
	}
	snprintf(ret + n, STATE_NAME - n, ".%s", suffix);
}

int
state_open(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st, in;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink <= 1) {
		if ((flags & O_CREAT) && fstat(dir, &in) == 0 && st.st_uid != in.st_uid)
			give(fd, in.st_uid);
		return fd;
	}
	close(fd);
	errno = EINVAL;
	return -1;
}

ssize_t
state_read(int dir, const char *name, char *ret, size_t size)
{
	int fd = state_open(dir, name, O_RDONLY), saved;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = io_read_full(fd, ret, size);
	saved = errno;
	close(fd);
	errno = n < 0 ? saved : EFBIG;
	if (n < 0 || (size_t)n == size)
		return -1;
	ret[n] = '\0';
	return n;
}

bool
state_replace(int dir, const char *name, const void *data, size_t n, bool flush, struct error *err)
{
	char temporary[STATE_NAME + 4];
	bool good;
	int fd, saved;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	/* a new file each time: a reader keeps what it has opened */
	(void)unlinkat(dir, temporary, 0);
	fd = state_open(dir, temporary, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to create %s", temporary);
	good = io_write_full(fd, data, n) && (!flush || fdatasync(fd) == 0);
	saved = errno;
	if (close(fd) != 0 && good) {
		saved = errno;
		good = false;
	}
	if (good && renameat(dir, temporary, dir, name) != 0) {
		saved = errno;
		good = false;
	}
	if (!good) {
		(void)unlinkat(dir, temporary, 0);
		return error_sys(err, FAULT_TEMPORARY, saved, "unable to write %s", name);
	}
	if (flush && fsync(dir) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to flush %s", name);
	return true;
}

void
state_rest(unsigned round, int64_t deadline)
{
	int64_t left = deadline - clock_ms();
	int64_t ms = 2 + round * 3 + (getpid() + round) % 7;
	struct timespec t;

	ms = ms > 100 ? 100 : ms;
	ms = ms > left ? left : ms;
	t = (struct timespec){ .tv_nsec = (ms > 0 ? ms : 0) * 1000000 };
	nanosleep(&t, NULL);
}

int
state_lock(int dir, const char *name, int64_t deadline, bool *ret_busy, struct error *err)
{
	int fd = state_open(dir, name, O_RDWR | O_CREAT);

	if (ret_busy)
		*ret_busy = false;
	if (fd < 0) {
		error_sys(err, FAULT_TEMPORARY, errno, "unable to open %s", name);
		return -1;
	}
	for (unsigned round = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; round++) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK && deadline && clock_ms() < deadline) {
			state_rest(round, deadline);
			continue;
		}
		if (ret_busy)
			*ret_busy = errno == EWOULDBLOCK;
		error_sys(err, FAULT_TEMPORARY, errno, "unable to lock %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

size_t
state_seal(char *text, size_t len, size_t size)
{
	char hex[DIGEST_HEX];
	int n;

	digest_hex(text, len, hex);
	n = snprintf(text + len, size - len, SEAL "%.32s\n", hex);
	return n > 0 && (size_t)n < size - len ? len + (size_t)n : 0;
}

bool
state_sealed(const char *text, size_t len, size_t *ret)
{
	const size_t seal = strlen(SEAL) + 32 + 1;
	char hex[DIGEST_HEX];

	if (len < seal)
		return false;
	*ret = len - seal;
	digest_hex(text, *ret, hex);
	return memcmp(text + *ret, SEAL, strlen(SEAL)) == 0 &&
	       memcmp(text + *ret + strlen(SEAL), hex, 32) == 0 && text[len - 1] == '\n';
}
