#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "text.h"

#define TITLE "sendoff heartbeat 1\n"
#define BOOT  "/proc/sys/kernel/random/boot_id"
#define UUID  36
#define SIZE  128

/* Which boot this is; false where /proc does not say. */
static bool
read_boot(char ret[UUID + 1])
{
	int fd = open(BOOT, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = io_read_full(fd, ret, UUID);
	close(fd);
	ret[UUID] = '\0';
	return n == UUID && strspn(ret, "0123456789abcdef-") == UUID;
}

static bool
write_file(const char *path, const char *temporary, const char *text, size_t n)
{
	int fd, saved;
	bool good;

	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	/* whatever the umask says, others must be able to read it */
	good = fchmod(fd, 0644) == 0 && io_write_full(fd, text, n);
	saved = errno;
	close(fd);
	if (good && rename(temporary, path) == 0)
		return true;
	errno = good ? errno : saved;
	return false;
}

bool
heartbeat_write(const char *path, struct error *err)
{
	char text[SIZE], temporary[PATH_MAX], boot[UUID + 1];
	int n;

	if (!read_boot(boot))
		return error_set(err, FAULT_TEMPORARY, "%s cannot be read", BOOT);
	n = snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return error_sys(err, FAULT_CREATE, ENAMETOOLONG, "unable to write %s", path);
	n = snprintf(text, sizeof(text), TITLE "boot %s\nseconds %lld\n", boot,
		(long long)(clock_ms() / CLOCK_SECOND));
	if (!write_file(path, temporary, text, (size_t)n))
		return error_sys(err,
			errno == ENOSPC || errno == EDQUOT ? FAULT_TEMPORARY : FAULT_CREATE, errno,
			"unable to write %s", path);
	return true;
}

void
heartbeat_remove(const char *path)
{
	(void)unlink(path);
}

bool
heartbeat_parse(const char *s, size_t n, const char *boot, int64_t *ret_seconds)
{
	const size_t title = strlen(TITLE), where = title + strlen("boot "),
		     number = where + UUID + strlen("\nseconds ");
	char digits[24];
	uint64_t value;

	if (n <= number || n - number >= sizeof(digits) || s[n - 1] != '\n' ||
		memcmp(s, TITLE "boot ", where) != 0 || memcmp(s + where, boot, UUID) != 0 ||
		memcmp(s + where + UUID, "\nseconds ", number - where - UUID) != 0)
		return false;
	memcpy(digits, s + number, n - number - 1);
	digits[n - number - 1] = '\0';
	if (strlen(digits) != n - number - 1 || !text_number(digits, 0, INT64_MAX / 1000, &value))
		return false;
	*ret_seconds = (int64_t)value;
	return true;
}

/* Who may say that a runner is there. */
static bool
is_believed(const struct stat *st, uid_t owner)
{
	return S_ISREG(st->st_mode) && !(st->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == owner);
}

bool
heartbeat_is_fresh(const char *path, uid_t owner)
{
	const int64_t now = clock_ms() / CLOCK_SECOND;
	char text[SIZE], boot[UUID + 1];
	int64_t seconds;
	struct stat st;
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && is_believed(&st, owner))
		n = io_read_full(fd, text, sizeof(text));
	close(fd);
	return n > 0 && read_boot(boot) && heartbeat_parse(text, (size_t)n, boot, &seconds) &&
	       seconds <= now && now - seconds < HEARTBEAT_FRESH;
}
