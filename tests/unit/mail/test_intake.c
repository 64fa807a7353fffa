/* Normalising, against a simple model: every input in every split into two pieces, octet by octet,
 * and pseudo-random inputs in pseudo-random pieces. */
#include "intake.h"

#include <stdlib.h>

#include "error.h"
#include "header.h"
#include "message.h"
#include "tap.h"
#include "text.h"

/* What must come out. */
struct model {
	struct strbuf header, body;
	uint64_t longest, nul, cr;
	bool headerless;
};

static void
model_done(struct model *x)
{
	strbuf_done(&x->header);
	strbuf_done(&x->body);
}

/* One line of the input, without its end; false when it ends the input. */
static bool
model_line(struct model *x, const char *line, size_t n, const struct message_reading *how,
	bool last, bool *body, bool *mbox)
{
	bool dot = n == 1 && *line == '.';

	if (dot && how->dot_ends)
		return false;
	if (how->dot_doubled && n > 1 && line[0] == '.' && line[1] == '.')
		line++, n--;
	if (!*body && !n) {
		*body = true;
		return true;
	}
	if (!*body && !x->header.len && !*mbox && n >= 5 &&
		(memcmp(line, "From ", 5) == 0 || (n >= 6 && memcmp(line, ">From ", 6) == 0))) {
		*mbox = true;
		return true;
	}
	if (!*body &&
		(header_is_field(line, n) || (x->header.len && (*line == ' ' || *line == '\t')))) {
		strbuf_add(&x->header, line, n);
		strbuf_adds(&x->header, "\r\n");
		return true;
	}
	if (!*body)
		x->headerless = !x->header.len;
	*body = true;
	if (dot && last && how->dot_is_last_line)
		return true;
	strbuf_add(&x->body, line, n);
	strbuf_adds(&x->body, "\r\n");
	if (n > x->longest)
		x->longest = n;
	return true;
}

static void
model_read(struct model *x, const char *s, size_t n, const struct message_reading *how)
{
	struct strbuf in = STRBUF_INIT(1 << 20);
	bool body = how->body_only, mbox = false, more = true;
	size_t at = 0, len, end;

	*x = (struct model){ .header = STRBUF_INIT(1 << 20), .body = STRBUF_INIT(1 << 20) };
	for (size_t i = 0; i < n; i++) {
		if (s[i])
			strbuf_addc(&in, s[i]);
		else
			x->nul++;
	}
	for (; more && at < in.len; at += len + end) {
		len = strcspn(in.s + at, "\r\n");
		end = strncmp(in.s + at + len, "\r\r\n", 3) == 0 ? 3
		      : strncmp(in.s + at + len, "\r\n", 2) == 0 ? 2
								 : (in.s[at + len] != '\0');
		x->cr += end == 3 || (end == 1 && in.s[at + len] == '\r');
		more = model_line(x, in.s + at, len, how, at + len + end == in.len, &body, &mbox);
	}
	strbuf_done(&in);
}

/* What comes out of N octets in pieces: SIZES is a list that is gone through again and again. */
static void
feed(struct message *m, const char *s, size_t n, const struct message_reading *how,
	const size_t *sizes, size_t count)
{
	struct intake in;
	struct error err = ERROR_NONE;
	size_t part, i = 0;
	bool good = true;

	message_init(m);
	intake_init(&in, m, how);
	for (; good && n && !in.ended; s += part, n -= part, i++) {
		part = sizes[i % count] < n ? sizes[i % count] : n;
		good = intake_feed(&in, s, part, &err);
	}
	if (!good || !intake_finish(&in, &err))
		ok(false, "taken: %s", err.text);
	intake_done(&in);
}

static bool
is_same(const struct message *m, const struct model *x, bool all)
{
	const struct message_facts *f = &m->facts;

	return m->header.len == x->header.len &&
	       memcmp(m->header.s, x->header.s, x->header.len) == 0 &&
	       m->memory.len == x->body.len && memcmp(m->memory.s, x->body.s, x->body.len) == 0 &&
	       f->body_size == x->body.len && f->longest_line == x->longest &&
	       f->headerless == x->headerless &&
	       f->body_8bit == text_is_8bit(x->body.s, x->body.len) &&
	       (!all || (f->nul_removed == x->nul && f->cr_changed == x->cr));
}

