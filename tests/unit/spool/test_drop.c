/* The in-tray: what others put there, and what they try. */
#include <errno.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <utime.h>

#include "room.h"
#include "spool_private.h"

static char path[64], tray[80];
static struct spool s;
static const struct spool_limits unlimited;

static struct entry seen[16];
static unsigned seen_count;

static void
taken(void *ctx, const struct entry *e)
{
	(void)ctx;
	if (seen_count < 16) {
		memcpy(seen[seen_count].id, e->id, sizeof(e->id));
		seen[seen_count].uid = e->uid;
		seen[seen_count].not_before = e->not_before;
		seen[seen_count].created = e->created;
		seen[seen_count++].message.facts = e->message.facts;
	}
}

static bool
take(const struct spool_limits *limits, struct error *err)
{
	error_clear(err);
	seen_count = 0;
	return spool_take_drops(&s, limits, taken, NULL, err);
}

static struct entry
fresh(const char *id)
{
	struct entry e = ENTRY_NONE;

	snprintf(e.id, sizeof(e.id), "%s", id);
	e.created = 1700000000;
	e.lifetime = 1000;
	return e;
}

/* Drops a message as ID; *E stays claimed. */
static bool
drop(struct entry *e, const char *id, const char *body, struct error *err)
{
	struct envelope v;
	struct message m;
	bool good;

	*e = fresh(id);
	envelope_make(&v, "alice@example.org", "bob@example.org");
	message_make(&m, NULL, 0);
	if (!message_add_body(&m, body, strlen(body), err))
		abort();
	good = spool_drop(tray, e, &v, &m, err);
	envelope_done(&v);
	message_done(&m);
	return good;
}

static void
dropped(const char *id, const char *body)
{
	struct error err = ERROR_NONE;
	struct entry e;

	if (!drop(&e, id, body, &err))
		ok(false, "drop: %s", err.text);
	entry_done(&e);
}

static void
clear(void)
{
	room_empty(openat(s.queue, ".", O_RDONLY | O_DIRECTORY));
	room_empty(openat(s.damaged, ".", O_RDONLY | O_DIRECTORY));
	room_empty(openat(s.drop, ".", O_RDONLY | O_DIRECTORY));
}

static void
try_ids(void)
{
	char derived[ENTRY_ID + 1];
	struct error err;
	struct entry e;

	error_clear(&err);
	ok(drop(&e, "0123456789abcdef", "x\r\n", &err) && e.fd >= 0 && message_size(&e.message) > 3,
		"drop %s", err.text);
	ok(take(&unlimited, &err) && !seen_count && room_count(s.drop) == 1,
		"what its submitter still holds is left alone");
	entry_done(&e);
	ok(take(&unlimited, &err) && seen_count == 1 && !strcmp(seen[0].id, "0123456789abcdef") &&
			seen[0].uid == geteuid() && seen[0].created > 1700000000 &&
			seen[0].not_before == seen[0].created && room_count(s.drop) == 0 &&
			room_count(s.queue) == 1,
		"then it is taken: %s", err.text);
	dropped("0123456789abcdef", "x\r\n");
	ok(take(&unlimited, &err) && !seen_count && room_count(s.queue) == 1 &&
			room_count(s.drop) == 0,
		"a drop that was taken already is no second message");
	dropped("0123456789abcdef", "another\r\n");
	ok(take(&unlimited, &err) && seen_count == 1 &&
			strcmp(seen[0].id, "0123456789abcdef") != 0 && room_count(s.queue) == 2,
		"another message of the same id gets an id of its own");
	entry_derive_id(derived, "0123456789abcdef", "failure");
	dropped(derived, "x\r\n");
	ok(take(&unlimited, &err) && seen_count == 1 && strcmp(seen[0].id, derived) != 0,
		"ids that are derived cannot be taken by others");
	clear();
}

/* An entry need not be made by this program. */
static void
try_smuggling(void)
{
	static const char want[] =
		"Subject: kept\r\nTo: bob@example.org\r\n\r\na\r\n.\r\nMAIL FROM:<>\r\nb\r\nc\r\n";
	struct message_reader r;
	struct error err;
	struct entry e;
	char got[256];
	ssize_t n;

	dropped("0123456789abcdef", "a\n.\nMAIL FROM:<>\rb\r\nc");
	ok(take(&unlimited, &err) && seen_count == 1 && seen[0].message.facts.longest_line == 12,
		"a body with line ends of all kinds");
	if (spool_claim(&s, "0123456789abcdef", false, &e, &err) != SPOOL_CLAIMED)
		abort();
	message_reader_init(&r, &e.message);
	n = message_reader_get(&r, got, sizeof(got), &err);
	same(got, n > 0 ? (size_t)n : 0, want, "has one kind afterwards");
	entry_done(&e);
	clear();
}

