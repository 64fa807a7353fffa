#include "keys.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "strbuf.h"
#include "tap.h"

static char name[64];

static struct strbuf
value(const char *s, size_t n)
{
	struct strbuf b = STRBUF_INIT_SECRET(KEYS_MAX + 1);

	strbuf_add(&b, s, n);
	return b;
}

static void
gives(const char *want, size_t n, const char *what)
{
	struct strbuf b = STRBUF_INIT(KEYS_MAX);
	int sys = 0;

	ok(keys_read(name, &b, &sys) && b.len == n && memcmp(b.s, want, n) == 0, "%s (%s)", what,
		strerror(sys));
	ok(b.secret, "%s: secret", what);
	strbuf_done(&b);
}

static void
fails(int want, const char *what)
{
	struct strbuf b = STRBUF_INIT(KEYS_MAX);
	int sys = 0;

	bool good = !keys_read(name, &b, &sys) && sys == want && !b.len;

	ok(good, "%s: %s", what, strerror(sys));
	strbuf_done(&b);
}

/* What somebody sees from a process as cron starts it: a session of its own, and no session keyring
 * but a new one that is linked to nothing, as systemd gives its services. */
static bool
another_session(bool unlinked)
{
	struct strbuf b = STRBUF_INIT(64);
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setsid();
		clearenv();
		if (unlinked && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
			_exit(3);
		_exit(!keys_read(name, &b, NULL) || strcmp(b.s, "hunter2") != 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Another user sees nothing, even where he knows the key's number. */
static bool
another_user(long key)
{
	struct strbuf b = STRBUF_INIT(64);
	int status = 0;
	pid_t pid = fork();
	char text[64];

	if (!pid) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(3);
		if (keys_read(name, &b, NULL))
			_exit(1);
		_exit(syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text)) >= 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static long
number(void)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", name, 0);
}

static void
seen_by(void)
{
	struct strbuf b = value("hunter2", 7);
	char text[256] = "";

	ok(keys_write(name, &b, 60), "written");
	gives("hunter2", 7, "read");
	ok(another_session(false), "another session of the same user reads it");
	ok(another_session(true), "one without a link to the user's keyring does");
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, number(), text, sizeof(text));
	ok(strstr(text, ";3f3f0000;") != NULL, "nobody but possessor and owner: %s", text);
	if (geteuid() == 0)
		ok(another_user(number()), "another user does not");
	strbuf_done(&b);
	b = value("other", 5);
	ok(keys_write(name, &b, 0), "replaced");
	gives("other", 5, "the new value");
	ok(keys_remove(name), "removed");
	fails(ENOKEY, "gone");
	ok(!keys_remove(name), "twice");
	strbuf_done(&b);
}

static void
limits(void)
{
	static char big[KEYS_MAX + 1];
	struct strbuf b = value(big, KEYS_MAX + 1), few = STRBUF_INIT_SECRET(4);
	int sys = 0;

	ok(!keys_write(name, &b, 60), "too large");
	fails(ENOKEY, "nothing is left of that");
	strbuf_truncate(&b, 4000);
	ok(keys_write(name, &b, 60), "large");
	gives(big, 4000, "NUL octets");
	ok(!keys_read(name, &few, &sys) && sys == E2BIG && !few.len, "no room: %s", strerror(sys));
	strbuf_truncate(&b, 0);
	ok(!keys_write(name, &b, 60), "nothing");
	fails(ENOKEY, "nothing is no value, and the old one is gone");
	strbuf_done(&b);
	strbuf_done(&few);
}

static void
ends(void)
{
	struct strbuf b = value("hunter2", 7);

	ok(keys_write(name, &b, 1), "for a second");
	gives("hunter2", 7, "there");
	usleep(2100000);
	fails(EKEYEXPIRED, "expired");
	ok(keys_write(name, &b, 60), "again");
	gives("hunter2", 7, "the time-out that has passed is forgotten");
	syscall(SYS_keyctl, KEYCTL_REVOKE, number());
	fails(EKEYREVOKED, "revoked");
	ok(keys_write(name, &b, 60), "again");
	syscall(SYS_keyctl, KEYCTL_SETPERM, number(), 0x01000000L);
	fails(EACCES, "may not even be found");
	keys_remove(name);
	strbuf_done(&b);
}

int
main(void)
{
	struct strbuf b = value("x", 1);

	snprintf(name, sizeof(name), "sendoff-test:%ld", (long)getpid());
	if (!keys_write(name, &b, 60)) {
		fails(errno, "says why");
		printf("1..0 # SKIP no keyring here: %s\n", strerror(errno));
		return 0;
	}
	keys_remove(name);
	strbuf_done(&b);
	seen_by();
	limits();
	ends();
	return tap_done();
}
