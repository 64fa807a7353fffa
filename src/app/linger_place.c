#include "linger_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "remember.h"

#define PREFIX    "link-"
#define SUFFIX    ".lock"
#define SWEEP_AGE 86400 /* seconds after which what a killed process has left is removed */
#define SWEEP_MAX 1024  /* entries that are looked at */
#define WAITING   4     /* clients that may wait for a process */

/* A private directory that is gone with the machine, if there is one. */
static const char *
directory(void)
{
	static char path[64];
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

	if (!runtime || *runtime != '/') {
		snprintf(path, sizeof(path), "/run/user/%u/sendoff", (unsigned)geteuid());
		if (memo_prepare(path, true))
			return path;
		if (!geteuid() && memo_prepare("/run/sendoff-0", true))
			return "/run/sendoff-0";
	}
	return remember_directory();
}

/* False when the place has no room for a path. */
static bool
name_path(struct place *p, const char *dir, const struct memo_key *name, unsigned slot)
{
	size_t n = strlen(dir), room = sizeof(PREFIX) + MEMO_KEY + 2;

	/* half of the key makes a name that no other has; all of it is compared later */
	if (n + 1 + room > sizeof(p->path))
		return false;
	n = (size_t)snprintf(p->path, sizeof(p->path), "%s/" PREFIX, dir);
	for (size_t i = 0; i < MEMO_KEY / 2; i++, n += 2)
		snprintf(p->path + n, sizeof(p->path) - n, "%02x", name->octets[i]);
	snprintf(p->path + n, sizeof(p->path) - n, "-%u", slot);
	return true;
}

static void
name_lock(const struct place *p, char out[sizeof(p->path) + sizeof(SUFFIX)])
{
	snprintf(out, sizeof(p->path) + sizeof(SUFFIX), "%s" SUFFIX, p->path);
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
place_leave(struct place *p)
{
	close_one(&p->fd);
	close_one(&p->lock);
}

/* Takes the lock of the slot if it is free. */
static bool
lock(struct place *p, bool create)
{
	char path[sizeof(p->path) + sizeof(SUFFIX)];
	struct stat held, named;

	name_lock(p, path);
	p->lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0),
		S_IRUSR | S_IWUSR);
	if (p->lock >= 0 && flock(p->lock, LOCK_EX | LOCK_NB) == 0 && !fstat(p->lock, &held) &&
		!lstat(path, &named) && held.st_dev == named.st_dev &&
		held.st_ino == named.st_ino && S_ISREG(held.st_mode))
		return true;
	/* busy, absent, or removed while we opened it */
	close_one(&p->lock);
	return false;
}

bool
place_is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static struct sockaddr_un
address_of(const struct place *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, p->path, sizeof(a.sun_path));
	return a;
}

static bool
open_socket(struct place *p)
{
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return p->fd >= 0;
}

static bool
reach(struct place *p)
{
	const struct sockaddr_un a = address_of(p);

	if (open_socket(p) && connect(p->fd, (const struct sockaddr *)&a, sizeof(a)) == 0 &&
		place_is_ours(p->fd))
		return true;
	close_one(&p->fd);
	return false;
}

bool
place_reach(const struct memo_key *name, struct place *p)
{
	const char *dir = directory();

	*p = (struct place)PLACE_NONE;
	for (unsigned i = 0; dir && i < PLACE_SLOTS && name_path(p, dir, name, i); i++) {
		if (lock(p, false) && reach(p))
			return true;
		place_leave(p);
	}
	return false;
}

static bool
listen_at(struct place *p)
{
	const struct sockaddr_un a = address_of(p);
	mode_t mask = umask(S_IRWXG | S_IRWXO);
	struct stat st;
	bool good = open_socket(p) && bind(p->fd, (const struct sockaddr *)&a, sizeof(a)) == 0 &&
		    listen(p->fd, WAITING) == 0 && !lstat(p->path, &st);

	umask(mask);
	if (good) {
		p->device = st.st_dev;
		p->inode = st.st_ino;
	}
	return good;
}

/* Removes what processes that were killed have left long ago. */
static void
sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct stat st;

	for (int i = 0; d && i < SWEEP_MAX && (entry = readdir(d)); i++)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
			!fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
			st.st_ctime + SWEEP_AGE < clock_wall())
			(void)!unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

bool
place_claim(const struct memo_key *name, struct place *p)
{
	const char *dir = directory();
	bool good = false;

	*p = (struct place)PLACE_NONE;
	for (unsigned i = 0; dir && !good && i < PLACE_SLOTS && name_path(p, dir, name, i); i++) {
		/* somebody listens there, and is not busy: it may serve others */
		if (lock(p, true) && !reach(p)) {
			unlink(p->path);
			good = listen_at(p);
		}
		if (!good)
			place_leave(p);
	}
	close_one(&p->lock);
	if (good)
		sweep(dir);
	return good;
}

void
place_remove(struct place *p)
{
	char path[sizeof(p->path) + sizeof(SUFFIX)];
	struct stat st;

	name_lock(p, path);
	close_one(&p->fd);
	/* a client that holds the lock sees that we have gone; whoever comes next cleans up */
	if (lock(p, false) && !lstat(p->path, &st) && st.st_dev == p->device &&
		st.st_ino == p->inode) {
		unlink(p->path);
		unlink(path);
	}
	place_leave(p);
}
