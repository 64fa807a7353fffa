#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "spool_private.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Whose a directory must be. */
enum owner {
	MINE,         /* the effective user's; anybody's for root */
	MINE_OR_ROOT, /* or root's */
};

static bool
cannot_make(const char *path, struct error *err)
{
	int sys = errno;

	return error_sys(err, sys == EACCES || sys == EPERM ? FAULT_CONFIG : FAULT_TEMPORARY, sys,
		"unable to make the spool %s", path);
}

static bool
flush(int fd)
{
	return fsync(fd) == 0;
}

/* Opens directory NAME of FD, making it where it is missing; its new name is flushed. -1 with
 * errno. */
static int
enter(int fd, const char *name)
{
	bool made = mkdirat(fd, name, 0700) == 0;
	int sys = errno, next;

	if (made && !flush(fd))
		return -1;
	next = openat(fd, name, DIRECTORY);
	if (next < 0 && errno == ENOENT && !made)
		errno = sys; /* why it could not be made */
	return next;
}

/* Makes PATH and its parents. */
static bool
make_path(const char *path, struct error *err)
{
	int fd = open(*path == '/' ? "/" : ".", DIRECTORY), next, sys;
	char *part = xstrdup(path);

	for (char *at = part, *end; fd >= 0 && *(at += strspn(at, "/")); at = end) {
		end = at + strcspn(at, "/");
		if (*end)
			*end++ = '\0';
		next = enter(fd, at);
		sys = errno;
		close(fd);
		errno = sys;
		fd = next;
	}
	if (fd < 0)
		cannot_make(path, err);
	else
		close(fd);
	free(part);
	return fd >= 0;
}

static bool
check_directory(const struct spool *s, int fd, const char *name, enum owner owner, struct stat *st,
	struct error *err)
{
	const char *path = s->path, *slash = *name ? "/" : "";
	const uid_t me = s->self;

	if (fstat(fd, st) != 0)
		return error_sys(
			err, FAULT_IO, errno, "unable to look at %s%s%s", path, slash, name);
	if (me && st->st_uid != me && (owner == MINE || st->st_uid))
		return error_set(err, FAULT_CONFIG,
			"the spool's directory %s%s%s belongs to user %u, not to user %u", path,
			slash, name, (unsigned)st->st_uid, (unsigned)me);
	if (st->st_mode & 022)
		return error_set(err, FAULT_CONFIG,
			"others can write to the spool's directory %s%s%s (chmod go-w)", path,
			slash, name);
	return true;
}

/* Opens directory NAME of the spool; -1 with *ERR set. */
static int
open_part(struct spool *s, const char *name, bool create, struct stat *st, struct error *err)
{
	int fd = openat(s->dir, name, DIRECTORY | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(s->dir, name, 0700) != 0 && errno != EEXIST) {
			cannot_make(s->path, err);
			return -1;
		}
		fd = openat(s->dir, name, DIRECTORY | O_NOFOLLOW);
		if (fd >= 0 && (!spool_give(s, fd) || !flush(s->dir))) {
			cannot_make(s->path, err);
			close(fd);
			return -1;
		}
	}
	if (fd < 0 && errno == ENOENT && s->queue >= 0) {
		/* no ENOENT: that means that there is no spool, and here may be messages */
		error_set(err, FAULT_CONFIG,
			"the spool %s lacks its directory %s (the next message that is queued "
			"makes it)",
			s->path, name);
		return -1;
	}
	if (fd < 0) {
		error_sys(err, errno == EMFILE || errno == ENFILE ? FAULT_TEMPORARY : FAULT_CONFIG,
			errno, "unable to open the spool's directory %s/%s", s->path, name);
		return -1;
	}
	if (check_directory(s, fd, name, MINE, st, err))
		return fd;
	close(fd);
	return -1;
}

