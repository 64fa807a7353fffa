/* The probe against a scripted server: it goes as far as its plan says, tells each verdict apart,
 * never begins a message, and takes its leave. */
#include "script.h"

#include "clock.h"
#include "probe.h"
#include "settings.h"
#include "tap.h"

#define HELLO "<220 x\n>EHLO me.example\n"
#define PLAIN HELLO "<250 x\n"
#define LOGIN HELLO "{250-x|250 AUTH PLAIN|\n"
#define AUTH  ">AUTH PLAIN \n<235 ok\n"
#define ANN   ">MAIL FROM:<ann@example.org>\n"
#define NUL   ">MAIL FROM:<>\n"
#define BOB   ">RCPT TO:<bob@example.net>\n"
#define OK    "<250 ok\n"
#define RSET  ">RSET\n" OK
#define BYE   ">QUIT\n*\n"

/* Plan: l log in (as ann), s the sender ann, r the recipient bob, 0 the null sender before, x a
 * sender that is none, u a recipient that wants SMTPUTF8. Wanted: what was reached, the status of
 * the error, and + or the status for each of the others, the sender and the recipient. */
static const struct dialogue {
	const char *name, *script, *plan, *want;
} dialogues[] = {
	{ "up to EHLO", PLAIN BYE, "", "ehlo 0" },
	{ "sender and recipient", PLAIN ANN OK BOB OK RSET BYE, "sr", "rcpt 0 + +" },
	{ "the sender alone", PLAIN ANN OK RSET BYE, "s", "mail 0 +" },
	{ "the sender is refused", PLAIN ANN "<550 5.7.1 no\n" BYE, "sr", "ehlo 0 77 -" },
	{ "the recipient is refused", PLAIN ANN OK BOB "<550 5.1.1 no\n" RSET BYE, "sr",
		"mail 0 + 67" },
	{ "greylisted", PLAIN ANN OK BOB "<450 4.7.1 later\n" RSET BYE, "sr", "mail 0 + 75" },
	{ "the null sender too", PLAIN NUL OK RSET ANN OK RSET BYE, "0s", "mail 0 + +" },
	{ "the null sender is refused", PLAIN NUL "<550 5.7.60 no\n" ANN OK RSET BYE, "0s",
		"mail 0 77 +" },
	{ "a sender that is none", PLAIN BYE, "x", "ehlo 0 65" },
	{ "a recipient that it cannot take", PLAIN ANN OK RSET BYE, "su", "mail 0 + 65" },
	{ "logged in", LOGIN AUTH ANN OK RSET BYE, "ls", "mail 0 +" },
	{ "the login is refused", LOGIN ">AUTH PLAIN \n<535 5.7.8 no\n" BYE, "lsr", "ehlo 77 - -" },
	{ "no login is offered", PLAIN BYE, "ls", "ehlo 69 -" },
	{ "no mechanism fits", HELLO "{250-x|250 AUTH FOO|\n" BYE, "l", "ehlo 69" },
	{ "nobody asks for a login", LOGIN BYE, "", "ehlo 0" },
	{ "it does not know EHLO", HELLO "<502 what\n>HELO me.example\n" OK BYE, "", "ehlo 0" },
	{ "it wants none of us", "<554 5.3.2 no\n", "", "connect 69" },
	{ "it closes", "<220 x\n>EHLO\n!\n", "", "greeting 75" },
	{ "it resets at MAIL", PLAIN ANN "^\n", "sr", "ehlo 75 - -" },
	{ "it says goodbye at RCPT", PLAIN ANN OK BOB "<421 4.3.2 bye\n!\n", "sr", "mail 75 + -" },
	{ "RSET is refused", PLAIN ANN OK ">RSET\n<500 no\n" BYE, "s", "mail 75 +" },
	{ "no SMTP", "<SSH-2.0-x\n", "", "connect 76" },
	{ "silence", "~400\n!\n", "", "connect 75" },
};

static bool
password(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	(void)ctx, (void)deadline, (void)err;
	strbuf_adds(ret, "secret");
	return true;
}

static void
add_verdict(struct strbuf *out, bool good, const struct error *err)
{
	if (good)
		strbuf_adds(out, " +");
	else if (err->fault)
		strbuf_addf(out, " %d", fault_status(err->fault));
	else
		strbuf_adds(out, " -");
}

static void
sum(struct strbuf *out, const struct probe_plan *plan, const struct probe *p)
{
	strbuf_addf(out, "%s %d", stage_name(p->reached), fault_status(p->error.fault));
	for (size_t i = 0; i < plan->other_count; i++)
		add_verdict(out, p->others[i].good, &p->others[i].error);
	if (plan->sender)
		add_verdict(out, p->sender_good, &p->sender_error);
	if (plan->recipient)
		add_verdict(out, p->recipient_good, &p->recipient_error);
}

