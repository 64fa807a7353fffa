#include "header.h"

#include <stdlib.h>

#include "address.h"
#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "tap.h"
#include "text.h"

static void
test_is_field(void)
{
	static const char *const good[] = { "a:", "Subject: x", "Bcc : x", "Bcc \t: x", "!#~: x",
		"a:b:c" };
	static const char *const bad[] = { "", ":", ": x", " a: x", "\ta: x", "a b: x", "From a: x",
		"hello", "a\x01: x", "a\x7f: x", "\xc3\xb6: x", "a\r: x", "a \r\n : x" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(header_is_field(good[i], strlen(good[i])), "a field: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!header_is_field(bad[i], strlen(bad[i])), "no field: %zu", i);
	ok(!header_is_field("a:", 1), "the colon must be inside");
}

/* Writes every field as "name=value." and checks that they cover the block. */
static void
test_next(void)
{
	static const struct {
		const char *block, *want;
	} t[] = {
		{ "", "" },
		{ "A: b\r\n", "A= b." },
		{ "A:\r\nBcc \t:\r\n\tc\r\n d\r\nE:f\r\n", "A=.Bcc=\r\n\tc\r\n d.E=f." },
		{ "A: b", "A= b." },
		{ "A: b\n", "A= b." },
		{ "A: b\r\n \r\n", "A= b\r\n ." },
		{ " x\r\nA: b\r\n", "= x.A= b." },
		{ "nothing\r\n", "=nothing." },
		{ "\r\nA:\r\n", "=.A=." },
		{ "A: b\r\r\n", "A= b\r." },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		size_t n = strlen(t[i].block), pos = 0, end = 0;
		struct header_field f;
		bool whole = true;

		while (header_next(t[i].block, n, &pos, &f)) {
			strbuf_add(&out, f.name, f.name_len);
			strbuf_addc(&out, '=');
			strbuf_add(&out, f.value, f.value_len);
			strbuf_addc(&out, '.');
			whole &= f.start == end && f.end == pos;
			end = f.end;
		}
		same(out.s, out.len, t[i].want, "fields");
		ok(whole && end == n, "they cover the block");
	}
}

static void
test_find(void)
{
	static const char block[] = "To: a\r\nX: To: b\r\ntO : c\r\n Cc: d\r\nToo: e\r\nT: f\r\n";
	size_t n = sizeof(block) - 1, pos = 0;
	struct header_field f;

	ok(header_find(block, n, &pos, "TO", &f) && f.start == 0, "the first");
	ok(header_find(block, n, &pos, "to", &f) && f.start == 17, "the second");
	ok(!header_find(block, n, &pos, "To", &f) && pos == n, "no third");
	ok(header_has(block, n, "t") && !header_has(block, n, "Cc") && !header_has(block, n, ""),
		"has");
}

static void
set(struct strbuf *b, const char *s)
{
	strbuf_clear(b);
	strbuf_adds(b, s);
}

static void
test_change(void)
{
	struct strbuf b CLEANUP(strbuf_done) = STRBUF_INIT(64);

	ok(header_drop(&b, "Bcc") == 0 && !b.len, "nothing to drop");
	set(&b, "Bcc: a\r\nTo: b\r\nBCC :\r\n c\r\n\td\r\nX: e\r\nbcc:f\r\n");
	ok(header_drop(&b, "bcc") == 3, "three dropped");
	same(b.s, b.len, "To: b\r\nX: e\r\n", "the rest stays");
	ok(header_drop(&b, "bcc") == 0 && header_drop(&b, "X") == 1, "one more");
	header_prepend(&b, "A", "1\r\n 2");
	header_append(&b, "Z", "");
	same(b.s, b.len, "A: 1\r\n 2\r\nTo: b\r\nZ: \r\n", "put in front and behind");
	header_append(&b, "Y", "0123456789012345678901234567890123456789");
	ok(b.full && b.len == 22, "what does not fit is left out whole");
	strbuf_clear(&b);
	header_append(&b, "Y", "0123456789");
	same(b.s, b.len, "Y: 0123456789\r\n", "into an empty block");
}

static void
test_clean(void)
{
	static const char block[] = "Received: x\r\nbCC : h@e\r\nBcc: h1@e,\r\n\th2@e\r\n"
				    "RESENT-BCC\t: i@e\r\nReturn-Path: <r@e>\r\nBccc: y\r\n"
				    "Content-Length: 3\r\nTo: bob\r\nBcc:\r\n";
	struct strbuf b CLEANUP(strbuf_done) = STRBUF_INIT(HEADER_MAX);

	set(&b, block);
	header_clean(&b, false);
	same(b.s, b.len, "Received: x\r\nBccc: y\r\nTo: bob\r\n", "cleaned");
	set(&b, block);
	header_clean(&b, true);
	same(b.s, b.len,
		"Received: x\r\nbCC : h@e\r\nBcc: h1@e,\r\n\th2@e\r\nRESENT-BCC\t: i@e\r\n"
		"Bccc: y\r\nTo: bob\r\nBcc:\r\n",
		"with Bcc kept");
}

static void
test_unfolded(void)
{
	static const struct {
		const char *value, *want;
	} t[] = { { "", "" }, { " a ", "a" }, { " \r\n \r\n\t", "" },
		{ " a\r\n b\r\n\tc ", "a b\tc" }, { "a\r\n  b", "a  b" }, { "\r\n a", "a" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct header_field f = { .value = t[i].value, .value_len = strlen(t[i].value) };
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);

		header_add_unfolded(&out, &f);
		same(out.s, out.len, t[i].want, "unfolded");
	}
}

static void
test_check_line(void)
{
	static const struct {
		const char *line;
		size_t n;
		bool good;
	} t[] = {
#define LINE(s, good) { s, sizeof(s) - 1, good }
		LINE("X-A: b", true),
		LINE("X-A:", true),
		LINE("X-A: b\tc\t", true),
		LINE("X-A: Jörg", true),
		LINE("X-A: a:b", true),
		LINE("", false),
		LINE("X-A", false),
		LINE(": b", false),
		LINE("X A: b", false),
		LINE("X-A : b", false),
		LINE("Jörg: b", false),
		LINE("X-A: b\r\nBcc: evil@e", false),
		LINE("X-A: b\nBcc: evil@e", false),
		LINE("X-A: b\r", false),
		LINE("X-A: b\r\n c", false),
		LINE("X-A: b\tc\n", false),
		LINE("X-A: \0", false),
		LINE("X-A: \033[2J", false),
		LINE("X-A: \x7f", false),
		LINE("X-A: \xc2\x9b", false),
		LINE("X-A: \xff", false),
		LINE("X-A: a\tb\xc3\tc", false),
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct error err = ERROR_NONE;
		bool good = header_check_line(t[i].line, t[i].n, &err);

		ok(good == t[i].good && err.fault == (good ? FAULT_NONE : FAULT_DATA),
			"line %zu: %s", i, err.text);
	}
}

static const struct {
	const char *block, *want; /* local parts; NULL: refused */
} recipients[] = {
	{ "", "" },
	{ "Subject: a@x\r\nFrom: b@x\r\n", "" },
	{ "To: a@x, b@x\r\nCC: c@x\r\nbCC : d@x\r\nTo: e@x\r\n", "a b c d e" },
	{ "To: bob\r\nBcc: h1@e,\r\n\th2@e\r\n", "bob h1 h2" },
	{ "Bcc: h@e\r\n", "h" },
	{ "To:\r\nCc: undisclosed-recipients:;\r\n", "" },
	{ "Apparently-To: a@x\r\nReply-To: b@x\r\nX-To: c@x\r\n", "" },
	{ "Resent-From: r@x\r\nResent-To: a@x\r\nResent-Bcc: b@x\r\nTo: c@x\r\nCc: d@x\r\nBcc: "
	  "e@x\r\n",
		"a b" },
	{ "To: c@x\r\nResent-Cc: a@x\r\n", "a" },
	{ "Resent-To: a@x\r\nResent-To: b@x\r\nTo: c@x\r\n", "a b" },
	{ "Resent-To: a@x\r\nReceived: by y\r\nResent-To: b@x\r\nTo: c@x\r\n", "a" },
	{ "Resent-From: r@x\r\nResent-To: a@x\r\nResent-From: r@x\r\nResent-Cc: b@x\r\nTo: c@x\r\n",
		"a" },
	{ "Resent-To: a@x\r\nResent-Date: 1\r\nResent-To: b@x\r\nResent-Date: 2\r\n", "a" },
	{ "Resent-Date: 1\r\nResent-To: a@x\r\nResent-Date: 2\r\nResent-To: b@x\r\n", "a" },
	{ "Resent-From: r@x\r\nX-Other: y\r\nResent-To: a@x\r\nTo: c@x\r\n", "a" },
	{ "Resent-From: r@x\r\nResent-Date: 1\r\nTo: c@x\r\n", "c" },
	{ "Resent-To:\r\nTo: c@x\r\n", "" },
	{ "To: a@x\r\nCc: b@@x\r\n", NULL },
	{ "To: bob@example.org>\r\n", NULL },
	{ "Resent-To: <\r\nTo: c@x\r\n", NULL },
	{ "Resent-To: a@x\r\nTo: <\r\n", "a" },
};

static void
test_recipients(void)
{
	for (size_t i = 0; i < sizeof(recipients) / sizeof(*recipients); i++) {
		struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		const char *block = recipients[i].block;
		struct error err = ERROR_NONE;
		bool good = header_recipients(block, strlen(block), &l, &err);

		for (size_t k = 0; k < l.n; k++)
			strbuf_addf(&out, "%s%s", k ? " " : "", l.v[k].local);
		ok(good == (recipients[i].want != NULL) && good == !err.fault, "recipients %zu: %s",
			i, err.text);
		same(out.s, out.len, recipients[i].want ?: "", "they are these");
	}
}

static void
test_recipients_error(void)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address a = { NULL, xstrdup("first"), NULL };
	static const char block[] = "To: a@x\r\ncc : b@@x\r\n";
	struct error err = ERROR_NONE;

	address_list_take(&l, &a);
	ok(!header_recipients(block, sizeof(block) - 1, &l, &err) && l.n == 1,
		"nothing is appended when one field is bad");
	ok(err.fault == FAULT_DATA && !strncmp(err.text, "cc field: ", 10) &&
			strstr(err.text, "b@@x"),
		"field and address are named: %s", err.text);
}

#define A10 "aaaaaaaaaa"
#define A70 A10 A10 A10 A10 A10 A10 A10

static const struct {
	size_t used;
	const char *text, *want;
} texts[] = {
	{ 9, "", "" },
	{ 9, "plain =?text?= \"(x)\"", "plain =?text?= \"(x)\"" },
	{ 9, A70 " b", A70 "\r\n b" },
	{ 7, A70 " b", A70 "\r\n b" },
	{ 6, A70 " b", A70 " b" },
	{ 70, A10, A10 },
	{ 9, A70 "   b  c ", A70 "  \r\n b  c " },
	{ 9, A70 "\tb", A70 "\r\n\tb" },
	{ 9, A70 "          ", A70 "          " },
	{ 9, "          " A70, "          " A70 },
	{ 9, "ä", "=?utf-8?b?w6Q=?=" },
	{ 9, "Hällo, wie geht es_dir?", "=?utf-8?q?H=C3=A4llo,_wie_geht_es=5Fdir=3F?=" },
	{ 9, "äöü", "=?utf-8?b?w6TDtsO8?=" },
	{ 70, "ä", "\r\n =?utf-8?b?w6Q=?=" },
	{ 9, "a\r\nBcc: evil@e", "=?utf-8?q?a=0D=0ABcc:_evil@e?=" },
	{ 9, "a\x7f", "=?utf-8?q?a=7F?=" },
	{ 9, "latin \xe4", "=?unknown-8bit?q?latin_=E4?=" },
	{ 9, "\xc3", "=?unknown-8bit?q?=C3?=" },
};

static const struct {
	const char *text, *want;
} phrases[] = {
	{ "", "\"\"" },
	{ "Bob", "Bob" },
	{ "Bob Q", "Bob Q" },
	{ "O'Neil -- x", "O'Neil -- x" },
	{ "=?utf-8?q?D=2C_E?=", "=?utf-8?q?D=2C_E?=" },
	{ "Bob  Q", "\"Bob  Q\"" },
	{ " Bob", "\" Bob\"" },
	{ "Bob ", "\"Bob \"" },
	{ " ", "\" \"" },
	{ "J. Q.", "\"J. Q.\"" },
	{ "Doe, J", "\"Doe, J\"" },
	{ "<evil@e>", "\"<evil@e>\"" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "José \"Q\" \\X", "=?utf-8?b?Sm9zw6kgIlEiIFxY?=" },
	{ "Jo\xc3\xa9 is here as well", "=?utf-8?q?Jo=C3=A9_is_here_as_well?=" },
	{ "aaaaaaaaaaaaaaaaa\n(,)_", "=?utf-8?q?aaaaaaaaaaaaaaaaa=0A=28=2C=29=5F?=" },
	{ "aaaaaaaaaaaaaaaaa\t.", "=?utf-8?q?aaaaaaaaaaaaaaaaa=09=2E?=" },
};

static void
test_text(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);

		header_add_text(&out, texts[i].used, texts[i].text, strlen(texts[i].text));
		same(out.s, out.len, texts[i].want, "text");
	}
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);

		header_add_phrase(&out, phrases[i].text, strlen(phrases[i].text));
		same(out.s, out.len, phrases[i].want, "phrase");
	}
}

