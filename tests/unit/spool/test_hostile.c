/* What is in the queue and no entry, and a spool that is somebody else's. */
#include <errno.h>
#include <sys/file.h>
#include <sys/sysmacros.h>

#include "room.h"
#include "spool_private.h"

static char path[64];
static struct spool s;
static const char id[] = "0123456789abcdef";

/* Commits a message as ID. */
static void
commit(const char *as)
{
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	struct envelope v;
	struct message m;

	envelope_make(&v, "alice@example.org", "bob@example.org");
	message_make(&m, NULL, 500);
	snprintf(e.id, sizeof(e.id), "%s", as);
	e.created = 1700000000;
	if (!spool_commit(&s, &e, &v, &m, 0, NULL, &err))
		printf("# %s\n", err.text);
	entry_done(&e);
	envelope_done(&v);
	message_done(&m);
}

static void
write_at(const char *name, const void *data, size_t n, mode_t mode)
{
	int fd = openat(s.queue, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static void
make_symlink(void)
{
	write_at("victim", "precious", 8, 0600);
	if (symlinkat("victim", s.queue, id) != 0)
		abort();
}

static void
make_dangling(void)
{
	if (symlinkat("/nowhere/at/all", s.queue, id) != 0)
		abort();
}

static void
make_hard_link(void)
{
	commit(id);
	if (linkat(s.queue, id, s.queue, "second", 0) != 0)
		abort();
}

static void
make_fifo(void)
{
	if (mkfifoat(s.queue, id, 0600) != 0)
		abort();
}

static void
make_directory(void)
{
	if (mkdirat(s.queue, id, 0700) != 0)
		abort();
}

static void
make_device(void)
{
	if (mknodat(s.queue, id, S_IFCHR | 0600, makedev(1, 5)) != 0) /* /dev/zero */
		make_fifo();
}

static void
make_foreign(void)
{
	commit(id);
	/* without root its own mode must do */
	if (fchownat(s.queue, id, 12345, (gid_t)-1, 0) != 0 && fchmodat(s.queue, id, 0620, 0) != 0)
		abort();
}

static void
make_writable(void)
{
	commit(id);
	if (fchmodat(s.queue, id, 0602, 0) != 0)
		abort();
}

static void
make_empty(void)
{
	write_at(id, "", 0, 0600);
}

static void
make_text(void)
{
	write_at(id, "From: a mail as it is\n\n", 22, 0600);
}

static void
make_truncated(void)
{
	commit(id);
	if (truncate(path, 0) == 0) /* it is a directory */
		abort();
	int fd = openat(s.queue, id, O_WRONLY | O_CLOEXEC);
	if (ftruncate(fd, 700) != 0)
		abort();
	close(fd);
}

static void
make_sparse(void)
{
	int fd;

	write_at(id, "sendoff\n", 8, 0600);
	fd = openat(s.queue, id, O_WRONLY | O_CLOEXEC);
	if (ftruncate(fd, 1ll << 40) != 0)
		printf("# no file of a terabyte here\n");
	close(fd);
}

static const struct {
	const char *what;
	void (*make)(void);
} cases[] = { { "a symbolic link", make_symlink }, { "a dangling symbolic link", make_dangling },
	{ "a hard link", make_hard_link }, { "a FIFO", make_fifo },
	{ "a directory", make_directory }, { "a device", make_device },
	{ "a file of another user", make_foreign },
	{ "a file that others can write", make_writable }, { "an empty file", make_empty },
	{ "a text", make_text }, { "half of an entry", make_truncated },
	{ "a terabyte of nothing", make_sparse } };

static void
try_damaged(void)
{
	struct error err;
	struct entry e;
	struct stat st;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cases[i].make();
		error_clear(&err);
		ok(spool_claim(&s, id, false, &e, &err) == SPOOL_DAMAGED && err.fault == FAULT_DATA,
			"%s: %s", cases[i].what, err.text);
		entry_done(&e);
		ok(fstatat(s.queue, id, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
				fstatat(s.damaged, id, &st, AT_SYMLINK_NOFOLLOW) == 0,
			"%s is put away", cases[i].what);
		if (unlinkat(s.damaged, id, 0) != 0)
			unlinkat(s.damaged, id, AT_REMOVEDIR);
		unlinkat(s.queue, "second", 0);
	}
	ok(fstatat(s.queue, "victim", &st, 0) == 0 && st.st_size == 8,
		"what was linked is untouched");
	unlinkat(s.queue, "victim", 0);

	/* names in damaged/ are never replaced */
	for (int i = 0; i < 3; i++) {
		make_text();
		if (spool_claim(&s, id, false, &e, &err) != SPOOL_DAMAGED)
			ok(false, "damaged once more");
	}
	ok(room_count(s.damaged) == 3, "three of one name in damaged/");
	room_empty(openat(s.damaged, ".", O_RDONLY | O_DIRECTORY));

	make_text();
	error_clear(&err);
	ok(spool_look(&s, id, false, &e, &err) == SPOOL_DAMAGED && room_count(s.queue) == 1,
		"a look leaves it where it is: %s", err.text);
	unlinkat(s.queue, id, 0);
	ok(spool_look(&s, id, false, &e, &err) == SPOOL_GONE &&
			spool_claim(&s, id, true, &e, &err) == SPOOL_GONE &&
			spool_claim(&s, "../damaged/x", false, &e, &err) == SPOOL_GONE &&
			spool_claim(&s, "..", false, &e, &err) == SPOOL_GONE &&
			spool_claim(&s, "", false, &e, &err) == SPOOL_GONE,
		"what is not there is gone, and what is no id too");
}

static bool
count_item(void *ctx, const struct spool_item *item)
{
	unsigned *count = ctx;

	*count += strcmp(item->id, id) == 0 && item->due == 0 && item->held;
	return true;
}

static void
try_scan(void)
{
	struct error err = ERROR_NONE;
	unsigned count = 0;

	write_at("not-an-id", "x", 1, 0600);
	write_at(".hidden", "x", 1, 0600);
	write_at("0123456789ABCDEF", "x", 1, 0600);
	commit(id);
	if (fchmodat(s.queue, id, 0700, 0) != 0)
		abort();
	ok(spool_scan(&s, false, count_item, &count, &err) && count == 1, "a scan finds ids only");
	room_empty(openat(s.queue, ".", O_RDONLY | O_DIRECTORY));
}

/* The second name that an interrupted move leaves. */
static void
try_interrupted(void)
{
	struct error err = ERROR_NONE;
	struct entry e;

	commit(id);
	if (linkat(s.queue, id, s.failed, id, 0) != 0)
		abort();
	ok(spool_claim(&s, id, false, &e, &err) == SPOOL_GONE && room_count(s.queue) == 0 &&
			room_count(s.failed) == 1,
		"what is in failed/ too is not tried");
	entry_done(&e);
	if (linkat(s.failed, id, s.queue, id, 0) != 0)
		abort();
	ok(spool_claim(&s, id, true, &e, &err) == SPOOL_CLAIMED && room_count(s.queue) == 0 &&
			e.state == ENTRY_FAILED,
		"and can be claimed there");
	ok(spool_remove(&s, &e, false, &err) && room_count(s.failed) == 0, "removed from there");
	entry_done(&e);

	commit(id);
	if (linkat(s.queue, id, s.tmp, "0123456789abcdef.2", 0) != 0)
		abort();
	ok(spool_claim(&s, id, false, &e, &err) == SPOOL_CLAIMED && room_count(s.tmp) == 0,
		"the name in tmp/ that a commit left is taken away");
	entry_done(&e);
	unlinkat(s.queue, id, 0);
}

static void
try_existing(void)
{
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	struct envelope v;
	struct message m;
	bool existed = false;

	envelope_make(&v, "", "bob@example.org");
	message_make(&m, NULL, 5);
	for (unsigned without = 0; without < 4; without += 3) {
		spool_without = without;
		commit(id);
		snprintf(e.id, sizeof(e.id), "%s", id);
		error_clear(&err);
		ok(spool_commit(&s, &e, &v, &m, 0, &existed, &err) && existed && e.fd < 0 &&
				room_count(s.queue) == 1 && room_count(s.tmp) == 0,
			"an id that exists is success");
		ok(!spool_commit(&s, &e, &v, &m, 0, NULL, &err) && err.fault == FAULT_TEMPORARY,
			"where that is asked for: %s", err.text);
		if (renameat(s.queue, id, s.failed, id) != 0)
			abort();
		error_clear(&err);
		existed = false;
		ok(spool_commit(&s, &e, &v, &m, 0, &existed, &err) && existed &&
				room_count(s.queue) == 0,
			"in failed/ too");
		unlinkat(s.failed, id, 0);
	}
	spool_without = 0;
	entry_done(&e);
	snprintf(e.id, sizeof(e.id), "not an id");
	error_clear(&err);
	ok(!spool_commit(&s, &e, &v, &m, 0, NULL, &err) && err.fault == FAULT_SOFTWARE,
		"an id that is none: %s", err.text);
	entry_done(&e);
	envelope_done(&v);
	message_done(&m);
}

/* Times beyond what file systems and 32 bits can keep. */
static void
try_times(void)
{
	static const struct {
		int64_t due, most;
	} times[] = { { -5, 0 }, { INT64_MIN, 0 }, { 0, 0 }, { 5000000000, 5000000000 },
		{ INT64_MAX, 1ll << 40 } };
	struct error err = ERROR_NONE;
	struct entry e;

	commit(id);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		if (spool_claim(&s, id, false, &e, &err) != SPOOL_CLAIMED)
			abort();
		ok(spool_set_due(&s, &e, times[i].due, &err), "set the time %lld",
			(long long)times[i].due);
		entry_done(&e);
		if (spool_claim(&s, id, false, &e, &err) != SPOOL_CLAIMED)
			abort();
		ok(e.due >= 0 && e.due <= times[i].most &&
				(times[i].most == 0 || e.due > 2000000000),
			"it is %lld", (long long)e.due);
		entry_done(&e);
	}
	unlinkat(s.queue, id, 0);
}

static void
refuse(const char *what)
{
	struct spool other;
	struct error err = ERROR_NONE;

	ok(!spool_open(&other, path, true, &err) && err.fault == FAULT_CONFIG, "%s: %s", what,
		err.text);
	spool_close(&other);
}

static void
try_directories(void)
{
	if (fchmod(s.failed, 0770) != 0)
		abort();
	refuse("a directory that others can write");
	if (fchmod(s.failed, 0700) != 0 || fchmod(s.dir, 0777) != 0)
		abort();
	refuse("a spool that others can write");
	if (fchmod(s.dir, 0700) != 0 || renameat(s.dir, "tmp", s.dir, "real") != 0 ||
		symlinkat("real", s.dir, "tmp") != 0)
		abort();
	refuse("a symbolic link in place of a directory");
	unlinkat(s.dir, "tmp", 0);
	write_at("x", "", 0, 0600);
	if (renameat(s.queue, "x", s.dir, "tmp") != 0)
		abort();
	refuse("a file in place of a directory");
	unlinkat(s.dir, "tmp", 0);
}

int
main(void)
{
	struct error err = ERROR_NONE;

	room_make(path, "/var/tmp");
	if (!spool_open(&s, path, true, &err)) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	try_damaged();
	try_scan();
	try_interrupted();
	try_existing();
	try_times();
	try_directories();
	spool_close(&s);
	spool_close(&s);
	room_remove(path);
	return tap_done();
}
