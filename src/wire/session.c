#include "session.h"

#include <string.h>

#include "clock.h"
#include "session_state.h"

static const char *const phases[] = {
	[WIRE_PHASE_RESOLVE] = "resolve",
	[WIRE_PHASE_CONNECT] = "connect",
	[WIRE_PHASE_TLS] = "tls",
	[WIRE_PHASE_GREETING] = "greeting",
	[WIRE_PHASE_AUTH] = "auth",
	[WIRE_PHASE_MAIL] = "mail",
	[WIRE_PHASE_DATA] = "data",
};
_Static_assert(sizeof(phases) / sizeof(*phases) == WIRE_PHASE_COUNT, "one name per phase");

const char *
wire_phase_name(enum wire_phase phase)
{
	return phases[phase];
}

void
wire_report_init(struct wire_report *r)
{
	*r = (struct wire_report){ .notes = STRBUF_INIT(WIRE_NOTES) };
}

void
wire_report_done(struct wire_report *r)
{
	strbuf_done(&r->notes);
}

void
wire_report_next(struct wire_report *r)
{
	r->size = 0;
	r->code = 0;
	r->enhanced = (struct enhanced){ 0, 0, 0 };
	r->words[0] = '\0';
	r->asked[0] = '\0';
	r->round_trips = 0;
	memset(r->ms, 0, sizeof(r->ms));
	strbuf_clear(&r->notes);
}

static bool
out_of_time(const struct delivery *d)
{
	return clock_left(wire_deadline(d->link->settings)) == 0;
}

/* All addresses of one place, until nobody is pending or the failure is final. */
static bool
try_target(struct delivery *d, struct target *target, struct error *err)
{
	struct error lost = ERROR_NONE;
	struct dial *dial = NULL;
	size_t before;
	bool good;

	do {
		before = envelope_count(d->envelope, OUTCOME_PENDING);
		dial_free(dial);
		dial = session_resolve(d->link->settings, target, d->report, err);
		if (!dial)
			return false;
		/* a connection that failed for now is followed by the next address */
		do {
			lost = (struct error)ERROR_NONE;
			good = link_attempt(d, target, dial, &lost);
		} while (!good && !d->again && !d->final && dial_has_more(dial) &&
			 !out_of_time(d) && envelope_count(d->envelope, OUTCOME_PENDING));
		/* connections that settled somebody are followed by others to the same host */
	} while (!d->final && !out_of_time(d) &&
		 (d->again || envelope_count(d->envelope, OUTCOME_PENDING) < before) &&
		 envelope_count(d->envelope, OUTCOME_PENDING));
	dial_free(dial);
	if (!good && err && !err->fault)
		*err = lost;
	return good;
}

/* Recipients refused for now get another chance at the next host. */
static void
reopen_temporary(struct envelope *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].outcome == OUTCOME_TEMPORARY)
			e->recipients[i].outcome = OUTCOME_PENDING;
}

/* Nobody is left to ask. Who was refused for now by one host keeps that answer: it is about the
 * recipient, and trying again may help whatever has kept us from another host. */
static void
fail_pending(struct delivery *d, const struct error *why)
{
	struct session s = { .envelope = d->envelope };

	for (size_t i = 0; i < d->envelope->count; i++) {
		struct recipient *r = &d->envelope->recipients[i];

		if (r->outcome == OUTCOME_PENDING && r->why && r->why->fault == FAULT_TEMPORARY)
			r->outcome = OUTCOME_TEMPORARY;
	}
	transaction_fail_pending(&s, why);
}

static void
try_targets(struct delivery *d, struct error *decided)
{
	struct route route = { .settings = d->link->settings };
	struct error lost = ERROR_NONE;
	struct target target;
	bool good;

	for (;;) {
		lost = (struct error)ERROR_NONE;
		good = route_next(&route, &target, &lost);
		if (!good && !lost.fault)
			break;
		reopen_temporary(d->envelope);
		if (!envelope_count(d->envelope, OUTCOME_PENDING))
			break;
		if (good && try_target(d, &target, &lost))
			error_clear(decided);
		/* one host that may answer later outweighs another that does not exist */
		else if (!decided->fault || lost.fault == FAULT_TEMPORARY || d->final)
			*decided = lost;
		if (d->final || out_of_time(d))
			break;
	}
}

/* Who has no answer gets one; the first answer that is no success is that of the whole. */
static bool
conclude(struct delivery *d, struct error *decided, struct error *err)
{
	struct envelope *e = d->envelope;

	if (envelope_count(e, OUTCOME_PENDING)) {
		error_at(decided, STAGE_CONNECT, FAULT_TEMPORARY, "the time is up");
		fail_pending(d, decided);
	} else {
		/* each has an answer of its own */
		error_clear(decided);
	}
	for (size_t i = 0; i < e->count && !decided->fault; i++)
		if (e->recipients[i].outcome != OUTCOME_ACCEPTED && e->recipients[i].why)
			*decided = *e->recipients[i].why;
	if (envelope_count(e, OUTCOME_ACCEPTED) == e->count)
		return true;
	if (err && !err->fault)
		*err = *decided;
	return false;
}

bool
wire_link_deliver(struct wire_link *l, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
{
	struct delivery d = { .link = l,
		.envelope = envelope,
		.message = message,
		.progress = progress,
		.progress_ctx = progress_ctx,
		.report = report };
	struct error decided = ERROR_NONE;

	if (l->open)
		link_resume(&d, &decided);
	if (envelope_count(envelope, OUTCOME_PENDING) && !d.final && wire_link_prepare(l, &decided))
		try_targets(&d, &decided);
	return conclude(&d, &decided, err);
}

bool
session_deliver(const struct wire_settings *settings, struct envelope *envelope,
	const struct message *message, wire_progress *progress, void *progress_ctx,
	struct wire_report *report, struct error *err)
{
	struct wire_link *l = wire_link_new(settings);
	bool good = wire_link_deliver(l, envelope, message, progress, progress_ctx, report, err);

	wire_link_free(l);
	return good;
}
