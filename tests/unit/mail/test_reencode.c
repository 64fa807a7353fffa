#include "header.h"
#include "message.h"
#include "messages.h"
#include "qp.h"
#include "tap.h"

static void
try_refusals(void)
{
	static const struct {
		const char *header;
		const char *why; /* NULL: may be re-encoded */
	} rows[] = {
		{ "", NULL },
		{ "Subject: s\n", NULL },
		{ "Content-Type: text/plain\n", NULL },
		{ "content-type: TEXT/HTML; charset=\"iso-8859-1\"\n", NULL },
		{ "Content-Type: text/plain;\n\tcharset=UTF-8; format=flowed\n", NULL },
		{ "Content-Type : (c (d)) text (e) / plain (f) ; (g) charset = (h) utf-8 (i) ;\n",
			NULL },
		{ "Content-Type: text/plain; charset=windows-1252\n", NULL },
		{ "Content-Type: text/plain; name=\"a\\\"; charset=utf-16\"\n", NULL },
		{ "Content-Type: text/plain; charsets=utf-16\n", NULL },
		{ "Content-Transfer-Encoding: 8bit\n", NULL },
		{ "Content-Transfer-Encoding: (x) 7BIT (y)\n", NULL },
		{ "Content-Type: text/plain; charset=utf-16\n", "set" },
		{ "Content-Type: text/plain; charset=UTF-16LE; x=y\n", "set" },
		{ "Content-Type: text/plain; charset=ebcdic-cp-us\n", "set" },
		{ "Content-Type: text/plain; charset*=us-ascii''utf-16\n", "set" },
		{ "Content-Type: text/plain; x=y; charset=\"\"\n", "set" },
		{ "Content-Type: multipart/signed; boundary=x\n", "single" },
		{ "Content-Type: multipart/mixed; boundary=x\n", "single" },
		{ "Content-Type: message/rfc822\n", "single" },
		{ "Content-Type: application/pkcs7-mime\n", "single" },
		{ "Content-Type: texts/plain\n", "single" },
		{ "Content-Type: text\n", "read" },
		{ "Content-Type:\n", "read" },
		{ "Content-Type: text/\n", "read" },
		{ "Content-Type: text/plain charset=utf-8\n", "read" },
		{ "Content-Type: text/plain; charset\n", "read" },
		{ "Content-Type: text/plain; charset=\n", "read" },
		{ "Content-Type: text/plain; charset=\"utf-8\n", "read" },
		{ "Content-Type: text/plain (\n", "read" },
		{ "Content-Type: text/plain; =x\n", "read" },
		{ "Content-Type: text/plain; \xe4=x\n", "read" },
		{ "Content-Type: text/plain\nContent-Type: text/html\n", "two Content-Type" },
		{ "Content-Transfer-Encoding: base64\n", "already" },
		{ "Content-Transfer-Encoding: quoted-printable\n", "already" },
		{ "Content-Transfer-Encoding: binary\n", "already" },
		{ "Content-Transfer-Encoding: 8bit x\n", "already" },
		{ "Content-Transfer-Encoding:\n", "already" },
		{ "Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: 8bit\n", "two" },
		{ "DKIM-Signature: v=1\nContent-Type: text/plain\n", "signed" },
		{ "dkim-signature : v=1\n", "signed" },
		{ "ARC-Seal: i=1\n", "signed" },
		{ "Subject: s\nDomainKey-Signature: x\n", "signed" },
		{ "X-DKIM-Signature: v=1\n", NULL },
	};
	struct strbuf in = STRBUF_INIT(4096);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message m;
		const char *why = "";
		bool can;

		strbuf_clear(&in);
		strbuf_addf(&in, "%s\nx\n", rows[i].header);
		message_from(&m, in.s, in.len);
		can = message_can_reencode(&m, &why);
		ok(can == !rows[i].why && (can || strstr(why, rows[i].why)), "%zu: %s", i,
			can ? "can be re-encoded" : why);
		message_done(&m);
	}
	strbuf_done(&in);
}

static void
try_reencode(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "S: s\n\ncaf\xc3\xa9\n",
			"S: s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n" },
		{ "\ncaf\xe9\n",
			"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n" },
		{ "\n.\n", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
			   "Content-Transfer-Encoding: quoted-printable\r\n\r\n=2E\r\n" },
		{ "mime-version: 1.0\nContent-Transfer-Encoding : 8bit\nContent-Type: text/html;\n "
		  "charset=x\n"
		  "S: s\n\n\xe9",
			"mime-version: 1.0\r\nContent-Type: text/html;\r\n charset=x\r\nS: s\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E9\r\n" },
	};
	struct strbuf out = STRBUF_INIT(1 << 20);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message m, coded;
		struct error err = ERROR_NONE;

		message_from(&m, rows[i].in, strlen(rows[i].in));
		ok(message_reencode(&m, &coded, &err), "re-encoded");
		message_to(&coded, &out);
		same(out.s, out.len, rows[i].want, "as it must be");
		ok(!coded.facts.body_8bit && coded.facts.longest_line <= 76 &&
				message_size(&coded) == out.len,
			"its facts");
		message_done(&coded);
		message_done(&m);
	}
	strbuf_done(&out);
}

/* A body that needs a file on both sides; a character stands across each block's end. */
static void
try_large(void)
{
	struct strbuf in = STRBUF_INIT(8 << 20), out = STRBUF_INIT(8 << 20),
		      back = STRBUF_INIT(8 << 20);
	struct message m, coded, none = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	const char *body;
	bool utf8;

	strbuf_adds(&in, "S: s\r\n\r\nx");
	while (in.len < 1 << 20)
		strbuf_adds(&in, "\xe2\x82\xac");
	strbuf_adds(&in, "\r\n");
	message_from(&m, in.s, in.len);
	ok(m.fd >= 0 && m.facts.longest_line > MESSAGE_LINE, "a line of a mebibyte");
	ok(message_body_is_utf8(&m, &utf8, &err) && utf8, "is UTF-8");
	ok(message_reencode(&m, &coded, &err) && coded.fd >= 0, "re-encoded");
	message_to(&coded, &out);
	body = strstr(out.s, "\r\n\r\n") + 4;
	ok(qp_decode(&back, body, out.len - (size_t)(body - out.s)) && back.len == in.len - 8 &&
			memcmp(back.s, in.s + 8, back.len) == 0,
		"comes back the same");
	message_done(&coded);
	m.facts.body_size--; /* no more a whole line, and not read again from the file */
	m.memory.len--;
	m.memory.s[0] ^= 0x40;
	ok(message_body_is_utf8(&m, &utf8, &err) && !utf8, "one broken octet is seen");
	message_done(&m);

	message_from(&m, "S: s\n\n\xe9\n", 9);
	strbuf_clear(&m.header);
	strbuf_reserve(&m.header, HEADER_MAX - 10);
	memset(m.header.s, 'x', HEADER_MAX - 10);
	strbuf_advance(&m.header, HEADER_MAX - 10);
	coded = none;
	ok(!message_reencode(&m, &coded, &err) && err.fault == FAULT_DATA && coded.fd == -1,
		"no room in the header: %s", err.text);
	message_done(&m);

	error_clear(&err);
	message_from(&m, "S: s\n\n\xe9\n", 9);
	m.facts.body_size += 4;
	ok(!message_reencode(&m, &coded, &err) && err.fault == FAULT_IO,
		"a body that cannot be read");
	message_done(&m);
	strbuf_done(&in);
	strbuf_done(&out);
	strbuf_done(&back);
}

int
main(void)
{
	try_refusals();
	try_reencode();
	try_large();
	return tap_done();
}
