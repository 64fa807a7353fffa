/* A connection and the messages that it carries, one after another. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "session_state.h"

#define GOING_ON "going on with the connection that is open"

struct wire_link *
wire_link_new(const struct wire_settings *settings)
{
	struct wire_link *l = xcalloc(1, sizeof(*l));

	l->settings = settings;
	wire_report_init(&l->facts);
	return l;
}

bool
wire_link_prepare(struct wire_link *l, struct error *err)
{
	if (l->settings->tls == WIRE_TLS_NONE || l->tls)
		return true;
	l->tls = tls_context_new(&l->settings->tls_settings, err);
	return l->tls != NULL;
}

static void
hang_up(struct wire_link *l)
{
	if (l->open)
		session_end(&l->session);
	l->open = false;
}

void
wire_link_free(struct wire_link *l)
{
	if (!l)
		return;
	hang_up(l);
	tls_context_free(l->tls);
	wire_report_done(&l->facts);
	free(l);
}

/* What a report says of the connection, from one to another. */
static void
copy_facts(struct wire_report *to, const struct wire_report *from)
{
	if (to == from)
		return;
	memcpy(to->host, from->host, sizeof(to->host));
	memcpy(to->address, from->address, sizeof(to->address));
	memcpy(to->mechanism, from->mechanism, sizeof(to->mechanism));
	memcpy(to->proxy, from->proxy, sizeof(to->proxy));
	memcpy(to->resolver, from->resolver, sizeof(to->resolver));
	to->port = from->port;
	to->lmtp = from->lmtp;
	to->connected = from->connected;
	to->tls = from->tls;
}

static void
take_up(struct delivery *d)
{
	struct session *s = &d->link->session;

	s->envelope = d->envelope;
	s->original = d->message;
	s->report = d->report;
	s->progress = d->progress;
	s->progress_ctx = d->progress_ctx;
}

/* The message is done with, and nothing of it stays behind. */
static void
lay_down(struct delivery *d)
{
	struct wire_link *l = d->link;
	struct session *s = &l->session;

	d->report->round_trips += s->stream.turns;
	s->stream.turns = 0;
	copy_facts(&l->facts, d->report);
	transaction_done(&s->tx);
	content_done(s);
	s->envelope = NULL;
	s->original = NULL;
	s->progress = NULL;
	s->report = &l->facts;
	s->answered = clock_age_ms();
}

bool
link_usable(const struct session *s)
{
	return s->greeted && !s->goodbye && !s->spent && !s->queue_count && !s->auth_error.fault &&
	       (s->authenticated || !s->mechanism) &&
	       (!s->capability.mail_max || s->transactions < s->capability.mail_max);
}

bool
wire_link_is_open(struct wire_link *l)
{
	struct session *s = &l->session;

	/* whatever the server says now is not meant for the next message: a 421, its end */
	if (l->open && (stream_has_input(&s->stream) || s->stream.ended || s->stream.reset))
		s->greeted = false;
	if (l->open && (!link_usable(s) || !link_has_address(l)))
		hang_up(l);
	return l->open;
}

/* All transactions that the connection is good for. */
static bool
converse(struct session *s, struct error *err)
{
	while (envelope_count(s->envelope, OUTCOME_PENDING)) {
		if (s->spent ||
			(s->capability.mail_max && s->transactions >= s->capability.mail_max))
			break;
		if (!transaction_run(s, err))
			return false;
	}
	return true;
}

/* A connection that went well stays open. */
static void
settle(struct delivery *d, bool good, const struct error *why)
{
	struct wire_link *l = d->link;
	struct session *s = &l->session;

	if (!good)
		session_trace(s, WIRE_TRACE_NOTE, why->text, strlen(why->text));
	bool lockstep = s->wants_lockstep && !l->lockstep,
	     misled = (s->misled || s->early) && !l->wary;

	if (good && l->lockstep)
		known_note_lockstep(s);
	if (!good && s->early)
		known_forget(s);
	d->again = !good && (lockstep || misled) && !why->in_doubt;
	l->lockstep = l->lockstep || (d->again && lockstep);
	l->wary = l->wary || misled;
	d->final = !good && !d->again && (why->fault != FAULT_TEMPORARY || s->no_secret);
	lay_down(d);
	if (!good || !link_usable(s))
		hang_up(l);
}

bool
link_attempt(struct delivery *d, const struct target *target, struct dial *dial, struct error *err)
{
	struct wire_link *l = d->link;
	struct session *s = &l->session;
	bool good;

	hang_up(l);
	if (!session_connect(s, l->settings, l->tls, d->report, target, dial, err)) {
		/* a proxy may have refused for good */
		d->final = err->fault != FAULT_TEMPORARY;
		return false;
	}
	l->open = true;
	take_up(d);
	s->lockstep = s->lockstep || l->lockstep;
	s->may_guess = l->settings->pipeconnect && !l->wary;
	good = greet(s, err) && login_choose(s, err) && converse(s, err);
	settle(d, good, err);
	return good;
}

/* The server had closed the connection, or was about to, when we began: that is no failure. What
 * content was in flight it has refused with its 421, or the fate of it would be in doubt. */
static bool
was_dead(const struct session *s, const struct error *why)
{
	return !s->tx.mail_answered && !s->tx.delivered && !why->in_doubt &&
	       (!s->greeted || s->goodbye);
}

void
link_resume(struct delivery *d, struct error *err)
{
	struct session *s = &d->link->session;
	struct error why = ERROR_NONE;
	struct recipient *r;
	bool good, dead;

	if (!wire_link_is_open(d->link))
		return;
	take_up(d);
	copy_facts(d->report, &d->link->facts);
	session_trace(s, WIRE_TRACE_NOTE, GOING_ON, strlen(GOING_ON));
	s->resumed = true;
	good = converse(s, &why);
	dead = !good && was_dead(s, &why);
	for (size_t i = 0; dead && i < s->tx.count; i++) {
		r = &d->envelope->recipients[s->tx.group[i]];
		if (r->outcome != OUTCOME_ACCEPTED)
			r->outcome = OUTCOME_PENDING;
	}
	settle(d, good, &why);
	if (dead)
		d->final = false;
	else if (!good)
		*err = why;
}

void
wire_link_continue(struct wire_link *l, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report)
{
	struct delivery d = { .link = l,
		.envelope = envelope,
		.message = message,
		.progress = progress,
		.progress_ctx = progress_ctx,
		.report = report };
	struct session nobody = { .envelope = envelope };
	struct error why = ERROR_NONE;

	link_resume(&d, &why);
	if (d.final)
		transaction_fail_pending(&nobody, &why);
}
