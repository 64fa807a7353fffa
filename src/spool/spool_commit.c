#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry_private.h"
#include "error.h"
#include "spool.h"
#include "spool_private.h"

#define TRIES 4 /* ids made by chance that exist already */

/* A commit under way. */
struct commit {
	struct spool *s;
	struct entry *e;
	const struct envelope *envelope;
	const struct message *message;
	bool own_id;                /* the caller's: there is no other */
	bool existed;               /* and it is there already */
	char named[SPOOL_TMP_NAME]; /* the name in tmp/ while there is one */
};

static bool
cannot_keep(int sys, struct error *err)
{
	return error_sys(err, FAULT_TEMPORARY, sys, "unable to keep the message in the spool");
}

/* Writes the entry into FD and makes all of it right but its name. */
static bool
prepare(struct commit *c, int fd, bool same, struct error *err)
{
	bool held = c->e->state == ENTRY_HELD || c->e->state == ENTRY_UNCERTAIN;
	struct timespec times[2];

	if (!entry_write(fd, c->e, c->envelope, c->message, same, err))
		return false;
	entry_set_due(times, c->e->due);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !spool_give(c->s, fd) ||
		(held && fchmod(fd, 0700) != 0) || futimens(fd, times) != 0)
		return cannot_keep(errno, err);
	return true;
}

/* The name is there: makes it last, or takes it back. Nothing is flushed twice after an error,
 * since the kernel may have dropped what it could not write. */
static bool
make_durable(struct commit *c, int fd, struct error *err)
{
	int sys;

	if (fsync(fd) == 0 && fsync(c->s->queue) == 0)
		return true;
	sys = errno;
	(void)!unlinkat(c->s->queue, c->e->id, 0);
	(void)!fsync(c->s->queue);
	return cannot_keep(sys, err);
}

/* Gives FD its name by HOW; false with errno. */
static bool
give_name(struct commit *c, int fd, bool (*how)(struct commit *c, int fd))
{
	for (int i = 0; !how(c, fd); i++) {
		if (errno != EEXIST || c->own_id || i == TRIES)
			return false;
		entry_new_id(c->e->id, c->e->created);
	}
	return true;
}

static bool
link_unnamed(struct commit *c, int fd)
{
	return spool_link(fd, c->s->queue, c->e->id);
}

/* Closes FD unless the commit is done; a file system or system that cannot do it this way is no
 * error: *RET_OTHER. */
static bool
commit_unnamed(struct commit *c, int fd, bool same, bool *ret_other, struct error *err)
{
	bool good = prepare(c, fd, same, err);

	if (good && !give_name(c, fd, link_unnamed)) {
		if (errno == EEXIST)
			c->existed = true;
		else if (spool_link_is_impossible(errno))
			*ret_other = true;
		else
			cannot_keep(errno, err);
		good = false;
	} else if (good) {
		good = make_durable(c, fd, err);
	}
	if (good)
		spool_take_in(c->e, fd, c->envelope, c->message);
	else
		close(fd);
	return good;
}

static bool
move_named(struct commit *c, int fd)
{
	(void)fd;
	if (renameat2(c->s->tmp, c->named, c->s->queue, c->e->id, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	/* a file system that cannot promise not to replace: a link does */
	if (linkat(c->s->tmp, c->named, c->s->queue, c->e->id, 0) != 0)
		return false;
	(void)!unlinkat(c->s->tmp, c->named, 0);
	return true;
}

/* For systems without O_TMPFILE or /proc. */
static bool
commit_named(struct commit *c, struct error *err)
{
	bool good;
	int fd = -1;

	/* another process may be about to make the same id */
	for (unsigned i = 0; fd < 0 && i < SPOOL_TMP_NAMES; i++) {
		spool_name_tmp(c->named, c->e->id, i);
		fd = openat(c->s->tmp, c->named, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
			0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return cannot_keep(errno, err);
	good = prepare(c, fd, false, err);
	if (good && !give_name(c, fd, move_named)) {
		if (errno == EEXIST)
			c->existed = true;
		else
			cannot_keep(errno, err);
		good = false;
	}
	if (!good)
		(void)!unlinkat(c->s->tmp, c->named, 0);
	else
		good = make_durable(c, fd, err);
	if (good)
		spool_take_in(c->e, fd, c->envelope, c->message);
	else
		close(fd);
	return good;
}

static bool
commit(struct commit *c, struct error *err)
{
	bool other = false;
	int fd;

	if (spool_is_in_place(c->message, c->s->device, c->s->owner)) {
		fd = spool_open_again(c->message->fd);
		if (fd >= 0 && commit_unnamed(c, fd, true, &other, err))
			return true;
		if (c->existed || err->fault)
			return false;
	}
	fd = spool_open_unnamed(c->s->queue, 0600);
	if (fd >= 0) {
		other = false;
		if (commit_unnamed(c, fd, false, &other, err))
			return true;
		if (!other)
			return false;
	} else if (!spool_unnamed_is_impossible(errno)) {
		return cannot_keep(errno, err);
	}
	return commit_named(c, err);
}

/* Whoever made the entry that exists may not have come to flush it. */
static bool
flush_existing(struct spool *s, const char *id, bool failed, struct error *err)
{
	int directory = failed ? s->failed : s->queue;
	int fd = openat(directory, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0 && fsync(directory) == 0;
	int sys = errno;

	if (fd >= 0)
		close(fd);
	/* gone is delivered */
	return good || (fd < 0 && sys == ENOENT) || cannot_keep(sys, err);
}

bool
spool_commit(struct spool *s, struct entry *e, const struct envelope *envelope,
	const struct message *message, int64_t due, bool *ret_existed, struct error *err)
{
	struct commit c = {
		.s = s, .e = e, .envelope = envelope, .message = message, .own_id = *e->id
	};
	struct error why = ERROR_NONE;
	struct stat st;
	bool failed = false;

	if (c.own_id && !entry_is_id(e->id))
		return error_set(err, FAULT_SOFTWARE, "the id of a message is malformed");
	if (!c.own_id)
		entry_new_id(e->id, e->created);
	e->due = due;
	if (c.own_id && fstatat(s->failed, e->id, &st, AT_SYMLINK_NOFOLLOW) == 0)
		c.existed = failed = true;
	else if (commit(&c, &why))
		return true;
	if (ret_existed)
		*ret_existed = c.existed;
	if (c.existed && ret_existed)
		return flush_existing(s, e->id, failed, err);
	if (c.existed)
		return error_set(err, FAULT_TEMPORARY, "there is a message %s already", e->id);
	if (!c.own_id)
		*e->id = '\0';
	if (err)
		*err = why;
	return false;
}
