#include "capability.h"

#include "error.h"
#include "reply.h"
#include "tap.h"

static struct capability
parse(const char *lines)
{
	struct capability c;
	struct reply r;

	reply_init(&r);
	r.code = 250;
	strbuf_adds(&r.text, lines);
	memset(&c, 0x5a, sizeof(c));
	capability_parse(&r, &c);
	reply_done(&r);
	return c;
}

/* The flags as letters. */
static const char *
flags(const struct capability *c)
{
	static char text[16];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s", c->pipelining ? "P" : "",
		c->chunking ? "C" : "", c->eightbit ? "8" : "", c->smtputf8 ? "U" : "",
		c->dsn ? "D" : "", c->enhanced ? "E" : "", c->starttls ? "T" : "",
		c->size ? "S" : "", c->auth ? "A" : "");
	return text;
}

static const struct {
	const char *lines, *flags, *mechanisms;
	uint64_t size, rcpt, mail;
} cases[] = {
	{ "", "", "", 0, 0, 0 }, { "mx\n", "", "", 0, 0, 0 },
	{ "PIPELINING\n", "", "", 0, 0, 0 }, /* the first line is the greeting */
	{ "mx\nPIPELINING\nCHUNKING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nSTARTTLS\n",
		"PC8UDET", "", 0, 0, 0 },
	{ "mx\npipelining\nChunking\n8bitmime\nsmtpUTF8\ndsn\n", "PC8UD", "", 0, 0, 0 },
	{ "mx\nPIPELINING2\nXPIPELINING\nPIPE LINING\n\n  \n", "", "", 0, 0, 0 },
	{ "mx\n  PIPELINING\t\n", "P", "", 0, 0, 0 },
	{ "mx\nPIPELINING with arguments\n", "P", "", 0, 0, 0 }, { "mx\nSIZE\n", "S", "", 0, 0, 0 },
	{ "mx\nSIZE 0\n", "S", "", 0, 0, 0 }, { "mx\nSIZE 35882577\n", "S", "", 35882577, 0, 0 },
	{ "mx\nSIZE 18446744073709551615\n", "S", "", UINT64_MAX, 0, 0 },
	{ "mx\nSIZE 18446744073709551616\n", "S", "", 0, 0, 0 },
	{ "mx\nSIZE -1\n", "S", "", 0, 0, 0 }, { "mx\nSIZE 12k\n", "S", "", 0, 0, 0 },
	{ "mx\nAUTH PLAIN LOGIN\n", "A", " PLAIN LOGIN ", 0, 0, 0 },
	{ "mx\nauth plain\n", "A", " PLAIN ", 0, 0, 0 }, { "mx\nAUTH\n", "A", " ", 0, 0, 0 },
	{ "mx\nAUTH=LOGIN PLAIN\n", "A", " LOGIN PLAIN ", 0, 0, 0 },
	{ "mx\nAUTH PLAIN\nAUTH=LOGIN\n", "A", " PLAIN LOGIN ", 0, 0, 0 },
	{ "mx\nAUTH  PLAIN\t LOGIN \n", "A", " PLAIN LOGIN ", 0, 0, 0 },
	{ "mx\nAUTH A123456789012345678901234567890123456789012345678901234567890123456789 LOGIN\n",
		"A", " LOGIN ", 0, 0, 0 },
	{ "mx\nAUTH=\n", "", "", 0, 0, 0 }, { "mx\nAUTHENTICATE PLAIN\n", "", "", 0, 0, 0 },
	{ "mx\nLIMITS RCPTMAX=100 MAILMAX=5\n", "", "", 0, 100, 5 },
	{ "mx\nlimits mailmax=5 RCPTDOMAINMAX=1\n", "", "", 0, 0, 5 },
	{ "mx\nLIMITS RCPTMAX=0 MAILMAX=x\n", "", "", 0, 0, 0 },
	{ "mx\nLIMITS RCPTMAX\n", "", "", 0, 0, 0 },
	{ "mx\nLIMITS RCPTMAX=99999999999999999999\n", "", "", 0, 0, 0 },
	{ "mx\nPIPELINING", "", "", 0, 0, 0 }, /* a line counts with its end */
};

