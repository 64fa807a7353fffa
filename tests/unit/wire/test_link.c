/* Several messages over one link against a scripted server: which connection carries them, what
 * happens when it is gone, what is never sent twice. */
#include "script.h"

#include "clock.h"
#include "delivery.h"
#include "dialogue_words.h"
#include "tap.h"

#define BODY ".\r\nlast\r\n"

enum { CALM = 1 << 20 }; /* how: time for the server to act between two messages */

/* Outcomes of each message, and its round trips (that of connecting included), with a ! when no
 * connection is open behind it. */
struct chain {
	const char *name, *script, *outcomes, *turns;
	unsigned how;
};

#define FIRST_DATA  MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n" OK
#define FIRST_CHUNK MAIL RCPT(0) OK OK "#\n" OK
#define IN_ONE      MAIL RCPT(0) "#\n" OK OK OK
#define LIMIT       GREET("<250-mx\n<250-PIPELINING\n<250 LIMITS MAILMAX=2\n")

static const struct chain chains[] = {
	{ "two by DATA", PIPE FIRST_DATA FIRST_DATA QUIT, "A A", "5 2", 0 },
	{ "three by DATA", PIPE FIRST_DATA FIRST_DATA FIRST_DATA QUIT, "A A A", "5 2 2", 0 },
	{ "two by BDAT", CHUNK FIRST_CHUNK FIRST_CHUNK QUIT, "A A", "5 2", 0 },
	{ "two in one flight each", CHUNK IN_ONE IN_ONE QUIT, "A A", "4 1", FULL },
	{ "two in lockstep", BARE MAIL OK RCPT(0) OK DATA OK MAIL OK RCPT(0) OK DATA OK QUIT, "A A",
		"7 4", 0 },
	{ "one login",
		AUTH("PLAIN") IR MAIL RCPT(0) ">DATA\n<235 ok\n" OK OK
					      "<354 go\n.\n" OK FIRST_DATA QUIT,
		"A A", "5 2", LOGIN },
	{ "the login in turns of its own",
		AUTH("LOGIN") ">AUTH LOGIN\n<334 VXNlcm5hbWU6\n>" USER "\n<334 UGFzc3dvcmQ6\n>" PASS
			      "\n<235 ok\n" FIRST_DATA FIRST_DATA QUIT,
		"A A", "8 2", LOGIN },
	{ "RSET behind a refused recipient",
		PIPE MAIL RCPT(0) ">DATA\n" OK "<550 5.1.1 nobody\n<503 nobody\n"
				  ">RSET\n" MAIL RCPT(0) ">DATA\n" OK OK OK "<354 go\n.\n" OK QUIT,
		"P A", "4 2", 0 },
	{ "RSET behind a refused content",
		PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n<554 5.7.1 spam\n"
				  ">RSET\n" MAIL RCPT(0) ">DATA\n" OK OK OK "<354 go\n.\n" OK QUIT,
		"P A", "5 2", 0 },
	{ "a refused sender needs no RSET",
		PIPE MAIL RCPT(0) ">DATA\n<550 5.7.1 not you\n<503 x\n<503 x\n" FIRST_DATA QUIT,
		"P A", "4 2", 0 },
	{ "RSET refused: another connection",
		PIPE MAIL RCPT(0) ">DATA\n" OK "<550 5.1.1 nobody\n<503 nobody\n"
				  ">RSET\n" MAIL RCPT(
					  0) ">DATA\n<502 what?\n*\n+\n" PIPE FIRST_DATA QUIT,
		"P A", "4 6", 0 },
	{ "a refused BDAT ends the connection",
		CHUNK MAIL RCPT(0) "#\n" OK "<550 5.1.1 nobody\n<503 x\n" QUIT
				   "+\n" CHUNK IN_ONE QUIT,
		"P A", "4! 4", FULL },
	{ "MAILMAX", LIMIT FIRST_DATA FIRST_DATA QUIT "+\n" LIMIT FIRST_DATA QUIT, "A A A",
		"5 2! 5", 0 },
	{ "several recipients",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK OK "<354 go\n.\n" OK MAIL RCPT(0)
			RCPT(1) ">DATA\n" OK "<550 5.1.1 nobody\n" OK "<354 go\n.\n" OK QUIT,
		"AA PA", "5 2", 0 },
	{ "closed between", PIPE FIRST_DATA "!\n+\n" PIPE FIRST_DATA QUIT, "A A", "5! 5", CALM },
	{ "reset between", PIPE FIRST_DATA "^\n+\n" PIPE FIRST_DATA QUIT, "A A", "5! 5", CALM },
	{ "421 between", PIPE FIRST_DATA "<421 idle\n!\n+\n" PIPE FIRST_DATA QUIT, "A A", "5! 5",
		CALM },
	{ "421 between, and it waits", PIPE FIRST_DATA "<421 idle\n*\n+\n" PIPE FIRST_DATA QUIT,
		"A A", "5! 5", CALM },
	{ "a word too many between", PIPE FIRST_DATA "<250 ok\n*\n+\n" PIPE FIRST_DATA QUIT, "A A",
		"5! 5", CALM },
	{ "421 for MAIL", PIPE FIRST_DATA MAIL "<421 idle\n!\n+\n" PIPE FIRST_DATA QUIT, "A A",
		"5 6", 0 },
	{ "closed at MAIL", PIPE FIRST_DATA MAIL "!\n+\n" PIPE FIRST_DATA QUIT, "A A", "5 6", 0 },
	{ "reset at MAIL", PIPE FIRST_DATA MAIL RCPT(0) ">DATA\n^\n+\n" PIPE FIRST_DATA QUIT, "A A",
		"5 6", 0 },
	{ "421 for MAIL with content in flight",
		CHUNK IN_ONE MAIL RCPT(0) "#\n<421 idle\n!\n+\n" CHUNK IN_ONE QUIT, "A A", "4 5",
		FULL },
	{ "421 for MAIL, and the content was refused",
		CHUNK IN_ONE MAIL RCPT(0) "#\n<421 idle\n<503 x\n<503 x\n!\n+\n" CHUNK IN_ONE QUIT,
		"A A", "4 5", FULL },
	{ "421 for MAIL, but the content was taken",
		CHUNK IN_ONE MAIL RCPT(0) "#\n<421 idle\n" OK OK "!\n+\n" CHUNK IN_ONE QUIT,
		"A A A", "4 1! 4", FULL },
	{ "closed with content in flight: in doubt",
		CHUNK IN_ONE MAIL RCPT(0) "#\n!\n+\n" CHUNK IN_ONE QUIT, "A D A", "4 1! 4", FULL },
	{ "closed behind MAIL: the usual way",
		PIPE FIRST_DATA MAIL RCPT(0) ">DATA\n" OK "!\n+\n" PIPE FIRST_DATA QUIT, "A A",
		"5 6", 0 },
	{ "closed behind the end of data: in doubt",
		PIPE FIRST_DATA MAIL RCPT(0) ">DATA\n" OK OK
					     "<354 go\n.\n!\n+\n" PIPE FIRST_DATA QUIT,
		"A D A", "5 2! 5", 0 },
	{ "lost step: lockstep from here on",
		CHUNK IN_ONE MAIL RCPT(
			0) "#\n{250 ok|250 ok|500 x|500 x|\n*\n+\n" CHUNK MAIL OK RCPT(0) OK
		"#\n" OK MAIL OK RCPT(0) OK "#\n" OK QUIT,
		"A A A", "4 7 3", FULL },
};

