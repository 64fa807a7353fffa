/* A key is used once. */
#include "seen.h"

#include <sys/wait.h>
#include <utime.h>

#include "fake.h"
#include "state.h"

static bool
take(uid_t uid, const char *key, int64_t when, struct seen *ret)
{
	struct error err = ERROR_NONE;
	bool good = seen_begin(&s, uid, key, when, ret, &err);

	if (!good)
		printf("# %s\n", err.text);
	return good;
}

static void
test_life(void)
{
	struct seen a, b;
	struct error err = ERROR_NONE;

	begin();
	ok(take(1000, "backup-2026", T0, &a) && a.state == SEEN_NEW && !*a.outcome, "new");
	ok(take(1000, "backup-2026", T0, &b) && b.state == SEEN_RUNNING && b.fd < 0,
		"another run is at work");
	ok(take(1001, "backup-2026", T0, &b) && b.state == SEEN_NEW, "another user's is another");
	seen_forget(&b);
	ok(seen_done(&a, "queued as 0000000000000001\n", &err), "done");
	seen_end(&a);
	ok(take(1000, "backup-2026", T0 + 86400, &b) && b.state == SEEN_DONE &&
			strstr(b.outcome, "queued as 0000000000000001") && b.fd < 0,
		"once (%s)", b.outcome);
	ok(take(1000, "backup-2026", T0 + SEEN_AGE, &b) && b.state == SEEN_NEW && !*b.outcome,
		"a month later it is new again");
	seen_forget(&b);
	ok(take(1000, "backup-2026", T0, &b) && b.state == SEEN_NEW,
		"a run that failed forgets it");
	ok(seen_note(&b, "0000000000000002", &err), "noted");
	seen_end(&b);
	ok(take(1000, "backup-2026", T0, &b) && b.state == SEEN_NEW &&
			!strcmp(b.outcome, "0000000000000002"),
		"a run that died leaves what it had noted");
	seen_end(&b);
	end();
}

static void
test_keys(void)
{
	char key[SEEN_KEY + 2];
	struct seen a;
	struct error err = ERROR_NONE;

	begin();
	memset(key, 'k', sizeof(key));
	key[SEEN_KEY + 1] = '\0';
	ok(!seen_begin(&s, 0, key, T0, &a, &err) && err.fault == FAULT_USAGE, "too long");
	key[SEEN_KEY] = '\0';
	ok(take(0, key, T0, &a), "long enough");
	seen_end(&a);
	error_clear(&err);
	ok(!seen_begin(&s, 0, "", T0, &a, &err) && err.fault == FAULT_USAGE, "empty");
	error_clear(&err);
	ok(!seen_begin(&s, 0, "a\nb", T0, &a, &err) && err.fault == FAULT_USAGE, "controls");
	ok(take(0, "../../../etc/passwd", T0, &a) && strlen(a.name) == 64, "no path");
	seen_end(&a);
	/* "1" and "00 x" must not be "100" and " x" */
	ok(take(1, "00 x", T0, &a) && seen_done(&a, "first", &err), "uid and key");
	seen_end(&a);
	ok(take(100, "x", T0, &a) && a.state == SEEN_NEW, "are kept apart");
	seen_end(&a);
	end();
}

static void
test_torn(void)
{
	char text[4096], copy[4096];
	struct seen a;
	struct error err = ERROR_NONE;
	bool sane = true;
	ssize_t n;
	int dir;

	begin();
	ok(take(0, "k", T0, &a) && seen_note(&a, "noted", &err) && seen_done(&a, "sent", &err),
		"a record");
	dir = state_directory(&s, "seen", &err);
	n = state_read(dir, a.name, text, sizeof(text));
	seen_end(&a);
	for (ssize_t i = 0; i <= n; i++) {
		memcpy(copy, text, (size_t)i);
		seen_parse(copy, (size_t)i, T0, &a);
		sane = sane && (i == n ? a.state == SEEN_DONE && !strcmp(a.outcome, "sent")
				       : a.state == SEEN_NEW && (!*a.outcome || !strcmp(a.outcome,
											"noted")));
	}
	ok(sane, "torn anywhere it says what was there before");
	for (ssize_t i = 0; i < n; i++) {
		memcpy(copy, text, (size_t)n);
		copy[i] ^= 4;
		seen_parse(copy, (size_t)n, T0, &a);
		sane = sane &&
		       (!*a.outcome || !strcmp(a.outcome, "noted") || !strcmp(a.outcome, "sent"));
	}
	ok(sane, "changed anywhere it says nothing else");
	unlinkat(dir, "x", 0);
	close(dir);
	end();
}

static void
test_purge(void)
{
	struct timespec old[2] = { { .tv_sec = T0 }, { .tv_sec = T0 } };
	struct error err = ERROR_NONE;
	struct seen a;
	char key[32];
	int dir;

	begin();
	dir = state_directory(&s, "seen", &err);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		if (!take(0, key, T0, &a) || !seen_done(&a, "sent", &err))
			abort();
		futimens(a.fd, old);
		if (i < 19)
			seen_end(&a);
	}
	seen_purge(&s, T0 + SEEN_AGE - 1, 1000);
	ok(room_count(dir) == 20, "young ones stay");
	seen_purge(&s, T0 + SEEN_AGE, 5);
	ok(room_count(dir) == 15, "not all at once");
	seen_purge(&s, T0 + SEEN_AGE, 1000);
	ok(room_count(dir) == 1, "one that is in use stays (%u)", room_count(dir));
	seen_end(&a);
	close(dir);
	end();
}

/* 20 runs at once: one sends. */
static void
test_together(void)
{
	unsigned sent = 0, other = 0;
	pid_t pids[20];
	int status;

	begin();
	for (int i = 0; i < 20; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			struct error err = ERROR_NONE;
			struct seen a;

			if (!seen_begin(&s, 0, "k", T0, &a, &err))
				_exit(2);
			if (a.state != SEEN_NEW)
				_exit(0);
			/* the first two fail */
			usleep(1000);
			if (i < 2) {
				seen_forget(&a);
				_exit(0);
			}
			_exit(seen_done(&a, "sent", &err) ? 1 : 2);
		}
	}
	for (int i = 0; i < 20; i++) {
		waitpid(pids[i], &status, 0);
		sent += WEXITSTATUS(status) == 1;
		other += WEXITSTATUS(status) == 2;
	}
	ok(sent <= 1 && !other, "of 20 runs at once one sends (%u, %u)", sent, other);
	end();
}

int
main(void)
{
	test_life();
	test_keys();
	test_torn();
	test_purge();
	test_together();
	return tap_done();
}
