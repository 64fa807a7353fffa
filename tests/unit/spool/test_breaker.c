/* What stands between many messages and a smarthost that is down. */
#include "breaker.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "digest.h"
#include "fake.h"
#include "schedule.h"
#include "state.h"

static uint32_t
highest(void *ctx, uint32_t below)
{
	(void)ctx;
	return below - 1;
}
static const struct schedule_draw high = { highest, NULL };

#define C(a, b, c)                                                                                 \
	{                                                                                          \
		a, b, c                                                                            \
	}
static const struct {
	enum stage stage;
	enum fault fault;
	int smtp;
	struct enhanced code;
	enum breaker_kind kind;
	const char *name;
} judgements[] = {
	{ STAGE_RESOLVE, FAULT_TEMPORARY, 0, C(0, 0, 0), BREAKER_DOWN, "no name server" },
	{ STAGE_RESOLVE, FAULT_NOHOST, 0, C(0, 0, 0), BREAKER_HOST, "no such host" },
	{ STAGE_CONNECT, FAULT_TEMPORARY, 0, C(0, 0, 0), BREAKER_DOWN, "refused" },
	{ STAGE_CONNECT, FAULT_CONFIG, 0, C(0, 0, 0), BREAKER_CONFIG, "no host is set" },
	{ STAGE_TLS, FAULT_TEMPORARY, 0, C(0, 0, 0), BREAKER_DOWN, "TLS broke off" },
	{ STAGE_TLS, FAULT_UNAVAILABLE, 0, C(0, 0, 0), BREAKER_CERTIFICATE, "certificate" },
	{ STAGE_TLS, FAULT_PROTOCOL, 0, C(0, 0, 0), BREAKER_CERTIFICATE, "no TLS" },
	{ STAGE_GREETING, FAULT_TEMPORARY, 421, C(4, 0, 0), BREAKER_DOWN, "421 greeting" },
	{ STAGE_GREETING, FAULT_TEMPORARY, 450, C(0, 0, 0), BREAKER_DOWN, "4yz greeting" },
	{ STAGE_GREETING, FAULT_UNAVAILABLE, 554, C(5, 0, 0), BREAKER_HOST, "554 greeting" },
	{ STAGE_GREETING, FAULT_PROTOCOL, 0, C(0, 0, 0), BREAKER_HOST, "no SMTP" },
	{ STAGE_EHLO, FAULT_UNAVAILABLE, 0, C(5, 6, 3), BREAKER_CLOSED, "no extension" },
	{ STAGE_EHLO, FAULT_UNAVAILABLE, 550, C(5, 0, 0), BREAKER_HOST, "550 to EHLO" },
	{ STAGE_AUTH, FAULT_TEMPORARY, 454, C(4, 7, 0), BREAKER_DOWN, "454 to AUTH" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, C(5, 7, 8), BREAKER_CREDENTIALS, "535" },
	{ STAGE_AUTH, FAULT_CONFIG, 0, C(0, 0, 0), BREAKER_CONFIG, "login without TLS" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, C(0, 0, 0), BREAKER_HOST, "no AUTH" },
	{ STAGE_MAIL, FAULT_PERMISSION, 530, C(5, 7, 0), BREAKER_CREDENTIALS, "530 to MAIL" },
	{ STAGE_MAIL, FAULT_PERMISSION, 550, C(5, 7, 1), BREAKER_CLOSED, "sender" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 452, C(0, 0, 0), BREAKER_DOWN, "452 to MAIL" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 451, C(4, 3, 0), BREAKER_DOWN, "4.3.0 to MAIL" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 451, C(4, 7, 1), BREAKER_CLOSED, "4.7.1 to MAIL" },
	{ STAGE_MAIL, FAULT_DATA, 552, C(5, 3, 4), BREAKER_CLOSED, "too large" },
	{ STAGE_MAIL, FAULT_DATA, 0, C(0, 0, 0), BREAKER_CLOSED, "not ASCII" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 450, C(4, 2, 1), BREAKER_CLOSED, "450 to RCPT" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 421, C(4, 7, 0), BREAKER_DOWN, "421 to RCPT" },
	{ STAGE_RCPT, FAULT_NOUSER, 550, C(5, 1, 1), BREAKER_CLOSED, "550 to RCPT" },
	{ STAGE_RCPT, FAULT_NOHOST, 550, C(5, 1, 2), BREAKER_CLOSED, "recipient's domain" },
	{ STAGE_BODY, FAULT_TEMPORARY, 0, C(0, 0, 0), BREAKER_CLOSED, "lost in the body" },
	{ STAGE_END, FAULT_TEMPORARY, 451, C(4, 3, 0), BREAKER_CLOSED, "451 after the data" },
	{ STAGE_END, FAULT_UNAVAILABLE, 554, C(5, 7, 1), BREAKER_CLOSED, "554 after the data" },
	{ STAGE_NONE, FAULT_CONFIG, 0, C(0, 0, 0), BREAKER_CONFIG, "configuration" },
	{ STAGE_NONE, FAULT_NOINPUT, 0, C(0, 0, 0), BREAKER_CONFIG, "a file that is missing" },
	{ STAGE_NONE, FAULT_PERMISSION, 0, C(0, 0, 0), BREAKER_CREDENTIALS, "no password" },
	{ STAGE_NONE, FAULT_TEMPORARY, 0, C(0, 0, 0), BREAKER_DOWN, "a locked keyring" },
	{ STAGE_NONE, FAULT_SYSTEM, 0, C(0, 0, 0), BREAKER_DOWN, "no descriptors" },
	{ STAGE_NONE, FAULT_DATA, 0, C(0, 0, 0), BREAKER_CLOSED, "the message" },
};

