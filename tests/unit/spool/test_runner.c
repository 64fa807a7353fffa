/* The runner with a smarthost that is a function, and a clock that is set. */
#include "fake.h"

static unsigned
queued(void)
{
	return room_count(s.queue);
}

static unsigned
failed(void)
{
	return room_count(s.failed);
}

static void
test_delivery(void)
{
	struct runner_result r;

	begin();
	fake_queue("a@example.org", "ok1@example.net, ok2@example.net", "work", T0, NULL);
	fake_queue("a@example.org", "ok3@example.net", "work", T0 + 100, NULL);
	r = fake_run(T0, NULL);
	ok(r.sent == 1 && fake->of[1] == 1 && fake->of[2] == 1 && !fake->of[3],
		"what is due is sent");
	ok(r.next == T0 + 100, "the next time is that of the other");
	ok(queued() == 1 && fake->events[HISTORY_SENT] == 1, "and is gone, with an event");
	r = fake_run(T0 + 100, NULL);
	ok(r.sent == 1 && !queued() && r.next == INT64_MAX && fake->of[3] == 1,
		"then nothing is left, and there is no next time");
	ok(fake->connections == 2 && fake->disconnects == 2 && !fake->open,
		"connections are closed");
	end();
}

static void
test_backoff(void)
{
	struct runner_result r;
	int64_t now = T0, pause;
	bool grows = true;

	begin();
	fake_queue("a@example.org", "temp1@example.net, ok2@example.net", "work", T0, NULL);
	for (int i = 1; i <= 9; i++) {
		r = fake_run(now, NULL);
		pause = r.next - now;
		grows = grows && r.deferred == 1 && pause >= 225 && pause <= SCHEDULE_HORIZON;
		now = r.next;
	}
	ok(grows && fake->attempts_of[1] == 9, "a message is tried again after pauses (%u)",
		fake->attempts_of[1]);
	ok(fake->of[2] == 1, "who was served is not served again");
	ok(now - T0 > 12 * 3600, "the pauses grow");
	r = fake_run(T0 + 6 * FAKE_DAY, NULL);
	ok(r.failed == 1 && fake->events[HISTORY_EXPIRED] == 1 && failed() == 1,
		"after its time and ten attempts it is given up");
	ok(fake->events[HISTORY_BOUNCED] == 1 && fake->notices == 1 && r.sent == 1,
		"and its sender is told");
	ok(!queued(), "nothing is left in the queue");
	end();
}

static void
test_permanent(void)
{
	struct runner_result r;
	struct entry e;
	char id[ENTRY_ID + 1];

	begin();
	fake_queue("a@example.org", "perm1@example.net", "work", T0, id);
	r = fake_run(T0, NULL);
	ok(r.failed == 1 && r.sent == 1 && fake->notices == 1, "a refusal is told");
	ok(!queued() && failed() == 1, "the message is kept");
	ok(spool_look(&s, id, true, &e, NULL) == SPOOL_CLAIMED && e.state == ENTRY_FAILED &&
			e.bounced && e.envelope.recipients[0].told &&
			strcmp(e.envelope.recipients[0].words, "no such user") == 0,
		"with the server's words");
	ok(e.due == T0, "the file's time says since when");
	entry_done(&e);
	r = fake_run(T0 + 100, NULL);
	ok(fake->notices == 1 && !r.failed, "once");

	fake_queue("<>", "perm2@example.net", "work", T0, NULL);
	r = fake_run(T0 + 200, NULL);
	ok(r.failed == 1 && failed() == 2 && fake->notices == 1,
		"nobody is told of a null sender's");
	end();
}

/* One recipient is refused for good, the other for now: both are told in time, each once. */
static void
test_mixed(void)
{
	struct runner_result r;
	int64_t now;

	begin();
	fake_queue("a@example.org", "perm1@example.net, temp2@example.net", "work", T0, NULL);
	r = fake_run(T0, NULL);
	ok(r.deferred == 1 && fake->notices == 1 && queued() == 1 && !failed(),
		"the sender hears of a refusal while others are still tried");
	now = r.next;
	for (int i = 0; i < 12; i++)
		now = fake_run(now, NULL).next;
	ok(fake->attempts_of[1] == 1 && fake->attempts_of[2] == 13 && fake->notices == 1,
		"and once only");
	fake_run(T0 + 6 * FAKE_DAY, NULL);
	ok(fake->notices == 2 && failed() == 1 && !queued(), "then of the other");
	end();
}

