/* Header fields for servers without SMTPUTF8, and long header lines. */
#include "header.h"
#include "message.h"
#include "messages.h"
#include "tap.h"
#include "text.h"

static void
try_fields(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "Subject: plain\n", "Subject: plain\r\n" },
		{ "Subject: caf\xc3\xa9\n", "Subject: =?utf-8?b?Y2Fmw6k=?=\r\n" },
		{ "Subject:caf\xe9\n", "Subject:=?unknown-8bit?q?caf=E9?=\r\n" },
		{ "Subject: a \xc3\xa9 \xc3\xa9  b\n", "Subject: a =?utf-8?b?w6kgw6k=?=  b\r\n" },
		{ "Subject: a\n \xc3\xa9\n\tb\n", "Subject: a\r\n =?utf-8?b?w6k=?=\r\n\tb\r\n" },
		{ "Subject: =?utf-8?q?x?= \xc3\xa9 =?utf-8?q?y?=\n",
			"Subject: =?utf-8?q?x?= =?utf-8?q?_=C3=A9_?= =?utf-8?q?y?=\r\n" },
		{ "Subject: \"\xc3\xa9\" (\xc3\xa9)\n", "Subject: =?utf-8?b?IsOpIiAow6kp?=\r\n" },
		{ "From: Jos\xc3\xa9 <j@example.org>\n",
			"From: =?utf-8?b?Sm9zw6k=?= <j@example.org>\r\n" },
		{ "From:\"Jos\xc3\xa9, \\\"Q\\\"\"<j@example.org>\n",
			"From: =?utf-8?b?Sm9zw6ksICJRIg==?= <j@example.org>\r\n" },
		{ "To: A <a@x>, \xe4 B\n\t<b@x> (c), d@x\n",
			"To: A <a@x>, =?unknown-8bit?q?=E4?= B\r\n\t<b@x> (c), d@x\r\n" },
		{ "To: \xc3\xa4 \xc3\xb6: a@x, \xc3\xbc <b@x>;, c@x\n",
			"To: =?utf-8?b?w6Qgw7Y=?=: a@x, =?utf-8?b?w7w=?= <b@x>;, c@x\r\n" },
		{ "Cc: root@x (Cr\xc3\xb3n (\xc3\xa9) D)\n",
			"Cc: root@x (=?utf-8?b?Q3LDs24=?= (=?utf-8?b?w6k=?=) D)\r\n" },
		{ "Cc: \"a b\"@x, (\xc3\xa9) <c@x>\n",
			"Cc: \"a b\"@x, (=?utf-8?b?w6k=?=) <c@x>\r\n" },
		{ "To: a@b\xc3\xbc"
		  "cher.example\n",
			"To: a@xn--bcher-kva.example\r\n" },
		{ "To: X <@r\xc3\xa4.example:a@b\xc3\xbc"
		  "cher.example>\n",
			"To: X <@xn--r-0fa.example:a@xn--bcher-kva.example>\r\n" },
		{ "Reply-To: =?utf-8?q?x?= \xc3\xa9 y <a@x>\n",
			"Reply-To: =?utf-8?q?x?= =?utf-8?b?IMOp?= y <a@x>\r\n" },
		{ "Sender: \xc3\xa9(c)<a@x>\n", "Sender: =?utf-8?b?w6k=?= (c) <a@x>\r\n" },
		{ "To: <a@x> \xc3\xa9, b@x\n", "To: <a@x> =?utf-8?b?w6k=?=, b@x\r\n" },
		{ "Content-Disposition: attachment; filename=\"caf\xc3\xa9 1.txt\"; size=3\n",
			"Content-Disposition: attachment;\r\n filename*=utf-8''caf%C3%A9%201.txt; "
			"size=3\r\n" },
		{ "Content-Type: text/plain;\n name=caf\xe9; charset=utf-8\n",
			"Content-Type: text/plain;\r\n name*=unknown-8bit''caf%E9; "
			"charset=utf-8\r\n" },
		{ "Content-Type: text/plain; name=\"a;\\\"\xc3\xa9\"\n",
			"Content-Type: text/plain;\r\n name*=utf-8''a%3B%22%C3%A9\r\n" },
		{ "Content-Type: text/plain \xc3\xa9; \xc3\xa9=x\n",
			"Content-Type: text/plain =?utf-8?b?w6k=?=; =?utf-8?b?w6k9eA==?=\r\n" },
		{ "X-A: a\nSubject: \xc3\xa9\nX-B: b\n",
			"X-A: a\r\nSubject: =?utf-8?b?w6k=?=\r\nX-B: b\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message m;
		struct error err = ERROR_NONE;

		message_from(&m, rows[i].in, strlen(rows[i].in));
		ok(message_encode_header(&m, &err) && !m.facts.header_8bit, "encoded%s", err.text);
		same(m.header.s, m.header.len, rows[i].want, "a field in ASCII");
		message_done(&m);
	}
}