static const struct error refused = {
	.fault = FAULT_TEMPORARY, .stage = STAGE_CONNECT, .text = "connection refused"
};
static const struct error login = { .fault = FAULT_PERMISSION,
	.stage = STAGE_AUTH,
	.smtp = 535,
	.code = { 5, 7, 8 },
	.text = "the password is refused",
	.words = "go away" };

static struct breaker
fail_at(int64_t when, enum breaker_kind kind, const struct error *why)
{
	struct error err = ERROR_NONE;
	struct breaker b = { .kind = BREAKER_CLOSED };

	if (!breaker_fail(&s, "work", kind, 7, why, when, &high, &b, &err))
		printf("# %s\n", err.text);
	return b;
}

static enum breaker_answer
ask_at(int64_t when, uint64_t stamp, bool force, int *probe)
{
	struct breaker b;

	return breaker_ask(&s, "work", stamp, force, when, &b, probe);
}

static void
test_growth(void)
{
	static const int64_t pauses[] = { 30, 60, 120, 240, 480, 960, 1800, 1800 };
	struct breaker b = { .next = T0 }, again;
	bool grows = true;

	begin();
	for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		int64_t now = b.next;

		b = fail_at(now, BREAKER_DOWN, &refused);
		grows = grows && b.next == now + pauses[i] && b.count == i + 1;
	}
	ok(grows && b.since == T0, "30 s doubling to 30 min");
	again = fail_at(b.last + 1, BREAKER_DOWN, &refused);
	ok(again.count == b.count && again.next == b.next, "attempts side by side count once");
	breaker_read(&s, "work", b.last, &again);
	ok(again.count == b.count && again.next == b.next && again.stamp == 7 &&
			!strcmp(again.why.text, "connection refused") &&
			again.why.stage == STAGE_CONNECT,
		"others read the same");
	breaker_read(&s, "other", b.last, &again);
	ok(again.kind == BREAKER_CLOSED && !strcmp(again.account, "other"), "of this account only");
	ok(breaker_succeed(&s, "work", NULL) && breaker_succeed(&s, "work", NULL), "closed, twice");
	breaker_read(&s, "work", b.last, &again);
	ok(again.kind == BREAKER_CLOSED && !again.count, "forgets all");
	end();
}

