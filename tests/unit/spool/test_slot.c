/* Connections at a time, messages in a time, and the file that says that a runner is there. */
#include "slot.h"

#include <sys/wait.h>
#include <time.h>

#include "fake.h"
#include "heartbeat.h"
#include "state.h"

static void
test_slots(void)
{
	struct slot a, b, c;
	struct error err = ERROR_NONE;
	int64_t start;
	pid_t pid;

	begin();
	ok(slot_take(&s, "work", 2, 0, &a, &err) && a.fd >= 0, "the first");
	ok(slot_take(&s, "work", 2, 0, &b, &err) && b.fd >= 0, "the second");
	ok(slot_take(&s, "work", 2, 0, &c, &err) && c.fd < 0 && !err.fault, "there is no third");
	ok(slot_take(&s, "home", 2, 0, &c, &err) && c.fd >= 0, "another account has its own");
	slot_done(&c);
	slot_done(&c);
	start = clock_ms();
	ok(slot_take(&s, "work", 2, clock_in(60), &c, &err) && c.fd < 0 && clock_ms() - start >= 60,
		"waiting has an end");
	slot_done(&a);
	pid = fork();
	if (!pid) {
		/* the copies that a child has are locks of the same file */
		usleep(50000);
		_exit(0);
	}
	slot_done(&b);
	ok(slot_take(&s, "work", 1, clock_in(5000), &c, &err) && c.fd >= 0, "free again");
	ok(slot_take(&s, "work", 3, 0, &a, &err) && a.fd >= 0, "more are allowed now");
	waitpid(pid, NULL, 0);
	slot_done(&a);
	slot_done(&c);
	end();
}

