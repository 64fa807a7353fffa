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
	return tap_done();
}