static void
test_asking(void)
{
	int probe = -1, other = -1;
	struct breaker b;

	begin();
	ok(ask_at(T0, 7, false, &probe) == BREAKER_GO && probe < 0, "closed: go");
	b = fail_at(T0, BREAKER_DOWN, &refused);
	ok(ask_at(b.next - 1, 7, false, &probe) == BREAKER_WAIT && probe < 0, "open: wait");
	ok(ask_at(b.next, 7, false, &probe) == BREAKER_PROBE && probe >= 0, "in time: probe");
	ok(ask_at(b.next, 7, false, &other) == BREAKER_WAIT, "the others wait for it");
	ok(ask_at(b.next, 7, true, &other) == BREAKER_WAIT, "even if asked to hurry");
	breaker_probe_done(&probe);
	ok(probe == -1 && ask_at(b.next, 7, false, &probe) == BREAKER_PROBE, "ended: the next may");
	breaker_probe_done(&probe);
	ok(ask_at(T0 + 1, 7, true, &probe) == BREAKER_PROBE, "a person need not wait");
	breaker_probe_done(&probe);
	ok(ask_at(T0 + 1, 8, false, &probe) == BREAKER_PROBE, "nor another configuration");
	breaker_probe_done(&probe);
	ok(breaker_release(&s, "work", T0 + 1, NULL) &&
			ask_at(T0 + 1, 7, false, &probe) == BREAKER_PROBE,
		"released: now");
	breaker_probe_done(&probe);

	b = fail_at(T0 + 100, BREAKER_CREDENTIALS, &login);
	ok(b.kind == BREAKER_CREDENTIALS && b.count == 1 && b.next >= T0 + 100 + BREAKER_HELD,
		"a refused login waits for hours");
	b = fail_at(b.next, BREAKER_DOWN, &refused);
	ok(b.kind == BREAKER_CREDENTIALS && b.why.smtp == 535,
		"a network that fails, too, does not have it tried more often");
	end();
}

static void
test_jumps(void)
{
	struct breaker b;

	begin();
	b = fail_at(T0 + 86400 * 365LL, BREAKER_DOWN, &refused);
	breaker_read(&s, "work", T0, &b);
	ok(b.next <= T0, "a clock that jumps back does not keep it open");
	end();
}

static void
test_judgement(void)
{
	struct error e;

	for (size_t i = 0; i < sizeof(judgements) / sizeof(*judgements); i++) {
		e = (struct error){ .fault = judgements[i].fault,
			.stage = judgements[i].stage,
			.smtp = judgements[i].smtp,
			.code = judgements[i].code };
		ok(breaker_judge(&e) == judgements[i].kind, "%s is %s", judgements[i].name,
			breaker_name(judgements[i].kind));
	}
	e = (struct error){ .fault = FAULT_TEMPORARY, .stage = STAGE_END, .in_doubt = true };
	ok(breaker_judge(&e) == BREAKER_CLOSED, "in doubt is about the message");
}

static unsigned each_count;
static void
count_each(void *ctx, const struct breaker *b)
{
	(void)ctx;
	each_count += b->kind == BREAKER_DOWN;
}

static void
test_names(void)
{
	static const char *const names[] = { "work", "", "../../etc/passwd", "a/b", ".hidden",
		"a b", "caf\xc3\xa9", "%", "%2F", "WORK", "a%" };
	const size_t n = sizeof(names) / sizeof(*names);
	char file[32][STATE_NAME], long_a[200], long_b[200];
	bool safe = true, apart = true;
	struct error err = ERROR_NONE;

	begin();
	memset(long_a, 'x', 199);
	memset(long_b, 'x', 199);
	long_a[199] = long_b[199] = '\0';
	long_b[198] = 'y';
	for (size_t i = 0; i < n + 2; i++) {
		const char *name = i < n ? names[i] : i == n ? long_a : long_b;

		state_name(name, "rate-lock", file[i]);
		safe = safe && file[i][0] != '.' && !strchr(file[i], '/') && strlen(file[i]) < 250;
		for (size_t k = 0; k < i; k++)
			apart = apart && strcmp(file[i], file[k]) != 0;
	}
	ok(safe && apart, "names of files are safe, and different");
	for (size_t i = 0; i < n; i++)
		if (!breaker_fail(&s, names[i], BREAKER_DOWN, 1, &refused, T0, NULL, NULL, &err))
			printf("# %s\n", err.text);
	ok(breaker_each(&s, T0, count_each, NULL, &err) && each_count == n,
		"a listing has each account (%u)", each_count);
	end();
}

