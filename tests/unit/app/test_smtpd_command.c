/* Commands of an SMTP client: what is understood, and the reply to what is not. */
#include "smtpd_command.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "strbuf.h"
#include "tap.h"

/* What came of a line, as text. */
static void
describe(const char *line, size_t n, struct strbuf *out)
{
	struct smtpd_command c;
	struct error err = ERROR_NONE;
	char code[16];

	strbuf_clear(out);
	if (!smtpd_command_parse(line, n, &c, &err)) {
		strbuf_addf(out, "%d %s", err.smtp, enhanced_print(err.code, code));
	} else {
		strbuf_addf(out, "%d", (int)c.verb);
		if (c.address.local)
			strbuf_addf(out, " <%s>%s%s", c.address.local, c.address.domain ? "@" : "",
				c.address.domain ? c.address.domain : "");
		if (*c.argument)
			strbuf_addf(out, " '%s'", c.argument);
		if (c.size)
			strbuf_addf(out, " size=%llu", (unsigned long long)c.size);
		if (c.smtputf8)
			strbuf_adds(out, " utf8");
		if (c.dsn_return)
			strbuf_addf(out, " ret=%d", (int)c.dsn_return);
		if (c.envid)
			strbuf_addf(out, " envid='%s'", c.envid);
		if (c.dsn_notify)
			strbuf_addf(out, " notify=%u", c.dsn_notify);
		if (c.orcpt)
			strbuf_addf(out, " orcpt='%s'", c.orcpt);
		if (c.verb == SMTPD_BDAT)
			strbuf_addf(
				out, " %llu%s", (unsigned long long)c.chunk, c.last ? " last" : "");
	}
	smtpd_command_done(&c);
}

