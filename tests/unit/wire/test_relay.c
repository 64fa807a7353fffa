/* The connection that is driven step by step, against a scripted server: replies are passed on as
 * they are, lost connections are told apart from refusals, and one connection serves many messages.
 */
#include "script.h"

#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "relay.h"
#include "settings.h"
#include "tap.h"

#define HEADER "Subject: test\r\n"
#define BODY   ".\r\n..two\r\nlast\r\n"
#define HELLO  "<220 x\n>EHLO\n"
#define PLAIN  HELLO "<250 x\n"
#define PIPES  HELLO "{250-x|250-PIPELINING|250 CHUNKING|\n"
#define MAIL   ">MAIL FROM:<ann@example.org>\n"
#define RCPT   ">RCPT TO:<bob@example.net>\n"
#define OK     "<250 ok\n"

/* Steps: M begin, R the next recipient, U one that needs SMTPUTF8, C content, Z reset, W wait a
 * little. What each was answered: the code, or 0 and the status of the error; D when in doubt. */
static const struct dialogue {
	const char *name, *script, *steps, *want;
	const char *outcomes; /* of the last transaction: ATPD, - pending */
} dialogues[] = {
	{ "a message by DATA",
		PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n<250 2.0.0 got it\n>QUIT\n", "MRC",
		"250 250 250", "A" },
	{ "a message by BDAT", PIPES MAIL OK RCPT OK "#\n<250 got it\n", "MRC", "250 250 250",
		"A" },
	{ "each verdict",
		PLAIN MAIL OK RCPT "<550 5.1.1 no\n" RCPT "<451 wait\n" RCPT
				   "<251 elsewhere\n>DATA\n<354 go\n.\n" OK,
		"MRRRC", "250 550 451 251 250", "PTA" },
	{ "the sender is refused", PLAIN MAIL "<550 5.7.1 no\n" MAIL OK RCPT OK, "MMR",
		"550 250 250", "-" },
	{ "content is refused", PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n<554 spam\n", "MRC",
		"250 250 554", "P" },
	{ "DATA is refused", PLAIN MAIL OK RCPT OK ">DATA\n<451 busy\n", "MRC", "250 250 451",
		"T" },
	{ "two messages need no RSET",
		PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n" OK MAIL OK RCPT OK
				      ">DATA\n<354 go\n.\n" OK,
		"MRCMRC", "250 250 250 250 250 250", "A" },
	{ "a probe is reset with the next MAIL",
		PLAIN MAIL OK RCPT OK ">RSET\n" OK MAIL OK RCPT OK ">DATA\n<354 go\n.\n" OK,
		"MRZMRC", "250 250 250 250 250", "A" },
	{ "RSET rides along", PIPES MAIL OK ">RSET\n" MAIL OK OK, "MZM", "250 250", "" },
	{ "RSET is refused: another connection",
		PLAIN MAIL OK ">RSET\n<500 no\n!\n+\n" PLAIN MAIL OK, "MZM", "250 250", "" },
	{ "gone between two messages",
		PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n" OK "!\n+\n" PLAIN MAIL OK RCPT OK,
		"MRCWMR", "250 250 250 250 250", "-" },
	{ "a goodbye between two messages",
		PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n" OK "<421 idle\n!\n+\n" PLAIN MAIL OK,
		"MRCWM", "250 250 250 250", "" },
	{ "gone at MAIL on a new connection", PLAIN MAIL "!\n+\n" PLAIN MAIL OK, "MM", "0/75 250",
		"" },
	{ "gone at RCPT", PLAIN MAIL OK RCPT OK RCPT "!\n", "MRRC", "250 250 0/75 0/70", "TT" },
	{ "421 at RCPT", PLAIN MAIL OK RCPT "<421 down\n!\n", "MRR", "250 0/75 0/70", "T" },
	{ "gone at DATA", PLAIN MAIL OK RCPT OK ">DATA\n!\n", "MRC", "250 250 0/75", "T" },
	{ "gone in the content", PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n!\n+\n" PLAIN MAIL OK,
		"MRCM", "250 250 0/75D 250", "" },
	{ "in doubt", PLAIN MAIL OK RCPT OK RCPT "<550 no\n>DATA\n<354 go\n.\n!\n", "MRRC",
		"250 250 550 0/75D", "DP" },
	{ "421 to the content",
		PLAIN MAIL OK RCPT OK ">DATA\n<354 go\n.\n<421 down\n!\n+\n" PLAIN MAIL OK, "MRCM",
		"250 250 0/75 250", "" },
	{ "a refused BDAT costs the connection",
		PIPES MAIL OK RCPT OK "#\n<554 no\n*\n+\n" PIPES MAIL OK, "MRCM", "250 250 554 250",
		"" },
	{ "SMTPUTF8 is not there", PLAIN MAIL OK RCPT OK, "MUR", "250 0/65 250", "P-" },
	{ "too large", HELLO "{250-x|250 SIZE 10|\n" MAIL OK RCPT OK ">RSET\n" OK MAIL OK, "MRCM",
		"250 250 0/65 250", "" },
	{ "MAILMAX", HELLO "{250-x|250 LIMITS MAILMAX=1|\n" MAIL OK "*\n+\n" PLAIN MAIL OK, "MZM",
		"250 250", "" },
	{ "the greeting refuses", "<554 5.3.2 no\n", "M", "0/69", "" },
	{ "EHLO refuses for now", HELLO "<451 later\n", "M", "0/75", "" },
	{ "no SMTP", "<SSH-2.0\n", "M", "0/76", "" },
	{ "nonsense in the middle", PLAIN MAIL OK RCPT "<what?\n!\n", "MRR", "250 0/76 0/70", "P" },
	{ "steps out of order", PLAIN MAIL OK RCPT "<550 no\n", "RCMCRC",
		"0/70 0/70 250 0/70 550 0/70", "P" },
};