/* The octets of one encoded-word's inside. */
static void
decode(struct strbuf *out, const char *s, size_t n, bool q)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned value = 0, bits = 0;
	char hex[3] = "";

	for (size_t i = 0; i < n && s[i] != (q ? '\0' : '='); i++) {
		if (!q) {
			value = value << 6 | (unsigned)(strchr(digits, s[i]) - digits);
			if ((bits += 6) >= 8)
				strbuf_addc(out, (char)(value >> (bits -= 8)));
		} else if (s[i] == '=') {
			memcpy(hex, s + i + 1, 2);
			strbuf_addc(out, (char)strtoul(hex, NULL, 16));
			i += 2;
		} else {
			strbuf_addc(out, s[i] == '_' ? ' ' : s[i]);
		}
	}
}

/* Encodes N octets, takes the encoded-words apart, and checks all that RFC 2047 asks of them. */
static void
check_words(
	const char *text, size_t n, size_t used, bool phrase, const char *charset, const char *what)
{
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);
	struct strbuf got CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);
	bool good = true, whole = true, q;
	size_t len, before;
	char *s, *end;

	if (phrase)
		header_add_phrase(&out, text, n);
	else
		header_add_text(&out, used, text, n);
	for (s = out.s; *s; s = end) {
		if (!strncmp(s, "\r\n ", 3) && !phrase)
			s += 3, used = 1;
		else if (*s == ' ' && phrase)
			s++;
		len = strlen(charset);
		end = strstr(s + len + 5, "?=");
		if (strncmp(s, "=?", 2) || strncmp(s + 2, charset, len) || !end) {
			good = false;
			break;
		}
		q = s[len + 3] == 'q';
		before = got.len;
		decode(&got, s + len + 5, (size_t)(end - s) - len - 5, q);
		whole &= text_is_utf8(got.s + before, got.len - before);
		end += 2;
		good &= end - s <= 75 && (phrase || used + (size_t)(end - s) <= 76);
	}
	ok(good, "%s: no word and no line is too long", what);
	ok(got.len == n && !memcmp(got.s, text, n), "%s: it says the same", what);
	ok(whole || strcmp(charset, "utf-8"), "%s: no character is split", what);
}

