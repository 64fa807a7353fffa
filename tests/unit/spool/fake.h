/* A smarthost that is a function, for tests of the runner: what it answers to a recipient stands in
 * the local part, and what it was asked is counted in memory that all processes share. */
#pragma once

#include <signal.h>
#include <sys/mman.h>

#include "clock.h"
#include "header.h"
#include "room.h"
#include "runner.h"

#define T0            1700000000
#define FAKE_MESSAGES 20000
#define FAKE_DAY      86400

/* What happens to every connection. */
enum fake_way {
	FAKE_UP,
	FAKE_REFUSED, /* no connection */
	FAKE_NO_HOST,
	FAKE_LOGIN, /* 535 */
	FAKE_CERTIFICATE,
	FAKE_421 /* at MAIL */
};

struct fake {
	enum fake_way way;
	unsigned connects; /* attempts to connect */
	unsigned connections, messages, disconnects;
	unsigned most_connections; /* at the same time */
	unsigned open;
	unsigned of[FAKE_MESSAGES]; /* deliveries of message N, to each recipient accepted */
	unsigned attempts_of[FAKE_MESSAGES];
	unsigned events[HISTORY_COUNT], loud;
	unsigned breakers, troubles;
	enum breaker_kind breaker;
	char trouble[512];
	int crash; /* the message that kills the process; -1: none */
	bool crash_sent, slow, null_refused;
	unsigned notices; /* delivered with a null sender or that of bounce-from */
};

static struct fake *fake;
static bool fake_connected; /* of this process */
static struct runner_account fake_account_settings;
static struct error fake_account_error;

static void
fake_reset(void)
{
	if (!fake)
		fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (fake == MAP_FAILED)
		abort();
	memset(fake, 0, sizeof(*fake));
	fake->crash = -1;
	fake_connected = false;
	fake_account_error = (struct error)ERROR_NONE;
	fake_account_settings = (struct runner_account){ .stamp = 1,
		.connections = 2,
		.per_connection = 100,
		.bounce = { .host = "mail.example.org" } };
}

/* What each test has: a spool of its own, a smarthost that answers, and the clock at T0. */
static char path[64];
static struct spool s;

/* Where flushes cost nothing if there is such a place: what is tested here is not durability. */
static void __attribute__((unused)) begin(void)
{
	struct error err = ERROR_NONE;

	room_make(path, "/dev/shm");
	s = (struct spool)SPOOL_NONE;
	if (!spool_open(&s, path, true, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	fake_reset();
	clock_pretend(T0);
}

static void __attribute__((unused)) end(void)
{
	spool_close(&s);
	room_remove(path);
}

static void
fake_answer(struct error *e, enum stage stage, enum fault fault, int smtp, struct enhanced code,
	const char *words)
{
	error_clear(e);
	error_at(e, stage, fault, "the server said: %s", words);
	e->smtp = smtp;
	e->code = code;
	snprintf(e->words, sizeof(e->words), "%s", words);
}

/* Sets *WHY if there is no way to the server now. */
static bool
fake_connect(struct error *why)
{
	__atomic_fetch_add(&fake->connects, 1, __ATOMIC_SEQ_CST);
	switch (fake->way) {
	case FAKE_REFUSED:
		return error_at(why, STAGE_CONNECT, FAULT_TEMPORARY, "connection refused");
	case FAKE_NO_HOST:
		return error_at(why, STAGE_RESOLVE, FAULT_NOHOST, "no such host");
	case FAKE_CERTIFICATE:
		return error_at(why, STAGE_TLS, FAULT_UNAVAILABLE, "certificate refused");
	case FAKE_LOGIN:
		fake_answer(why, STAGE_AUTH, FAULT_PERMISSION, 535, (struct enhanced){ 5, 7, 8 },
			"bad password");
		return false;
	case FAKE_421:
	case FAKE_UP:
		break;
	}
	fake_connected = true;
	__atomic_fetch_add(&fake->connections, 1, __ATOMIC_SEQ_CST);
	if (__atomic_add_fetch(&fake->open, 1, __ATOMIC_SEQ_CST) > fake->most_connections)
		fake->most_connections = fake->open;
	return true;
}

static void
fake_close(void)
{
	if (fake_connected)
		__atomic_fetch_sub(&fake->open, 1, __ATOMIC_SEQ_CST);
	fake_connected = false;
}

/* One recipient's fate: the local part begins with it, and ends with the number of the message. */
static void
fake_decide(struct recipient *r, struct error *why, bool null_sender)
{
	const char *local = r->address.local;
	const char *digits = local + strcspn(local, "0123456789");
	unsigned n = *digits ? (unsigned)strtoul(digits, NULL, 10) : 0;

	if (n >= FAKE_MESSAGES)
		abort();
	if ((int)n == fake->crash) {
		if (fake->crash_sent)
			runner_mark_sent();
		raise(SIGKILL);
	}
	__atomic_fetch_add(&fake->attempts_of[n], 1, __ATOMIC_SEQ_CST);
	if (null_sender && fake->null_refused) {
		fake_answer(why, STAGE_MAIL, FAULT_UNAVAILABLE, 501, (struct enhanced){ 5, 1, 7 },
			"no null sender here");
		recipient_fail(r, why);
	} else if (strncmp(local, "temp", 4) == 0) {
		fake_answer(why, STAGE_RCPT, FAULT_TEMPORARY, 450, (struct enhanced){ 4, 2, 0 },
			"later, please");
		recipient_fail(r, why);
	} else if (strncmp(local, "perm", 4) == 0) {
		fake_answer(why, STAGE_RCPT, FAULT_NOUSER, 550, (struct enhanced){ 5, 1, 1 },
			"no such user");
		recipient_fail(r, why);
	} else if (strncmp(local, "doubt", 5) == 0) {
		error_clear(why);
		error_at(why, STAGE_END, FAULT_TEMPORARY, "the connection was lost");
		why->in_doubt = true;
		recipient_fail(r, why);
		fake_close();
	} else if (strncmp(local, "lost", 4) == 0) {
		error_clear(why);
		error_at(why, STAGE_BODY, FAULT_TEMPORARY, "the connection was lost");
		recipient_fail(r, why);
		fake_close();
	} else {
		runner_mark_sent();
		recipient_set(r, OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 }, "ok", NULL);
		__atomic_fetch_add(&fake->of[n], 1, __ATOMIC_SEQ_CST);
	}
}

static bool
fake_deliver(void *ctx, struct entry *e, bool more, struct runner_delivery *ret, struct error *err)
{
	bool null_sender = address_is_null(&e->envelope.sender), good = true;
	struct error why = ERROR_NONE;
	struct recipient *r;

	(void)ctx;
	(void)more;
	snprintf(ret->host, sizeof(ret->host), "smtp.example.net");
	if (!fake_connected && !fake_connect(&why))
		good = false;
	if (good && fake->way == FAKE_421) {
		fake_answer(&why, STAGE_MAIL, FAULT_TEMPORARY, 421, (struct enhanced){ 4, 3, 2 },
			"closing");
		fake_close();
		good = false;
	}
	if (good && fake->slow)
		usleep(20000);
	__atomic_fetch_add(&fake->messages, 1, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome != OUTCOME_PENDING)
			continue;
		if (good || why.stage >= STAGE_RCPT)
			fake_decide(r, &why, null_sender);
		else
			recipient_fail(r, &why);
		good = good && r->outcome == OUTCOME_ACCEPTED;
		if (!good && err && !err->fault)
			*err = why;
	}
	if (good && (null_sender || strncmp(e->envelope.sender.local, "bounces", 7) == 0))
		__atomic_fetch_add(&fake->notices, 1, __ATOMIC_SEQ_CST);
	snprintf(ret->queue_id, sizeof(ret->queue_id), "Q%u", fake->messages);
	return good;
}

