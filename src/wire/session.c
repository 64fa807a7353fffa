#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "session_state.h"

/* How long QUIT may take to leave; its reply is not waited for. */
#define QUIT_MS 1000

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

static void
session_init(struct session *s, const struct delivery *d, const struct dial_socket *socket)
{
	*s = (struct session){
		.settings = d->settings,
		.tls = d->tls,
		.envelope = d->envelope,
		.original = d->message,
		.report = d->report,
		.progress = d->progress,
		.progress_ctx = d->progress_ctx,
		.loopback = socket->loopback,
		.lockstep = d->lockstep || d->settings->pipelining == WIRE_PIPELINING_OFF,
		.response = STRBUF_INIT_SECRET(SASL_MESSAGE),
	};
	memcpy(s->host, d->report->host, sizeof(s->host));
	reply_init(&s->reply);
	stream_init(&s->stream, socket->fd);
}

static void
session_done(struct session *s)
{
	struct wire_report *report = s->report;

	if (s->greeted && !s->queue_count && verbs[VERB_QUIT].write(s, 0, NULL))
		(void)!stream_flush(&s->stream, clock_in(QUIT_MS), NULL);
	/* the TCP handshake is a round trip that the stream has not seen */
	report->round_trips += s->stream.turns + 1;
	stream_done(&s->stream);
	content_done(s);
	transaction_done(&s->tx);
	sasl_done(&s->sasl);
	strbuf_done(&s->response);
	reply_done(&s->reply);
	free(s->queue);
}

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

static void
trace_connected(struct session *s)
{
	struct strbuf note = STRBUF_INIT(512);

	strbuf_addf(&note, "connected to %s [%s] port %u", s->host, s->report->address,
		s->report->port);
	session_trace(s, WIRE_TRACE_NOTE, note.s, note.len);
	strbuf_done(&note);
}

/* One connection. True when it went as far as it could: what is still pending needs another one, as
 * it does when d->again is set. */
static bool
attempt(struct delivery *d, struct dial *dial, struct error *err)
{
	struct dial_socket socket;
	struct session s;
	int64_t since = clock_ms();
	bool good;

	if (!dial_connect(dial, d->settings->connect_ms, d->settings->deadline, &socket, err))
		return false;
	d->report->ms[WIRE_PHASE_CONNECT] += clock_ms() - since;
	d->report->connected = true;
	snprintf(d->report->address, sizeof(d->report->address), "%s", socket.address);
	session_init(&s, d, &socket);
	trace_connected(&s);
	good = converse(&s, err);
	if (!good)
		session_trace(&s, WIRE_TRACE_NOTE, err->text, strlen(err->text));
	d->again = !good && s.wants_lockstep && !d->lockstep && !err->in_doubt;
	d->lockstep = d->lockstep || d->again;
	d->final = !good && !d->again && (err->fault != FAULT_TEMPORARY || s.no_secret);
	session_done(&s);
	return good;
}

static bool
out_of_time(const struct delivery *d)
{
	return clock_left(d->settings->deadline) == 0;
}

/* All addresses of one host, until nobody is pending or the failure is final. */
static bool
try_host(struct delivery *d, const char *text, struct error *err)
{
	static const uint16_t ports[] = {
		[WIRE_TLS_IMPLICIT] = 465, [WIRE_TLS_STARTTLS] = 587, [WIRE_TLS_NONE] = 25
	};
	struct wire_report *report = d->report;
	struct error lost = ERROR_NONE;
	struct dial *dial = NULL;
	uint16_t port = d->settings->port ? d->settings->port : ports[d->settings->tls];
	int64_t since = clock_ms();
	size_t before;
	bool good;

	if (!dial_split(text, port, report->host, &report->port, err))
		return false;
	do {
		before = envelope_count(d->envelope, OUTCOME_PENDING);
		dial_free(dial);
		dial = dial_open(
			report->host, report->port, d->settings->ip, d->settings->deadline, err);
		report->ms[WIRE_PHASE_RESOLVE] += clock_ms() - since;
		if (!dial)
			return false;
		/* a connection that failed for now is followed by the next address */
		do {
			lost = (struct error)ERROR_NONE;
			good = attempt(d, dial, &lost);
		} while (!good && !d->again && !d->final && dial_has_more(dial) &&
			 !out_of_time(d) && envelope_count(d->envelope, OUTCOME_PENDING));
		since = clock_ms();
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
try_hosts(struct delivery *d, struct error *decided)
{
	struct error lost = ERROR_NONE;

	for (size_t i = 0; i < d->settings->host_count; i++) {
		if (i)
			reopen_temporary(d->envelope);
		if (!envelope_count(d->envelope, OUTCOME_PENDING))
			break;
		lost = (struct error)ERROR_NONE;
		if (try_host(d, d->settings->hosts[i], &lost))
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
		try_hosts(&d, &decided);
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
