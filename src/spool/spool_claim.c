#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "spool.h"
#include "spool_private.h"

#define STALE (60 * 60) /* seconds after which nobody is writing to a file in tmp/ any more */

bool
spool_put_away(struct spool *s, int directory, const char *name, struct error *err)
{
	char to[300];
	int moved = -1;

	snprintf(to, sizeof(to), "%.255s", name);
	for (int i = 1; moved != 0 && i < 10; i++) {
		moved = renameat2(directory, name, s->damaged, to, RENAME_NOREPLACE);
		if (moved != 0 && (errno == EINVAL || errno == ENOSYS))
			moved = renameat(directory, name, s->damaged, to);
		if (moved != 0 && errno != EEXIST)
			break;
		if (moved != 0)
			snprintf(to, sizeof(to), "%.255s.%d", name, i);
	}
	if (moved == 0 && fsync(s->damaged) == 0 && fsync(directory) == 0)
		return true;
	return error_sys(err, FAULT_IO, errno, "unable to move %s to damaged/", name);
}

static bool
is_same(int directory, const char *name, const struct stat *file)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == file->st_ino && st.st_dev == file->st_dev;
}

/* Takes the second name away that an interrupted move or commit left. Returns false if the one that
 * is left is not that of DIRECTORY. */
static bool
finish_interrupted(struct spool *s, int directory, const char *id, const struct stat *file)
{
	char tmp[SPOOL_TMP_NAME];

	for (unsigned i = 0; i < SPOOL_TMP_NAMES; i++) {
		spool_name_tmp(tmp, id, i);
		if (is_same(s->tmp, tmp, file))
			(void)!unlinkat(s->tmp, tmp, 0);
	}
	if (!is_same(s->queue, id, file) || !is_same(s->failed, id, file))
		return true;
	/* which way it was going is not known: what failed/ has is not sent by mistake */
	(void)!fsync(s->failed);
	(void)!unlinkat(s->queue, id, 0);
	(void)!fsync(s->queue);
	return directory == s->failed;
}

/* Says in *ERR what is wrong with the file if it is no entry of this spool. */
static bool
check_file(const struct spool *s, const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return error_set(err, FAULT_DATA, "it is no regular file");
	if (st->st_uid != s->owner)
		return error_set(err, FAULT_DATA, "it belongs to user %u, not to user %u",
			(unsigned)st->st_uid, (unsigned)s->owner);
	if (st->st_mode & 022)
		return error_set(err, FAULT_DATA, "others can write to it");
	if (st->st_nlink != 1)
		return error_set(err, FAULT_DATA, "it has %u names", (unsigned)st->st_nlink);
	return true;
}

/* Locks FD and makes sure that it is still what ID names. */
static enum spool_claim
lock(struct spool *s, int fd, int directory, const char *id, struct stat *st, struct error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return SPOOL_BUSY;
		error_sys(err, FAULT_IO, errno, "unable to lock message %s", id);
		return SPOOL_ERROR;
	}
	if (fstat(fd, st) != 0) {
		error_sys(err, FAULT_IO, errno, "unable to look at message %s", id);
		return SPOOL_ERROR;
	}
	/* between opening and locking it may have been delivered, or moved */
	if (!st->st_nlink || !is_same(directory, id, st))
		return SPOOL_GONE;
	if (st->st_nlink > 1) {
		if (!finish_interrupted(s, directory, id, st))
			return SPOOL_GONE;
		if (fstat(fd, st) != 0)
			return SPOOL_GONE;
	}
	return check_file(s, st, err) ? SPOOL_CLAIMED : SPOOL_DAMAGED;
}