static void
try_limits(void)
{
	struct spool_limits l = { .messages = 2 };
	struct error err;

	dropped("000000000000000a", "x\r\n");
	dropped("000000000000000b", "x\r\n");
	dropped("000000000000000c", "x\r\n");
	ok(take(&l, &err) && seen_count == 2 && room_count(s.drop) == 1, "two of three: %s",
		err.text);
	ok(take(&l, &err) && !seen_count && room_count(s.drop) == 1, "the third waits");
	l.messages = 3;
	ok(take(&l, &err) && seen_count == 1 && room_count(s.drop) == 0, "until there is room");
	l = (struct spool_limits){ .octets = 400 };
	dropped("000000000000000d", "x\r\n");
	ok(take(&l, &err) && !seen_count && room_count(s.drop) == 1, "a limit of octets");
	l = (struct spool_limits){ .message_octets = 10 };
	ok(take(&l, &err) && !seen_count && room_count(s.drop) == 0 && room_count(s.damaged) == 1,
		"a message that is too large is put away");
	clear();
}

/* Large ones. */
static bool
refuse(void *ctx, const struct entry *e, struct error *err)
{
	return message_size(&e->message) < 1000 || error_set(err, *(enum fault *)ctx, "no");
}

static void
try_leave(void)
{
	enum fault fault = FAULT_TEMPORARY;
	struct spool_limits l = { .may = refuse, .may_ctx = &fault };
	struct error err;
	char large[2000];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	dropped("000000000000000a", large);
	dropped("000000000000000b", "x\r\n");
	ok(!take(&l, &err) && err.fault == FAULT_TEMPORARY && seen_count == 1 &&
			room_count(s.drop) == 1 && room_count(s.damaged) == 0,
		"what may not be taken yet stays, the others are taken: %s", err.text);
	fault = FAULT_PERMISSION;
	ok(!take(&l, &err) && err.fault == FAULT_PERMISSION && !seen_count &&
			room_count(s.drop) == 0 && room_count(s.damaged) == 1,
		"what may never be is put away: %s", err.text);
	clear();
}

static void
put(const char *name, const char *text)
{
	int fd = openat(s.drop, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static void
try_junk(void)
{
	struct error err;
	struct stat st;
	char name[32];

	put("0123456789abcdef", "no entry");
	put("name of no id", "no entry either");
	put(".hidden", "still being written");
	put("linked", "two names");
	if (linkat(s.drop, "linked", s.dir, "victim", 0) != 0 ||
		symlinkat("../victim", s.drop, "000000000000000a") != 0 ||
		mkfifoat(s.drop, "000000000000000b", 0666) != 0 ||
		mkdirat(s.drop, "000000000000000c", 0777) != 0 ||
		mkdirat(s.drop, "000000000000000d", 0777) != 0 ||
		mkdirat(s.drop, "000000000000000d/full", 0777) != 0)
		abort();
	ok(take(&unlimited, &err) && !seen_count, "none of it is taken: %s", err.text);
	ok(room_count(s.drop) == 1 && fstatat(s.drop, "000000000000000d", &st, 0) == 0,
		"a directory that is not empty stays");
	ok(fstatat(s.drop, ".hidden", &st, 0) == 0, "and what is being written");
	ok(fstatat(s.dir, "victim", &st, 0) == 0 && st.st_nlink == 1 && st.st_size == 9,
		"what was linked is untouched");
	ok(room_count(s.damaged) == 2 && fstatat(s.damaged, "0123456789abcdef", &st, 0) == 0 &&
			st.st_size == 8 && st.st_uid == s.owner && (st.st_mode & 0777) == 0600,
		"files are kept");
	unlinkat(s.dir, "victim", 0);
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "junk %d", i);
		put(name, "junk");
	}
	ok(take(&unlimited, &err) && room_count(s.damaged) == 100 && room_count(s.drop) == 1,
		"but not any number of them");
	clear();
}

static void
try_without(void)
{
	struct error err;

	for (unsigned without = 1; without < 4; without++) {
		spool_without = without;
		dropped("0123456789abcdef", "x\r\n");
		spool_without = 0;
		ok(take(&unlimited, &err) && seen_count == 1, "without %s",
			without == 1   ? "O_TMPFILE"
			: without == 2 ? "/proc"
				       : "both");
		clear();
	}
}

static void
try_tray(void)
{
	struct error err = ERROR_NONE;
	struct entry e;

	if (fchmod(s.drop, 0777) != 0)
		abort();
	ok(!take(&unlimited, &err) && err.fault == FAULT_CONFIG, "a tray where all can remove: %s",
		err.text);
	if (fchmod(s.drop, 03733) != 0)
		abort();
	error_clear(&err);
	ok(!spool_drop("/var/tmp/sendoff-is-not-there", &(struct entry)ENTRY_NONE,
		   &(struct envelope)ENVELOPE_NONE, &(struct message)MESSAGE_NONE, &err) &&
			err.fault == FAULT_TEMPORARY,
		"no tray: %s", err.text);
	(void)e;
}

/* Runs as UID. */
static int
as_user(uid_t uid, int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)
			_exit(99);
		_exit(run());
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static const char *his;