static struct wire_settings
settings_for(unsigned how, const char *const *hosts, struct watch *w)
{
	return (struct wire_settings){
		.hosts = hosts,
		.host_count = 1,
		.tls = WIRE_TLS_NONE,
		.pipelining = how & FULL ? WIRE_PIPELINING_FULL : WIRE_PIPELINING_AUTO,
		.ehlo_name = "me.example",
		.cleartext_auth = true,
		.user = how & LOGIN ? "ann" : NULL,
		.secret = give_secret,
		.secret_ctx = w,
		.deadline = clock_in(5000),
		.connect_ms = 3000,
		.trace = take_trace,
		.trace_ctx = w,
	};
}

/* One message; appends what became of it to GOT and TURNS. */
static void
send_one(struct wire_link *l, const struct chain *c, const struct message *m, size_t recipients,
	struct watch *w, struct strbuf *got, struct strbuf *turns)
{
	struct envelope e = ENVELOPE_NONE;
	struct wire_report report;
	struct error err = ERROR_NONE;
	char outcomes[16];
	bool good;

	fill_envelope(&e, recipients);
	wire_report_init(&report);
	memset(w->marks, 0, sizeof(w->marks));
	good = wire_link_deliver(l, &e, m, take_progress, w, &report, &err);
	ok(good == !err.fault && good == (envelope_count(&e, OUTCOME_ACCEPTED) == e.count) &&
			report.connected && strcmp(report.address, "127.0.0.1") == 0 &&
			(w->marks[WIRE_ACCEPTED_BY_ALL] == 1) == good,
		"%s: result and report (%s)", c->name, err.text);
	ok(strcmp(report.mechanism,
		   c->how & LOGIN ? strstr(c->script, "AUTH PLAIN") ? "PLAIN" : "LOGIN" : "") == 0,
		"%s: the mechanism is told each time", c->name);
	outcomes_of(&e, outcomes);
	strbuf_addf(got, "%s%s", got->len ? " " : "", outcomes);
	strbuf_addf(turns, "%s%u", turns->len ? " " : "", report.round_trips);
	wire_report_done(&report);
	envelope_done(&e);
}

