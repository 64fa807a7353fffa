#include "breaker.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "schedule.h"
#include "spool.h"
#include "state.h"
#include "text.h"

#define DIRECTORY "accounts"
#define SUFFIX    "breaker"
#define FILE_MAX  4096
#define TITLE     "sendoff breaker 1\n"
#define PATIENCE  2000 /* ms to wait for a lock that is held for the time of a small write */

static const struct {
	const char *name;
	bool loud, held;
	int64_t first, longest, jitter; /* seconds; jitter: beside those */
} kinds[] = {
	[BREAKER_CLOSED] = { "closed", false, false, 0, 0, 0 },
	[BREAKER_DOWN] = { "down", false, false, BREAKER_FIRST, BREAKER_LONGEST, 0 },
	[BREAKER_HOST] = { "host", true, false, BREAKER_LOUD, BREAKER_LOUD, 300 },
	[BREAKER_CERTIFICATE] = { "certificate", true, false, BREAKER_LOUD, BREAKER_LOUD, 300 },
	[BREAKER_CREDENTIALS] = { "credentials", true, true, BREAKER_HELD, BREAKER_HELD, 600 },
	[BREAKER_CONFIG] = { "configuration", true, true, BREAKER_HELD, BREAKER_HELD, 600 },
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == BREAKER_COUNT, "one row per kind");

const char *
breaker_name(enum breaker_kind kind)
{
	return kinds[kind].name;
}

bool
breaker_is_loud(enum breaker_kind kind)
{
	return kinds[kind].loud;
}

bool
breaker_is_held(enum breaker_kind kind)
{
	return kinds[kind].held;
}

/* An intermediate directory of the state, -1 where there is none. */
static int
open_state(struct spool *s, struct error *err)
{
	return state_directory(s, DIRECTORY, err);
}

/* A pause of full jitter where pauses grow, else one that is never shorter than it must be. */
static int64_t
pause_after(const struct breaker *b, const struct schedule_draw *draw)
{
	int64_t pause = kinds[b->kind].first;

	for (unsigned i = 1; i < b->count && pause < kinds[b->kind].longest; i++)
		pause *= 2;
	if (pause > kinds[b->kind].longest)
		pause = kinds[b->kind].longest;
	if (!kinds[b->kind].jitter)
		return 1 + schedule_random(draw, (uint32_t)pause);
	return pause + schedule_random(draw, (uint32_t)kinds[b->kind].jitter);
}

/* A clock that has jumped must not keep an account shut. */
static void
make_sane(struct breaker *b, int64_t now)
{
	int64_t most = kinds[b->kind].longest + kinds[b->kind].jitter;

	if (b->next > b->last + most)
		b->next = b->last + most;
	if (now < b->last && b->next > now)
		b->next = now;
}

/* Reads the state from DIR; closed where there is none. */
static void
read_from(int dir, const char *account, int64_t now, struct breaker *ret)
{
	char name[STATE_NAME], text[FILE_MAX];
	ssize_t n;

	state_name(account, SUFFIX, name);
	n = dir < 0 ? -1 : state_read(dir, name, text, sizeof(text));
	if (n < 0 || !breaker_parse(text, (size_t)n, ret) || strcmp(ret->account, account) != 0) {
		*ret = (struct breaker){ .kind = BREAKER_CLOSED };
		snprintf(ret->account, sizeof(ret->account), "%s", account);
		return;
	}
	make_sane(ret, now);
}

void
breaker_read(struct spool *s, const char *account, int64_t now, struct breaker *ret)
{
	int dir = open_state(s, NULL);

	read_from(dir, account, now, ret);
	if (dir >= 0)
		close(dir);
}

static bool
is_time(const struct breaker *b, uint64_t stamp, bool force, int64_t now)
{
	return force || now >= b->next || stamp != b->stamp;
}

enum breaker_answer
breaker_ask(struct spool *s, const char *account, uint64_t stamp, bool force, int64_t now,
	struct breaker *ret, int *ret_probe)
{
	enum breaker_answer answer = BREAKER_WAIT;
	char name[STATE_NAME];
	int dir = open_state(s, NULL);
	bool busy = false;

	*ret_probe = -1;
	read_from(dir, account, now, ret);
	if (ret->kind == BREAKER_CLOSED) {
		answer = BREAKER_GO;
	} else if (is_time(ret, stamp, force, now)) {
		state_name(account, "probe", name);
		*ret_probe = state_lock(dir, name, 0, &busy, NULL);
		/* another probe may have ended just now */
		if (*ret_probe >= 0)
			read_from(dir, account, now, ret);
		if (ret->kind == BREAKER_CLOSED)
			answer = BREAKER_GO;
		else if (!busy && is_time(ret, stamp, force, now))
			answer = BREAKER_PROBE;
		if (answer != BREAKER_PROBE)
			breaker_probe_done(ret_probe);
	}
	if (dir >= 0)
		close(dir);
	return answer;
}

void
breaker_probe_done(int *probe)
{
	if (*probe >= 0)
		close(*probe);
	*probe = -1;
}