static void
test_long_text(void)
{
	static const char *const characters[] = { "ä", "€", "😀", "a€", "aaä", "aaaaaaaaaaä",
		"\x01" };
	struct strbuf s CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);

	for (size_t i = 0; i < sizeof(characters) / sizeof(*characters); i++) {
		for (size_t used = 0; used < 90; used += 13) {
			strbuf_clear(&s);
			for (size_t k = 0; k < 50 + used; k++)
				strbuf_adds(&s, characters[i]);
			check_words(s.s, s.len, used, false, "utf-8", "text");
			check_words(s.s, s.len, used, true, "utf-8", "phrase");
			strbuf_addc(&s, '\xff');
			check_words(s.s, s.len, used, false, "unknown-8bit", "octets");
			check_words(s.s, s.len, used, true, "unknown-8bit", "octets in a phrase");
		}
	}
	strbuf_clear(&s);
	for (size_t k = 0; k < 1000; k++)
		strbuf_addc(&s, 'a');
	check_words(s.s, s.len, 9, false, "utf-8", "a word that fits no line");
	check_words(s.s, s.len, 9, true, "utf-8", "a name that fits no line");
	check_words("a\0b", 3, 9, false, "utf-8", "a NUL");
}

/* A block of the largest size must be handled in linear time; a test that hangs shows if it is not.
 */