static const struct {
	const char *line, *want;
} lines[] = {
	{ "HELO [127.0.0.1]", "0 '[127.0.0.1]'" },
	{ "helo", "0" },
	{ "EHLO b\xc3\xbc"
	  "cher.example",
		"1 'b\xc3\xbc"
		"cher.example'" },
	{ "MAIL FROM:<a@b.example>", "2 <a>@b.example" },
	{ "mail from:<a@b.example>", "2 <a>@b.example" },
	{ "MAIL  FROM: <a@b.example>  ", "2 <a>@b.example" },
	{ "MAIL FROM:a@b.example", "2 <a>@b.example" },
	{ "MAIL FROM:a@b.example SIZE=7", "2 <a>@b.example size=7" },
	{ "MAIL FROM:<>", "2 <>" },
	{ "MAIL FROM:<root>", "2 <root>" },
	{ "MAIL FROM:<\"a b\"@c.example>", "2 <a b>@c.example" },
	{ "MAIL FROM:<\"a> X\\\"<\"@c.example>", "2 <a> X\"<>@c.example" },
	{ "MAIL FROM:<@x.example,@y.example:a@b.example>", "2 <a>@b.example" },
	{ "MAIL FROM:<a@b.example (comment)>", "2 <a>@b.example" },
	{ "MAIL FROM:<a@[192.0.2.1]>", "2 <a>@[192.0.2.1]" },
	{ "MAIL FROM:<\xc3\xa4@b\xc3\xbc.example> SMTPUTF8",
		"2 <\xc3\xa4>@b\xc3\xbc.example utf8" },
	{ "MAIL FROM:<a@b.example> SIZE=12345 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2B+20y",
		"2 <a>@b.example size=12345 utf8 ret=2 envid='x+ y'" },
	{ "MAIL FROM:<a@b.example> body=7bit ret=full auth=<>", "2 <a>@b.example ret=1" },
	{ "MAIL FROM:<a@b.example> SIZE=0", "2 <a>@b.example" },
	{ "MAIL FROM:<a@b.example> SIZE=9223372036854775807",
		"2 <a>@b.example size=9223372036854775807" },
	{ "RCPT TO:<a@b.example>", "3 <a>@b.example" },
	{ "RCPT TO:<Postmaster>", "3 <Postmaster>" },
	{ "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bx@b.example",
		"3 <a>@b.example notify=6 orcpt='a+x@b.example'" },
	{ "RCPT TO:<a@b.example> NOTIFY=never ORCPT=utf-8;\\x{E4}\\x{2B}@b.example",
		"3 <a>@b.example notify=1 orcpt='\xc3\xa4+@b.example'" },
	{ "RCPT TO:<a@b.example> ORCPT=x400;whatever", "3 <a>@b.example" },
	{ "DATA", "4" },
	{ "data  ", "4" },
	{ "BDAT 0", "5 0" },
	{ "BDAT 123 LAST", "5 123 last" },
	{ "bdat 7   last", "5 7 last" },
	{ "RSET", "6" },
	{ "NOOP anything", "7 'anything'" },
	{ "VRFY bob", "8 'bob'" },
	{ "HELP", "9" },
	{ "QUIT", "10" },

	/* no command */
	{ "", "500 5.5.2" },
	{ " ", "500 5.5.2" },
	{ " QUIT", "500 5.5.2" },
	{ "QUITE", "500 5.5.2" },
	{ "QUI", "500 5.5.2" },
	{ "Subject: x", "500 5.5.2" },
	{ "GET / HTTP/1.1", "500 5.5.2" },
	{ "NOOP\tx", "500 5.5.2" },
	{ "NOOP \x1b[2J", "500 5.5.2" },
	{ "NOOP \xff", "500 5.5.2" },
	{ "NOOP a\rb", "500 5.5.2" },
	{ "STARTTLS", "502 5.5.1" },
	{ "AUTH PLAIN AGEAYg==", "502 5.5.1" },
	{ "expn list", "502 5.5.1" },

	/* wrong arguments */
	{ "DATA x", "501 5.5.4" },
	{ "RSET x", "501 5.5.4" },
	{ "QUIT x", "501 5.5.4" },
	{ "BDAT", "501 5.5.4" },
	{ "BDAT x", "501 5.5.4" },
	{ "BDAT -1", "501 5.5.4" },
	{ "BDAT 1 FIRST", "501 5.5.4" },
	{ "BDAT 1 LAST LAST", "501 5.5.4" },
	{ "BDAT 99999999999999999999999999", "501 5.5.4" },
	{ "BDAT 18446744073709551615", "501 5.5.4" },
	{ "MAIL", "501 5.5.4" },
	{ "MAIL <a@b.example>", "501 5.5.4" },
	{ "MAIL FROM", "501 5.5.4" },
	{ "MAIL TO:<a@b.example>", "501 5.5.4" },
	{ "MAIL FROM:", "501 5.1.7" },
	{ "MAIL FROM:<a@b.example", "501 5.1.7" },
	{ "MAIL FROM:a@b.example>", "501 5.1.7" },
	{ "MAIL FROM:<a@b.example>x", "501 5.1.7" },
	{ "MAIL FROM:<<a@b.example>>", "501 5.1.7" },
	{ "MAIL FROM:<a@b.example,c@d.example>", "501 5.1.7" },
	{ "MAIL FROM:\"Ann\"<a@b.example>", "501 5.1.7" },
	{ "MAIL FROM:<a@>", "501 5.1.7" },
	{ "MAIL FROM:<@b.example>", "501 5.1.7" },
	{ "MAIL FROM:<\"a@b.example>", "501 5.1.7" },
	{ "MAIL FROM:\"", "501 5.1.7" },
	{ "MAIL FROM:<\\", "501 5.1.7" },
	{ "RCPT TO:<>", "501 5.1.3" },
	{ "RCPT TO:", "501 5.1.3" },
	{ "RCPT TO:<a b@c.example>", "501 5.1.3" },
	{ "RCPT TO:<a@b..example>", "501 5.1.3" },
	{ "RCPT FROM:<a@b.example>", "501 5.5.4" },

	/* parameters */
	{ "MAIL FROM:<a@b.example> SIZE", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> SIZE=", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> SIZE=-1", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> SIZE=1 SIZE=1", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> SIZE=000000000000000000001", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> SMTPUTF8=yes", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> RET=headers", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> ENVID=a=b", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> ENVID=a+0Ab", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> ENVID=a+2", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> ENVID=+GG", "501 5.5.4" },
	{ "MAIL FROM:<a@b.example> NOTIFY=NEVER", "555 5.5.4" },
	{ "MAIL FROM:<a@b.example> REQUIRETLS", "555 5.5.4" },
	{ "MAIL FROM:<a@b.example> =", "555 5.5.4" },
	{ "RCPT TO:<a@b.example> SIZE=1", "555 5.5.4" },
	{ "RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> NOTIFY=,", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=a@b.example", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=;a@b.example", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=rfc822;\xc3\xa4@b.example", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=utf-8;\\x{D800}@b.example", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=utf-8;\\x{A}@b.example", "501 5.5.4" },
	{ "RCPT TO:<a@b.example> ORCPT=utf-8;\\xE4@b.example", "501 5.5.4" },
};

static void
test_long(struct strbuf *got)
{
	char line[5000];
	int n;

	memset(line, 'x', sizeof(line));
	memcpy(line, "NOOP ", 5);
	line[4095] = '\0';
	describe(line, 4095, got);
	ok(strncmp(got->s, "7 ", 2) == 0, "the longest line");
	line[4095] = 'x';
	line[4999] = '\0';
	describe(line, 4999, got);
	same(got->s, got->len, "500 5.5.2", "a line that is too long");
	n = snprintf(line, sizeof(line), "MAIL FROM:<a@b.example> ENVID=%0101d", 0);
	describe(line, (size_t)n, got);
	same(got->s, got->len, "501 5.5.4", "an ENVID of 101 octets");
	n = snprintf(line, sizeof(line), "MAIL FROM:<a@b.example> ENVID=%0100d", 0);
	describe(line, (size_t)n, got);
	ok(got->s[0] == '2', "an ENVID of 100 octets");
	n = snprintf(line, sizeof(line), "RCPT TO:<a@b.example> ORCPT=rfc822;%0500d", 0);
	describe(line, (size_t)n, got);
	same(got->s, got->len, "501 5.5.4", "an ORCPT that is too long");
	describe("NOOP\0QUIT", 9, got);
	same(got->s, got->len, "500 5.5.2", "a NUL");
}

static void
test_refusal(void)
{
	struct error err = ERROR_NONE;

	ok(!smtpd_refuse(&err, 452, 5, 3, "%s\x1b", "enough") && err.fault == FAULT_TEMPORARY &&
			err.smtp == 452 && err.code.class == 4 && err.code.subject == 5 &&
			err.code.detail == 3,
		"a refusal for now");
	same(err.text, strlen(err.text), "enough\\x1b", "its text is printable");
	smtpd_refuse(&err, 500, 5, 2, "other");
	ok(err.smtp == 452, "the first one stays");
	smtpd_refuse(NULL, 500, 5, 2, "nobody wants it");
}

int
main(void)
{
	struct strbuf got = STRBUF_INIT(8192);

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		describe(lines[i].line, strlen(lines[i].line), &got);
		same(got.s, got.len, lines[i].want, lines[i].line);
	}
	test_long(&got);
	test_refusal();
	strbuf_done(&got);
	return tap_done();
}
