#include "compose.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "messages.h"
#include "mime.h"
#include "qp.h"
#include "tap.h"
#include "text.h"

static char folder[] = "/tmp/sendoff-test.XXXXXX";

/* Makes a file in the folder; returns its path, which is good until the next but seven call. */
static const char *
make_file(const char *name, const char *s, size_t n)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];
	int fd;

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, s, n) != (ssize_t)n)
		abort();
	close(fd);
	return path;
}

static void
remove_files(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
}

/* Composes and gives all of it; boundaries are replaced by BOUNDARY and a number. */
static bool
composed(const struct composition *what, struct strbuf *out, struct error *err)
{
	struct message m;
	char *at, *end, boundary[64], number[16];

	strbuf_clear(out);
	error_clear(err);
	if (!compose(what, &m, err)) {
		ok(m.fd == -1 && !m.header.len && !m.memory.len, "nothing is left");
		return false;
	}
	message_to(&m, out);
	ok(out->len == message_size(&m) &&
			m.facts.header_8bit == text_is_8bit(m.header.s, m.header.len),
		"facts");
	message_done(&m);
	for (unsigned i = 1; (at = strstr(out->s, "boundary=\"=_")); i++) {
		at += strlen("boundary=\"");
		end = strchr(at, '"');
		snprintf(boundary, sizeof(boundary), "%.*s", (int)(end - at), at);
		ok(strlen(boundary) == 34, "a boundary of 34 octets");
		snprintf(number, sizeof(number), "BOUNDARY%u", i);
		while ((at = strstr(out->s, boundary))) {
			size_t pos = (size_t)(at - out->s);

			memmove(at, at + 34, out->len - pos - 34);
			strbuf_truncate(out, out->len - 34);
			strbuf_insert(out, pos, number, strlen(number));
		}
	}
	return true;
}

static void
check(const struct composition *what, const char *want, const char *name)
{
	struct strbuf out = STRBUF_INIT(8 << 20);
	struct error err = ERROR_NONE;

	if (ok(composed(what, &out, &err), "composed: %s%s", name, err.text))
		same(out.s, out.len, want, name);
	strbuf_done(&out);
}

#define PLAIN "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
#define CTE   "Content-Transfer-Encoding: "

static void
try_bodies(void)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "hello\n", PLAIN CTE "7bit\r\n\r\nhello\r\n" },
		{ "hello", PLAIN CTE "7bit\r\n\r\nhello\r\n" },
		{ "a\r\nb\rc", PLAIN CTE "7bit\r\n\r\na\r\nb\r\nc\r\n" },
		{ "", PLAIN CTE "7bit\r\n\r\n" },
		{ "Subject: no\n\nx\n", PLAIN CTE "7bit\r\n\r\nSubject: no\r\n\r\nx\r\n" },
		{ "From me\n.\n", PLAIN CTE "7bit\r\n\r\nFrom me\r\n.\r\n" },
		{ "a longer text with a caf\xc3\xa9 ",
			PLAIN CTE "quoted-printable\r\n\r\na longer text with a caf=C3=A9=20\r\n" },
		{ "\xe6\x97\xa5\xe6\x9c\xac\n", PLAIN CTE "base64\r\n\r\n5pel5pysDQo=\r\n" },
	};
	struct composition what = { .body_fd = -1 };
	struct strbuf out = STRBUF_INIT(1 << 20);
	struct error err = ERROR_NONE;
	char line[1001];
	int fd;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		what.body = rows[i].body;
		check(&what, rows[i].want, "a text");
	}
	what.body = NULL;
	check(&what, PLAIN CTE "7bit\r\n\r\n", "nothing at all");
	memset(line, 'x', 999);
	line[998] = line[1000] = '\0';
	what.body = line;
	ok(composed(&what, &out, &err) && strstr(out.s, "7bit"), "a line of 998 octets");
	line[998] = 'x';
	line[999] = '\0';
	ok(composed(&what, &out, &err) && strstr(out.s, "quoted-printable"),
		"a line of 999 octets");
	what.body = "caf\xe9\n";
	ok(!composed(&what, &out, &err) && err.fault == FAULT_DATA, "%s", err.text);

	what.body = NULL;
	fd = open(make_file("body", "from\na\0 file", 12), O_RDONLY);
	what.body_fd = fd;
	check(&what, PLAIN CTE "7bit\r\n\r\nfrom\r\na file\r\n", "from a descriptor");
	close(fd);
	what.body_name = "the standard input";
	ok(!composed(&what, &out, &err) && err.fault == FAULT_NOINPUT &&
			strstr(err.text, what.body_name),
		"%s", err.text);
	what.html = "<p>x";
	what.body_fd = -1;
	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n" CTE
		"7bit\r\n\r\n<p>x\r\n",
		"HTML alone");
	what.html = "\xff";
	ok(!composed(&what, &out, &err) && err.fault == FAULT_DATA, "%s", err.text);
	strbuf_done(&out);
}

