#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "session_state.h"
#include "socks.h"

/* How long QUIT may take to leave; its reply is not waited for. */
#define QUIT_MS 1000

/* The proxy's own addresses: those of the host are the proxy's to find. */
static struct dial *
resolve_proxy(const struct wire_settings *settings, enum wire_ip ip, struct error *err)
{
	struct dial *dial = NULL;
	char host[256];
	uint16_t port;

	if (dial_split(settings->proxy.host, SOCKS_PORT, host, &port, err))
		dial = dial_open(host, port, ip, wire_deadline(settings), err);
	if (!dial)
		error_prefix(err, "proxy");
	return dial;
}

struct dial *
session_resolve(const struct wire_settings *settings, struct target *target,
	struct wire_report *report, struct error *err)
{
	int64_t since = clock_ms();
	enum wire_ip ip = settings->ip;
	struct dial *dial = NULL;

	memcpy(report->host, target->host, sizeof(report->host));
	report->port = target->port;
	report->address[0] = '\0';
	if (target->socket)
		return dial_open_unix(target->socket, settings->reach, settings->reach_ctx, err);
	if (settings->source)
		ip = strchr(settings->source, ':') ? WIRE_IP_6 : WIRE_IP_4;
	if (settings->proxy.host)
		dial = resolve_proxy(settings, ip, err);
	else if (route_identify(settings, target, err))
		dial = dial_open(target->address ? target->address : target->host, target->port, ip,
			wire_deadline(settings), err);
	report->ms[WIRE_PHASE_RESOLVE] += clock_ms() - since;
	if (!dial && settings->source && err->fault == FAULT_NOHOST)
		error_prefix(err, "from source-address %.64s", settings->source);
	if (dial && settings->source && !dial_from(dial, settings->source, err)) {
		dial_free(dial);
		return NULL;
	}
	return dial;
}

static void
trace_connected(struct session *s)
{
	struct strbuf note = STRBUF_INIT(512);

	strbuf_addf(&note, "connected to %s", s->host);
	if (s->report->port)
		strbuf_addf(&note, " [%s] port %u", s->report->address, s->report->port);
	if (s->settings->proxy.host)
		strbuf_addf(
			&note, ": the address is that of the proxy %s", s->settings->proxy.host);
	session_trace(s, WIRE_TRACE_NOTE, note.s, note.len);
	strbuf_done(&note);
}

/* Has the proxy connect to the host of the report. */
static bool
ask_proxy(const struct wire_settings *settings, struct dial_socket *socket,
	struct wire_report *report, struct error *err)
{
	int64_t deadline = clock_sooner(clock_in(settings->connect_ms), wire_deadline(settings));
	unsigned turns = 0;
	bool good = socks_connect(
		socket->fd, &settings->proxy, report->host, report->port, deadline, &turns, err);

	report->round_trips += turns;
	snprintf(report->proxy, sizeof(report->proxy), "%s", settings->proxy.host);
	/* whatever name or address it has, it is the proxy's */
	socket->loopback = false;
	if (!good)
		close(socket->fd);
	return good;
}

bool
session_connect(struct session *s, const struct wire_settings *settings, struct tls_context *tls,
	struct wire_report *report, const struct target *target, struct dial *dial,
	struct error *err)
{
	struct dial_socket socket;
	int64_t since = clock_ms();

	if (!dial_connect(dial, settings->connect_ms, wire_deadline(settings), &socket, err))
		return settings->proxy.host ? error_prefix(err, "proxy") : false;
	if (settings->proxy.host && !ask_proxy(settings, &socket, report, err))
		return false;
	report->ms[WIRE_PHASE_CONNECT] += clock_ms() - since;
	report->connected = true;
	report->lmtp = settings->lmtp;
	report->tls = (struct tls_info){ 0 };
	report->mechanism[0] = '\0';
	/* the TCP handshake is a round trip that the stream will not see */
	report->round_trips++;
	snprintf(report->address, sizeof(report->address), "%s", socket.address);
	*s = (struct session){
		.settings = settings,
		.tls = tls,
		.report = report,
		.target = *target,
		.loopback = socket.loopback,
		.lockstep = settings->pipelining == WIRE_PIPELINING_OFF,
		.response = STRBUF_INIT_SECRET(SASL_MESSAGE),
		.known = KNOWN_NONE,
	};
	memcpy(s->host, report->host, sizeof(s->host));
	s->peer = (struct tls_peer){ .domain = *target->domain ? s->target.domain : NULL,
		.service = target->service,
		.dane = &s->target.dane };
	report->resolver[0] = '\0';
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