static void
put(const char *name, const char *text)
{
	int dir = state_directory(&s, "accounts", NULL);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
	close(dir);
}

static void
test_hostile(void)
{
	char text[4096];
	struct breaker b;
	struct error err = ERROR_NONE;
	int dir, n, bad = 0;

	begin();
	fail_at(T0, BREAKER_DOWN, &login);
	dir = state_directory(&s, "accounts", NULL);
	n = (int)state_read(dir, "work.breaker", text, sizeof(text));
	ok(n > 0 && breaker_parse(text, (size_t)n, &b) && b.kind == BREAKER_DOWN,
		"as it is written");
	for (int i = 0; i < n; i++) {
		text[i] ^= 1;
		bad += breaker_parse(text, (size_t)n, &b);
		text[i] ^= 1;
		bad += breaker_parse(text, (size_t)i, &b);
	}
	ok(bad == 0, "changed or cut it is not believed");
	put("work.breaker", "nonsense\n");
	breaker_read(&s, "work", T0, &b);
	ok(b.kind == BREAKER_CLOSED, "nonsense is closed");
	ok(fail_at(T0, BREAKER_DOWN, &refused).kind == BREAKER_DOWN, "and is written over");
	unlinkat(dir, "work.breaker", 0);
	ok(symlinkat("/etc/passwd", dir, "work.breaker") == 0 &&
			(breaker_read(&s, "work", T0, &b), b.kind == BREAKER_CLOSED),
		"a link is not followed");
	ok(mkfifoat(dir, "home.breaker", 0600) == 0 &&
			(breaker_read(&s, "home", T0, &b), b.kind == BREAKER_CLOSED),
		"a FIFO is not waited for");
	put("a.breaker", text);
	each_count = 0;
	ok(breaker_each(&s, T0, count_each, NULL, &err) && !each_count,
		"a file with another account's name is passed over");
	close(dir);
	end();
}

/* Many processes: one probes, nothing is torn. */
static void
test_together(void)
{
	unsigned probes = 0, failures = 0;
	struct breaker b;
	pid_t pids[8];
	int status;

	begin();
	fail_at(T0, BREAKER_DOWN, &refused);
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			int probe, got = 0;

			if (ask_at(T0 + 1000, 7, false, &probe) == BREAKER_PROBE) {
				got = 1;
				usleep(100000);
				fail_at(T0 + 1000, BREAKER_DOWN, &refused);
				breaker_probe_done(&probe);
			}
			for (int k = 0; k < 50; k++) {
				breaker_read(&s, "work", T0 + 1000, &b);
				got |= b.kind == BREAKER_DOWN ? 0 : 2;
			}
			_exit(got);
		}
	}
	for (int i = 0; i < 8; i++) {
		waitpid(pids[i], &status, 0);
		probes += WEXITSTATUS(status) & 1;
		failures += WEXITSTATUS(status) != (WEXITSTATUS(status) & 1);
	}
	ok(probes == 1 && !failures, "of 8 processes one probes (%u)", probes);
	breaker_read(&s, "work", T0 + 1000, &b);
	ok(b.count == 2, "two failures");
	end();
}

int
main(void)
{
	char hex[DIGEST_HEX];

	digest_hex("abc", 3, hex);
	ok(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
		"FIPS 180-4: abc");
	digest_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	ok(!strcmp(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
		"FIPS 180-4: two blocks");
	test_growth();
	test_asking();
	test_jumps();
	test_judgement();
	test_names();
	test_hostile();
	test_together();
	return tap_done();
}