struct run {
	struct wire_settings settings;
	struct wire_report report;
	struct relay *relay;
	struct relay_reply reply;
	struct envelope envelope;
	struct message message;
	struct strbuf got;
};

static void
fresh_envelope(struct run *r)
{
	envelope_done(&r->envelope);
	if (!address_parse_sender("ann@example.org", 15, &r->envelope.sender, NULL))
		abort();
}

static bool
offer(struct run *r, const char *text, struct error *err)
{
	struct address a;
	bool good;
	size_t i;

	if (!address_parse_sender(text, strlen(text), &a, NULL))
		abort();
	i = envelope_add_recipient(&r->envelope, &a);
	address_done(&a);
	good = relay_recipient(r->relay, i, 0, &r->reply, err);
	if (!good && !r->reply.code && err->fault == FAULT_SOFTWARE)
		r->envelope.count--, address_done(&r->envelope.recipients[i].address);
	return good;
}

static bool
step(struct run *r, char what, struct error *err)
{
	static const struct relay_mail mail = { .size = 0 };

	switch (what) {
	case 'M':
		fresh_envelope(r);
		return relay_begin(r->relay, &r->envelope, &mail, &r->reply, err);
	case 'R':
		return offer(r, "bob@example.net", err);
	case 'U':
		return offer(r,
			"b\xc3\xb6"
			"b@example.net",
			err);
	case 'C':
		return relay_content(r->relay, &r->message, &r->reply, err);
	default:
		abort();
	}
}

static void
play_steps(struct run *r, const struct dialogue *d)
{
	struct error err;
	bool good, honest = true;

	for (const char *at = d->steps; *at; at++) {
		if (*at == 'Z') {
			relay_reset(r->relay);
			continue;
		}
		if (*at == 'W') {
			poll(NULL, 0, 50);
			continue;
		}
		err = (struct error)ERROR_NONE;
		good = step(r, *at, &err);
		honest = honest && good == !err.fault && good == (r->reply.code / 100 == 2);
		strbuf_addf(&r->got, "%s%d", r->got.len ? " " : "", r->reply.code);
		if (!r->reply.code)
			strbuf_addf(
				&r->got, "/%d%s", fault_status(err.fault), err.in_doubt ? "D" : "");
	}
	ok(honest, "%s: results, replies and errors agree", d->name);
}