static int
drop_his(void)
{
	struct error err = ERROR_NONE;
	struct entry e;

	return drop(&e, his, "x\r\n", &err) ? 0 : (printf("# %s\n", err.text), fflush(stdout), 1);
}

/* What another user can do to what lies there: bits. */
static int
attack(void)
{
	char name[128], own[128];
	int did = 0;

	snprintf(name, sizeof(name), "%s/%s", tray, his);
	snprintf(own, sizeof(own), "%s/mine", tray);
	did |= open(tray, O_RDONLY) >= 0 ? 1 : 0;
	did |= open(name, O_RDONLY) >= 0 ? 2 : 0;
	did |= open(name, O_WRONLY) >= 0 ? 4 : 0;
	did |= unlink(name) == 0 ? 8 : 0;
	did |= link(name, own) == 0 ? 16 : 0;
	did |= rename(name, own) == 0 ? 32 : 0;
	return did;
}

static void
try_users(void)
{
	struct error err = ERROR_NONE;
	struct entry e;
	int did;

	if (geteuid() != 0) {
		ok(true, "two users # SKIP only root can become others");
		return;
	}
	his = "000000000000000a";
	ok(as_user(54321, drop_his) == 0, "one user drops");
	did = as_user(54322, attack);
	ok(did == 0, "another can neither list, read, write, remove, link nor rename: %d", did);
	his = "000000000000000b";
	ok(as_user(54322, drop_his) == 0, "another user drops");
	ok(take(&unlimited, &err) && seen_count == 2 &&
			seen[seen[0].id[15] == 'a' ? 0 : 1].uid == 54321 &&
			seen[seen[0].id[15] == 'a' ? 1 : 0].uid == 54322,
		"each is taken as what its owner sent: %s", err.text);
	ok(spool_claim(&s, his, false, &e, &err) == SPOOL_CLAIMED && e.uid == 54322 &&
			e.message.facts.body_size == 3,
		"and is an entry like any other");
	entry_done(&e);
	clear();
}

static int
use_spool(void)
{
	struct entry e = fresh("");
	struct error err = ERROR_NONE;
	struct spool his_own;
	struct envelope v;
	struct message m;
	bool good;

	if (!spool_open(&his_own, path, false, &err))
		return err.fault == FAULT_CONFIG && err.sys == EACCES ? 10 : 1;
	envelope_make(&v, "", "bob@example.org");
	message_make(&m, NULL, 10);
	good = spool_commit(&his_own, &e, &v, &m, 0, NULL, &err);
	if (!good)
		printf("# %s\n", err.text);
	fflush(stdout);
	return good ? 0 : 2;
}

/* A system's spool: the directory is root's, what is in it its user's. */
static void
try_system(void)
{
	const int parts[] = { s.queue, s.failed, s.damaged, s.tmp, s.drop };
	struct error err = ERROR_NONE;
	struct entry e = fresh("000000000000000e");
	struct spool of_root;
	struct envelope v;
	struct message m;
	struct stat st;

	if (geteuid() != 0) {
		ok(true, "a system's spool # SKIP only root can make one");
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (fchown(parts[i], 54321, 54321) != 0)
			abort();
	if (fchmod(s.drop, 03733) != 0)
		abort();
	ok(as_user(54321, use_spool) == 0, "its user may use it");
	ok(as_user(54322, use_spool) == 10, "others may not");
	envelope_make(&v, "", "bob@example.org");
	message_make(&m, path, 300000);
	ok(spool_open(&of_root, path, false, &err) &&
			spool_commit(&of_root, &e, &v, &m, 0, NULL, &err) &&
			fstatat(s.queue, e.id, &st, 0) == 0 && st.st_uid == 54321,
		"what root puts there is its user's: %s", err.text);
	entry_done(&e);
	spool_close(&of_root);
	his = "000000000000000f";
	ok(as_user(54322, drop_his) == 0 && st.st_gid == 0, "anybody drops");
	ok(fstatat(s.drop, his, &st, 0) == 0 && st.st_gid == 54321 && st.st_uid == 54322 &&
			(st.st_mode & 0777) == 0640,
		"what its user may read");
	envelope_done(&v);
	message_done(&m);
}

int
main(void)
{
	struct error err = ERROR_NONE;

	room_make(path, "/var/tmp");
	snprintf(tray, sizeof(tray), "%s/drop", path);
	if (mkdir(tray, 0700) != 0 || chmod(tray, 03733) != 0 ||
		!spool_open(&s, path, true, &err) || chmod(path, 0711) != 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	if (!take(&unlimited, &err)) {
		ok(err.fault == FAULT_CONFIG, "the in-tray # SKIP %s", err.text);
	} else {
		try_ids();
		try_smuggling();
		try_limits();
		try_leave();
		try_junk();
		try_without();
		try_tray();
		try_users();
		try_system();
	}
	spool_close(&s);
	room_remove(path);
	return tap_done();
}