static struct probe_plan
read_plan(const char *text)
{
	static const char *const others[] = { "" };

	return (struct probe_plan){ .log_in = strchr(text, 'l'),
		.sender = strchr(text, 'x')   ? "ann\x07@example.org"
			  : strchr(text, 's') ? "ann@example.org"
					      : NULL,
		.recipient = strchr(text, 'u')   ? "b\xc3\xb6@example.net"
			     : strchr(text, 'r') ? "bob@example.net"
						 : NULL,
		.others = others,
		.other_count = strchr(text, '0') != NULL };
}

static struct wire_settings
settings_for(const char *const *hosts, size_t n)
{
	return (struct wire_settings){ .hosts = hosts,
		.host_count = n,
		.tls = WIRE_TLS_NONE,
		.ehlo_name = "me.example",
		.cleartext_auth = true,
		.secret = password,
		.deadline = clock_in(8000),
		.connect_ms = 3000 };
}

static void
play(const struct dialogue *d)
{
	struct peer peer = { .script = d->script, .plain = "", .dotted = "" };
	struct strbuf got = STRBUF_INIT(1000);
	struct probe_plan plan = read_plan(d->plan);
	struct wire_settings settings;
	char host[32], why[500];
	const char *names[] = { host };
	struct probe p;

	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	settings = settings_for(names, 1);
	settings.user = plan.log_in ? "ann" : NULL;
	if (strcmp(d->name, "silence") == 0)
		settings.deadline = clock_in(200);
	probe_run(&settings, &plan, &p);
	sum(&got, &plan, &p);
	same(got.s, got.len, d->want, d->name);
	ok(p.port == peer.port && !strcmp(p.host, "127.0.0.1") && !strcmp(p.address, "127.0.0.1"),
		"%s: where", d->name);
	if (!ok(peer_stop(&peer, why, sizeof(why)), "%s: the dialogue", d->name))
		printf("# peer: %s\n", why);
	probe_done(&p);
	strbuf_done(&got);
}

/* What it heard, in words that are safe to print. */
static void
test_words(void)
{
	struct peer peer = { .script = "{220-x \x1b[31m|220 second|\n>EHLO\n"
				       "{250-x \x07|250-SIZE 1000|250 AUTH PLAIN LOGIN|\n" BYE,
		.plain = "",
		.dotted = "" };
	char host[32], why[500];
	const char *names[] = { "unused.invalid", host };
	struct probe_plan plan = { .log_in = false };
	struct target places[PROBE_PLACES];
	struct wire_settings settings;
	struct error err = ERROR_NONE;
	struct probe p;

	peer_start(&peer);
	snprintf(host, sizeof(host), "localhost:%u", peer.port);
	settings = settings_for(names, 2);
	settings.user = "ann";
	ok(probe_places(&settings, places, &err) == 2 && !err.fault, "two places");
	plan.place = &places[1];
	plan.address = "127.0.0.1";
	probe_run(&settings, &plan, &p);
	same(p.greeting, strlen(p.greeting), "220-x \\x1b[31m second", "the greeting");
	same(p.ehlo.s, p.ehlo.len, "x \\x07\nSIZE 1000\nAUTH PLAIN LOGIN\n", "the offer");
	ok(p.capability.size_max == 1000 && !strcmp(p.choice, "PLAIN") && !*p.mechanism,
		"parsed; a login would be by %s", p.choice);
	ok(p.round_trips == 3 && !p.tls.version[0] && !p.chain_length, "facts");
	ok(!strcmp(p.host, "localhost"), "the name stays, whatever the address");
	ok(peer_stop(&peer, why, sizeof(why)), "the dialogue %s", why);
	probe_done(&p);
}

static void
test_places(void)
{
	const char *names[] = { "a.example", "b example", "c.example:26" };
	struct wire_settings settings = settings_for(names, 3);
	char addresses[PROBE_ADDRESSES][64];
	struct target places[PROBE_PLACES];
	struct error err = ERROR_NONE;
	struct probe_plan plan = { .log_in = false };
	struct probe p;
	size_t n;

	ok(probe_places(&settings, places, &err) == 2 && err.fault == FAULT_CONFIG &&
			places[0].port == 25 && places[1].port == 26,
		"what leads nowhere does not hide the others");
	settings.host_count = 0;
	probe_run(&settings, &plan, &p);
	ok(p.error.fault == FAULT_CONFIG && p.reached == STAGE_NONE, "no host");
	probe_done(&p);
	error_clear(&err);
	ok(probe_resolve("127.0.0.1", WIRE_IP_ANY, clock_in(3000), addresses, &n, &err) && n == 1 &&
			!strcmp(addresses[0], "127.0.0.1"),
		"an address is its own");
	ok(!probe_resolve("nowhere.invalid", WIRE_IP_ANY, clock_in(3000), addresses, &n, &err) &&
			!n && err.stage == STAGE_RESOLVE,
		"no such host: %s", err.text);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(*dialogues); i++)
		play(&dialogues[i]);
	test_words();
	test_places();
	return tap_done();
}
