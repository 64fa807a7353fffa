#include "keys.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "strbuf.h"

#define TYPE "user"

/* linux/key.h, which is not for programs: who possesses a key through a keyring of his own may do
 * everything; its owner, in a session that is not linked to that keyring (a service of systemd),
 * everything but change whose it is; group and others nothing. */
#define POSSESSOR_ALL 0x3f000000L
#define OWNER_ALL     0x003f0000L

static long
key_control(int operation, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, operation, a, b, c, d);
}

/* Keyrings are those of the real user: a program that runs for somebody else has none. */
static bool
is_ourselves(void)
{
	if (getuid() == geteuid())
		return true;
	errno = EPERM;
	return false;
}

/* The keyring that outlives the user's last process, where there is one; -1. */
static long
persistent(void)
{
	return key_control(KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0, 0);
}

static long
search(long ring, const char *name)
{
	return key_control(KEYCTL_SEARCH, ring, (long)(uintptr_t)TYPE, (long)(uintptr_t)name, 0);
}

/* Who owns it: "user;UID;GID;PERMISSIONS;NAME". Keyrings can be linked to one another, and what
 * others have put there is not ours. */
static bool
is_trusted(long key)
{
	char text[8192], *at;
	long n =
		key_control(KEYCTL_DESCRIBE, key, (long)(uintptr_t)text, (long)sizeof(text) - 1, 0);
	unsigned long owner;

	if (n <= 0 || (size_t)n >= sizeof(text))
		return false;
	text[n] = '\0';
	if (!(at = strchr(text, ';')))
		return false;
	owner = strtoul(at + 1, NULL, 10);
	return owner == 0 || owner == getuid();
}

/* Finds a key that may be believed; -1 with the reason that says most in *RET_ERRNO. */
static long
find(const char *name, int *ret_errno)
{
	long key;

	*ret_errno = ENOKEY;
	for (int place = 0; place < 3; place++) {
		long ring = place == 0 ? KEY_SPEC_USER_KEYRING : -1;

		if (place == 1 && (ring = persistent()) < 0)
			continue;
		/* no callout information: nothing is started to make the key */
		key = place == 2 ? syscall(SYS_request_key, TYPE, name, NULL, 0)
				 : search(ring, name);
		if (key >= 0 && is_trusted(key))
			return key;
		if (key < 0 && *ret_errno == ENOKEY)
			*ret_errno = errno;
	}
	return -1;
}

/* What a key holds: its length may change between two calls. */
static bool
take(long key, struct strbuf *ret)
{
	size_t room;
	char *to;
	long n;

	for (int i = 0; i < 4; i++) {
		n = key_control(KEYCTL_READ, key, 0, 0, 0);
		if (n < 0)
			return false;
		room = (size_t)n;
		if (!(to = strbuf_reserve(ret, room))) {
			errno = E2BIG;
			return false;
		}
		n = key_control(KEYCTL_READ, key, (long)(uintptr_t)to, (long)room, 0);
		if (n < 0)
			return false;
		if ((size_t)n <= room) {
			strbuf_advance(ret, (size_t)n);
			return true;
		}
	}
	errno = EAGAIN;
	return false;
}

bool
keys_read(const char *name, struct strbuf *ret, int *ret_errno)
{
	int sys = EPERM;
	bool good = false;
	long key;

	ret->secret = true;
	if (is_ourselves() && (key = find(name, &sys)) >= 0) {
		good = take(key, ret);
		sys = errno;
	}
	if (!good && ret_errno)
		*ret_errno = sys;
	return good;
}

bool
keys_write(const char *name, const struct strbuf *value, unsigned seconds)
{
	long key, ring;
	int sys;

	if (!is_ourselves())
		return false;
	/* an update would keep who may read it, and a time-out that has passed */
	keys_remove(name);
	key = syscall(SYS_add_key, TYPE, name, value->s, value->len, KEY_SPEC_USER_KEYRING);
	if (key < 0)
		return false;
	if (key_control(KEYCTL_SETPERM, key, POSSESSOR_ALL | OWNER_ALL, 0, 0) < 0 ||
		(seconds && key_control(KEYCTL_SET_TIMEOUT, key, (long)seconds, 0, 0) < 0)) {
		sys = errno;
		keys_remove(name);
		errno = sys;
		return false;
	}
	/* older kernels drop the user's keyring with the last process */
	if ((ring = persistent()) >= 0)
		(void)key_control(KEYCTL_LINK, key, ring, 0, 0);
	return true;
}

/* Takes it out of RING; its number, -1 when it was not there. */
static long
drop(long ring, const char *name)
{
	long key = search(ring, name);

	if (key >= 0)
		(void)key_control(KEYCTL_UNLINK, key, ring, 0, 0);
	return key;
}

bool
keys_remove(const char *name)
{
	long key, kept, ring;

	if (!is_ourselves())
		return false;
	key = drop(KEY_SPEC_USER_KEYRING, name);
	kept = (ring = persistent()) < 0 ? -1 : drop(ring, name);
	/* who has found it already cannot read it any more; only now, since an invalid key that is
	 * still in a keyring is taken for one that was revoked */
	if (key >= 0)
		(void)key_control(KEYCTL_INVALIDATE, key, 0, 0, 0);
	if (kept >= 0 && kept != key)
		(void)key_control(KEYCTL_INVALIDATE, kept, 0, 0, 0);
	return key >= 0 || kept >= 0;
}