static void
play(const struct dialogue *d)
{
	struct peer peer = { .script = d->script,
		.plain = HEADER "\r\n" BODY,
		.dotted = HEADER "\r\n..\r\n...two\r\nlast\r\n.\r\n" };
	struct error err = ERROR_NONE;
	char host[32], why[500], outcomes[16] = "";
	const char *names[] = { host };
	struct run r = { .settings = { .hosts = names,
				 .host_count = 1,
				 .tls = WIRE_TLS_NONE,
				 .ehlo_name = "me.example",
				 .deadline = clock_in(8000),
				 .connect_ms = 3000 },
		.got = STRBUF_INIT(1000) };

	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	message_init(&r.message);
	strbuf_adds(&r.message.header, HEADER);
	if (!message_add_body(&r.message, BODY, strlen(BODY), &err))
		abort();
	wire_report_init(&r.report);
	relay_reply_init(&r.reply);
	r.relay = relay_new(&r.settings, &r.report, &err);
	play_steps(&r, d);
	same(r.got.s, r.got.len, d->want, d->name);
	for (size_t i = 0; i < r.envelope.count; i++)
		outcomes[i] = "-ATPD"[r.envelope.recipients[i].outcome];
	same(outcomes, strlen(outcomes), d->outcomes, d->name);
	relay_free(r.relay);
	if (!ok(peer_stop(&peer, why, sizeof(why)), "%s: the dialogue", d->name))
		printf("# peer: %s\n", why);
	relay_reply_done(&r.reply);
	wire_report_done(&r.report);
	envelope_done(&r.envelope);
	message_done(&r.message);
	strbuf_done(&r.got);
}

/* What is passed on of a reply. */
static void
test_words(void)
{
	struct peer peer = { .script = HELLO
			     "{250-x|250 SIZE 1000|\n>MAIL FROM:<ann@example.org> SIZE=77\n"
			     "{550-5.7.1 one\x1b|550-5.7.1  two|550 5.7.1|\n" };
	struct error err = ERROR_NONE;
	struct relay_mail mail = { .size = 77 };
	struct relay_reply reply;
	struct wire_report report;
	struct envelope e = ENVELOPE_NONE;
	char host[32], why[500];
	const char *names[] = { host };
	struct wire_settings settings = { .hosts = names,
		.host_count = 1,
		.tls = WIRE_TLS_NONE,
		.ehlo_name = "me.example",
		.deadline = CLOCK_NEVER,
		.connect_ms = 3000 };
	struct relay *r;

	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	wire_report_init(&report);
	relay_reply_init(&reply);
	r = relay_new(&settings, &report, &err);
	ok(r && !relay_size_max(r) && !relay_is_open(r), "nothing is known before");
	if (!address_parse_sender("ann@example.org", 15, &e.sender, &err))
		abort();
	ok(!relay_begin(r, &e, &mail, &reply, &err) && !relay_is_open(r), "MAIL is refused");
	ok(reply.code == 550 && reply.enhanced.subject == 7 && reply.enhanced.detail == 1, "codes");
	same(reply.text.s, reply.text.len, "one\\x1b\ntwo\n\n", "text");
	ok(err.smtp == 550 && err.stage == STAGE_MAIL && err.fault == FAULT_PERMISSION, "error");
	ok(relay_size_max(r) == 1000, "the size is known now");
	ok(report.round_trips == 4, "round trips: %u", report.round_trips);
	snprintf(report.words, sizeof(report.words), "x");
	wire_report_next(&report);
	ok(!report.round_trips && !*report.words && report.connected && *report.host,
		"the next message counts for itself");
	relay_free(r);
	ok(peer_stop(&peer, why, sizeof(why)), "the dialogue %s", why);
	relay_reply_done(&reply);
	wire_report_done(&report);
	envelope_done(&e);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(*dialogues); i++)
		play(&dialogues[i]);
	test_words();
	relay_free(NULL);
	return tap_done();
}
