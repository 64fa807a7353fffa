/* Who is told, when, and how often. What is written is tested by notices.py. */
#include "bounce.h"

#include "bounce_private.h"
#include "fake.h"
#include "header.h"

static const struct bounce_settings how = { .host = "mail.example.org" };

/* An entry in failed/, claimed, of which nobody has been told. */
static void
make_failed(struct entry *e, const char *sender, const char *recipients)
{
	const struct error why = { .fault = FAULT_NOUSER,
		.stage = STAGE_RCPT,
		.smtp = 550,
		.code = { 5, 1, 1 },
		.text = "refused" };
	struct error err = ERROR_NONE;
	enum outcome *noted;
	char id[ENTRY_ID + 1];

	fake_queue(sender, recipients, "work", T0, id);
	if (spool_claim(&s, id, false, e, &err) != SPOOL_CLAIMED)
		abort();
	noted = calloc(e->envelope.count, sizeof(*noted));
	for (size_t i = 0; i < e->envelope.count; i++)
		recipient_set(&e->envelope.recipients[i], OUTCOME_PERMANENT, 550,
			(struct enhanced){ 5, 1, 1 }, "no such user", &why);
	e->due = BOUNCE_OWED;
	if (!entry_append(e, noted, T0, &err) || !spool_fail(&s, e, &err))
		abort();
	free(noted);
}

static const struct {
	const char *sender;
	unsigned notify;
	bool failed, delayed;
	const char *name;
} wanted[] = {
	{ "a@example.org", 0, true, true, "nothing asked for" },
	{ "a@example.org", DSN_FAILURE, true, false, "failures" },
	{ "a@example.org", DSN_DELAY, false, true, "delays" },
	{ "a@example.org", DSN_FAILURE | DSN_DELAY, true, true, "both" },
	{ "a@example.org", DSN_SUCCESS, false, false, "success" },
	{ "a@example.org", DSN_NEVER, false, false, "never" },
	{ "<>", 0, false, false, "the null sender" },
	{ "<>", DSN_FAILURE, false, false, "the null sender with NOTIFY" },
};

static void
test_wanted(void)
{
	struct entry e = ENTRY_NONE;

	begin();
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		envelope_make(&e.envelope, wanted[i].sender, "b@example.net");
		e.envelope.dsn_notify = wanted[i].notify;
		ok(bounce_is_wanted(&e, BOUNCE_FAILED) == wanted[i].failed &&
				bounce_is_wanted(&e, BOUNCE_DELAYED) == wanted[i].delayed,
			"wanted: %s", wanted[i].name);
		envelope_done(&e.envelope);
	}
	envelope_make(&e.envelope, "a@example.org", "b@example.net");
	message_init(&e.message);
	header_append(&e.message.header, "Auto-Submitted", "auto-generated");
	ok(bounce_is_wanted(&e, BOUNCE_FAILED), "cron's mail too");
	header_drop(&e.message.header, "Auto-Submitted");
	header_append(&e.message.header, "Auto-Submitted", "Auto-Replied");
	ok(bounce_is_wanted(&e, BOUNCE_FAILED), "an answer by a machine too");
	header_append(&e.message.header, "Content-Type", "multipart/report; report-type=x");
	ok(!bounce_is_wanted(&e, BOUNCE_FAILED), "not somebody's notification");
	entry_done(&e);
	end();
}