static void
try_fields(void)
{
	struct address from = { (char[]){ "Jos\xc3\xa9" }, (char[]){ "j" },
		(char[]){ "example.org" } };
	struct address_list to = ADDRESS_LIST_NONE, cc = ADDRESS_LIST_NONE,
			    none = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;
	const char *headers[] = { "X-Test: \xc3\xa9", "Cc: \xc3\xa9 <x@example.org>", "x-test: 2",
		"To: \xc3\xa9@example.org" };
	const char *more[] = { "subject: mine", "FROM: f@x", "mime-version: 1.0 (x)",
		"Content-Type:  text/markdown", "Reply-To: r@x" };
	struct composition what = { .from = &from,
		.to = &to,
		.cc = &cc,
		.reply_to = &none,
		.subject = "caf\xc3\xa9 au lait",
		.body = "x\n",
		.body_fd = -1 };
	const char *one = "one two <first.recipient@example.org>, second.recipient@example.org,"
			  "third@example.org";

	ok(address_list_parse(one, strlen(one), &to, &err) &&
			address_list_parse("c@x", 3, &cc, &err),
		"lists %s", err.text);
	check(&what,
		"From: =?utf-8?b?Sm9zw6k=?= <j@example.org>\r\n"
		"To: one two <first.recipient@example.org>, second.recipient@example.org,\r\n"
		" third@example.org\r\nCc: c@x\r\nSubject: =?utf-8?q?caf=C3=A9_au_lait?=\r\n" PLAIN
			CTE "7bit\r\n\r\nx\r\n",
		"all fields");
	what.headers = headers;
	what.header_count = 4;
	check(&what,
		"From: =?utf-8?b?Sm9zw6k=?= <j@example.org>\r\n"
		"Subject: =?utf-8?q?caf=C3=A9_au_lait?=\r\n"
		"X-Test: =?utf-8?b?w6k=?=\r\nCc: =?utf-8?b?w6k=?= <x@example.org>\r\nx-test: 2\r\n"
		"To: \xc3\xa9@example.org\r\n" PLAIN CTE "7bit\r\n\r\nx\r\n",
		"fields given by name");
	what.headers = more;
	what.header_count = 5;
	what.to = what.cc = NULL;
	check(&what,
		"subject: mine\r\nFROM: f@x\r\nmime-version: 1.0 (x)\r\nReply-To: r@x\r\n"
		"Content-Type: text/markdown; charset=utf-8\r\n" CTE "7bit\r\n\r\nx\r\n",
		"which replace those of compose");
	more[3] = "content-type: Text/Plain; CHARSET=us-ascii";
	check(&what,
		"subject: mine\r\nFROM: f@x\r\nmime-version: 1.0 (x)\r\nReply-To: r@x\r\n"
		"Content-Type: Text/Plain; CHARSET=us-ascii\r\n" CTE "7bit\r\n\r\nx\r\n",
		"with a charset of its own");
	address_list_done(&to);
	address_list_done(&cc);
}

static void
try_refusals(void)
{
	static const char *const headers[] = { "X: a\r\nBcc: x", "X: a\nb", "no colon", "X: \x01",
		"X: \xff", "Content-Transfer-Encoding: base64", "content-transfer-encoding:8bit",
		"Content-Type: multipart/mixed; boundary=x", "Content-Type: application/pdf" };
	static const char *const subjects[] = { "a\r\nBcc: x@y", "a\nb", "a\x7f", "a\x1b[m", "\xff",
		"a\xc2\x85z" };
	struct composition what = { .body = "x", .body_fd = -1 };
	struct strbuf out = STRBUF_INIT(1 << 16);
	struct error err = ERROR_NONE;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		what.subject = subjects[i];
		ok(!composed(&what, &out, &err) && err.fault == FAULT_DATA, "%s", err.text);
	}
	what.subject = NULL;
	what.header_count = 1;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		what.headers = &headers[i];
		ok(!composed(&what, &out, &err) && err.fault == FAULT_DATA, "%s", err.text);
	}
	strbuf_done(&out);
}

