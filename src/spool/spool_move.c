#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry_private.h"
#include "error.h"
#include "spool.h"
#include "spool_private.h"

static int
directory_of(const struct spool *s, const struct entry *e)
{
	return e->failed ? s->failed : s->queue;
}

static bool
flush(int directory, const char *what, struct error *err)
{
	if (fsync(directory) == 0)
		return true;
	return error_sys(err, FAULT_IO, errno, "unable to %s durably", what);
}

bool
spool_remove(struct spool *s, struct entry *e, bool later, struct error *err)
{
	int directory = directory_of(s, e);

	/* somebody may have taken it away by hand */
	if (unlinkat(directory, e->id, 0) != 0 && errno != ENOENT)
		return error_sys(err, FAULT_IO, errno, "unable to remove message %s", e->id);
	return later || flush(directory, "remove a message", err);
}

bool
spool_flush(struct spool *s, struct error *err)
{
	return flush(s->queue, "remove messages", err);
}

/* True iff NAME of DIRECTORY is the entry's own file. */
static bool
is_own(int directory, const struct entry *e)
{
	struct stat there, mine;

	return fstatat(directory, e->id, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(e->fd, &mine) == 0 && there.st_ino == mine.st_ino &&
	       there.st_dev == mine.st_dev;
}

/* Two names for a moment instead of a rename: a cut may lose either directory's change, and must
 * not lose the message. */
static bool
move(struct spool *s, struct entry *e, int to, struct error *err)
{
	int from = directory_of(s, e), sys;

	if (linkat(from, e->id, to, e->id, 0) != 0 && !(errno == EEXIST && is_own(to, e))) {
		sys = errno;
		if (sys == EEXIST || sys == ENOENT || sys == ENOSPC || sys == EDQUOT ||
			sys == EROFS || sys == EIO ||
			renameat2(from, e->id, to, e->id, RENAME_NOREPLACE) != 0)
			return error_sys(err,
				sys == ENOSPC || sys == EDQUOT ? FAULT_TEMPORARY : FAULT_IO, sys,
				"unable to move message %s", e->id);
	}
	e->failed = to == s->failed;
	return flush(to, "move a message", err) &&
	       ((unlinkat(from, e->id, 0) == 0 || errno == ENOENT) ||
		       error_sys(err, FAULT_IO, errno, "unable to move message %s", e->id)) &&
	       flush(from, "move a message", err);
}

bool
spool_fail(struct spool *s, struct entry *e, struct error *err)
{
	if (!e->failed && !move(s, e, s->failed, err))
		return false;
	e->state = ENTRY_FAILED;
	return true;
}

bool
spool_retry(struct spool *s, struct entry *e, int64_t due, struct error *err)
{
	if (!spool_set_due(s, e, due, err) || (e->failed && !move(s, e, s->queue, err)))
		return false;
	e->state = ENTRY_QUEUED;
	return true;
}

bool
spool_set_due(struct spool *s, struct entry *e, int64_t due, struct error *err)
{
	struct timespec times[2];

	(void)s;
	entry_set_due(times, due);
	if (futimens(e->fd, times) != 0)
		return error_sys(
			err, FAULT_IO, errno, "unable to set the time of message %s", e->id);
	e->due = times[1].tv_sec;
	return true;
}

bool
spool_hold(struct spool *s, struct entry *e, bool held, int64_t now, struct error *err)
{
	enum entry_state was = e->state;

	(void)s;
	if (was == ENTRY_FAILED)
		return error_set(err, FAULT_DATA, "message %s has failed", e->id);
	if (held != (was == ENTRY_HELD)) {
		e->state = held ? ENTRY_HELD : ENTRY_QUEUED;
		if (!entry_append(e, NULL, now, err)) {
			e->state = was;
			return false;
		}
	}
	if (fchmod(e->fd, held ? 0700 : 0600) != 0)
		return error_sys(err, FAULT_IO, errno, "unable to %s message %s",
			held ? "hold" : "release", e->id);
	return true;
}
