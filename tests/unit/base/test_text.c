#include "text.h"

#include <stdlib.h>

#include "strbuf.h"
#include "tap.h"

static void
try_decode(void)
{
	static const struct {
		const char *s;
		size_t length;
		uint32_t code;
	} rows[] = {
		{ "a", 1, 'a' },
		{ "\x7f", 1, 0x7f },
		{ "\xc2\x80", 2, 0x80 },
		{ "\xc3\xa9z", 2, 0xe9 },
		{ "\xdf\xbf", 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 0x800 },
		{ "\xed\x9f\xbf", 3, 0xd7ff },
		{ "\xee\x80\x80", 3, 0xe000 },
		{ "\xef\xbf\xbf", 3, 0xffff },
		{ "\xf0\x90\x80\x80", 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\x80", 0, 0 },
		{ "\xbf", 0, 0 },
		{ "\xc0\x80", 0, 0 },
		{ "\xc1\xbf", 0, 0 },
		{ "\xc3", 0, 0 },
		{ "\xc3z", 0, 0 },
		{ "\xe0\x9f\xbf", 0, 0 },
		{ "\xe2\x82", 0, 0 },
		{ "\xe2\x82z", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 },
		{ "\xed\xbf\xbf", 0, 0 },
		{ "\xf0\x8f\xbf\xbf", 0, 0 },
		{ "\xf4\x90\x80\x80", 0, 0 },
		{ "\xf5\x80\x80\x80", 0, 0 },
		{ "\xf8\x88\x80\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint32_t code = 0;
		size_t n = text_utf8_decode(rows[i].s, strlen(rows[i].s), &code);

		ok(n == rows[i].length && (!n || code == rows[i].code),
			"sequence %zu: %zu octets, U+%04X", i, n, code);
		ok(text_is_utf8(rows[i].s, strlen(rows[i].s)) == (n > 0), "as a whole");
	}
	ok(text_utf8_decode("", 0, &(uint32_t){ 0 }) == 0 && text_is_utf8("", 0), "nothing");
	ok(text_utf8_decode("\0", 1, &(uint32_t){ 0 }) == 1, "NUL");
	ok(!text_is_utf8("0123456789\xc3", 11) &&
			text_is_utf8("01234567\xc3\xa9"
				     "89",
				12) &&
			!text_is_utf8("0123456\xa9"
				      "89",
				10) &&
			text_is_utf8("0123456789abcdef", 16),
		"behind runs of ASCII");
}

static void
try_8bit(void)
{
	char s[80];
	bool good = true;

	ok(!text_is_8bit("", 0) && !text_is_8bit("\x7f", 1) && text_is_8bit("\x80", 1),
		"one octet");
	for (size_t n = 1; n <= sizeof(s); n++) {
		for (size_t at = 0; at < n; at++) {
			memset(s, 0x7f, n);
			good = good && !text_is_8bit(s, n);
			s[at] = (char)0x80;
			good = good && text_is_8bit(s, n) && (at == 0 || !text_is_8bit(s, at));
		}
	}
	ok(good, "wherever it stands in up to 80 octets");
}

/* Text in two pieces and octet by octet is judged as the whole is. */
static void
try_utf8_pieces(void)
{
	static const char letters[] = "aaaaaaaaaaaa\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	unsigned random = 1, bad = 0;
	bool good = true;
	char s[24];

	for (unsigned i = 0; good && i < 20000; i++) {
		size_t n = (size_t)rand_r(&random) % sizeof(s), at;

		/* most are cut out of well-formed text */
		at = (size_t)rand_r(&random) % 21;
		for (size_t k = 0; k < n; k++)
			s[k] = i % 3 ? letters[(at + k) % 21]
				     : letters[(size_t)rand_r(&random) % 21];
		for (size_t cut = 0; cut <= n; cut++) {
			struct text_utf8 two = { .n = 0 }, each = { .n = 0 };

			text_utf8_feed(&two, s, cut);
			text_utf8_feed(&two, s + cut, n - cut);
			text_utf8_end(&two);
			for (size_t k = 0; k < n; k++)
				text_utf8_feed(&each, s + k, 1);
			text_utf8_end(&each);
			good = good && two.bad == !text_is_utf8(s, n) && each.bad == two.bad;
		}
		bad += !text_is_utf8(s, n);
	}
	ok(good && bad > 1000 && bad < 19000, "20000 texts in pieces, %u of them malformed", bad);
}

static void
try_control(void)
{
	static const char *const with[] = { "\t", "a\nb", "\r", "\x1f", "\x7f", "\xc2\x80",
		"\xc2\x9f", "\xff", "a\xc3" };
	static const char *const without[] = { "", " ", "a b~", "\xc2\xa0", "caf\xc3\xa9" };

	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
		ok(text_has_control(with[i], strlen(with[i])), "control %zu", i);
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		ok(!text_has_control(without[i], strlen(without[i])), "'%s'", without[i]);
	ok(text_has_control("a\0b", 3), "NUL");
}

static void
try_printable(void)
{
	static const struct {
		const char *in, *want, *quoted;
	} rows[] = {
		{ "plain text", "plain text", "\"plain text\"" },
		{ "", "", "\"\"" },
		{ "a\r\nb\tc", "a\\x0d\\x0ab\\x09c", "\"a\\x0d\\x0ab\\x09c\"" },
		{ "\x1b[31m\x7f", "\\x1b[31m\\x7f", "\"\\x1b[31m\\x7f\"" },
		{ "\xc2\x9b"
		  "31m",
			"\\u{9b}31m", "\"\\u{9b}31m\"" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
			"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
			"\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		{ "\xff\xc3(", "\\xff\\xc3(", "\"\\xff\\xc3(\"" },
		{ "a\xe2\x80\xae"
		  "b\xe2\x81\xa6"
		  "c",
			"a\\u{202e}b\\u{2066}c", "\"a\\u{202e}b\\u{2066}c\"" },
		{ "\xe2\x80\x8b\xef\xbb\xbf\xc2\xad\xd8\x9c", "\\u{200b}\\u{feff}\\u{ad}\\u{61c}",
			"\"\\u{200b}\\u{feff}\\u{ad}\\u{61c}\"" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}", "\"\\u{e0041}\"" },
		{ "a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\"" },
	};
	struct strbuf out = STRBUF_INIT(256);
	char fixed[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_clear(&out);
		text_add_printable(&out, rows[i].in, strlen(rows[i].in), 200);
		same(out.s, out.len, rows[i].want, "printable");
		text_printable(fixed, sizeof(fixed), rows[i].in, strlen(rows[i].in));
		same(fixed, strlen(fixed), rows[i].want, "into a fixed buffer");
		strbuf_clear(&out);
		text_add_quoted(&out, rows[i].in, strlen(rows[i].in), 200);
		same(out.s, out.len, rows[i].quoted, "quoted");
	}
	strbuf_clear(&out);
	text_add_printable(&out, "a\0b", 3, 200);
	same(out.s, out.len, "a\\x00b", "NUL");
	strbuf_done(&out);
}

static void
try_cutting(void)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} rows[] = {
		{ "0123456789", 10, "0123456789" },
		{ "0123456789", 9, "012345..." },
		{ "0123456789", 3, "..." },
		{ "0123456789", 2, ".." },
		{ "0123456789", 0, "" },
		{ "01234\n", 9, "01234\\x0a" },
		{ "01234\n", 8, "01234..." },
		{ "01\n34567", 8, "01..." },
		{ "01\n34567", 9, "01\\x0a..." },
		{ "012\xe2\x82\xac\xe2\x82\xac", 8, "012..." },
		{ "012\xe2\x82\xac\xe2\x82\xac", 9, "012\xe2\x82\xac\xe2\x82\xac" },
	};
	struct strbuf out = STRBUF_INIT(256), small = STRBUF_INIT(4);
	char fixed[8] = "xxxxxxx";

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_clear(&out);
		text_add_printable(&out, rows[i].in, strlen(rows[i].in), rows[i].max);
		same(out.s, out.len, rows[i].want, "cut");
	}
	text_printable(fixed, sizeof(fixed), "0123456789", 10);
	same(fixed, strlen(fixed), "0123...", "a small buffer");
	text_printable(fixed, 1, "0123456789", 10);
	same(fixed, strlen(fixed), "", "no room but for the end");
	text_printable(fixed, 3, "0123456789", 10);
	same(fixed, strlen(fixed), "..", "hardly any");
	text_add_printable(&small, "0123456789", 10, 100);
	ok(small.len <= 4, "the buffer's own cap holds");
	strbuf_done(&small);
	strbuf_done(&out);
}