/* What to make of an entry that cannot be opened. */
static enum spool_claim
not_opened(struct spool *s, int directory, const char *id, struct error *err)
{
	int sys = errno;
	struct stat st;

	if (sys == ENOENT || fstatat(directory, id, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return SPOOL_GONE;
	if (check_file(s, &st, err)) {
		error_sys(err, sys == EMFILE || sys == ENFILE ? FAULT_TEMPORARY : FAULT_IO, sys,
			"unable to open message %s", id);
		return SPOOL_ERROR;
	}
	return SPOOL_DAMAGED;
}

static void
set_place(struct entry *e, const char *id, bool failed)
{
	snprintf(e->id, sizeof(e->id), "%s", id);
	e->failed = failed;
	if (failed)
		e->state = ENTRY_FAILED;
	else if (e->state == ENTRY_FAILED)
		e->state = ENTRY_QUEUED;
}

/* Takes over FD. */
static enum spool_claim
claim(struct spool *s, int fd, int directory, const char *id, struct entry *ret, struct error *err)
{
	enum spool_claim got;
	struct stat st;
	bool bit;

	got = lock(s, fd, directory, id, &st, err);
	if (got != SPOOL_CLAIMED) {
		close(fd);
		return got;
	}
	if (!entry_read(fd, ENTRY_WHOLE, ret, err))
		return err->fault == FAULT_DATA ? SPOOL_DAMAGED : SPOOL_ERROR;
	set_place(ret, id, directory == s->failed);
	/* the record counts, the bit is what a scan sees of it; a kill may come between */
	bit = st.st_mode & S_IXUSR;
	if (ret->state == ENTRY_HELD && !bit)
		(void)!fchmod(fd, 0700);
	return SPOOL_CLAIMED;
}

enum spool_claim
spool_claim(struct spool *s, const char *id, bool failed, struct entry *ret, struct error *err)
{
	int directory = failed ? s->failed : s->queue, fd;
	struct error why = ERROR_NONE;
	enum spool_claim got = SPOOL_GONE;

	*ret = (struct entry)ENTRY_NONE;
	if (!entry_is_id(id))
		return SPOOL_GONE;
	fd = openat(directory, id, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		got = claim(s, fd, directory, id, ret, &why);
	else
		got = not_opened(s, directory, id, &why);
	if (got == SPOOL_DAMAGED) {
		error_prefix(&why, "message %s is damaged", id);
		if (!spool_put_away(s, directory, id, NULL))
			error_prefix(&why, "(and cannot be moved to damaged/)");
	}
	if (got != SPOOL_CLAIMED)
		entry_done(ret);
	if (err && why.fault)
		*err = why;
	return got;
}

enum spool_claim
spool_look(struct spool *s, const char *id, bool failed, struct entry *ret, struct error *err)
{
	int directory = failed ? s->failed : s->queue, fd;
	struct error why = ERROR_NONE;
	enum spool_claim got;

	*ret = (struct entry)ENTRY_NONE;
	if (!entry_is_id(id))
		return SPOOL_GONE;
	fd = openat(directory, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		got = not_opened(s, directory, id, &why);
	} else if (entry_read(fd, ENTRY_FACTS, ret, &why)) {
		set_place(ret, id, failed);
		return SPOOL_CLAIMED;
	} else {
		got = why.fault == FAULT_DATA ? SPOOL_DAMAGED : SPOOL_ERROR;
		entry_done(ret);
	}
	if (got == SPOOL_DAMAGED)
		error_prefix(&why, "message %s is damaged", id);
	if (err && why.fault)
		*err = why;
	return got;
}

struct tidying {
	struct spool *s;
	int64_t now;
};

static bool
tidy_name(void *ctx, const char *name)
{
	struct tidying *t = ctx;
	struct stat st;
	int fd;

	/* the time of its last change: the other one is when the message is due */
	if (fstatat(t->s->tmp, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
		t->now - st.st_ctim.tv_sec < STALE)
		return true;
	fd = openat(t->s->tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)!unlinkat(t->s->tmp, name, 0);
	close(fd);
	return true;
}

bool
spool_tidy(struct spool *s, struct error *err)
{
	struct tidying t = { s, clock_wall() };

	return spool_each_name(s->tmp, tidy_name, &t, err);
}