static bool
open_parts(struct spool *s, bool create, struct error *err)
{
	struct stat st;

	if (!check_directory(s, s->dir, "", MINE_OR_ROOT, &st, err))
		return false;
	s->owner = st.st_uid;
	s->queue = open_part(s, "queue", create, &st, err);
	if (s->queue < 0)
		return false;
	s->owner = st.st_uid;
	s->device = st.st_dev;
	s->failed = open_part(s, "failed", create, &st, err);
	s->damaged = s->failed < 0 ? -1 : open_part(s, "damaged", create, &st, err);
	s->tmp = s->damaged < 0 ? -1 : open_part(s, "tmp", create, &st, err);
	if (s->tmp < 0)
		return false;
	/* a spool of a user's own has none */
	s->drop = openat(s->dir, "drop", DIRECTORY | O_NOFOLLOW);
	return true;
}

bool
spool_open(struct spool *s, const char *path, bool create, struct error *err)
{
	*s = (struct spool)SPOOL_NONE;
	s->dir = open(path, DIRECTORY);
	if (s->dir < 0 && errno == ENOENT && create) {
		if (!make_path(path, err))
			return false;
		s->dir = open(path, DIRECTORY);
	}
	/* a system's own belongs to root and can be passed through only */
	if (s->dir < 0 && errno == EACCES)
		s->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return error_sys(err,
			errno == EMFILE || errno == ENFILE ? FAULT_TEMPORARY : FAULT_CONFIG, errno,
			"unable to open the spool %s", path);
	s->path = xstrdup(path);
	s->self = geteuid();
	if (open_parts(s, create, err))
		return true;
	spool_close(s);
	return false;
}

void
spool_close(struct spool *s)
{
	const int open[] = { s->dir, s->queue, s->failed, s->damaged, s->tmp, s->drop };

	/* a zeroed one owns nothing */
	for (size_t i = 0; s->path && i < sizeof(open) / sizeof(*open); i++)
		if (open[i] >= 0)
			close(open[i]);
	free(s->path);
	*s = (struct spool)SPOOL_NONE;
}

bool
spool_each_name(
	int directory, bool (*each)(void *ctx, const char *name), void *ctx, struct error *err)
{
	/* a description of its own: others may be reading the same directory */
	int fd = openat(directory, ".", DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool good;

	if (!d) {
		error_sys(err, FAULT_TEMPORARY, errno, "unable to list the spool");
		if (fd >= 0)
			close(fd);
		return false;
	}
	do {
		errno = 0;
		entry = readdir(d);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
				  each(ctx, entry->d_name)));
	good = entry || !errno || error_sys(err, FAULT_IO, errno, "unable to list the spool");
	closedir(d);
	return good;
}

struct scan {
	int directory;
	bool (*item)(void *ctx, const struct spool_item *item);
	bool (*name)(void *ctx, const char *id);
	void *ctx;
};

static bool
scan_name(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	struct spool_item item = { .due = 0 };
	struct stat st;

	if (!entry_is_id(name))
		return true;
	if (scan->name)
		return scan->name(scan->ctx, name);
	/* gone since the name was read */
	if (fstatat(scan->directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	memcpy(item.id, name, ENTRY_ID);
	item.due = st.st_mtim.tv_sec;
	item.size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	item.held = S_ISREG(st.st_mode) && st.st_mode & S_IXUSR;
	return scan->item(scan->ctx, &item);
}

bool
spool_scan(struct spool *s, bool failed, bool (*each)(void *ctx, const struct spool_item *item),
	void *ctx, struct error *err)
{
	struct scan scan = { .directory = failed ? s->failed : s->queue, .item = each, .ctx = ctx };

	return spool_each_name(scan.directory, scan_name, &scan, err);
}

bool
spool_names(struct spool *s, bool failed, bool (*each)(void *ctx, const char *id), void *ctx,
	struct error *err)
{
	struct scan scan = { .name = each, .ctx = ctx };

	return spool_each_name(failed ? s->failed : s->queue, scan_name, &scan, err);
}

static bool
count_one(void *ctx, const char *name)
{
	(void)name;
	++*(unsigned long *)ctx;
	return true;
}

unsigned long
spool_damaged_count(const struct spool *s)
{
	struct error ignored = ERROR_NONE;
	unsigned long n = 0;

	(void)!spool_each_name(s->damaged, count_one, &n, &ignored);
	return n;
}