static void
test_warning(void)
{
	struct runner_result r;

	begin();
	fake_account_settings.delay_warning = 4 * 3600;
	fake_queue("a@example.org", "temp1@example.net", "work", T0, NULL);
	r = fake_run(T0, NULL);
	ok(!fake->notices, "no warning at first");
	r = fake_run(T0 + 5 * 3600, NULL);
	ok(fake->notices == 1 && fake->events[HISTORY_WARNED] == 1, "a delay is told");
	r = fake_run(T0 + 12 * 3600, NULL);
	ok(fake->notices == 1 && queued() == 1 && r.deferred == 1, "once");
	end();
}

static const struct {
	enum fake_way way;
	enum breaker_kind kind;
	int64_t least, most; /* seconds until it is tried again */
	const char *name;
} ways[] = {
	{ FAKE_REFUSED, BREAKER_DOWN, 1, 30, "refused connections" },
	{ FAKE_421, BREAKER_DOWN, 1, 30, "421" },
	{ FAKE_NO_HOST, BREAKER_HOST, 1800, 2100, "no such host" },
	{ FAKE_CERTIFICATE, BREAKER_CERTIFICATE, 1800, 2100, "a refused certificate" },
	{ FAKE_LOGIN, BREAKER_CREDENTIALS, 21600, 22200, "a refused login" },
};

static void
test_ways(void)
{
	struct runner_result r;
	struct breaker b;
	struct entry e;
	char id[ENTRY_ID + 1];

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		begin();
		fake->way = ways[i].way;
		fake_queue("a@example.org", "ok1@example.net", "work", T0, id);
		for (int k = 2; k < 50; k++) {
			char to[64];

			snprintf(to, sizeof(to), "ok%d@example.net", k);
			fake_queue("a@example.org", to, "work", T0, NULL);
		}
		r = fake_run(T0, NULL);
		breaker_read(&s, "work", T0, &b);
		ok(fake->connects == 1 && fake->messages == 1, "%s: one attempt for all",
			ways[i].name);
		ok(b.kind == ways[i].kind && b.count == 1 && fake->breaker == b.kind &&
				fake->breakers == 1,
			"%s: the breaker is %s", ways[i].name, breaker_name(b.kind));
		ok(r.left == 49 && r.next == b.next && b.next - T0 >= ways[i].least &&
				b.next - T0 <= ways[i].most,
			"%s: the next one in %lld s, %u left", ways[i].name,
			(long long)(b.next - T0), r.left);
		ok(spool_look(&s, id, false, &e, NULL) == SPOOL_CLAIMED && e.due == T0 &&
				!e.attempts,
			"%s: messages are as they were", ways[i].name);
		entry_done(&e);
		fake_run(b.next - 1, NULL);
		ok(fake->connects == 1, "%s: not before its time", ways[i].name);
		fake->way = FAKE_UP;
		r = fake_run(b.next, NULL);
		breaker_read(&s, "work", T0, &b);
		ok(r.sent == 49 && !queued() && fake->connections <= 2 &&
				b.kind == BREAKER_CLOSED && fake->breaker == BREAKER_CLOSED,
			"%s: once it works everything goes at once", ways[i].name);
		ok(!failed() && !fake->notices, "%s: nothing bounces", ways[i].name);
		end();
	}
}

