#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "session_state.h"

/* How long QUIT may take to leave; its reply is not waited for. */
#define QUIT_MS 1000

struct dial *
session_resolve(const struct wire_settings *settings, const char *host, struct wire_report *report,
	struct error *err)
{
	static const uint16_t ports[] = {
		[WIRE_TLS_IMPLICIT] = 465, [WIRE_TLS_STARTTLS] = 587, [WIRE_TLS_NONE] = 25
	};
	uint16_t port = settings->port ? settings->port : ports[settings->tls];
	int64_t since = clock_ms();
	struct dial *dial;

	if (!dial_split(host, port, report->host, &report->port, err))
		return NULL;
	dial = dial_open(report->host, report->port, settings->ip, settings->deadline, err);
	report->ms[WIRE_PHASE_RESOLVE] += clock_ms() - since;
	return dial;
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

bool
session_connect(struct session *s, const struct wire_settings *settings, struct tls_context *tls,
	struct wire_report *report, struct dial *dial, struct error *err)
{
	struct dial_socket socket;
	int64_t since = clock_ms();

	if (!dial_connect(dial, settings->connect_ms, settings->deadline, &socket, err))
		return false;
	report->ms[WIRE_PHASE_CONNECT] += clock_ms() - since;
	report->connected = true;
	/* the TCP handshake is a round trip that the stream will not see */
	report->round_trips++;
	snprintf(report->address, sizeof(report->address), "%s", socket.address);
	*s = (struct session){
		.settings = settings,
		.tls = tls,
		.report = report,
		.loopback = socket.loopback,
		.lockstep = settings->pipelining == WIRE_PIPELINING_OFF,
		.response = STRBUF_INIT_SECRET(SASL_MESSAGE),
		.known = KNOWN_NONE,
	};
	memcpy(s->host, report->host, sizeof(s->host));
	reply_init(&s->reply);
	stream_init(&s->stream, socket.fd);
	trace_connected(s);
	return true;
}

void
session_end(struct session *s)
{
	if (s->greeted && !s->queue_count && verbs[VERB_QUIT].write(s, 0, NULL))
		(void)!stream_flush(&s->stream, clock_in(QUIT_MS), NULL);
	tls_keep_ticket(&s->stream);
	s->report->round_trips += s->stream.turns;
	stream_done(&s->stream);
	content_done(s);
	transaction_done(&s->tx);
	sasl_done(&s->sasl);
	strbuf_done(&s->response);
	reply_done(&s->reply);
	known_done(&s->known);
	for (size_t i = 0; i < s->domain_count; i++)
		free(s->domains[i]);
	free(s->domains);
	s->domains = NULL;
	s->domain_count = 0;
	free(s->queue);
	s->queue = NULL;
}
