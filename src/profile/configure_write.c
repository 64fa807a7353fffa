/* A configuration file takes the place of the one before. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "configure.h"
#include "error.h"
#include "io.h"
#include "trusted.h"

#define COPIES 100 /* in one second */

/* A place being written to. */
struct place {
	int directory; /* locked */
	const char *name;
	char fresh[NAME_MAX + 32];
};

static bool
fail(struct error *err, const char *path)
{
	return error_sys(err, FAULT_CREATE, errno, "unable to write %s", path);
}

/* Opens the directory, and keeps other processes that set accounts up out of it. */
static bool
open_place(struct place *p, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *directory =
		slash ? xstrndup(path, (size_t)(slash - path + (slash == path))) : xstrdup(".");

	p->name = slash ? slash + 1 : path;
	p->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (p->directory < 0)
		return fail(err, path);
	if (strlen(p->name) > NAME_MAX - 32)
		return error_set(err, FAULT_CREATE, "the name of %s is too long", path);
	snprintf(p->fresh, sizeof(p->fresh), ".%s.new", p->name);
	if (flock(p->directory, LOCK_EX | LOCK_NB) == 0)
		return true;
	return error_set(err, FAULT_TEMPORARY, "another process is changing %s: try again", path);
}

/* It may have been edited meanwhile. */
static bool
check_unchanged(const struct configure *c, struct error *err)
{
	struct strbuf now = STRBUF_INIT_SECRET(PROFILE_FILE_MAX);
	bool missing = false;
	bool read = trusted_read(c->path, TRUSTED_CONFIG, &now, &missing, NULL);
	bool same = c->exists ? read && now.len == c->before.len &&
					memcmp(now.s, c->before.s, now.len) == 0
			      : missing;

	strbuf_done(&now);
	return same ||
	       error_set(err, FAULT_TEMPORARY,
		       "%s has changed meanwhile, and was left as it is: try again", c->path);
}

/* Writes the new file beside the old one, for good. */
static bool
write_fresh(const struct configure *c, const struct place *p, mode_t mode, struct error *err)
{
	struct stat st;
	int fd;
	bool good;

	unlinkat(p->directory, p->fresh, 0); /* left by a process that was killed */
	fd = openat(
		p->directory, p->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, c->path);
	good = io_write_full(fd, c->after.s, c->after.len);
	if (good && c->exists && stat(c->path, &st) == 0) {
		mode = st.st_mode & 07777;
		/* another owner's file is written by root only */
		good = (st.st_uid == geteuid() && st.st_gid == getegid()) ||
		       fchown(fd, st.st_uid, st.st_gid) == 0;
	}
	good = good && fchmod(fd, mode) == 0 && fsync(fd) == 0;
	if (!good)
		fail(err, c->path);
	if (close(fd) < 0 && good)
		good = fail(err, c->path);
	if (!good)
		unlinkat(p->directory, p->fresh, 0);
	return good;
}

/* Gives the old file a second name. */
static bool
keep_copy(const struct configure *c, const struct place *p, struct strbuf *copy, struct error *err)
{
	char name[NAME_MAX + 64], date[32];
	time_t now = clock_wall();
	struct tm tm;

	if (!c->exists)
		return true;
	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &tm);
	for (int i = 1; i <= COPIES; i++) {
		snprintf(
			name, sizeof(name), i > 1 ? "%s.bak-%s-%d" : "%s.bak-%s", p->name, date, i);
		if (linkat(p->directory, p->name, p->directory, name, 0) == 0) {
			if (copy)
				strbuf_addf(copy, "%.*s%s",
					(int)(strlen(c->path) - strlen(p->name)), c->path, name);
			return true;
		}
		if (errno != EEXIST)
			break;
	}
	return error_sys(err, FAULT_CREATE, errno, "unable to keep a copy of %s", c->path);
}

bool
configure_write(struct configure *c, mode_t mode, struct strbuf *copy, struct error *err)
{
	struct place p = { .directory = -1 };
	bool good;

	/* below a home others have no business */
	if (!io_make_parents(c->path, mode & 077 ? 0755 : 0700))
		return error_sys(err, FAULT_CREATE, errno, "unable to make the directory of %s",
			c->path);
	good = open_place(&p, c->path, err) && check_unchanged(c, err) &&
	       write_fresh(c, &p, mode, err);
	if (good && (!keep_copy(c, &p, copy, err) ||
			    (renameat(p.directory, p.fresh, p.directory, p.name) < 0 &&
				    !fail(err, c->path)))) {
		unlinkat(p.directory, p.fresh, 0);
		good = false;
	}
	if (good && fsync(p.directory) < 0)
		good = fail(err, c->path);
	if (p.directory >= 0)
		close(p.directory);
	return good;
}