static void
play(const struct chain *c)
{
	struct strbuf got = STRBUF_INIT(200), turns = STRBUF_INIT(200), dotted = STRBUF_INIT(1000);
	struct peer peer = { .script = c->script, .plain = HEADER "\r\n" BODY };
	struct watch w = { .trace = STRBUF_INIT(1 << 20) };
	char host[32], why[500];
	const char *hosts[] = { host };
	struct wire_settings settings = settings_for(c->how, hosts, &w);
	struct wire_link *l = wire_link_new(&settings);
	struct message m;

	strbuf_adds(&dotted, HEADER "\r\n");
	add_dotted(&dotted, BODY);
	peer.dotted = dotted.s;
	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	fill_message(&m, BODY);
	for (const char *at = c->outcomes; *at; at += strspn(at, " ")) {
		send_one(l, c, &m, strcspn(at, " "), &w, &got, &turns);
		at += strcspn(at, " ");
		if (c->how & CALM)
			poll(NULL, 0, 40);
		if (!wire_link_is_open(l))
			strbuf_addc(&turns, '!');
	}
	wire_link_free(l);
	if (!ok(peer_stop(&peer, why, sizeof(why)), "%s: the dialogue", c->name))
		printf("# peer: %s\n# trace:\n%s\n", why, w.trace.s);
	same(got.s, got.len, c->outcomes, c->name);
	same(turns.s, turns.len, c->turns, c->name);
	ok(w.asked <= 1, "%s: the password is asked for once", c->name);
	message_done(&m);
	strbuf_done(&w.trace);
	strbuf_done(&got);
	strbuf_done(&turns);
	strbuf_done(&dotted);
}

/* A link that was never used, and one that cannot be. */
static void
unused(void)
{
	struct watch w = { .fails = false };
	const char *hosts[] = { "127.0.0.1:1" };
	struct wire_settings settings = settings_for(0, hosts, &w);
	struct wire_link *l = wire_link_new(&settings);
	struct envelope e = ENVELOPE_NONE;
	struct wire_report report;
	struct error err = ERROR_NONE;
	struct message m;

	ok(!wire_link_is_open(l), "nothing is connected yet");
	fill_envelope(&e, 1);
	fill_message(&m, BODY);
	wire_report_init(&report);
	settings.tls = WIRE_TLS_IMPLICIT;
	settings.tls_settings.priority = "NONSENSE";
	ok(!wire_link_deliver(l, &e, &m, NULL, NULL, &report, &err) && err.fault == FAULT_CONFIG,
		"TLS that cannot be set up");
	ok(e.recipients[0].outcome == OUTCOME_PERMANENT, "they concern everybody");
	ok(!wire_link_is_open(l), "and nothing is connected");
	wire_link_free(l);
	wire_link_free(NULL);
	wire_report_done(&report);
	message_done(&m);
	envelope_done(&e);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains) && tap_failed < 8; i++)
		play(&chains[i]);
	unused();
	return tap_done();
}
