/* A spool without space, without inodes, read-only; and many who use it at once. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "room.h"
#include "spool_private.h"

static char path[64];

static bool
commit(struct spool *s, size_t body, struct error *err)
{
	struct entry e = ENTRY_NONE;
	struct envelope v;
	struct message m;
	bool good;

	envelope_make(&v, "alice@example.org", "bob@example.org");
	message_make(&m, NULL, body);
	e.created = 1700000000;
	error_clear(err);
	good = spool_commit(s, &e, &v, &m, 0, NULL, err);
	entry_done(&e);
	envelope_done(&v);
	message_done(&m);
	return good;
}

static void
fill(struct spool *s, const char *what)
{
	struct error err = ERROR_NONE;
	unsigned kept = 0, there;

	while (kept < 1000 && commit(s, 3000, &err))
		kept++;
	there = room_count(s->queue);
	ok(kept > 0 && kept < 1000 && err.fault == FAULT_TEMPORARY, "%s: after %u messages: %s",
		what, kept, err.text);
	ok(there == kept && room_count(s->tmp) == 0, "%s: nothing is left of the last", what);
	room_empty(openat(s->queue, ".", O_RDONLY | O_DIRECTORY));
	ok(commit(s, 3000, &err), "%s: and then there is room again", what);
	room_empty(openat(s->queue, ".", O_RDONLY | O_DIRECTORY));
}

static void
try_small(const char *options, const char *what)
{
	struct error err = ERROR_NONE;
	struct spool s;

	if (mount("none", path, "tmpfs", 0, options) != 0) {
		ok(true, "%s # SKIP a tmpfs cannot be mounted: %s", what, strerror(errno));
		return;
	}
	ok(spool_open(&s, path, true, &err), "%s: open %s", what, err.text);
	spool_without = SPOOL_WITHOUT_TMPFILE;
	fill(&s, what);
	spool_without = 0;
	fill(&s, what);
	ok(mount("none", path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0 && !commit(&s, 10, &err) &&
			err.fault == FAULT_TEMPORARY && err.sys == EROFS,
		"%s: read-only: %s", what, err.text);
	spool_close(&s);
	umount(path);
}

static void
try_limit(void)
{
	struct rlimit old, low = { 100000, 100000 };
	struct error err = ERROR_NONE;
	struct spool s;
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &old);
		low.rlim_max = old.rlim_max;
		_exit(!spool_open(&s, path, true, &err) || setrlimit(RLIMIT_FSIZE, &low) != 0 ||
			commit(&s, 200000, &err) || err.fault != FAULT_TEMPORARY ||
			err.sys != EFBIG || room_count(s.queue) != 0);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a limit of the size of files");
}

enum { CLAIMERS = 4, SUBMITTERS = 3, EACH = 40 };

/* Claims whatever there is until told to stop; writes an id for each that it removed. */
struct claimer {
	struct spool s;
	int out;
};

static bool
claim_one(void *ctx, const struct spool_item *item)
{
	struct claimer *c = ctx;
	struct error err = ERROR_NONE;
	struct entry e;

	switch (spool_claim(&c->s, item->id, false, &e, &err)) {
	case SPOOL_CLAIMED:
		if (!spool_remove(&c->s, &e, true, &err) ||
			write(c->out, item->id, ENTRY_ID) != ENTRY_ID)
			_exit(1);
		break;
	case SPOOL_BUSY:
	case SPOOL_GONE:
		break;
	case SPOOL_DAMAGED:
	case SPOOL_ERROR:
		printf("# %s\n", err.text);
		fflush(stdout);
		_exit(2);
	}
	entry_done(&e);
	return true;
}

static void
run_claimer(int out, int stop)
{
	struct claimer c = { .out = out };
	struct error err = ERROR_NONE;
	bool last = false;
	char x;

	if (!spool_open(&c.s, path, false, &err))
		_exit(3);
	fcntl(stop, F_SETFL, O_NONBLOCK);
	while (!last) {
		last = read(stop, &x, 1) == 0;
		if (!spool_scan(&c.s, false, claim_one, &c, &err))
			_exit(4);
	}
	_exit(0);
}

static void
run_submitter(int n)
{
	struct error err = ERROR_NONE;
	struct spool s;

	spool_without = n == 0 ? SPOOL_WITHOUT_TMPFILE | SPOOL_WITHOUT_PROC : 0;
	if (!spool_open(&s, path, false, &err))
		_exit(3);
	for (int i = 0; i < EACH; i++)
		if (!commit(&s, 100, &err)) {
			printf("# %s\n", err.text);
			fflush(stdout);
			_exit(5);
		}
	_exit(0);
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, ENTRY_ID);
}

/* Each message is claimed once, whoever comes first. */
static void
try_many(void)
{
	static char ids[SUBMITTERS * EACH + 1][ENTRY_ID];
	pid_t claimers[CLAIMERS], submitters[SUBMITTERS];
	int out[2], stop[2], status, bad = 0;
	struct error err = ERROR_NONE;
	struct spool s;
	size_t n = 0;
	ssize_t got;
	bool once = true;

	if (!spool_open(&s, path, true, &err) || pipe(out) || pipe(stop))
		abort();
	fflush(stdout);
	for (int i = 0; i < CLAIMERS; i++)
		if (!(claimers[i] = fork())) {
			close(stop[1]);
			run_claimer(out[1], stop[0]);
		}
	for (int i = 0; i < SUBMITTERS; i++)
		if (!(submitters[i] = fork()))
			run_submitter(i);
	for (int i = 0; i < SUBMITTERS; i++)
		bad += waitpid(submitters[i], &status, 0) < 0 || status;
	close(stop[1]);
	for (int i = 0; i < CLAIMERS; i++)
		bad += waitpid(claimers[i], &status, 0) < 0 || status;
	close(out[1]);
	while (n < SUBMITTERS * EACH + 1 && (got = read(out[0], ids[n], ENTRY_ID)) == ENTRY_ID)
		n++;
	qsort(ids, n, ENTRY_ID, compare_ids);
	for (size_t i = 1; i < n; i++)
		once = once && compare_ids(ids[i - 1], ids[i]) != 0;
	ok(!bad && n == SUBMITTERS * EACH && once, "%zu of %d messages, each once", n,
		SUBMITTERS * EACH);
	ok(room_count(s.queue) == 0 && room_count(s.damaged) == 0 && room_count(s.tmp) == 0,
		"and none is left");
	spool_close(&s);
}

int
main(void)
{
	room_make(path, "/var/tmp");
	try_many();
	room_remove(path);
	room_make(path, "/var/tmp");
	try_limit();
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		try_small("mode=700,size=256k", "no space");
		try_small("mode=700,nr_inodes=24", "no inodes");
	} else {
		ok(true, "no space # SKIP only root can mount");
	}
	room_remove(path);
	return tap_done();
}