static void
test_stamp(void)
{
	const struct runner_settings flush = { .in_process = true, .flush = true };
	struct runner_result r;

	begin();
	fake->way = FAKE_LOGIN;
	fake_queue("a@example.org", "ok1@example.net", "work", T0, NULL);
	fake_run(T0, NULL);
	fake_run(T0 + 1000, NULL);
	ok(fake->connects == 1, "a refused password waits");
	fake_run(T0 + 1000, &flush);
	ok(fake->connects == 2, "until somebody asks for a flush");
	fake_account_settings.stamp = 2;
	fake_run(T0 + 1100, NULL);
	ok(fake->connects == 3, "or another one is set");
	fake_run(T0 + 1100, NULL);
	ok(fake->connects == 3, "which is tried once");
	fake->way = FAKE_UP;
	fake_account_settings.stamp = 3;
	r = fake_run(T0 + 1200, NULL);
	ok(r.sent == 1 && !queued(), "the right one lets it go");

	fake_account_error = (struct error){ .fault = FAULT_CONFIG, .text = "line 3 is nonsense" };
	fake_queue("a@example.org", "ok2@example.net", "work", T0, NULL);
	r = fake_run(T0 + 1300, NULL);
	ok(!r.sent && fake->breaker == BREAKER_CONFIG && queued() == 1 && r.left == 1,
		"a broken configuration holds the account");
	fake_account_error = (struct error)ERROR_NONE;
	fake_account_settings.stamp = 4;
	r = fake_run(T0 + 1400, NULL);
	ok(r.sent == 1 && fake->breaker == BREAKER_CLOSED, "until it is mended");
	end();
}

static void
test_interval(void)
{
	const unsigned n = 3000;
	struct runner_result r;
	char to[64];
	int64_t now = T0;
	unsigned passes = 0;

	begin();
	for (unsigned i = 0; i < n; i++) {
		snprintf(to, sizeof(to), "ok%u@example.net", i);
		fake_queue("a@example.org", to, "work", T0, NULL);
	}
	fake->way = FAKE_REFUSED;
	while (now < T0 + 4 * 3600) {
		r = fake_run(now, NULL);
		passes++;
		if (r.next <= now)
			break;
		now = r.next;
	}
	ok(fake->connects == passes && passes >= 10 && passes < 50,
		"3,000 messages, smarthost down for 4 h: %u connections", fake->connects);
	ok(r.left == n, "none is lost or given up");
	end();
}

static void
test_connections(void)
{
	const struct runner_settings workers = { .in_process = false };
	struct runner_result r;
	char to[64];
	bool once = true;

	begin();
	for (unsigned i = 0; i < 300; i++) {
		snprintf(to, sizeof(to), "ok%u@example.net", i);
		fake_queue("a@example.org", to, "work", T0, NULL);
	}
	r = fake_run(T0, &workers);
	for (unsigned i = 0; i < 300; i++)
		once = once && fake->of[i] == 1;
	ok(r.sent == 300 && once && !queued(), "300 are sent, each once (%u)", r.sent);
	ok(fake->connections <= 3 && fake->most_connections <= 2,
		"over %u connections, %u at a time", fake->connections, fake->most_connections);
	end();
}

static void
test_doubt(void)
{
	struct runner_result r;
	struct entry e;
	char id[ENTRY_ID + 1];

	begin();
	fake_queue("a@example.org", "doubt1@example.net", "work", T0, id);
	r = fake_run(T0, NULL);
	ok(r.deferred == 1 && r.next == T0 + SCHEDULE_LATE && fake->attempts_of[1] == 1,
		"no answer to the end of data: once more, ten minutes later");
	r = fake_run(r.next, NULL);
	ok(r.uncertain == 1 && fake->attempts_of[1] == 2 && queued() == 1 && r.next == INT64_MAX,
		"then it is kept");
	r = fake_run(T0 + 30 * FAKE_DAY, NULL);
	ok(fake->attempts_of[1] == 2 && !fake->notices && queued() == 1, "and left alone");
	ok(spool_claim(&s, id, false, &e, NULL) == SPOOL_CLAIMED && e.state == ENTRY_UNCERTAIN &&
			e.doubts == 2,
		"as uncertain");
	ok(spool_hold(&s, &e, false, T0 + 30 * FAKE_DAY, NULL), "a person releases it");
	entry_done(&e);
	r = fake_run(T0 + 31 * FAKE_DAY, NULL);
	ok(fake->attempts_of[1] == 3 && r.uncertain == 1, "and it is tried once more");
	end();

	begin();
	fake_account_settings.uncertain = SCHEDULE_DOUBT_HOLD;
	fake_queue("a@example.org", "doubt1@example.net, ok2@example.net", "work", T0, NULL);
	r = fake_run(T0, NULL);
	ok(r.uncertain == 1 && queued() == 1 && fake->events[HISTORY_UNCERTAIN] == 1 && fake->loud,
		"hold: kept at once");
	end();

	begin();
	fake_account_settings.uncertain = SCHEDULE_DOUBT_DROP;
	fake_queue("a@example.org", "doubt1@example.net", "work", T0, NULL);
	r = fake_run(T0, NULL);
	ok(r.sent == 1 && !queued() && fake->events[HISTORY_DROPPED] == 1, "drop: taken as sent");
	end();
}