/* Tries all splits; returns whether every one gave what the model gives. */
static bool
agrees(const char *s, size_t n, const struct message_reading *how, unsigned *random)
{
	struct model x;
	struct message m;
	bool good = true;
	size_t sizes[4] = { 1 };

	model_read(&x, s, n, how);
	for (size_t cut = 0; good && cut <= n; cut++) {
		if (cut)
			sizes[0] = cut, sizes[1] = n;
		if (random && cut > 1)
			for (int i = 0; i < 4; i++)
				sizes[i] = (size_t)rand_r(random) % 7 + 1;
		if (random && cut > 3)
			break;
		feed(&m, s, n, how, sizes, cut ? random && cut > 1 ? 4 : 2 : 1);
		/* what is behind a dot that ends counts or not, as the pieces fall */
		good = is_same(&m, &x, !how->dot_ends);
		if (!good) {
			tap_show("input", s, n);
			tap_show("got header", m.header.s, m.header.len);
			tap_show("got body", m.memory.s, m.memory.len);
			tap_show("want header", x.header.s, x.header.len);
			tap_show("want body", x.body.s, x.body.len);
			printf("# cut %zu longest %llu %llu\n", cut,
				(unsigned long long)m.facts.longest_line,
				(unsigned long long)x.longest);
		}
		message_done(&m);
	}
	model_done(&x);
	return good;
}

static const struct message_reading ways[] = {
	{ 0 },
	{ .dot_is_last_line = true },
	{ .dot_ends = true },
	{ .dot_ends = true, .dot_doubled = true },
	{ .dot_is_last_line = true, .dot_doubled = true },
	{ .body_only = true },
	{ .body_only = true, .dot_ends = true },
	{ .body_only = true, .dot_is_last_line = true },
};
#define WAYS (sizeof(ways) / sizeof(*ways))

static void
try_table(void)
{
#define INPUT(s)                                                                                   \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
	static const struct {
		const char *s;
		size_t n;
	} inputs[] = {
		INPUT(""),
		INPUT("\n"),
		INPUT("\r"),
		INPUT("\r\n"),
		INPUT("\0"),
		INPUT("."),
		INPUT(".\n"),
		INPUT("..\n.\n..x\n...\n"),
		INPUT("\n.\n"),
		INPUT("\n\n.\r\n\n.\r\n."),
		INPUT("Subject: s\nTo: bob@example.org\n\nbody\n"),
		INPUT("Subject: s\r\nTo: b\r\n\r\nl1\nl2\r\nl3\r\n"),
		INPUT("Subject: s\r\r\nTo: b\r\r\n\r\r\nbody\r\r\n"),
		INPUT("S: s\n\na\rb\r.\rMAIL FROM:<e@x>\r"),
		INPUT("S: s\n\na\r\r\r\n\r\r\rb\r\r"),
		INPUT("S: s\n\nx\r\n\0.\r\n.\0\r\n\r\0\nz\0"),
		INPUT("To: bob@example.org"),
		INPUT("hello world\nsecond\n"),
		INPUT("Note: this\nis not a header\n\nx\n"),
		INPUT("\nSubject: no\nx\n"),
		INPUT("From alice Mon Nov 23\nS: s\n\nx\n"),
		INPUT(">From alice\nFrom bob\n\nx\n"),
		INPUT(">From \n>From \n"),
		INPUT("From "),
		INPUT("S: s\nFrom bob\n"),
		INPUT(" S: s\n\nx\n"),
		INPUT("S: s\n  folded\n\t\n x\n\nx"),
		INPUT("S : s\n\nx\n"),
		INPUT(": s\n\nx\n"),
		INPUT("S: \xc3\xa4\n\n\xe4\n"),
		INPUT("S: s\n\n..two\n.one\n...\n.\n"),
		INPUT("S: s\n.\nafter\n.\n"),
		INPUT("S: s\n\n.\nafter"),
		INPUT("S: s\n\nx\n."),
		INPUT("S: s\n\nx\n.\n\n"),
		INPUT("S: s\n..\n.\n"),
		INPUT(".S: s\n\n.\n"),
		INPUT("..S: s\n\n.\n"),
	};

	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
		bool good = true;

		for (size_t w = 0; w < WAYS; w++)
			good = good && agrees(inputs[i].s, inputs[i].n, &ways[w], NULL);
		ok(good, "input %zu in every split and every way of reading", i);
	}
}

static void
try_random(void)
{
	static const char letters[] = "\r\n\r\n\r\n..a \0S:\xc3\xa4";
	unsigned random = 1;
	char s[48];
	bool good = true;

	for (unsigned i = 0; good && i < 40000; i++) {
		size_t n = (size_t)rand_r(&random) % sizeof(s);

		for (size_t k = 0; k < n; k++)
			s[k] = letters[(size_t)rand_r(&random) % (sizeof(letters) - 1)];
		if (i % 4 == 0 && n > 6)
			memcpy(s, "S: s\n\n", 6);
		good = agrees(s, n, &ways[i % WAYS], &random);
	}
	ok(good, "40000 pseudo-random inputs in pseudo-random pieces");
}