static void
check_mechanisms(void)
{
	struct capability c = parse("mx\nAUTH SCRAM-SHA-256-PLUS PLAIN XOAUTH2\n");
	char line[4000] = "mx\nAUTH";

	ok(capability_has_mechanism(&c, "PLAIN"), "a mechanism in the middle");
	ok(capability_has_mechanism(&c, "XOAUTH2"), "the last mechanism");
	ok(capability_has_mechanism(&c, "SCRAM-SHA-256-PLUS"), "the first mechanism");
	ok(!capability_has_mechanism(&c, "SCRAM-SHA-256"), "a part of a name is none");
	ok(!capability_has_mechanism(&c, "OAUTH2"), "the end of a name is none");
	ok(!capability_has_mechanism(&c, "LOGIN"), "one that is not offered");
	c = parse("mx\n");
	ok(!capability_has_mechanism(&c, "PLAIN"), "none without AUTH");

	for (int i = 0; i < 120; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " MECHANISM-%d", i);
	strncat(line, " PLAIN\n", sizeof(line) - strlen(line) - 1);
	c = parse(line);
	ok(strlen(c.mechanisms) < sizeof(c.mechanisms), "many mechanisms: %zu octets kept",
		strlen(c.mechanisms));
	ok(capability_has_mechanism(&c, "MECHANISM-0"), "the first of many");
}

static void
check_extensions(void)
{
	struct capability c = parse("mx\nREQUIRETLS\nMT-PRIORITY MIXER\nDELIVERBY 240\n"
				    "FUTURERELEASE 86400 2026-12-24T18:00:00Z\n");

	ok(c.require_tls && c.priority && c.deliver_by && c.future_release, "offered");
	ok(c.deliver_by_min == 240 && c.hold_max == 86400 && c.hold_until_max == 1798135200,
		"with their numbers");
	c = parse("mx\nDELIVERBY\nFUTURERELEASE\n");
	ok(!c.require_tls && !c.priority && c.deliver_by && c.future_release && !c.deliver_by_min &&
			!c.hold_max && !c.hold_until_max,
		"without numbers");
	c = parse("mx\nDELIVERBY -1\nFUTURERELEASE x 2h\n");
	ok(c.deliver_by && !c.deliver_by_min && !c.hold_max && !c.hold_until_max, "no numbers");
	c = parse("mx\nFUTURERELEASE 1 15:30\nXREQUIRETLS\nREQUIRETLSX\n");
	ok(!c.hold_until_max && c.hold_max == 1 && !c.require_tls, "no date, other words");
}

/* RFC 9422: what is malformed does not change what is not. */
static void
check_limits(void)
{
	static const struct {
		const char *line;
		uint64_t rcpt, mail, domains;
	} limits[] = {
		{ "LIMITS RCPTMAX=1 MAILMAX=2 RCPTDOMAINMAX=3", 1, 2, 3 },
		{ "LIMITS rcptdomainmax=999999", 0, 0, 999999 },
		{ "LIMITS RCPTDOMAINMAX=1000000 MAILMAX=1000000", 0, 0, 0 },
		{ "LIMITS RCPTDOMAINMAX=01 MAILMAX=0 RCPTMAX=", 0, 0, 0 },
		{ "LIMITS RCPTMAX=5 RCPTMAX=x MAILMAX=7 MAILMAX=", 5, 7, 0 },
		{ "LIMITS RCPTMAX=5 RCPTMAX=6", 6, 0, 0 },
		{ "LIMITS X-RCPTMAX=5 RCPTMAXX=6 RCPT=1", 0, 0, 0 },
		{ "LIMITS", 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct capability c;
		char lines[200];

		snprintf(lines, sizeof(lines), "mx\n%s\n", limits[i].line);
		c = parse(lines);
		ok(c.rcpt_max == limits[i].rcpt && c.mail_max == limits[i].mail &&
				c.domain_max == limits[i].domains,
			"%s", limits[i].line);
	}
}

int
main(void)
{
	char what[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct capability c = parse(cases[i].lines);
		const char *got = flags(&c);

		ok(strcmp(got, cases[i].flags) == 0, "case %zu: flags %s", i, got);
		snprintf(what, sizeof(what), "case %zu: mechanisms", i);
		same(c.mechanisms, strlen(c.mechanisms), cases[i].mechanisms, what);
		ok(c.size_max == cases[i].size && c.rcpt_max == cases[i].rcpt &&
				c.mail_max == cases[i].mail,
			"case %zu: numbers", i);
	}
	check_mechanisms();
	check_extensions();
	check_limits();
	return tap_done();
}