/* 40 processes want one of 3; never more than 3 have one, and each gets it. */
static void
test_crowd(void)
{
	unsigned *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[40];
	int status;
	unsigned served = 0;

	begin();
	for (int i = 0; i < 40; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			struct slot slot;
			unsigned now;

			if (!slot_take(&s, "work", 3, clock_in(30000), &slot, NULL) || slot.fd < 0)
				_exit(1);
			now = __atomic_add_fetch(&shared[0], 1, __ATOMIC_SEQ_CST);
			if (now > 3)
				shared[1] = now;
			usleep(3000);
			__atomic_fetch_sub(&shared[0], 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	for (int i = 0; i < 40; i++) {
		waitpid(pids[i], &status, 0);
		served += status == 0;
	}
	ok(served == 40 && !shared[1], "40 processes share 3 connections (%u, %u)", served,
		shared[1]);
	end();
}

/* Takes leave as often as it is given in SPAN seconds; returns the most in any stretch of SECONDS.
 */
static unsigned
most_in_a_stretch(unsigned number, int64_t seconds, int64_t span, int64_t step, unsigned *ret_all)
{
	int64_t *times = calloc(100000, sizeof(*times)), when;
	unsigned n = 0, most = 0, from = 0;
	struct error err = ERROR_NONE;

	for (int64_t now = T0; now < T0 + span; now += step)
		while (rate_take(&s, "work", number, seconds, now, &when, &err) && !when)
			times[n++] = now;
	for (unsigned i = 0; i < n; i++) {
		while (times[i] - times[from] >= seconds)
			from++;
		if (i - from + 1 > most)
			most = i - from + 1;
	}
	*ret_all = n;
	free(times);
	return most;
}

static void
test_rate(void)
{
	int64_t when = -1;
	struct error err = ERROR_NONE;
	unsigned all, most;
	int dir, fd;

	begin();
	most = most_in_a_stretch(10, 3600, 5 * 3600, 7, &all);
	ok(most == 10 && all >= 45, "10/h: never more, and not much less (%u, %u)", most, all);
	end();
	begin();
	most = most_in_a_stretch(7, 13, 200, 1, &all);
	ok(most == 7 && all >= 90, "7 in 13 s (%u, %u)", most, all);
	end();
	begin();
	ok(rate_take(&s, "work", 1, 60, T0, &when, &err) && !when, "one in a minute");
	ok(rate_take(&s, "work", 1, 60, T0 + 59, &when, &err) && when > T0 + 59 && when <= T0 + 62,
		"says when the next may go");
	ok(rate_take(&s, "work", 1, 60, when, &when, &err) && !when, "then it may");
	ok(rate_take(&s, "home", 1, 60, T0, &when, &err) && !when, "another account has its own");
	ok(rate_take(&s, "work", 1, 60, T0 - 86400, &when, &err) && !when,
		"what a clock that was ahead has counted does not count");
	ok(rate_take(&s, "work", 1, 60, T0 - 86400, &when, &err) && when, "what is now does");
	dir = state_directory(&s, "accounts", &err);
	fd = openat(dir, "work.rate", O_WRONLY | O_TRUNC);
	ok(write(fd, "sendoff rate 1\n1 60\n9 9\n", 24) == 24 &&
			rate_take(&s, "work", 1, 60, T0, &when, &err) && !when,
		"a damaged file counts as empty");
	close(fd);
	close(dir);
	end();
}

static void
put(const char *file, const char *text, mode_t mode)
{
	int fd;

	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static void
test_heartbeat(void)
{
	char file[128], text[256] = "", boot[64] = "", other[128];
	struct error err = ERROR_NONE;
	int64_t seconds = 0;
	struct stat st;
	int fd;

	begin();
	snprintf(file, sizeof(file), "%s/heartbeat", path);
	snprintf(other, sizeof(other), "%s/other", path);
	ok(!heartbeat_is_fresh(file, geteuid()), "there is none");
	umask(077);
	ok(heartbeat_write(file, &err) && heartbeat_is_fresh(file, geteuid()), "there is one");
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0644, "that everybody can read");
	ok(heartbeat_write(file, &err) && heartbeat_is_fresh(file, geteuid()), "again");
	fd = open(file, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	memcpy(boot, strstr(text, "boot ") + 5, 36);
	ok(heartbeat_parse(text, strlen(text), boot, &seconds) && seconds >= 0, "it can be read");
	snprintf(text, sizeof(text), "sendoff heartbeat 1\nboot %s\nseconds %lld\n", boot,
		(long long)(seconds - HEARTBEAT_FRESH));
	put(file, text, 0644);
	ok(!heartbeat_is_fresh(file, geteuid()), "not three hours later");
	snprintf(text, sizeof(text), "sendoff heartbeat 1\nboot %s\nseconds %lld\n", boot,
		(long long)(seconds + 1000));
	put(file, text, 0644);
	ok(!heartbeat_is_fresh(file, geteuid()), "not from the future");
	boot[0] = boot[0] == '0' ? '1' : '0';
	snprintf(text, sizeof(text), "sendoff heartbeat 1\nboot %s\nseconds %lld\n", boot,
		(long long)seconds);
	put(file, text, 0644);
	ok(!heartbeat_is_fresh(file, geteuid()), "not of another boot");
	ok(heartbeat_write(file, &err) && chmod(file, 0666) == 0 &&
			!heartbeat_is_fresh(file, geteuid()),
		"not one that others can write");
	chmod(file, 0644);
	ok(rename(file, other) == 0 && symlink(other, file) == 0 &&
			!heartbeat_is_fresh(file, geteuid()),
		"a link is not followed");
	unlink(file);
	ok(mkfifo(file, 0644) == 0 && !heartbeat_is_fresh(file, geteuid()),
		"nor a FIFO waited for");
	ok(!heartbeat_write("/nonexistent/heartbeat", &err) && err.fault == FAULT_CREATE,
		"it says where it cannot be written");
	if (geteuid() == 0) {
		heartbeat_remove(file);
		ok(heartbeat_write(file, &err) == false || chown(file, 12345, 12345) == 0,
			"given away");
		error_clear(&err);
		unlink(file);
		ok(heartbeat_write(file, &err) && chown(file, 12345, 12345) == 0 &&
				!heartbeat_is_fresh(file, 0) && heartbeat_is_fresh(file, 12345),
			"it must be root's, our own, or the owner's");
	}
	heartbeat_remove(file);
	ok(access(file, F_OK) != 0, "removed");
	end();
}

int
main(void)
{
	test_slots();
	test_crowd();
	test_rate();
	test_heartbeat();
	return tap_done();
}