static void
try_multipart(void)
{
	const char *files[] = { make_file("a.bin", "\0\1\2", 3),
		make_file("caf\xc3\xa9.txt", "some longer text\nwith caf\xc3\xa9\nno end", 34) };
	struct composition what = {
		.body = "text", .html = "<p>caf\xc3\xa9 and more\n", .body_fd = -1
	};
	const char *markdown = "Content-Type: text/markdown";

	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n "
		"boundary=\"BOUNDARY1\"\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: text/plain; charset=utf-8\r\n" CTE
		"7bit\r\n\r\ntext\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: text/html; charset=utf-8\r\n" CTE
		"quoted-printable\r\n\r\n<p>caf=C3=A9 and more\r\n\r\n--BOUNDARY1--\r\n",
		"text and HTML");
	what.attachments = files;
	what.attachment_count = 2;
	what.html = NULL;
	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n "
		"boundary=\"BOUNDARY1\"\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: text/plain; charset=utf-8\r\n" CTE
		"7bit\r\n\r\ntext\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: application/octet-stream\r\n" CTE "base64\r\n"
		"Content-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n"
		"--BOUNDARY1\r\nContent-Type: text/plain; charset=utf-8\r\n" CTE
		"quoted-printable\r\n"
		"Content-Disposition: attachment;\r\n filename=\"=?utf-8?b?Y2Fmw6kudHh0?=\";\r\n"
		" filename*=utf-8''caf%C3%A9.txt\r\n\r\n"
		"some longer text\r\nwith caf=C3=A9\r\nno end\r\n--BOUNDARY1--\r\n",
		"text and attachments");
	what.attachment_count = 1;
	what.html = "<p>";
	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n "
		"boundary=\"BOUNDARY1\"\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: multipart/alternative;\r\n "
		"boundary=\"BOUNDARY2\"\r\n\r\n"
		"--BOUNDARY2\r\nContent-Type: text/plain; charset=utf-8\r\n" CTE
		"7bit\r\n\r\ntext\r\n\r\n"
		"--BOUNDARY2\r\nContent-Type: text/html; charset=utf-8\r\n" CTE
		"7bit\r\n\r\n<p>\r\n\r\n"
		"--BOUNDARY2--\r\n"
		"--BOUNDARY1\r\nContent-Type: application/octet-stream\r\n" CTE "base64\r\n"
		"Content-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n--BOUNDARY1--\r\n",
		"both");
	what.html = what.body = NULL;
	what.headers = &markdown;
	what.header_count = 1;
	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n "
		"boundary=\"BOUNDARY1\"\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: application/octet-stream\r\n" CTE "base64\r\n"
		"Content-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n--BOUNDARY1--\r\n",
		"an attachment alone");
	what.body = "# x\n";
	check(&what,
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n "
		"boundary=\"BOUNDARY1\"\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: text/markdown; charset=utf-8\r\n" CTE
		"7bit\r\n\r\n# x\r\n\r\n"
		"--BOUNDARY1\r\nContent-Type: application/octet-stream\r\n" CTE "base64\r\n"
		"Content-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n--BOUNDARY1--\r\n",
		"a given type is that of the text");
}

/* What decides about the encoding of one attachment. */
static void
try_attachments(void)
{
	static const struct {
		const char *name, *content;
		size_t n;
		const char *want[3];
	} rows[] = {
		{ "a.txt", "plain\n", 6,
			{ "quoted-printable", "charset=utf-8", "\r\nplain\r\n\r\n--" } },
		{ "b.txt", "plain\r\n", 7, { "base64", "charset=utf-8", "cGxhaW4NCg==\r\n--" } },
		{ "c.txt", "pl\0ain", 6, { "base64", "text/plain", "cGwAYWlu" } },
		{ "d.txt", "caf\xe9 and quite a lot more", 26,
			{ "base64", "text/plain\r\n", "Y2Fm6S" } },
		{ "e.txt", "", 0, { "quoted-printable", "text/plain", "\r\n\r\n\r\n--" } },
		{ "f.bin", "", 0, { "base64", "octet-stream", "filename=f.bin\r\n\r\n--" } },
		{ "g.eml", "Subject: s\n\nx\r.", 15,
			{ "7bit", "message/rfc822",
				"\r\n\r\nSubject: s\r\n\r\nx\r\n.\r\n\r\n--" } },
		{ "h.eml", "S: s\n\n\xe4\n", 8,
			{ "8bit\r\n\r\n--=_", "8bit\r\nContent-Disp", "\r\n\xe4\r\n" } },
		{ "i j.csv", "\xe6\x97\xa5\xe6\x9c\xac", 6,
			{ "base64", "filename=\"i j.csv\"", "5pel5pys" } },
	};
	struct strbuf out = STRBUF_INIT(1 << 16);
	struct error err = ERROR_NONE;
	struct message m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *file = make_file(rows[i].name, rows[i].content, rows[i].n);
		struct composition what = {
			.body_fd = -1, .attachments = &file, .attachment_count = 1
		};

		ok(compose(&what, &m, &err), "%s %s", rows[i].name, err.text);
		message_to(&m, &out);
		for (int k = 0; k < 3; k++)
			if (!ok(memmem(out.s, out.len, rows[i].want[k], strlen(rows[i].want[k])),
				    "has what it must, %d", k))
				tap_show("got", out.s, out.len);
		message_done(&m);
	}
	strbuf_done(&out);
}

