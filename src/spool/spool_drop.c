/* The submitter's side of the in-tray: a directory that he can write to, and neither list nor open.
 */
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

/* A drop under way. */
struct drop {
	int directory;
	struct entry *e;
	const struct envelope *envelope;
	const struct message *message;
};

/* How one way of dropping ended. */
enum end { DROPPED, FAILED, OTHER_WAY };

static bool
cannot_drop(int sys, struct error *err)
{
	return error_sys(err, FAULT_TEMPORARY, sys, "unable to hand the message to the service");
}

/* Group and mode let the runner read it: the directory gives its files its group. */
static bool
prepare(struct drop *d, int fd, bool same, struct error *err)
{
	if (!entry_write(fd, d->e, d->envelope, d->message, same, err))
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fchmod(fd, 0640) != 0)
		return cannot_drop(errno, err);
	return true;
}

/* The directory cannot be opened to flush it, so all of its file system is. */
static bool
make_durable(struct drop *d, int fd, struct error *err)
{
	int sys;

	if (fsync(fd) == 0 && syncfs(fd) == 0)
		return true;
	sys = errno;
	(void)!unlinkat(d->directory, d->e->id, 0);
	return cannot_drop(sys, err);
}

/* Takes over FD. */
static enum end
drop_unnamed(struct drop *d, int fd, bool same, struct error *err)
{
	enum end end = FAILED;

	if (!prepare(d, fd, same, err))
		end = FAILED;
	else if (spool_link(fd, d->directory, d->e->id))
		end = make_durable(d, fd, err) ? DROPPED : FAILED;
	else if (spool_link_is_impossible(errno))
		end = OTHER_WAY;
	else
		cannot_drop(errno, err);
	if (end == DROPPED)
		spool_take_in(d->e, fd, d->envelope, d->message);
	else
		close(fd);
	return end;
}

/* Under a name that the runner passes over until it is the right one. */
static bool
drop_named(struct drop *d, struct error *err)
{
	char hidden[ENTRY_ID + 2];
	bool good;
	int fd;

	snprintf(hidden, sizeof(hidden), ".%s", d->e->id);
	fd = openat(d->directory, hidden, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return cannot_drop(errno, err);
	good = prepare(d, fd, false, err);
	if (good &&
		renameat2(d->directory, hidden, d->directory, d->e->id, RENAME_NOREPLACE) != 0 &&
		!((errno == EINVAL || errno == ENOSYS) &&
			renameat(d->directory, hidden, d->directory, d->e->id) == 0))
		good = cannot_drop(errno, err);
	if (!good)
		(void)!unlinkat(d->directory, hidden, 0);
	else
		good = make_durable(d, fd, err);
	if (good)
		spool_take_in(d->e, fd, d->envelope, d->message);
	else
		close(fd);
	return good;
}

static bool
drop(struct drop *d, struct error *err)
{
	enum end end = OTHER_WAY;
	struct stat st;
	int fd;

	if (fstat(d->directory, &st) != 0)
		return cannot_drop(errno, err);
	if (spool_is_in_place(d->message, st.st_dev, geteuid())) {
		fd = spool_open_again(d->message->fd);
		if (fd >= 0)
			end = drop_unnamed(d, fd, true, err);
	}
	if (end == OTHER_WAY) {
		fd = spool_open_unnamed(d->directory, 0600);
		if (fd >= 0)
			end = drop_unnamed(d, fd, false, err);
		else if (!spool_unnamed_is_impossible(errno))
			return cannot_drop(errno, err);
	}
	return end == OTHER_WAY ? drop_named(d, err) : end == DROPPED;
}

bool
spool_drop(const char *directory, struct entry *e, const struct envelope *envelope,
	const struct message *message, struct error *err)
{
	struct drop d = { .e = e, .envelope = envelope, .message = message };
	struct error why = ERROR_NONE;
	const bool own_id = *e->id;
	bool good;

	if (!own_id)
		entry_new_id(e->id, e->created);
	d.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d.directory < 0)
		return cannot_drop(errno, err);
	good = drop(&d, &why);
	close(d.directory);
	if (!good && !own_id)
		*e->id = '\0';
	if (!good && err)
		*err = why;
	return good;
}
