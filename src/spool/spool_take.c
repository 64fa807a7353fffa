/* The runner's side of the in-tray. Whatever lies there is somebody else's: it is read once,
 * through one descriptor, and only what was made of it is ever sent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "entry_private.h"
#include "error.h"
#include "io.h"
#include "spool.h"
#include "spool_private.h"
#include "spool_usage.h"

#define YOUNG       (60 * 60) /* seconds that somebody may still be writing */
#define DAMAGED_MAX (1 << 20) /* octets kept of what is no entry */
#define DAMAGED_FEW 100       /* files in damaged/ until nothing is kept any more */

struct taking {
	struct spool *s;
	const struct spool_limits *limits;
	void (*taken)(void *ctx, const struct entry *e);
	void *ctx;
	struct usage usage;
	bool counted;    /* all of the queue: not before there is something to take */
	char *directory; /* of queue/, for a long message */
	struct error *err;
};

/* Removes what lies at NAME; a directory that is not empty is left. */
static void
discard(struct taking *t, const char *name)
{
	if (unlinkat(t->s->drop, name, 0) != 0 && errno == EISDIR)
		(void)!unlinkat(t->s->drop, name, AT_REMOVEDIR);
}

static bool
count_name(void *ctx, const char *name)
{
	(void)name;
	return ++*(unsigned *)ctx < DAMAGED_FEW;
}

/* Keeps the beginning of what is no entry, for whoever wants to know, while there is little of it.
 */
