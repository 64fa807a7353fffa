#include "mime.h"

#include <stdlib.h>

#include "qp.h"
#include "strbuf.h"
#include "tap.h"

static void
try_base64(void)
{
	static const struct {
		const char *plain, *coded;
	} good[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb\xf0", "//778A==" },
	};
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "====", "Z===", "=g==", "Zm9v\r\n",
		"Zm 9", "Zm9-", "Zm_v", "Zm9v====", "\xff\xff\xff\xff", "Zm9vZh==" };
	struct strbuf out = STRBUF_INIT(1 << 16);

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		strbuf_clear(&out);
		mime_add_base64(&out, good[i].plain, strlen(good[i].plain));
		same(out.s, out.len, good[i].coded, "encoded");
		strbuf_clear(&out);
		ok(mime_decode_base64(&out, good[i].coded, strlen(good[i].coded)), "decoded");
		same(out.s, out.len, good[i].plain, "to the same");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strbuf_clear(&out);
		strbuf_adds(&out, "x");
		ok(!mime_decode_base64(&out, bad[i], strlen(bad[i])) && out.len == 1,
			"not canonical: %s", bad[i]);
	}
	strbuf_clear(&out);
	ok(!mime_decode_base64(&out, "Zm\0v", 4), "a NUL is no base64");
	mime_add_base64(&out, "\0\0\0", 3);
	same(out.s, out.len, "AAAA", "NUL octets");
	strbuf_done(&out);
}

static void
try_base64_lines(void)
{
	unsigned char data[200], back[200];
	struct strbuf whole = STRBUF_INIT(4096), out = STRBUF_INIT(4096), got = STRBUF_INIT(4096);
	bool good = true;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + 128);
	for (size_t n = 0; n <= sizeof(data); n++) {
		for (size_t piece = 1; piece <= 70; piece++) {
			struct mime_base64 e = { .n = 0 };

			strbuf_clear(&out);
			for (size_t at = 0; at < n; at += piece)
				mime_base64_feed(
					&e, &out, data + at, n - at < piece ? n - at : piece);
			mime_base64_end(&e, &out);
			if (piece == 1)
				strbuf_clear(&whole), strbuf_add(&whole, out.s, out.len);
			good = good && out.len == whole.len && !memcmp(out.s, whole.s, out.len);
		}
		strbuf_clear(&got);
		for (const char *s = whole.s, *cr; *s; s = cr + 2) {
			cr = strstr(s, "\r\n");
			good = good && cr && cr - s <= 76 && (cr - s == 76 || !cr[2]) &&
			       mime_decode_base64(&got, s, (size_t)(cr - s));
		}
		memcpy(back, got.s, got.len);
		good = good && got.len == n && memcmp(back, data, n) == 0;
	}
	ok(good, "0 to 200 octets in pieces of 1 to 70: the same lines, and back");
	strbuf_done(&whole);
	strbuf_done(&out);
	strbuf_done(&got);
}

static void
encode_qp(struct strbuf *out, const char *s, size_t n, size_t piece)
{
	struct mime_qp e;

	strbuf_clear(out);
	mime_qp_init(&e);
	for (size_t at = 0; at < n; at += piece)
		mime_qp_feed(&e, out, s + at, n - at < piece ? n - at : piece);
	mime_qp_end(&e, out);
}

static void
try_qp(void)
{
#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "" },
		{ "plain text\r\n", "plain text\r\n" },
		{ "no end", "no end" },
		{ "a = b\r\n", "a =3D b\r\n" },
		{ "caf\xc3\xa9\r\n", "caf=C3=A9\r\n" },
		{ "blank \r\ntab\t\r\n", "blank=20\r\ntab=09\r\n" },
		{ "two  \r\n", "two =20\r\n" },
		{ " \r\n \t\r\n", "=20\r\n =09\r\n" },
		{ "end ", "end=20" },
		{ "\r\n\r\n", "\r\n\r\n" },
		{ "a\rb", "a=0Db" },
		{ "a\nb", "a=0Ab" },
		{ "a \rb", "a =0Db" },
		{ "a\r\r\n", "a=0D\r\n" },
		{ "a\r", "a=0D" },
		{ "a \r", "a =0D" },
		{ ".\r\n..\r\n.a\r\na.\r\n", "=2E\r\n=2E.\r\n=2Ea\r\na.\r\n" },
		{ "From me\r\n", "=46rom me\r\n" },
		{ "From \r\n", "=46rom=20\r\n" },
		{ "From", "From" },
		{ "From\r\nFro m\r\n>From x\r\n From x\r\n",
			"From\r\nFro m\r\n>From x\r\n From x\r\n" },
		{ "FFrom me\r\nFrFrom me\r\n", "FFrom me\r\nFrFrom me\r\n" },
		{ "a\x7f\x01\x1b[m\r\n", "a=7F=01=1B[m\r\n" },
		{ X70 "123456\r\n", X70 "12345=\r\n6\r\n" },
		{ X70 "12345\r\n", X70 "12345\r\n" },
		{ X70 "123\xe9\r\n", X70 "123=\r\n=E9\r\n" },
		{ X70 "12\xe9\r\n", X70 "12=E9\r\n" },
		{ X70 "12345.\r\n", X70 "12345=\r\n=2E\r\n" },
		{ X70 "1234 From x\r\n", X70 "1234 =\r\n=46rom x\r\n" },
		{ X70 "12345From x\r\n", X70 "12345=\r\n=46rom x\r\n" },
		{ X70 "1234 Fromage\r\n", X70 "1234 =\r\nFromage\r\n" },
		{ X70 "12345 \r\n", X70 "12345=\r\n=20\r\n" },
	};
	struct strbuf out = STRBUF_INIT(4096), back = STRBUF_INIT(4096);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t piece = strlen(rows[i].in) + 1; piece; piece--) {
			encode_qp(&out, rows[i].in, strlen(rows[i].in), piece);
			if (out.len != strlen(rows[i].want) || strcmp(out.s, rows[i].want) != 0)
				break;
			if (piece > 3 && piece <= strlen(rows[i].in) - 3)
				piece = 3;
		}
		same(out.s, out.len, rows[i].want, "quoted-printable in several splits");
		strbuf_clear(&back);
		ok(qp_decode(&back, out.s, out.len) && strcmp(back.s, rows[i].in) == 0,
			"and decoded again");
	}
	strbuf_done(&out);
	strbuf_done(&back);
}