static void
try_pair(void)
{
	struct strbuf out = STRBUF_INIT(200);

	text_add_pair(&out, "a", NULL, 20);
	text_add_pair(&out, "a", "", 20);
	ok(!out.len, "a pair without a value");
	text_add_pair(&out, "a", "x \"y\n", 20);
	text_add_pair(&out, "b", "0123456789", 8);
	same(out.s, out.len, " a=\"x \\\"y\\x0a\" b=\"01234...\"", "pairs");
	strbuf_done(&out);
}

static void
try_number(void)
{
	static const struct {
		const char *s;
		uint64_t low, high;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 10, true, 0 },
		{ "10", 0, 10, true, 10 },
		{ "007", 0, 10, true, 7 },
		{ "11", 0, 10, false, 0 },
		{ "1", 2, 10, false, 0 },
		{ "65535", 1, 65535, true, 65535 },
		{ "65536", 1, 65535, false, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, false, 0 },
		{ "99999999999999999999999", 0, UINT64_MAX, false, 0 },
		{ "", 0, 10, false, 0 },
		{ " 1", 0, 10, false, 0 },
		{ "1 ", 0, 10, false, 0 },
		{ "+1", 0, 10, false, 0 },
		{ "-1", 0, UINT64_MAX, false, 0 },
		{ "0x1", 0, 10, false, 0 },
		{ "1.0", 0, 10, false, 0 },
		{ "\xd9\xa1", 0, 10, false, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t value = 0;

		ok(text_number(rows[i].s, rows[i].low, rows[i].high, &value) == rows[i].good &&
				value == rows[i].value,
			"'%s'", rows[i].s);
	}
}

int
main(void)
{
	try_decode();
	try_8bit();
	try_utf8_pieces();
	try_control();
	try_printable();
	try_cutting();
	try_pair();
	try_number();
	return tap_done();
}
