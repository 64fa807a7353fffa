/* Commit, claim, scan, removal and moves. */
#include "spool.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "room.h"
#include "spool_private.h"

static char path[64];

static struct entry
newly(void)
{
	struct entry e = ENTRY_NONE;

	snprintf(e.account, sizeof(e.account), "work");
	e.uid = 1234;
	e.created = 1700000000;
	e.not_before = 1700000060;
	e.lifetime = 5 * 24 * 3600;
	e.notify_error = true;
	return e;
}

/* Commits a message of BODY octets; returns its id. */
static const char *
commit(struct spool *s, size_t body, bool in_place)
{
	static char id[ENTRY_ID + 1];
	struct error err = ERROR_NONE;
	struct entry e = newly();
	struct envelope v;
	struct message m;

	envelope_make(&v, "alice@example.org", "Bob <bob@example.org>, carol@example.net");
	message_make(&m, in_place ? path : "/var/tmp", body);
	if (!spool_commit(s, &e, &v, &m, 1700000090, NULL, &err))
		printf("# %s\n", err.text);
	memcpy(id, e.id, sizeof(id));
	message_done(&m);
	envelope_done(&v);
	entry_done(&e);
	return id;
}

static void
try_commit(struct spool *s, size_t body, const char *what)
{
	struct error err = ERROR_NONE;
	struct entry e = newly(), again = ENTRY_NONE;
	struct envelope v;
	struct message m;
	struct stat st;

	envelope_make(&v, "alice@example.org", "Bob <bob@example.org>, carol@example.net");
	message_make(&m, path, body);
	m.facts.cr_changed = 3;
	ok(spool_commit(s, &e, &v, &m, 1700000090, NULL, &err), "%s: commit %s", what, err.text);
	ok(entry_is_id(e.id) && e.envelope.count == 2 && message_same(&m, &e.message),
		"%s: it is filled in", what);
	ok(room_count(s->tmp) == 0, "%s: nothing is left in tmp/", what);
	ok(fstat(e.fd, &st) == 0 && st.st_nlink == 1 && st.st_mtim.tv_sec == 1700000090 &&
			(st.st_mode & 07777) == 0600 && (uint64_t)st.st_size == e.size,
		"%s: mode, time and size", what);
	ok(spool_claim(s, e.id, false, &again, &err) == SPOOL_BUSY, "%s: it is claimed", what);
	message_done(&m);
	ok(spool_claim(s, e.id, false, &again, &err) == SPOOL_BUSY, "%s: without the message too",
		what);
	message_make(&m, path, body);
	ok(message_same(&m, &e.message), "%s: and can still be read", what);
	snprintf(again.id, sizeof(again.id), "%s", e.id);
	entry_done(&e);
	{
		char id[ENTRY_ID + 1];

		memcpy(id, again.id, sizeof(id));
		ok(spool_claim(s, id, false, &again, &err) == SPOOL_CLAIMED, "%s: claim %s", what,
			err.text);
	}
	ok(again.uid == 1234 && again.created == 1700000000 && again.not_before == 1700000060 &&
			again.lifetime == 5 * 24 * 3600 && again.notify_error &&
			!strcmp(again.account, "work") && again.due == 1700000090 &&
			again.state == ENTRY_QUEUED && !again.attempts,
		"%s: its facts", what);
	ok(message_same(&m, &again.message) && again.message.facts.cr_changed == 3 &&
			again.message.facts.body_size == body &&
			again.message.facts.longest_line == m.facts.longest_line,
		"%s: its message", what);
	ok(again.envelope.count == 2 && !strcmp(again.envelope.sender.local, "alice") &&
			!strcmp(again.envelope.recipients[0].address.name, "Bob") &&
			!strcmp(again.envelope.recipients[1].address.domain, "example.net"),
		"%s: its envelope", what);
	ok(spool_remove(s, &again, false, &err), "%s: remove", what);
	ok(room_count(s->queue) == 0, "%s: it is gone", what);
	entry_done(&again);
	message_done(&m);
	envelope_done(&v);
}