static void
fake_disconnect(void *ctx)
{
	(void)ctx;
	__atomic_fetch_add(&fake->disconnects, 1, __ATOMIC_SEQ_CST);
	fake_close();
}

static bool
fake_account(void *ctx, const char *name, struct runner_account *ret, struct error *err)
{
	(void)ctx;
	(void)name;
	*ret = fake_account_settings;
	if (fake_account_error.fault) {
		*err = fake_account_error;
		return false;
	}
	return true;
}

static void
fake_event(void *ctx, const struct history_record *r, bool loud)
{
	(void)ctx;
	__atomic_fetch_add(&fake->events[r->event], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&fake->loud, loud, __ATOMIC_SEQ_CST);
}

static void
fake_breaker(void *ctx, const struct breaker *b)
{
	(void)ctx;
	__atomic_fetch_add(&fake->breakers, 1, __ATOMIC_SEQ_CST);
	fake->breaker = b->kind;
}

static void
fake_trouble(void *ctx, const struct error *err)
{
	(void)ctx;
	__atomic_fetch_add(&fake->troubles, 1, __ATOMIC_SEQ_CST);
	snprintf(fake->trouble, sizeof(fake->trouble), "%s", err->text);
}

static const struct runner_callbacks fake_callbacks = {
	.account = fake_account,
	.deliver = fake_deliver,
	.disconnect = fake_disconnect,
	.event = fake_event,
	.breaker = fake_breaker,
	.trouble = fake_trouble,
};

/* Puts a message into the queue, due at WHEN. Its id goes to ID (may be NULL). */
static void __attribute__((unused))
fake_queue(const char *sender, const char *recipients, const char *account, int64_t when, char *id)
{
	struct entry e = ENTRY_NONE;
	struct envelope v;
	struct message m;
	struct error err = ERROR_NONE;

	envelope_make(&v, sender, recipients);
	message_make(&m, NULL, 200);
	header_append(&m.header, "Message-ID", "<original@example.org>");
	message_update_header_facts(&m);
	snprintf(e.account, sizeof(e.account), "%s", account);
	e.uid = 1000;
	e.created = e.not_before = when;
	e.lifetime = 5 * FAKE_DAY;
	if (!spool_commit(&s, &e, &v, &m, when, NULL, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	if (id)
		memcpy(id, e.id, sizeof(e.id));
	entry_done(&e);
	message_done(&m);
	envelope_done(&v);
}

/* One run at time WHEN. */
static struct runner_result __attribute__((unused))
fake_run(int64_t when, const struct runner_settings *settings)
{
	const struct runner_settings usual = { .in_process = true };
	struct runner_result result = { 0 };
	struct error err = ERROR_NONE;

	clock_pretend((time_t)when);
	if (!runner_run(&s, settings ? settings : &usual, &fake_callbacks, &result, &err))
		printf("# runner: %s\n", err.text);
	return result;
}
