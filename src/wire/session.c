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
	r->round_trips = 0;
	memset(r->ms, 0, sizeof(r->ms));
	strbuf_clear(&r->notes);
}

/* What all attempts of one delivery share. */
struct delivery {
	const struct wire_settings *settings;
	struct tls_context *tls;
	struct envelope *envelope;
	const struct message *message;
	wire_progress *progress;
	void *progress_ctx;
	struct wire_report *report;
	bool lockstep;
	bool again; /* the last connection was no good, but another in lockstep may be */
	bool final; /* the last failure will not go away at another address */
};

/* All transactions that one connection is good for. */
static bool
converse(struct session *s, struct error *err)
{
	if (!greet(s, err) || !login_choose(s, err))
		return false;
	while (envelope_count(s->envelope, OUTCOME_PENDING)) {
		if (s->spent ||
			(s->capability.mail_max && s->transactions >= s->capability.mail_max))
			break;
		if (!transaction_run(s, err))
			return false;
	}
	return true;
}

/* One connection. True when it went as far as it could: what is still pending needs another one, as
 * it does when d->again is set. */
static bool
attempt(struct delivery *d, const struct target *target, struct dial *dial, struct error *err)
{
	struct session s;
	bool good;

	if (!session_connect(&s, d->settings, d->tls, d->report, target, dial, err)) {
		/* a proxy may have refused for good */
		d->final = err->fault != FAULT_TEMPORARY;
		return false;
	}
	s.envelope = d->envelope;
	s.original = d->message;
	s.progress = d->progress;
	s.progress_ctx = d->progress_ctx;
	s.lockstep = s.lockstep || d->lockstep;
	good = converse(&s, err);
	if (!good)
		session_trace(&s, WIRE_TRACE_NOTE, err->text, strlen(err->text));
	d->again = !good && s.wants_lockstep && !d->lockstep && !err->in_doubt;
	d->lockstep = d->lockstep || d->again;
	d->final = !good && !d->again && (err->fault != FAULT_TEMPORARY || s.no_secret);
	session_end(&s);
	return good;
}

static bool
out_of_time(const struct delivery *d)
{
	return clock_left(d->settings->deadline) == 0;
}

/* All addresses of one place, until nobody is pending or the failure is final. */
static bool
try_target(struct delivery *d, const struct target *target, struct error *err)
{
	struct error lost = ERROR_NONE;
	struct dial *dial = NULL;
	size_t before;
	bool good;

	do {
		before = envelope_count(d->envelope, OUTCOME_PENDING);
		dial_free(dial);
		dial = session_resolve(d->settings, target, d->report, err);
		if (!dial)
			return false;
		/* a connection that failed for now is followed by the next address */
		do {
			lost = (struct error)ERROR_NONE;
			good = attempt(d, target, dial, &lost);
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
	struct route route = { .settings = d->settings };
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

bool
session_deliver(const struct wire_settings *settings, struct envelope *envelope,
	const struct message *message, wire_progress *progress, void *progress_ctx,
	struct wire_report *report, struct error *err)
{
	struct delivery d = { .settings = settings,
		.envelope = envelope,
		.message = message,
		.progress = progress,
		.progress_ctx = progress_ctx,
		.report = report };
	struct error decided = ERROR_NONE;

	if (settings->tls == WIRE_TLS_NONE ||
		(d.tls = tls_context_new(&settings->tls_settings, &decided)))
		try_targets(&d, &decided);
	tls_context_free(d.tls);
	if (envelope_count(envelope, OUTCOME_PENDING)) {
		error_at(&decided, STAGE_CONNECT, FAULT_TEMPORARY, "the time is up");
		fail_pending(&d, &decided);
	} else {
		/* each has an answer of its own */
		error_clear(&decided);
	}
	for (size_t i = 0; i < envelope->count && !decided.fault; i++)
		if (envelope->recipients[i].outcome != OUTCOME_ACCEPTED &&
			envelope->recipients[i].why)
			decided = *envelope->recipients[i].why;
	if (envelope_count(envelope, OUTCOME_ACCEPTED) == envelope->count)
		return true;
	if (err && !err->fault)
		*err = decided;
	return false;
}