/* What a new failure makes of the state. */
static void
take_failure(struct breaker *b, enum breaker_kind kind, uint64_t stamp, const struct error *why,
	int64_t now, const struct schedule_draw *draw)
{
	bool same = b->kind == kind && b->stamp == stamp;

	if (same && now < b->next && now >= b->last && b->count)
		return;
	if (kinds[b->kind].held && kind == BREAKER_DOWN && b->stamp == stamp) {
		/* a login that was refused is not tried more often because the network fails too */
		b->next = now + BREAKER_LOUD;
		b->last = now;
		return;
	}
	if (!same)
		*b = (struct breaker){ .kind = kind, .since = now };
	b->count += b->count < 1000;
	b->last = now;
	b->stamp = stamp;
	b->why = *why;
	b->next = now + pause_after(b, draw);
}

static void
add_error(char *text, size_t size, size_t *len, const struct error *why)
{
	char enhanced[16];
	int n = snprintf(text + *len, size - *len,
		"fault %d\nstage %d\nsmtp %d\nenhanced %s\ntext %s\nwords %s\n", (int)why->fault,
		(int)why->stage, why->smtp, enhanced_print(why->code, enhanced), why->text,
		why->words);

	*len += n > 0 ? (size_t)n : 0;
}

/* Under the account's lock. */
static bool
write_state(int dir, const char *account, const struct breaker *b, struct error *err)
{
	char name[STATE_NAME], text[FILE_MAX];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text),
		TITLE
		"account %s\nkind %s\ncount %u\nsince %lld\nlast %lld\nnext %lld\nstamp %llu\n",
		account, kinds[b->kind].name, b->count, (long long)b->since, (long long)b->last,
		(long long)b->next, (unsigned long long)b->stamp);
	add_error(text, sizeof(text), &len, &b->why);
	len = state_seal(text, len, sizeof(text));
	state_name(account, SUFFIX, name);
	return state_replace(dir, name, text, len, false, err);
}

/* Opens the state and locks the account; both to be closed. */
static bool
begin(struct spool *s, const char *account, int *ret_dir, int *ret_lock, struct error *err)
{
	char name[STATE_NAME];

	*ret_lock = -1;
	*ret_dir = open_state(s, err);
	if (*ret_dir < 0)
		return false;
	state_name(account, "lock", name);
	*ret_lock = state_lock(*ret_dir, name, clock_in(PATIENCE), NULL, err);
	if (*ret_lock >= 0)
		return true;
	close(*ret_dir);
	return false;
}

static void
end(int dir, int lock)
{
	close(lock);
	close(dir);
}

bool
breaker_fail(struct spool *s, const char *account, enum breaker_kind kind, uint64_t stamp,
	const struct error *why, int64_t now, const struct schedule_draw *draw, struct breaker *ret,
	struct error *err)
{
	struct breaker b;
	int dir, lock;
	bool good;

	if (!begin(s, account, &dir, &lock, err))
		return false;
	read_from(dir, account, now, &b);
	take_failure(&b, kind, stamp, why, now, draw);
	snprintf(b.account, sizeof(b.account), "%s", account);
	good = write_state(dir, account, &b, err);
	end(dir, lock);
	if (ret)
		*ret = b;
	return good;
}

bool
breaker_succeed(struct spool *s, const char *account, struct error *err)
{
	char name[STATE_NAME];
	int dir = open_state(s, err);
	bool good;

	if (dir < 0)
		return false;
	state_name(account, SUFFIX, name);
	good = unlinkat(dir, name, 0) == 0 || errno == ENOENT ||
	       error_sys(err, FAULT_TEMPORARY, errno, "unable to remove %s", name);
	close(dir);
	return good;
}

bool
breaker_release(struct spool *s, const char *account, int64_t now, struct error *err)
{
	struct breaker b;
	int dir, lock;
	bool good = true;

	if (!begin(s, account, &dir, &lock, err))
		return false;
	read_from(dir, account, now, &b);
	if (b.kind != BREAKER_CLOSED && b.next > now) {
		b.next = now;
		good = write_state(dir, account, &b, err);
	}
	end(dir, lock);
	return good;
}

/* Hands the account whose state the file NAME is to EACH. */
static void
read_named(int dir, const char *name, int64_t now, void (*each)(void *ctx, const struct breaker *b),
	void *ctx)
{
	char text[FILE_MAX], proper[STATE_NAME];
	const size_t suffix = strlen("." SUFFIX);
	struct breaker b;
	size_t n = strlen(name);
	ssize_t got;

	if (n <= suffix || strcmp(name + n - suffix, "." SUFFIX) != 0)
		return;
	got = state_read(dir, name, text, sizeof(text));
	if (got < 0 || !breaker_parse(text, (size_t)got, &b))
		return;
	state_name(b.account, SUFFIX, proper);
	if (strcmp(proper, name) != 0)
		return;
	make_sane(&b, now);
	each(ctx, &b);
}

bool
breaker_each(struct spool *s, int64_t now, void (*each)(void *ctx, const struct breaker *b),
	void *ctx, struct error *err)
{
	int fd = open_state(s, err);
	struct dirent *entry;
	DIR *d;

	if (fd < 0)
		return false;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return error_sys(
			err, FAULT_TEMPORARY, ENOMEM, "unable to read the accounts' states");
	}
	while ((entry = readdir(d)))
		read_named(fd, entry->d_name, now, each, ctx);
	closedir(d);
	return true;
}
