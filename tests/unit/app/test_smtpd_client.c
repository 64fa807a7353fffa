/* Lines and content from a client, in pieces of any size. */
#include "smtpd_client.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

static int into[2], out[2];

/* A client whose whole input is DATA, read in blocks of SIZE octets. */
static void
start(struct client *c, const char *data, size_t n, size_t size)
{
	if (pipe(into) || pipe(out) || !io_write_full(into[1], data, n))
		abort();
	close(into[1]);
	client_init(c, into[0], out[1]);
	c->size = size;
}

static void
stop(struct client *c)
{
	client_done(c);
	close(into[0]);
	close(out[0]);
	close(out[1]);
}

static void
take(void *ctx, const char *data, size_t n)
{
	strbuf_add(ctx, data, n);
}

#define EVENT(c, line, n) "RLBEX.?"[client_line(c, line, n)]

/* What the lines of DATA are: R with the text, or the letter of the event. */
static void
check_lines(const char *data, size_t n, const char *want, const char *what)
{
	struct client c;
	struct strbuf got = STRBUF_INIT(8192);
	char *line, letter;
	size_t length;

	start(&c, data, n, CLIENT_BUFFER);
	do {
		letter = EVENT(&c, &line, &length);
		strbuf_addc(&got, letter);
		if (letter == 'R')
			strbuf_addf(&got, "%.*s|", (int)length, line);
	} while (strchr("RLB", letter));
	same(got.s, got.len, want, what);
	strbuf_done(&got);
	stop(&c);
}

static void
test_lines(void)
{
	static char data[60000];
	struct client c;
	char *line;
	size_t n;

	check_lines("", 0, "X", "no input");
	check_lines("A\r\nB\r\n", 6, "RA|RB|X", "lines");
	check_lines("A\r\nB", 4, "RA|X", "a line without its end does not count");
	check_lines("A\r\nB\nC\r\n", 8, "RA|BRC|X", "a bare LF");
	check_lines("A\nB\nC\r\n\n", 9, "RA|RB|RC|R|X", "LF is the custom");
	check_lines("\nA\n", 3, "R|RA|X", "an empty first line");
	check_lines("\r\nA\n", 4, "R|BX", "an empty first line with CRLF");
	check_lines("A\rB\r\n", 5, "RA\rB|X", "a bare CR stays for the parser");
	memset(data, 'x', sizeof(data));
	memcpy(data, "A\r\n", 3);
	memcpy(data + 3 + CLIENT_LINE - 2, "\r\n", 2);
	start(&c, data, 3 + CLIENT_LINE, CLIENT_BUFFER);
	ok(client_line(&c, &line, &n) == CLIENT_READY &&
			client_line(&c, &line, &n) == CLIENT_READY && n == CLIENT_LINE - 2,
		"the longest line");
	stop(&c);
	memcpy(data + 3 + CLIENT_LINE - 2, "xxx\r\nB\r\n", 8);
	check_lines(data, 3 + CLIENT_LINE + 6, "RA|LRB|X", "a line that is too long");
	memset(data, 'x', sizeof(data));
	memcpy(data + 50000, "\nB\n", 3);
	check_lines(data, 50003, "LRB|X", "a first line that is too long decides as well");
	memcpy(data + 49999, "\r\nB\n", 4);
	check_lines(data, 50003, "LBX", "so it does with CRLF");
	check_lines(data, 40000, "X", "the end in a line that is too long");
}

