/* Files without a name, and how they get one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entry_private.h"
#include "error.h"
#include "spool_private.h"

unsigned spool_without;

void
spool_name_tmp(char out[SPOOL_TMP_NAME], const char *id, unsigned n)
{
	snprintf(out, SPOOL_TMP_NAME, "%s.%u", id, n % 10u);
}

bool
spool_give(const struct spool *s, int fd)
{
	if (s->self || !s->owner)
		return true;
	return fchown(fd, s->owner, (gid_t)-1) == 0;
}

int
spool_open_unnamed(int directory, unsigned mode)
{
	if (spool_without & SPOOL_WITHOUT_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

/* The file's name in /proc. */
static void
name_in_proc(char out[32], int fd)
{
	snprintf(out, 32, "/proc/self/fd/%d", fd);
}

bool
spool_link(int fd, int directory, const char *name)
{
	char path[32];

	if (spool_without & SPOOL_WITHOUT_PROC) {
		errno = ENOENT;
		return false;
	}
	name_in_proc(path, fd);
	if (linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0)
		return true;
	/* without /proc: what newer kernels let the process do that opened the file */
	return errno == ENOENT && linkat(fd, "", directory, name, AT_EMPTY_PATH) == 0;
}

bool
spool_link_is_impossible(int sys)
{
	return sys == ENOENT || sys == EXDEV || sys == EPERM || sys == EACCES || sys == EINVAL ||
	       sys == EOPNOTSUPP;
}

bool
spool_unnamed_is_impossible(int sys)
{
	return sys == EOPNOTSUPP || sys == EISDIR || sys == EINVAL || sys == ENOENT;
}

int
spool_open_again(int fd)
{
	char path[32];

	if (spool_without & (SPOOL_WITHOUT_PROC | SPOOL_WITHOUT_TMPFILE))
		return -1;
	name_in_proc(path, fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

bool
spool_is_in_place(const struct message *m, dev_t device, uid_t owner)
{
	struct stat st;

	if (m->fd < 0 || m->borrowed || m->base != ENTRY_BLOCK || fstat(m->fd, &st) != 0)
		return false;
	return S_ISREG(st.st_mode) && !st.st_nlink && st.st_dev == device &&
	       (st.st_uid == owner || !geteuid()) && (st.st_mode & 07777) == 0600;
}

void
spool_take_in(struct entry *e, int fd, const struct envelope *v, const struct message *m)
{
	struct message *view = &e->message;

	/* the caller may hand in what stands in the entry already */
	if (v != &e->envelope)
		envelope_copy(&e->envelope, v);
	if (m != view) {
		message_done(view);
		strbuf_add(&view->header, m->header.s, m->header.len);
		view->facts = m->facts;
	}
	strbuf_done(&view->memory);
	if (view->fd >= 0 && !view->borrowed)
		close(view->fd);
	view->fd = fd;
	view->borrowed = true;
	view->base = ENTRY_BLOCK;
	e->fd = fd;
}