static void
keep_damaged(struct taking *t, int from, const char *name)
{
	char id[ENTRY_ID + 1], *piece;
	unsigned count = 0;
	ssize_t got;
	int fd;

	if (!spool_each_name(t->s->damaged, count_name, &count, NULL) || count >= DAMAGED_FEW)
		return;
	if (entry_is_id(name))
		memcpy(id, name, sizeof(id));
	else
		entry_new_id(id, clock_wall());
	fd = openat(t->s->damaged, id, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	piece = xmalloc(DAMAGED_MAX);
	got = io_pread_full(from, piece, DAMAGED_MAX, 0);
	if (!spool_give(t->s, fd) || got < 0 || !io_write_full(fd, piece, (size_t)got))
		(void)!unlinkat(t->s->damaged, id, 0);
	free(piece);
	close(fd);
}

/* True iff the entry ID of queue/ was made from the drop E already, before the drop could be
 * removed. */
static bool
was_taken(struct taking *t, const char *id, const struct entry *e)
{
	struct entry there = ENTRY_NONE;
	bool same = spool_look(t->s, id, false, &there, NULL) == SPOOL_CLAIMED &&
		    there.uid == e->uid && there.print == e->print;

	entry_done(&there);
	return same;
}

/* Commits the message of the drop E, whose uid is its owner's. */
static bool
commit(struct taking *t, const char *name, const struct entry *e, struct error *err)
{
	int64_t now = clock_wall();
	struct message m = MESSAGE_NONE;
	struct entry fresh = ENTRY_NONE;
	bool existed = false, good;

	if (t->limits->message_octets && message_size(&e->message) > t->limits->message_octets)
		return error_set(err, FAULT_DATA, "the message is too large");
	/* an id that is derived is not for others to make */
	if (entry_is_id(name) && !entry_is_derived(name))
		memcpy(fresh.id, name, sizeof(fresh.id));
	memcpy(fresh.account, e->account, sizeof(fresh.account));
	fresh.uid = e->uid;
	fresh.created = now;
	fresh.not_before = e->not_before > now ? e->not_before : now;
	fresh.lifetime = e->lifetime;
	fresh.notify_error = e->notify_error;
	good = message_read_anew(&e->message, t->directory, ENTRY_BLOCK, &m, err) &&
	       spool_commit(t->s, &fresh, &e->envelope, &m, fresh.not_before, &existed, err);
	if (good && existed && !was_taken(t, name, e)) {
		*fresh.id = '\0';
		good = spool_commit(t->s, &fresh, &e->envelope, &m, fresh.not_before, NULL, err);
	}
	if (good && fresh.fd >= 0) {
		struct usage_row *row = usage_of(&t->usage, fresh.uid);

		row->messages++;
		row->octets += message_size(&m);
		if (t->taken)
			t->taken(t->ctx, &fresh);
	}
	entry_done(&fresh);
	message_done(&m);
	return good;
}

static bool
is_allowed(struct taking *t, const struct entry *e, struct error *err)
{
	const struct spool_limits *l = t->limits;

	if (!l->may || l->may(l->may_ctx, e, err))
		return true;
	if (t->err && !t->err->fault) {
		*t->err = *err;
		error_prefix(t->err, "a message in the in-tray");
	}
	return false;
}

/* Takes one regular file over, by FD, which is closed. False only if no other could be taken
 * either. */
static bool
take_file(struct taking *t, const char *name, int fd, uid_t uid)
{
	struct entry e = ENTRY_NONE;
	struct error err = ERROR_NONE;
	bool good, allowed, refused;

	good = entry_read(fd, ENTRY_WHOLE, &e, &err);
	e.uid = uid;
	/* what became of it elsewhere is not to be believed */
	for (size_t i = 0; good && i < e.envelope.count; i++)
		recipient_set(&e.envelope.recipients[i], OUTCOME_PENDING, 0, (struct enhanced){ 0 },
			NULL, NULL);
	allowed = !good || is_allowed(t, &e, &err);
	good = good && allowed && commit(t, name, &e, &err);
	refused = err.fault == FAULT_DATA || (!allowed && err.fault == FAULT_PERMISSION);
	if (refused)
		keep_damaged(t, fd, name);
	if (good || refused)
		discard(t, name);
	entry_done(&e);
	if (good || !allowed || err.fault != FAULT_TEMPORARY)
		return true;
	if (t->err)
		*t->err = err;
	return false;
}

static bool
is_over(struct taking *t, uid_t uid, uint64_t octets)
{
	const struct spool_limits *l = t->limits;
	struct usage_row *row;

	if (!l->messages && !l->octets)
		return false;
	if (!t->counted && !usage_count(&t->usage, t->s, t->err))
		return true;
	t->counted = true;
	row = usage_of(&t->usage, uid);

	return (l->messages && row->messages >= l->messages) ||
	       (l->octets && row->octets + octets > l->octets);
}

static bool
take_name(void *ctx, const char *name)
{
	struct taking *t = ctx;
	struct stat st;
	bool young;
	int fd;

	if (fstatat(t->s->drop, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	young = clock_wall() - st.st_ctim.tv_sec < YOUNG;
	if (S_ISREG(st.st_mode) && young && *name == '.')
		return true;
	fd = S_ISREG(st.st_mode)
		     ? openat(t->s->drop, name,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
		     : -1;
	if (fd < 0) {
		if (!S_ISREG(st.st_mode) || !young)
			discard(t, name);
		return true;
	}
	/* locked: its submitter has not finished yet. One name: it may be somebody else's file else
	 */
	if (flock(fd, LOCK_SH | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink) {
		if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
			discard(t, name);
		else if (!is_over(t, st.st_uid, (uint64_t)st.st_size))
			return take_file(t, name, fd, st.st_uid);
	}
	close(fd);
	return true;
}

/* True iff a user cannot link files that are not his into the in-tray. */
static bool
links_are_protected(struct error *err)
{
	int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
	char value = '0';
	bool known = fd >= 0 && io_read(fd, &value, 1) == 1;

	if (fd >= 0)
		close(fd);
	if (known && value != '0')
		return true;
	return error_set(err, FAULT_CONFIG,
		"nothing is taken from the in-tray of the spool while %s (set "
		"fs.protected_hardlinks "
		"to 1)",
		known ? "users may link files of others there"
		      : "it is not known whether users may link files of others there");
}

static bool
check_tray(struct spool *s, struct error *err)
{
	struct stat st;

	if (fstat(s->drop, &st) != 0)
		return error_sys(err, FAULT_IO, errno, "unable to look at the in-tray");
	if (st.st_uid == s->owner && (st.st_mode & S_ISVTX || !(st.st_mode & 022)))
		return true;
	return error_set(err, FAULT_CONFIG,
		"the in-tray %s/drop must belong to user %u and have the mode 3733", s->path,
		(unsigned)s->owner);
}

bool
spool_take_drops(struct spool *s, const struct spool_limits *limits,
	void (*taken)(void *ctx, const struct entry *e), void *ctx, struct error *err)
{
	struct taking t = { .s = s, .limits = limits, .taken = taken, .ctx = ctx };
	struct error why = ERROR_NONE;
	size_t n;
	bool good;

	if (s->drop < 0)
		return true;
	if (!check_tray(s, err) || !links_are_protected(err))
		return false;
	t.err = &why;
	n = strlen(s->path) + sizeof("/queue");
	t.directory = xmalloc(n);
	snprintf(t.directory, n, "%s/queue", s->path);
	good = spool_each_name(s->drop, take_name, &t, err);
	/* a drop that comes back after a power cut would be sent again */
	if (good && fsync(s->drop) != 0)
		good = error_sys(err, FAULT_IO, errno, "unable to empty the in-tray durably");
	usage_done(&t.usage);
	free(t.directory);
	if (!good || !why.fault)
		return good;
	if (err)
		*err = why;
	return false;
}