static const struct {
	const char *data, *want, *rest; /* NULL: the end does not come */
	bool lf;
} contents[] = {
	{ ".\r\n", "", "", false },
	{ "a\r\n.\r\nQUIT", "a\r\n", "QUIT", false },
	{ "a\r\n..\r\n...b\r\n.c\r\n.\r\n", "a\r\n.\r\n..b\r\nc\r\n", "", false },
	{ "a\n.\n\r\n.\r\n", "a\n.\n\r\n", "", false },
	{ "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "", false },
	{ "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", false },
	{ "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", "", false },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", false },
	{ "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", "", false },
	{ "a\r\n.\r.\r\n.\r\n", "a\r\n\r.\r\n", "", false },
	{ "a\r\r\n.\r\n", "a\r\r\n", "", false },
	{ "a\n..b\r\n.\r\n", "a\n..b\r\n", "", false },
	{ "a\r\n.", NULL, NULL, false },
	{ "a\r\n.\r", NULL, NULL, false },
	{ "a\n.\n", NULL, NULL, false },
	{ "", NULL, NULL, false },
	{ "a\n.\nb", "a\n", "b", true },
	{ "a\n.\r\nb", "a\n", "b", true },
	{ "a\r\n..\n.b\n.\n", "a\r\n.\nb\n", "", true },
	{ "a\r.\n.\n", "a\r.\n", "", true },
};

static void
test_content(void)
{
	struct client c;
	struct strbuf got = STRBUF_INIT(8192);
	enum client_event event;
	char name[80];

	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++)
		for (size_t size = 1; size < 9; size++) {
			strbuf_clear(&got);
			snprintf(name, sizeof(name), "content %zu in blocks of %zu", i, size);
			start(&c, contents[i].data, strlen(contents[i].data), size);
			c.lf = contents[i].lf;
			event = client_content(&c, take, &got);
			if (!contents[i].want) {
				ok(event == CLIENT_END, "%s: no end", name);
			} else {
				ok(event == CLIENT_READY, "%s: an end", name);
				same(got.s, got.len, contents[i].want, name);
				strbuf_clear(&got);
				client_chunk(&c, strlen(contents[i].rest), take, &got);
				same(got.s, got.len, contents[i].rest, name);
			}
			stop(&c);
		}
	strbuf_done(&got);
}

static void
test_chunks(void)
{
	struct client c;
	struct strbuf got = STRBUF_INIT(8192);
	char *line;
	size_t n;

	start(&c, "A\r\n\r\n.\r\nB\r\nxx", 12, CLIENT_BUFFER);
	ok(client_line(&c, &line, &n) == CLIENT_READY && n == 1, "a line");
	ok(client_is_ahead(&c), "there is more");
	ok(client_chunk(&c, 5, take, &got) == CLIENT_READY, "a chunk");
	same(got.s, got.len, "\r\n.\r\n", "it is as it came");
	ok(client_line(&c, &line, &n) == CLIENT_READY && n == 1 && *line == 'B',
		"a line behind it");
	ok(client_chunk(&c, 0, take, &got) == CLIENT_READY, "an empty chunk");
	ok(client_chunk(&c, UINT64_MAX, take, &got) == CLIENT_END, "the input ends in a chunk");
	ok(!client_is_ahead(&c), "the end is nothing to be ahead with");
	stop(&c);
	strbuf_done(&got);
}

static void
test_replies(void)
{
	struct client c;
	char got[16] = "", *line;
	size_t n;

	start(&c, "A\r\nB\r\n", 6, CLIENT_BUFFER);
	strbuf_adds(&c.replies, "220 x\r\n");
	ok(client_line(&c, &line, &n) == CLIENT_READY && !c.replies.len, "sent before waiting");
	ok(read(out[0], got, sizeof(got)) == 7 && !memcmp(got, "220 x\r\n", 7), "as it is");
	strbuf_adds(&c.replies, "250 y\r\n");
	ok(client_line(&c, &line, &n) == CLIENT_READY && c.replies.len == 7,
		"kept while a command waits");
	client_flush(&c);
	ok(!c.replies.len && read(out[0], got, sizeof(got)) == 7, "sent at the end");
	stop(&c);

	/* nobody reads: input is taken all the same */
	start(&c, "A\r\nB\r\n", 6, 3);
	if (fcntl(out[1], F_SETPIPE_SZ, 4096) < 0)
		abort();
	for (int i = 0; i < 5000; i++)
		strbuf_adds(&c.replies, "250 y\r\n");
	ok(client_line(&c, &line, &n) == CLIENT_READY && c.replies.len,
		"a client that does not read may go on");
	close(out[0]);
	ok(client_line(&c, &line, &n) == CLIENT_BROKEN && c.broken, "one that has gone may not");
	client_flush(&c);
	client_done(&c);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_lines();
	test_content();
	test_chunks();
	test_replies();
	return tap_done();
}