static void
test_lost(void)
{
	struct runner_result r;
	struct breaker b;

	begin();
	fake_queue("a@example.org", "lost1@example.net", "work", T0, NULL);
	fake_queue("a@example.org", "ok2@example.net", "work", T0 + 1, NULL);
	r = fake_run(T0 + 1, NULL);
	breaker_read(&s, "work", T0, &b);
	ok(r.sent == 1 && r.deferred == 1 && b.kind == BREAKER_CLOSED,
		"a message that loses the connection does not stop the others");
	fake_queue("a@example.org", "lost3@example.net", "work", T0, NULL);
	fake_queue("a@example.org", "lost4@example.net", "work", T0, NULL);
	fake_queue("a@example.org", "lost5@example.net", "work", T0, NULL);
	r = fake_run(T0 + 2, NULL);
	breaker_read(&s, "work", T0, &b);
	ok(b.kind == BREAKER_DOWN && r.left == 1, "two in a row are the connection's fault");
	end();
}

static void
test_from(void)
{
	struct address from = { .local = (char *)"bounces", .domain = (char *)"example.org" };

	begin();
	fake->null_refused = true;
	fake_queue("a@example.org", "perm1@example.net", "work", T0, NULL);
	fake_run(T0, NULL);
	ok(!queued() && failed() == 2 && !fake->notices,
		"a notification that is refused is kept and told to nobody");
	end();

	begin();
	fake->null_refused = true;
	fake_account_settings.bounce_from = &from;
	fake_queue("a@example.org", "perm1@example.net", "work", T0, NULL);
	fake_run(T0, NULL);
	ok(!queued() && failed() == 1 && fake->notices == 1, "with bounce-from it goes again");
	end();

	begin();
	fake->null_refused = true;
	fake_account_settings.bounce_from = &from;
	fake_queue("perm2@example.org", "perm1@example.net", "work", T0, NULL);
	fake_run(T0, NULL);
	ok(!queued() && failed() == 2 && !fake->notices && fake->attempts_of[2] == 2,
		"once, and what is refused then is kept");
	end();
}

static void
test_rate(void)
{
	struct runner_result r;
	char to[64];

	begin();
	fake_account_settings.rate = 10;
	fake_account_settings.rate_seconds = 3600;
	for (unsigned i = 0; i < 25; i++) {
		snprintf(to, sizeof(to), "ok%u@example.net", i);
		fake_queue("a@example.org", to, "work", T0, NULL);
	}
	r = fake_run(T0, NULL);
	ok(r.sent == 10 && r.left == 15 && r.next > T0 + 3600 - 1 && r.next <= T0 + 3600 + 120,
		"ten in an hour, then a rest (%lld)", (long long)(r.next - T0));
	r = fake_run(r.next - 61, NULL);
	ok(r.sent == 0, "not earlier");
	r = fake_run(T0 + 3720, NULL);
	ok(r.sent == 10 && r.left == 5, "then ten more");
	end();
}

static void
test_only(void)
{
	struct runner_settings settings = { .in_process = true };
	char id[ENTRY_ID + 1];
	struct runner_result r;

	begin();
	fake_queue("a@example.org", "ok1@example.net", "work", T0, NULL);
	fake_queue("a@example.org", "ok2@example.net", "home", T0, NULL);
	fake_queue("a@example.org", "ok3@example.net", "work", T0 + 5000, id);
	settings.only_account = "home";
	r = fake_run(T0, &settings);
	ok(r.sent == 1 && fake->of[2] == 1, "one account alone");
	settings = (struct runner_settings){ .in_process = true, .flush = true, .only_id = id };
	r = fake_run(T0, &settings);
	ok(r.sent == 1 && fake->of[3] == 1, "one message alone, before it is due");
	settings = (struct runner_settings){ .in_process = true, .flush = true };
	fake_queue("a@example.org", "ok4@example.net", "work", T0 + 9000, NULL);
	r = fake_run(T0, &settings);
	ok(r.sent == 1 && !fake->of[4] && queued() == 1,
		"a flush does not send what is to wait (%u)", r.sent);
	end();
}