static void
test_large(void)
{
	struct strbuf b CLEANUP(strbuf_done) = STRBUF_INIT(HEADER_MAX);
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	size_t n = 0, pos = 0, count = 0;
	struct header_field f;

	for (; !b.full; n++)
		header_append(&b, n & 1 ? "Bcc" : "Cc", "abcdefg@x");
	n--;
	ok(header_recipients(b.s, b.len, &l, NULL) && l.n == n, "%zu fields", n);
	ok(header_drop(&b, "bcc") == n / 2, "half of them dropped");
	strbuf_clear(&b);
	strbuf_adds(&b, "A:");
	while (!b.full)
		strbuf_adds(&b, "\r\n ");
	while (header_next(b.s, b.len, &pos, &f))
		count++;
	ok(count == 1 && f.end == b.len, "one field of many lines");
}

static void
test_first_resent(void)
{
	static const struct {
		const char *block, *want; /* NULL: none */
	} t[] = {
		{ "", NULL },
		{ "To: a\r\nX-Resent-To: b\r\n", NULL },
		{ "A: b\r\nResent-From: a\r\nresent-date : b\r\n c\r\nTo: a\r\nResent-To: x\r\n",
			"Resent-From: a\r\nresent-date : b\r\n c\r\n" },
		{ "Resent-From: a\r\nResent-To: b\r\nResent-To: c\r\nResent-From: d\r\n",
			"Resent-From: a\r\nResent-To: b\r\nResent-To: c\r\n" },
		{ "Resent-Message-ID: a\r\n", "Resent-Message-ID: a\r\n" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		size_t start = 0, end = 0;
		bool found = header_first_resent(t[i].block, strlen(t[i].block), &start, &end);

		ok(found == (t[i].want != NULL), "a Resent block is found where there is one");
		if (found)
			same(t[i].block + start, end - start, t[i].want, "the first one");
	}
}

int
main(void)
{
	test_first_resent();
	test_is_field();
	test_next();
	test_find();
	test_change();
	test_clean();
	test_unfolded();
	test_check_line();
	test_recipients();
	test_recipients_error();
	test_text();
	test_long_text();
	test_large();
	return tap_done();
}
