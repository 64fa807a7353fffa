/* The session against a scripted server: outcomes, the order of commands and replies, what is
 * never sent, what is never believed. The dialogues are in session_dialogues.h. */
#include "script.h"

#include "clock.h"
#include "delivery.h"
#include "session_dialogues.h"
#include "settings.h"
#include "tap.h"

#define BODY ".\r\n..two\r\nlast\r\n"

/* A body of more than one block, with a dot at the start of a line as the first octet of the second
 * (256 KiB behind the start of the content). */
static void
add_large_body(struct strbuf *b)
{
	const size_t edge = (256 << 10) - strlen(HEADER) - 2;

	while (b->len < edge - 72)
		strbuf_adds(b, "0123456789012345678901234567890123456789012345678\r\n");
	while (b->len < edge - 2)
		strbuf_addc(b, 'x');
	strbuf_adds(b, "\r\n.edge\r\n.\r\n");
}

static bool
said(const char *text, const struct error *err, const struct wire_report *report,
	const struct envelope *e)
{
	if (strstr(err->text, text) || strstr(report->notes.s, text))
		return true;
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].why && strstr(e->recipients[i].why->text, text))
			return true;
	return false;
}

static bool
leaks(const struct watch *w, const struct wire_report *report, const struct error *err)
{
	static const char *const secrets[] = { PASSWORD, PLAIN, PASS };
	const char *const places[] = { w->trace.s, report->notes.s, err->text, err->words };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		for (size_t k = 0; k < sizeof(places) / sizeof(*places); k++)
			if (strstr(places[k], secrets[i]))
				return true;
	return false;
}

static void
check(const struct dialogue *d, const struct envelope *e, const struct watch *w, bool good,
	const struct error *err, const struct wire_report *report)
{
	size_t accepted = envelope_count(e, OUTCOME_ACCEPTED);
	char got[16];

	outcomes_of(e, got);
	if (!same(got, strlen(got), d->outcomes, d->name) || d->fault != envelope_fault(e))
		printf("# error: %s\n# trace:\n%s\n", err->text, w->trace.s);
	ok(envelope_fault(e) == d->fault, "%s: status %s, got %s", d->name, fault_name(d->fault),
		fault_name(envelope_fault(e)));
	ok(good == (accepted == e->count) && good == !err->fault, "%s: result", d->name);
	ok((w->marks[WIRE_ACCEPTED] > 0) == (accepted > 0) &&
			w->marks[WIRE_ACCEPTED] <= w->marks[WIRE_SENT] &&
			w->marks[WIRE_ACCEPTED_BY_ALL] == (accepted == e->count),
		"%s: progress", d->name);
	ok(!leaks(w, report, err), "%s: no secret in trace, notes or error", d->name);
	if (d->text && !ok(said(d->text, err, report, e), "%s: says why", d->name))
		printf("# error: %s\n# notes: %s\n", err->text, report->notes.s);
}

static void
play(const struct dialogue *d)
{
	struct strbuf plain = STRBUF_INIT(1 << 20), dotted = STRBUF_INIT(1 << 20),
		      body = STRBUF_INIT(1 << 20);
	struct peer peer = { .script = d->script };
	struct watch w = { .trace = STRBUF_INIT(1 << 20), .fails = d->how & NO_SECRET };
	struct envelope e = ENVELOPE_NONE;
	struct message m;
	struct wire_report report;
	struct error err = ERROR_NONE;
	char host[32], why[500];
	const char *names[] = { host, host };
	struct wire_settings settings = {
		.hosts = names,
		.host_count = d->how & TWO_HOSTS ? 2 : 1,
		.tls = d->how & STARTTLS ? WIRE_TLS_STARTTLS : WIRE_TLS_NONE,
		.tls_settings = { .trust = "none", .cert = d->how & EXTERNAL ? "unused" : NULL },
		.pipelining = d->how & FULL  ? WIRE_PIPELINING_FULL
			      : d->how & OFF ? WIRE_PIPELINING_OFF
					     : WIRE_PIPELINING_AUTO,
		.ehlo_name = d->how & BAD_NAME ? "me\r\nNOOP" : "me.example",
		.cleartext_auth = !(d->how & NO_CLEARTEXT),
		.user = d->how & LOGIN ? "ann" : NULL,
		.secret = give_secret,
		.secret_ctx = &w,
		.partial_abort = d->how & ABORT,
		.strict_body = d->how & STRICT,
		.deadline = clock_in(5000),
		.connect_ms = 3000,
		.trace = take_trace,
		.trace_ctx = &w,
	};
	bool good;

	if (d->how & LARGE)
		add_large_body(&body);
	else
		strbuf_adds(&body, d->how & EIGHT_BIT ? "gr\xc3\xbc\xc3\x9f\r\n" : BODY);
	strbuf_addf(&plain, "%s\r\n%s", HEADER, body.s);
	strbuf_adds(&dotted, HEADER "\r\n");
	add_dotted(&dotted, body.s);
	peer.plain = plain.s;
	peer.dotted = dotted.s;
	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	fill_envelope(&e, strlen(d->outcomes));
	fill_message(&m, body.s);
	wire_report_init(&report);
	good = session_deliver(&settings, &e, &m, take_progress, &w, &report, &err);
	if (!ok(peer_stop(&peer, why, sizeof(why)), "%s: the dialogue", d->name))
		printf("# peer: %s\n", why);
	check(d, &e, &w, good, &err, &report);
	if (d->how & NO_SECRET)
		ok(w.asked == 1, "%s: asked once", d->name);
	wire_report_done(&report);
	envelope_done(&e);
	message_done(&m);
	strbuf_done(&w.trace);
	strbuf_done(&plain);
	strbuf_done(&dotted);
	strbuf_done(&body);
}

/* A dialogue that goes wrong may wait for a deadline: with many of them something general is wrong,
 * and the first few tell as much as all. */
#define PLAY(table)                                                                                \
	for (size_t i = 0; i < sizeof(table) / sizeof(*table) && tap_failed < 5; i++)              \
	play(&table[i])

int
main(void)
{
	PLAY(greetings);
	PLAY(transactions);
	PLAY(splits);
	PLAY(lost_steps);
	PLAY(aborts);
	PLAY(hosts);
	PLAY(logins);
	PLAY(contents);
	if (tap_failed >= 5)
		printf("Bail out! too many dialogues went wrong\n");
	return tap_done();
}