static void
test_once(void)
{
	struct error err = ERROR_NONE;
	struct runner_result r;
	struct entry e, n;
	char id[ENTRY_ID + 1], again[ENTRY_ID + 1];

	begin();
	make_failed(&e, "a@example.org", "b@example.net, c@example.net");
	ok(bounce_make(&s, &e, BOUNCE_FAILED, &how, T0 + 5, id, &err) && entry_is_id(id),
		"a notification is made");
	ok(e.bounced && e.due == T0 + 5 && e.envelope.recipients[1].told &&
			room_count(s.queue) == 1,
		"and noted");
	ok(bounce_make(&s, &e, BOUNCE_FAILED, &how, T0 + 6, again, &err) && !*again &&
			room_count(s.queue) == 1,
		"a second is not");
	ok(spool_claim(&s, id, false, &n, &err) == SPOOL_CLAIMED &&
			address_is_null(&n.envelope.sender) && n.envelope.count == 1 &&
			!strcmp(n.envelope.recipients[0].address.local, "a") &&
			n.envelope.dsn_notify == DSN_NEVER && !strcmp(n.account, "work") &&
			n.uid == e.uid && n.due == T0 + 5,
		"to the sender, from nobody");
	ok(bounce_is_notification(&n), "it is known as one");
	entry_done(&n);
	r = fake_run(T0 + 5, NULL);
	ok(r.sent == 1 && !r.trouble && fake->notices == 1,
		"it need not wait until its original, which knows of it, is let go");
	entry_done(&e);
	end();
}

/* The process died between the commit and the note. */
static void
test_interrupted(void)
{
	struct error err = ERROR_NONE;
	struct runner_result r;
	struct entry e, n = ENTRY_NONE;
	struct envelope v;
	struct message m;
	char what[BOUNCE_WHAT], id[ENTRY_ID + 1];

	begin();
	make_failed(&e, "a@example.org", "b@example.net");
	bounce_what(&e, BOUNCE_FAILED, what);
	entry_derive_id(n.id, e.id, what);
	envelope_make(&v, "<>", "a@example.org");
	if (!bounce_compose(&e, BOUNCE_FAILED, &how, T0, &m, &err))
		abort();
	snprintf(n.account, sizeof(n.account), "work");
	n.created = n.not_before = T0;
	n.lifetime = FAKE_DAY;
	ok(spool_commit(&s, &n, &v, &m, T0, NULL, &err), "the notification is there");
	entry_done(&n);
	message_done(&m);
	envelope_done(&v);
	ok(!e.bounced, "and its original does not know");
	/* the runner that cleans up does not see it, as one that began before */
	e.due = T0 - 5;
	if (!spool_set_due(&s, &e, T0 - 5, &err))
		abort();
	r = fake_run(T0, NULL);
	ok(r.deferred == 1 && !fake->notices, "while the original is claimed it waits");
	memcpy(id, e.id, sizeof(id));
	entry_done(&e);
	r = fake_run(T0 + 1000, NULL);
	ok(r.sent == 1 && fake->notices == 1, "then it goes");
	ok(spool_claim(&s, id, true, &e, &err) == SPOOL_CLAIMED && e.bounced &&
			e.envelope.recipients[0].told,
		"after its original was told");
	ok(bounce_make(&s, &e, BOUNCE_FAILED, &how, T0 + 2000, id, &err) && !*id &&
			!room_count(s.queue),
		"so that there is no second one");
	entry_done(&e);
	end();
}

static bool
resolve(void *ctx, const struct address *sender, struct address_list *ret, struct error *err)
{
	const char *to = ctx;

	(void)sender;
	if (strcmp(to, "fail") == 0)
		return error_set(err, FAULT_TEMPORARY, "the aliases cannot be read");
	return !*to || address_list_parse(to, strlen(to), ret, err);
}

static void
test_resolution(void)
{
	struct bounce_settings local = {
		.host = "mail.example.org", .resolve = resolve, .ctx = (void *)"fail"
	};
	struct error err = ERROR_NONE;
	struct entry e, n;
	char id[ENTRY_ID + 1];

	begin();
	make_failed(&e, "root@mail.example.org", "b@example.net");
	ok(!bounce_make(&s, &e, BOUNCE_FAILED, &local, T0, id, &err) && err.fault && !*id &&
			!e.bounced && e.due == BOUNCE_OWED && !room_count(s.queue),
		"aliases that cannot be read: it is owed");
	error_clear(&err);
	local.ctx = (void *)"x@example.org, y@example.org";
	ok(bounce_make(&s, &e, BOUNCE_FAILED, &local, T0, id, &err) &&
			spool_look(&s, id, false, &n, &err) == SPOOL_CLAIMED &&
			n.envelope.count == 2,
		"the aliases say whom to tell");
	entry_done(&n);
	entry_done(&e);
	make_failed(&e, "daemon@mail.example.org", "b@example.net");
	local.ctx = (void *)"";
	ok(bounce_make(&s, &e, BOUNCE_FAILED, &local, T0, id, &err) && !*id && e.bounced,
		"nobody: nothing is owed");
	entry_done(&e);
	end();
}