static void
try_qp_random(void)
{
	static const char letters[] = "From  .=\t\r\n\r\n\0\xe4xxxxxxFrom .";
	struct strbuf out = STRBUF_INIT(1 << 16), back = STRBUF_INIT(1 << 16);
	unsigned random = 1;
	char s[600];
	bool good = true;

	for (unsigned i = 0; good && i < 20000; i++) {
		size_t n = (size_t)rand_r(&random) % (i % 10 ? 120 : sizeof(s));

		for (size_t k = 0; k < n; k++)
			s[k] = letters[(size_t)rand_r(&random) % (sizeof(letters) - 1)];
		if (n > 70)
			memset(s, 'y', 68 + i % 8);
		encode_qp(&out, s, n, (size_t)rand_r(&random) % 300 + 1);
		strbuf_clear(&back);
		good = qp_decode(&back, out.s, out.len) && back.len == n && !memcmp(back.s, s, n);
		if (!good) {
			tap_show("in", s, n);
			tap_show("out", out.s, out.len);
		}
	}
	ok(good, "20000 pseudo-random texts come back the same");
	strbuf_done(&out);
	strbuf_done(&back);
}

static void
try_parameters(void)
{
	static const struct {
		const char *value;
		bool fallback;
		const char *want;
	} rows[] = {
		{ "a.txt", false, "; n=a.txt" },
		{ "", false, "; n=\"\"" },
		{ "a b.txt", true, "; n=\"a b.txt\"" },
		{ "a\"b\\c", false, "; n=\"a\\\"b\\\\c\"" },
		{ "a;b", false, "; n=\"a;b\"" },
		{ "caf\xc3\xa9 1.txt", false, ";\r\n n*=utf-8''caf%C3%A9%201.txt" },
		{ "\xc3\xa9", true, ";\r\n n=\"=?utf-8?b?w6k=?=\";\r\n n*=utf-8''%C3%A9" },
		{ "\xe9", false, ";\r\n n*=unknown-8bit''%E9" },
		{ "a\r\nBcc: x", false, ";\r\n n*=utf-8''a%0D%0ABcc%3A%20x" },
		{ "a'b%c*\x01", false, ";\r\n n*=utf-8''a%27b%25c%2A%01" },
		{ X70 X10, false, ";\r\n n=" X70 X10 },
	};
	struct strbuf out = STRBUF_INIT(1 << 16);
	char many[1200], name[8];
	size_t total = 0, i = 0;

	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		strbuf_clear(&out);
		mime_add_parameter(&out, "n", rows[k].value, rows[k].fallback);
		same(out.s, out.len, rows[k].want, "a parameter");
	}
	for (size_t k = 0; k + 2 < sizeof(many); k += 2)
		memcpy(many + k, "\xc3\xa9", 3);
	strbuf_clear(&out);
	mime_add_parameter(&out, "filename", many, true);
	ok(!strstr(out.s, "filename*=") && strstr(out.s, "\r\n filename*0*=utf-8''%C3%A9"),
		"a long name in continuations");
	for (const char *s = out.s, *end; *s; s = end) {
		end = strstr(s, "\r\n");
		end = end ? end + 2 : s + strlen(s);
		if (end - s > 80)
			ok(false, "a line of %zu octets", (size_t)(end - s));
		snprintf(name, sizeof(name), "*%zu*=", i);
		if (strstr(s, name) && strstr(s, name) < end)
			i++;
	}
	for (const char *s = strstr(out.s, "''"); (s = strstr(s, "%C3%A9")); s += 6)
		total++;
	ok(total == strlen(many) / 2 && i > 20, "whole characters only, numbered: %zu in %zu",
		total, i);
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	strbuf_clear(&out);
	mime_add_parameter(&out, "filename", many, true);
	ok(strncmp(out.s, ";\r\n filename*0*=utf-8''aaaa", 27) == 0, "too long to be quoted");
	strbuf_done(&out);
}

static void
try_types(void)
{
	static const char *const rows[][2] = {
		{ "a.pdf", "application/pdf" },
		{ "A.PDF", "application/pdf" },
		{ "/x.d/a.tar.gz", "application/gzip" },
		{ "a.txt", "text/plain" },
		{ "a.eml", "message/rfc822" },
		{ "a", "application/octet-stream" },
		{ "", "application/octet-stream" },
		{ ".txt", "application/octet-stream" },
		{ "x.txt/a", "application/octet-stream" },
		{ "x/.txt", "application/octet-stream" },
		{ "a.", "application/octet-stream" },
		{ "a.pdfx", "application/octet-stream" },
		{ "a.zst", "application/zstd" },
		{ "a.7z", "application/x-7z-compressed" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		same(mime_type(rows[i][0]), strlen(mime_type(rows[i][0])), rows[i][1], rows[i][0]);
}

int
main(void)
{
	try_base64();
	try_base64_lines();
	try_qp();
	try_qp_random();
	try_parameters();
	try_types();
	return tap_done();
}