static void
test_clock(void)
{
	struct runner_result r;
	struct entry e;
	char id[ENTRY_ID + 1];

	begin();
	/* tried while the clock was ten years ahead */
	fake_queue("a@example.org", "temp1@example.net", "work", T0, id);
	fake_run(T0 + 3650 * (int64_t)FAKE_DAY, NULL);
	ok(fake->attempts_of[1] == 1 && !failed(), "a clock that is ahead gives nothing up");
	r = fake_run(T0 + 60, NULL);
	ok(fake->attempts_of[1] == 2 && r.deferred == 1,
		"what it has put off for years is due when it is right again");
	ok(spool_look(&s, id, false, &e, NULL) == SPOOL_CLAIMED && e.due > T0 + 60 &&
			e.due <= T0 + 60 + 750,
		"and then waits as usual");
	entry_done(&e);
	fake->way = FAKE_REFUSED;
	fake_run(T0 + 2 * FAKE_DAY, NULL);
	ok(fake->connects == 3, "the breaker opens");
	fake->way = FAKE_UP;
	fake_run(T0 + FAKE_DAY, NULL);
	ok(fake->attempts_of[1] == 3, "a clock that goes back a day does not keep it open");
	end();
}

static void
test_drain(void)
{
	struct runner_settings settings = { .in_process = true };
	struct runner_result r;
	unsigned others = 0;
	char to[64];

	begin();
	for (unsigned i = 0; i < 20; i++) {
		snprintf(to, sizeof(to), "ok%u@example.net", i);
		fake_queue("a@example.org", to, i % 2 ? "work" : "home", T0, NULL);
	}
	fake_connected = true;
	fake->open = 1;
	runner_drain(&s, &settings, "work", 6, clock_in(10000), &fake_callbacks, &r);
	for (unsigned i = 0; i < 20; i += 2)
		others += fake->of[i];
	ok(r.sent == 6 && fake->connects == 0 && !others && !fake->disconnects,
		"a drain sends what the connection has left of the account (%u)", r.sent);
	runner_drain(&s, &settings, "work", 100, clock_in(0), &fake_callbacks, &r);
	ok(r.sent == 0, "nothing after its deadline");
	runner_drain(&s, &settings, "work", 100, clock_in(10000), &fake_callbacks, &r);
	ok(r.sent == 4 && queued() == 10, "the rest");
	end();
}

static void
test_crash(void)
{
	const struct runner_settings workers = { .in_process = false };
	struct runner_result r;
	struct entry e;
	char id[ENTRY_ID + 1];

	begin();
	fake_queue("a@example.org", "ok1@example.net", "work", T0 - 1, id);
	fake_queue("a@example.org", "ok2@example.net", "work", T0, NULL);
	fake->crash = 1;
	r = fake_run(T0, &workers);
	ok(fake->of[2] == 1 && queued() == 1 && r.trouble,
		"a message that kills a worker does not stop the others");
	ok(r.next > T0 + 200 && r.next < T0 + 400, "and waits (%lld)", (long long)(r.next - T0));
	fake->crash_sent = true;
	fake_run(r.next, &workers);
	ok(spool_look(&s, id, false, &e, NULL) == SPOOL_CLAIMED && e.doubts == 1 &&
			e.attempts == 2 && e.envelope.recipients[0].outcome == OUTCOME_IN_DOUBT,
		"when the end of data had left it is in doubt");
	entry_done(&e);
	end();
}

/* As another runner would that has just tried it. */
static char put_off_id[2][ENTRY_ID + 1];

static bool
deliver_and_put_off(
	void *ctx, struct entry *e, bool more, struct runner_delivery *ret, struct error *err)
{
	const char *other = put_off_id[strcmp(e->id, put_off_id[0]) == 0];
	struct entry o;

	if (spool_claim(&s, other, false, &o, NULL) == SPOOL_CLAIMED &&
		!spool_set_due(&s, &o, T0 + 1000, NULL))
		abort();
	entry_done(&o);
	return fake_deliver(ctx, e, more, ret, err);
}