static void
try_bad_files(void)
{
	const char *good = make_file("good.txt", "x\n", 2);
	const char *bad[] = { "/nonexistent/file", folder, make_file("a\nb", "x", 1),
		make_file("\xe9.txt", "x", 1) };
	const enum fault faults[] = { FAULT_NOINPUT, FAULT_NOINPUT, FAULT_DATA, FAULT_DATA };
	struct strbuf out = STRBUF_INIT(1 << 16);
	struct error err = ERROR_NONE;

	for (size_t i = 0; i < 4; i++) {
		const char *files[] = { good, bad[i] };
		struct composition what = {
			.body = "x", .body_fd = -1, .attachments = files, .attachment_count = 2
		};

		ok(!composed(&what, &out, &err) && err.fault == faults[i] &&
				strstr(err.text, "attach"),
			"%s", err.text);
	}
	strbuf_done(&out);
}

/* Attachments of some megabytes, one through a FIFO; what is decoded is the file. */
static void
try_large(void)
{
	const size_t n = 3 << 20;
	char *data = malloc(n), fifo[64];
	struct strbuf out = STRBUF_INIT(16 << 20), back = STRBUF_INIT(8 << 20);
	struct error err = ERROR_NONE;
	struct message m;
	const char *files[2], *s, *end;
	struct composition what = {
		.body = "x", .body_fd = -1, .attachments = files, .attachment_count = 2
	};
	bool good = true;

	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 31 + i / 251);
	files[0] = make_file("large.bin", data, n);
	for (size_t i = 0; i < n; i++)
		data[i] = i % 61 == 60 ? '\n' : (char)('a' + i % 26);
	snprintf(fifo, sizeof(fifo), "%s/pipe.txt", folder);
	if (mkfifo(fifo, 0600))
		abort();
	files[1] = fifo;
	if (!fork()) {
		int fd = open(fifo, O_WRONLY);

		for (size_t at = 0; at < n; at += 4096)
			if (write(fd, data + at, 4096) != 4096)
				_exit(1);
		_exit(0);
	}
	ok(compose(&what, &m, &err) && m.fd >= 0, "composed %s", err.text);
	message_to(&m, &out);
	message_done(&m);
	s = strstr(out.s, "filename=large.bin\r\n\r\n") + 22;
	for (; good && s[0] != '-'; s = end + 2) {
		end = memchr(s, '\r', 80);
		good = end && mime_decode_base64(&back, s, (size_t)(end - s));
	}
	for (size_t i = 0; good && i < n; i++)
		good = back.s[i] == (char)(i * 31 + i / 251);
	ok(good && back.len == n, "base64 gives the file");
	strbuf_clear(&back);
	s = strstr(out.s, "filename=pipe.txt\r\n\r\n") + 21;
	end = strstr(s, "\r\n--=_");
	ok(qp_decode(&back, s, (size_t)(end - s)), "quoted-printable is right");
	good = true;
	for (size_t i = 0, at = 0; good && i < n; i++, at++) {
		at += data[i] == '\n' && back.s[at] == '\r';
		good = back.s[at] == data[i];
	}
	ok(good && back.len == n + n / 61, "and gives the file");
	unlink(fifo);
	free(data);
	strbuf_done(&out);
	strbuf_done(&back);
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 1;
	try_bodies();
	try_fields();
	try_refusals();
	try_multipart();
	try_attachments();
	try_bad_files();
	try_large();
	remove_files();
	return tap_done();
}