static void
try_records(struct spool *s)
{
	enum outcome noted[2] = { OUTCOME_PENDING, OUTCOME_PENDING };
	const char *id = commit(s, 100, false);
	struct error err = ERROR_NONE, why = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	struct recipient *r;
	char kept[ENTRY_ID + 1];

	memcpy(kept, id, sizeof(kept));
	ok(spool_claim(s, kept, false, &e, &err) == SPOOL_CLAIMED, "claim %s", err.text);
	why.fault = FAULT_TEMPORARY;
	why.stage = STAGE_RCPT;
	why.smtp = 451;
	why.code = (struct enhanced){ 4, 7, 1 };
	snprintf(why.text, sizeof(why.text), "greylisted, it says");
	snprintf(why.words, sizeof(why.words), "try again\\x0alater");
	recipient_fail(&e.envelope.recipients[0], &why);
	recipient_set(&e.envelope.recipients[1], OUTCOME_ACCEPTED, 250,
		(struct enhanced){ 2, 0, 0 }, "queued as 1", NULL);
	e.attempts = 1;
	e.due = 1700000999;
	ok(entry_append(&e, noted, 1700000500, &err), "append %s", err.text);
	entry_done(&e);
	ok(spool_look(s, kept, false, &e, &err) == SPOOL_CLAIMED, "look %s", err.text);
	r = e.envelope.recipients;
	ok(e.attempts == 1 && e.last == 1700000500 && e.due == 1700000999 &&
			e.state == ENTRY_QUEUED,
		"attempts, time and due time");
	ok(r[0].outcome == OUTCOME_TEMPORARY && r[0].code == 451 && r[0].why &&
			r[0].why->stage == STAGE_RCPT && r[0].why->code.subject == 7 &&
			!strcmp(r[0].why->text, why.text) && !strcmp(r[0].why->words, why.words) &&
			!strcmp(r[0].words, why.words),
		"the refusal");
	ok(r[1].outcome == OUTCOME_ACCEPTED && !r[1].why && r[1].code == 250 &&
			!strcmp(r[1].words, "queued as 1"),
		"the success");
	entry_done(&e);
	ok(spool_claim(s, kept, false, &e, &err) == SPOOL_CLAIMED, "claim again %s", err.text);
	ok(spool_hold(s, &e, true, 1700001000, &err), "hold");
	ok(spool_fail(s, &e, &err) && e.failed && room_count(s->queue) == 0 &&
			room_count(s->failed) == 1,
		"move to failed/");
	entry_done(&e);
	ok(spool_claim(s, kept, false, &e, &err) == SPOOL_GONE, "gone from queue/");
	entry_done(&e);
	ok(spool_claim(s, kept, true, &e, &err) == SPOOL_CLAIMED && e.state == ENTRY_FAILED,
		"it has failed");
	ok(spool_retry(s, &e, 1700002000, &err) && room_count(s->queue) == 1 &&
			room_count(s->failed) == 0,
		"and back");
	ok(spool_hold(s, &e, false, 1700003000, &err), "release");
	ok(spool_remove(s, &e, false, &err), "remove");
	entry_done(&e);
}

/* Envelope and message that stand in the entry already, and a commit that fails. */
static void
try_itself(struct spool *s)
{
	struct error err = ERROR_NONE;
	struct entry e = newly();
	struct spool none = *s;

	envelope_make(&e.envelope, "alice@example.org", "bob@example.org");
	message_make(&e.message, path, 300000);
	none.queue = open("/dev/null", O_RDONLY | O_CLOEXEC);
	none.tmp = none.queue;
	ok(!spool_commit(&none, &e, &e.envelope, &e.message, 0, NULL, &err) && !*e.id &&
			err.fault == FAULT_TEMPORARY && e.fd < 0,
		"a spool that is none: %s", err.text);
	close(none.queue);
	error_clear(&err);
	ok(spool_commit(s, &e, &e.envelope, &e.message, 0, NULL, &err) && e.envelope.count == 1 &&
			e.message.facts.body_size == 300000 && message_same(&e.message, &e.message),
		"an entry's own envelope and message: %s", err.text);
	ok(spool_remove(s, &e, false, &err), "removed");
	entry_done(&e);
}

int
main(void)
{
	static const size_t sizes[] = { 0, 1, 2, 1000, 262144, 262145, 3000000 };
	struct error err = ERROR_NONE;
	struct spool s;
	char what[64];

	room_make(path, "/var/tmp");
	ok(!spool_open(&s, "/var/tmp/sendoff-is-not-there", false, &err) &&
			err.fault == FAULT_CONFIG && err.sys == ENOENT,
		"no spool: %s", err.text);
	error_clear(&err);
	ok(spool_open(&s, path, true, &err), "open %s", err.text);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (unsigned without = 0; without < 4; without++) {
			spool_without = without;
			snprintf(what, sizeof(what), "%zu octets%s%s", sizes[i],
				without & SPOOL_WITHOUT_TMPFILE ? " without O_TMPFILE" : "",
				without & SPOOL_WITHOUT_PROC ? " without /proc" : "");
			try_commit(&s, sizes[i], what);
		}
	}
	spool_without = 0;
	try_records(&s);
	try_itself(&s);
	spool_close(&s);
	room_remove(path);
	return tap_done();
}