static void
test_put_off(void)
{
	struct runner_callbacks cb = fake_callbacks;
	struct runner_settings settings = { .in_process = true };
	struct runner_result r;

	for (int flush = 0; flush < 2; flush++) {
		begin();
		cb.deliver = deliver_and_put_off;
		settings.flush = flush;
		fake_queue("a@example.org", "ok1@example.net", "work", T0, put_off_id[0]);
		fake_queue("a@example.org", "ok2@example.net", "work", T0, put_off_id[1]);
		ok(runner_run(&s, &settings, &cb, &r, NULL) && r.sent == 1 && queued() == 1 &&
				r.next == T0 + 1000 && fake->of[1] + fake->of[2] == 1,
			"what another process has tried meanwhile waits%s",
			flush ? ", in a flush too" : "");
		end();
	}
}

static void
test_damaged(void)
{
	char id[ENTRY_ID + 1];
	struct runner_result r;
	int fd;

	begin();
	fake_queue("a@example.org", "ok1@example.net", "work", T0, id);
	fake_queue("a@example.org", "ok2@example.net", "work", T0, NULL);
	fd = openat(s.queue, id, O_WRONLY);
	ok(pwrite(fd, "!", 1, 600) == 1, "an octet of a body changes");
	close(fd);
	/* writing has made it due when it was written */
	r = fake_run(4000000000, NULL);
	ok(fake->of[2] == 1 && !fake->of[1] && r.damaged == 1 && !queued() &&
			room_count(s.damaged) == 1 && fake->events[HISTORY_DAMAGED] == 1 &&
			fake->troubles == 1,
		"it is put away and told, and not sent");
	fake_queue("a@example.org", "ok3@example.net", "work", T0, id);
	fd = openat(s.queue, id, O_WRONLY | O_TRUNC);
	close(fd);
	r = fake_run(4000000000, NULL);
	ok(r.damaged == 1 && !queued() && room_count(s.damaged) == 2,
		"nor one whose account cannot be read");
	end();
}

/* Runners in other processes and submitters at once. */
static void
test_together(void)
{
	const struct runner_settings workers = { .in_process = false };
	struct runner_result r;
	pid_t pids[8];
	char to[64];
	bool once = true, all = true;
	int status;

	begin();
	fake_account_settings.connections = 3;
	fake_account_settings.per_connection = 10;
	for (unsigned p = 0; p < 8; p++) {
		/* what a worker flushes must not be this process's results once more */
		fflush(NULL);
		pids[p] = fork();
		if (pids[p])
			continue;
		for (unsigned i = 0; p < 4 && i < 50; i++) {
			snprintf(to, sizeof(to), "%s%u@example.net", i % 10 ? "ok" : "perm",
				p * 50 + i + 1);
			fake_queue("ok0@example.org", to, "work", T0, NULL);
		}
		for (unsigned i = 0; p >= 4 && i < 30; i++) {
			fake_run(T0 + i, &workers);
			usleep(3000);
		}
		_exit(0);
	}
	for (unsigned p = 0; p < 8; p++) {
		waitpid(pids[p], &status, 0);
		all = all && status == 0;
	}
	for (int i = 0; i < 10; i++)
		r = fake_run(T0 + 100 + i * 30, &workers);
	for (unsigned i = 1; i <= 200; i++)
		once = once && (fake->attempts_of[i] == 1);
	ok(all && once, "4 runners and 4 submitters: each message is tried once");
	ok(fake->notices == 20 && fake->of[0] == 20, "and each refusal told once (%u)",
		fake->notices);
	ok(!queued() && failed() == 20 && !fake->open, "nothing is left (%u, %u, %u)", queued(),
		failed(), r.left);
	ok(fake->most_connections <= 3, "never more than 3 connections (%u)",
		fake->most_connections);
	end();
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	test_delivery();
	test_backoff();
	test_permanent();
	test_mixed();
	test_warning();
	test_ways();
	test_stamp();
	test_interval();
	test_connections();
	test_doubt();
	test_lost();
	test_from();
	test_rate();
	test_only();
	test_clock();
	test_drain();
	test_crash();
	test_put_off();
	test_damaged();
	test_together();
	return tap_done();
}
