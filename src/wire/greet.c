#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "session_state.h"

/* How long a TLS handshake may take. */
#define HANDSHAKE_MS (60 * CLOCK_SECOND)

#define RESUMED "the TLS session of an earlier submission was resumed"

static bool
hello(struct session *s, struct error *err)
{
	s->ehlo_refused = s->greeted = false;
	if (!flight_push(s, VERB_EHLO, 0, err))
		return false;
	if (!s->ehlo_refused)
		return true;
	session_note(s, "%s does not know EHLO: HELO was used", s->host);
	return flight_push(s, VERB_HELO, 0, err);
}

/* Whom we talk to, for the memory. */
static void
remember(struct session *s)
{
	const struct wire_settings *settings = s->settings;
	const struct target *t = &s->target;
	struct strbuf place = STRBUF_INIT(2048);

	strbuf_addf(&place, "%d %d %u %s %s %s %d", (int)t->tls, (int)settings->dane,
		s->report->port, s->host, settings->socket ? settings->socket : "", t->domain,
		t->vouched);
	/* records may be gone or have changed tomorrow */
	tls_remember(
		s->tls, t->dane.n ? NULL : settings->memory, settings->memory ? place.s : NULL);
	tls_expect(s->tls, &s->peer);
	strbuf_done(&place);
}

static bool
start_tls(struct session *s, struct error *err)
{
	struct wire_report *report = s->report;
	int64_t since = clock_ms();

	report->tls = (struct tls_info){ 0 };
	remember(s);
	if (!tls_start(s->tls, &s->stream, route_name(&s->target),
		    session_deadline(s, HANDSHAKE_MS), err)) {
		s->misled = tls_was_misled(s->tls);
		return false;
	}
	tls_describe(&s->stream, &report->tls);
	if (*report->tls.dane)
		memcpy(report->resolver, s->target.dane.server, sizeof(report->resolver));
	session_phase(s, WIRE_PHASE_TLS, &since);
	session_trace(s, WIRE_TRACE_NOTE, report->tls.cipher, strlen(report->tls.cipher));
	if (report->tls.resumed)
		session_trace(s, WIRE_TRACE_NOTE, RESUMED, strlen(RESUMED));
	return true;
}

/* Octets that came in clear must not be taken for answers under TLS (RFC 3207 section 4). */
static bool
nothing_waits(struct session *s, const char *when, struct error *err)
{
	if (!stream_has_input(&s->stream))
		return true;
	s->greeted = false;
	return error_at(err, STAGE_TLS, FAULT_PROTOCOL,
		"%s sent more than one reply %s STARTTLS: somebody may be tampering with the "
		"connection",
		s->host, when);
}

static bool
upgrade(struct session *s, struct error *err)
{
	int64_t since = clock_ms();

	if (!s->capability.starttls)
		return error_at(
			err, STAGE_TLS, FAULT_UNAVAILABLE, "%s does not offer STARTTLS", s->host);
	if (!nothing_waits(s, "before", err) || !flight_push(s, VERB_STARTTLS, 0, err) ||
		!nothing_waits(s, "after", err))
		return false;
	s->greeted = false;
	session_phase(s, WIRE_PHASE_GREETING, &since);
	if (!start_tls(s, err))
		return false;
	since = clock_ms();
	if (!hello(s, err))
		return false;
	session_phase(s, WIRE_PHASE_GREETING, &since);
	return true;
}

bool
greet(struct session *s, struct error *err)
{
	int64_t since;

	if (s->target.tls == WIRE_TLS_IMPLICIT && !start_tls(s, err))
		return false;
	/* the replies are taken with those to what follows */
	if (known_guess(s))
		return flight_push(s, VERB_GREETING, 0, err) && flight_push(s, VERB_EHLO, 0, err);
	since = clock_ms();
	if (!flight_push(s, VERB_GREETING, 0, err) || !hello(s, err))
		return false;
	session_phase(s, WIRE_PHASE_GREETING, &since);
	if (s->target.tls == WIRE_TLS_STARTTLS && !upgrade(s, err))
		return false;
	known_recall(s);
	return true;
}
