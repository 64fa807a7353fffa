/* --wait: until a queued message has left the queue. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "queueing.h"
#include "queueing_signal.h"
#include "submission.h"

#define FIRST_MS   20
#define LONGEST_MS 1000

enum found { FOUND_QUEUED, FOUND_HELD, FOUND_FAILED, FOUND_NOWHERE };

static enum found
look(struct submission *s, struct entry *e)
{
	struct queueing *q = &s->queue;
	struct error ignored = ERROR_NONE;

	if (spool_look(&q->spool, q->id, false, e, &ignored) == SPOOL_CLAIMED)
		return e->state == ENTRY_QUEUED ? FOUND_QUEUED : FOUND_HELD;
	entry_done(e);
	*e = (struct entry)ENTRY_NONE;
	if (spool_look(&q->spool, q->id, true, e, &ignored) == SPOOL_CLAIMED)
		return FOUND_FAILED;
	return FOUND_NOWHERE;
}

void
queueing_pause(int64_t *ms)
{
	const int64_t now = *ms ? *ms : FIRST_MS;
	const struct timespec t = { now / 1000, now % 1000 * 1000000 };

	nanosleep(&t, NULL);
	*ms = now * 2 < LONGEST_MS ? now * 2 : LONGEST_MS;
}

static int
tell(const struct submission *s, enum found found, const struct entry *e)
{
	bool quiet = submission_given(s, OPT_QUIET) || submission_given(s, OPT_JSON);
	const char *name = s->args->program;

	if (found == FOUND_NOWHERE) {
		if (!quiet)
			printf("sent %s\n", s->queue.id);
		return 0;
	}
	if (found == FOUND_FAILED) {
		for (size_t i = 0; i < e->envelope.count; i++)
			if (e->envelope.recipients[i].why)
				fprintf(stderr, "%s: unable to send the message: %s\n", name,
					e->envelope.recipients[i].why->text);
		return fault_status(envelope_fault(&e->envelope));
	}
	if (!quiet)
		fprintf(stderr, "%s: note: %s is still %s\n", name, s->queue.id,
			found == FOUND_HELD ? "held" : "queued");
	return 0;
}

int
queueing_wait(struct submission *s)
{
	uint64_t seconds = profile_number(&s->args->given, OPT_WAIT);
	int64_t deadline = clock_in((int64_t)seconds * CLOCK_SECOND), ms = 0;
	struct entry e = ENTRY_NONE;
	enum found found;
	int status;

	if (!s->queue.open)
		return 0;
	fflush(stdout);
	/* nobody else must find it locked, or the account's connections in use */
	slot_done(&s->queue.slot);
	while ((found = look(s, &e)) == FOUND_QUEUED && clock_left(deadline) && !signals_caught()) {
		entry_done(&e);
		e = (struct entry)ENTRY_NONE;
		queueing_pause(&ms);
	}
	status = tell(s, found, &e);
	entry_done(&e);
	fflush(stdout);
	return status;
}