static void
try_refusals(void)
{
	static const struct {
		const char *in, *address, *field;
	} rows[] = {
		{ "To: a@x, b\xc3\xb6"
		  "b@example.org\n",
			"b\xc3\xb6"
			"b@example.org",
			"To" },
		{ "Resent-Cc: X <b\xc3\xb6"
		  "b@x>\n",
			"b\xc3\xb6"
			"b@x",
			"Resent-Cc" },
		{ "To: \"b\xc3\xb6 b\"@x\n", "b\xc3\xb6 b", "To" },
		{ "To: b\xc3\xb6"
		  "b\n",
			"b\xc3\xb6"
			"b",
			"To" },
		{ "To: <\xe4\n", "\\xe4", "To" },
		{ "To: a@\xff\n", "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message m;
		struct error err = ERROR_NONE;
		struct strbuf before = STRBUF_INIT(4096);

		message_from(&m, rows[i].in, strlen(rows[i].in));
		strbuf_add(&before, m.header.s, m.header.len);
		ok(!message_encode_header(&m, &err) && err.fault == FAULT_DATA &&
				strstr(err.text, rows[i].address) &&
				strstr(err.text, rows[i].field),
			"refused: %s", err.text);
		same(m.header.s, m.header.len, before.s, "and left as it was");
		strbuf_done(&before);
		message_done(&m);
	}
}

/* The encoded block has no room. */
static void
try_no_room(void)
{
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;

	strbuf_adds(&m.header, "Subject: ");
	while (m.header.len < HEADER_MAX - 4)
		strbuf_adds(&m.header, "\xc3\xa9");
	strbuf_adds(&m.header, "\r\n");
	message_update_header_facts(&m);
	ok(!message_encode_header(&m, &err) && err.fault == FAULT_DATA, "%s", err.text);
	ok(m.facts.header_8bit, "left as it was");
	message_done(&m);
}

static void
add_run(struct strbuf *out, char c, size_t n)
{
	while (n--)
		strbuf_addc(out, c);
}

static void
try_fold(void)
{
	static const struct {
		const char *start;
		size_t words, length; /* words of so many octets, one blank between them */
		bool good;
		size_t lines;
	} rows[] = {
		{ "S: ", 1, 995, true, 1 },
		{ "S: ", 1, 996, true, 2 },
		{ "S: ", 1, 997, true, 2 },
		{ "S: ", 1, 998, false, 2 },
		{ "S:", 1, 997, false, 1 },
		{ "References: ", 100, 60, true, 7 },
		{ "S: ", 3, 990, true, 3 },
		{ "S: ", 3, 2000, false, 4 },
	};
	struct message m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct strbuf before = STRBUF_INIT(HEADER_MAX), after = STRBUF_INIT(HEADER_MAX);
		size_t lines = 0;

		message_init(&m);
		strbuf_adds(&m.header, rows[i].start);
		for (size_t w = 0; w < rows[i].words; w++) {
			add_run(&m.header, (char)('a' + w % 26), rows[i].length);
			strbuf_adds(&m.header, w + 1 < rows[i].words ? " " : "\r\n");
		}
		strbuf_add(&before, m.header.s, m.header.len - 2);
		message_update_header_facts(&m);
		ok(message_fold_header(&m) == rows[i].good, "folded %zu", i);
		for (const char *s = m.header.s; *s; s++) {
			if (*s != '\r' && *s != '\n')
				strbuf_addc(&after, *s);
			lines += *s == '\n';
		}
		ok(lines == rows[i].lines, "into %zu lines", lines);
		same(after.s, after.len, before.s, "which unfold to the same");
		strbuf_done(&before);
		strbuf_done(&after);
		message_done(&m);
	}

	message_init(&m);
	strbuf_adds(&m.header, "S: x");
	add_run(&m.header, ' ', 1500);
	strbuf_adds(&m.header, "\r\nT: y");
	add_run(&m.header, '\t', 1500);
	strbuf_adds(&m.header, "z\r\n");
	message_update_header_facts(&m);
	ok(!message_fold_header(&m) && !strstr(m.header.s, "\r\n \r\n") &&
			!strstr(m.header.s, " \r\n  "),
		"no line of blanks alone comes about");
	message_done(&m);
}

int
main(void)
{
	try_fields();
	try_refusals();
	try_no_room();
	try_fold();
	return tap_done();
}