/* Anybody can write a header that looks like ours. */
static void
test_forged(void)
{
	struct error err = ERROR_NONE;
	struct runner_result r;
	struct entry e, forged = ENTRY_NONE;
	struct envelope v;
	struct message m;
	char text[128], what[BOUNCE_WHAT], id[ENTRY_ID + 1];

	begin();
	make_failed(&e, "a@example.org", "b@example.net");
	bounce_what(&e, BOUNCE_FAILED, what);
	memcpy(id, e.id, sizeof(id));
	entry_done(&e);
	message_make(&m, NULL, 10);
	snprintf(text, sizeof(text), "<%s.%s@mail.example.org>", id, what);
	header_append(&m.header, "Message-ID", text);
	envelope_make(&v, "mallory@example.org", "perm7@example.net");
	snprintf(forged.account, sizeof(forged.account), "work");
	forged.created = forged.not_before = T0;
	forged.lifetime = FAKE_DAY;
	if (!spool_commit(&s, &forged, &v, &m, T0, NULL, &err))
		abort();
	ok(!bounce_is_notification(&forged), "a forged Message-ID makes no notification");
	ok(bounce_settle(&s, &forged, T0, &err), "and settles nothing");
	entry_done(&forged);
	r = fake_run(T0, NULL);
	ok(fake->notices == 2 && r.failed == 1, "both senders are told (%u)", fake->notices);
	message_done(&m);
	envelope_done(&v);
	end();
}

static void
test_purge(void)
{
	struct bounce_limits limits = { .age = 30 * FAKE_DAY, .octets = 0 };
	struct error err = ERROR_NONE;
	struct entry e;
	unsigned owed = 0;
	uint64_t size = 0;

	begin();
	for (int i = 0; i < 10; i++) {
		make_failed(&e, "<>", "b@example.net");
		if (i < 8 && !spool_set_due(&s, &e, T0 + i * FAKE_DAY, &err))
			abort();
		size = e.size;
		entry_done(&e);
	}
	ok(bounce_purge(&s, &limits, T0 + 30 * FAKE_DAY, 100, &owed, &err) &&
			room_count(s.failed) == 10 && owed == 2,
		"young enough: all stay");
	ok(bounce_purge(&s, &limits, T0 + 33 * FAKE_DAY, 2, &owed, &err) &&
			room_count(s.failed) == 8,
		"two at a time");
	ok(bounce_purge(&s, &limits, T0 + 33 * FAKE_DAY, 100, &owed, &err) &&
			room_count(s.failed) == 7,
		"what is older than 30 days goes (%u)", room_count(s.failed));
	limits.octets = size * 5;
	ok(bounce_purge(&s, &limits, T0 + 33 * FAKE_DAY, 100, &owed, &err) &&
			room_count(s.failed) <= 5 && room_count(s.failed) >= 4,
		"what is too much goes (%u)", room_count(s.failed));
	ok(bounce_purge(&s, &limits, T0 + 50 * FAKE_DAY, 100, &owed, &err) &&
			room_count(s.failed) == 2 && owed == 2,
		"what is owed a notification stays (%u)", room_count(s.failed));
	ok(bounce_purge(&s, &limits, T0 + 70 * FAKE_DAY, 100, &owed, &err) &&
			room_count(s.failed) == 0,
		"but not for ever");
	end();
}

int
main(void)
{
	test_wanted();
	test_once();
	test_interrupted();
	test_resolution();
	test_forged();
	test_purge();
	return tap_done();
}