/* Lines longer than all buffers, and bodies around the size where a file is begun. */
static void
try_long(void)
{
	const struct message_reading how = { .dot_is_last_line = true };
	const size_t sizes[2][3] = { { 70000, 1, 262144 }, { 262144, 262144, 262144 } };
	struct strbuf in = STRBUF_INIT(4 << 20), got = STRBUF_INIT(4 << 20);
	static char more[MESSAGE_MEMORY + 10];
	struct message m;
	struct message_reader r;
	struct error err = ERROR_NONE;

	memset(more, 'z', sizeof(more));
	for (size_t tail = 0; tail < 8; tail++) {
		strbuf_clear(&in);
		strbuf_adds(&in, "S: s\n\n");
		for (size_t i = 0; i < 3 * MESSAGE_MEMORY - 4 + tail; i++)
			strbuf_addc(&in, 'x');
		strbuf_adds(&in, tail % 2 ? "\r\n.\r\n" : "\n.");
		for (int k = 0; k < 2; k++) {
			feed(&m, in.s, in.len, &how, sizes[k], 3);
			strbuf_clear(&got);
			message_reader_init(&r, &m);
			strbuf_advance(&got, (size_t)message_reader_get(&r,
						     strbuf_reserve(&got, 2 << 20), 2 << 20, &err));
			ok(m.fd >= 0 && m.facts.longest_line == 3 * MESSAGE_MEMORY - 4 + tail &&
					got.len == message_size(&m) &&
					got.len == in.len + 2 - (tail % 2 ? 3 : 0) &&
					strcmp(got.s + got.len - 3, "x\r\n") == 0 &&
					strspn(got.s + 8, "x") == m.facts.longest_line,
				"a line of %zu octets, then a dot", m.facts.longest_line);
			/* what is added now does not end up behind what was taken away */
			if (!message_add_body(&m, more, sizeof(more), &err))
				ok(false, "%s", err.text);
			message_reader_init(&r, &m);
			strbuf_clear(&got);
			strbuf_advance(&got, (size_t)message_reader_get(&r,
						     strbuf_reserve(&got, 2 << 20), 2 << 20, &err));
			ok(got.len == message_size(&m) && got.len > sizeof(more) &&
					strspn(got.s + got.len - sizeof(more), "z") ==
						sizeof(more) &&
					got.s[got.len - sizeof(more) - 1] == '\n',
				"and more behind it");
			message_done(&m);
		}
	}
	strbuf_done(&in);
	strbuf_done(&got);
}

static void
try_header_limit(void)
{
	const struct message_reading how = { 0 };
	struct strbuf s = STRBUF_INIT(4 << 20);
	struct message m = MESSAGE_NONE;
	struct intake in;
	struct error err = ERROR_NONE;
	const size_t one = HEADER_MAX + 5;

	strbuf_adds(&s, "Subject: ");
	while (s.len < HEADER_MAX - 2)
		strbuf_addc(&s, 'x');
	strbuf_adds(&s, "\n\n");
	feed(&m, s.s, s.len, &how, &one, 1);
	ok(m.header.len == HEADER_MAX && !m.header.full, "a header block may fill its room");
	message_done(&m);

	strbuf_insert(&s, 9, "yz", 1);
	intake_init(&in, &m, &how);
	ok(!intake_feed(&in, s.s, s.len, &err) && err.fault == FAULT_DATA, "one octet more: %s",
		err.text);
	intake_done(&in);
	message_done(&m);

	error_clear(&err);
	strbuf_truncate(&s, s.len - 2);
	strbuf_adds(&s, "xxxxxxxx");
	intake_init(&in, &m, &how);
	ok(!intake_feed(&in, s.s, s.len, &err) && err.fault == FAULT_DATA, "a field without end");
	intake_done(&in);
	message_done(&m);

	error_clear(&err);
	strbuf_clear(&s);
	for (size_t i = 0; i < HEADER_MAX / 16; i++)
		strbuf_adds(&s, "Received: a b c\n");
	strbuf_adds(&s, "a: b\n");
	intake_init(&in, &m, &how);
	ok(!intake_feed(&in, s.s, s.len, &err) && err.fault == FAULT_DATA, "too many fields");
	intake_done(&in);
	message_done(&m);

	strbuf_clear(&s);
	for (size_t i = 0; i < 3 * HEADER_MAX / 2; i++)
		strbuf_addc(&s, 'y');
	feed(&m, s.s, s.len, &how, &one, 1);
	ok(m.facts.headerless && !m.header.len && m.facts.body_size == s.len + 2 &&
			m.facts.longest_line == s.len,
		"a first line that is no field may be longer than a header block");
	message_done(&m);
	strbuf_done(&s);
}

int
main(void)
{
	try_table();
	try_random();
	try_long();
	try_header_limit();
	return tap_done();
}
