#include "intake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "header.h"
#include "io.h"
#include "message.h"
#include "message_store.h"
#include "text.h"

#define BLOCK     (256 << 10) /* octets asked of read(2) */
#define PIPE_SIZE (1 << 20)   /* what an unprivileged process may ask for */

void
intake_init(struct intake *in, struct message *m, const struct message_reading *how)
{
	*in = (struct intake){
		.m = m, .how = how, .line = STRBUF_INIT(HEADER_MAX), .body = how->body_only
	};
	m->directory = how->directory;
}

void
intake_done(struct intake *in)
{
	strbuf_done(&in->line);
}

/* Counts what was written to the room. */
static void
commit(struct intake *in)
{
	struct message *m = in->m;
	size_t n;

	if (!in->out)
		return;
	n = (size_t)(in->out - (m->memory.s + m->memory.len));
	strbuf_advance(&m->memory, n);
	m->facts.body_size += n;
	in->out = in->end = NULL;
}

/* Opens room for body octets: all that there is, or what this block may need while that is less. */
static bool
make_room(struct intake *in, struct error *err)
{
	struct strbuf *b = &in->m->memory;
	size_t room;

	commit(in);
	if (b->len == b->cap && !message_spill(in->m, err))
		return false;
	room = b->cap - b->len;
	if (room > in->want)
		room = in->want;
	in->out = strbuf_reserve(b, room);
	in->end = in->out + room;
	return true;
}

static bool
put(struct intake *in, const char *s, size_t n, struct error *err)
{
	size_t part;

	while (n > (size_t)(in->end - in->out)) {
		part = (size_t)(in->end - in->out);
		if (part) {
			memcpy(in->out, s, part);
			in->out += part, s += part, n -= part;
		}
		if (!make_room(in, err))
			return false;
	}
	memcpy(in->out, s, n);
	in->out += n;
	return true;
}

static bool
body_text(struct intake *in, const char *s, size_t n, struct error *err)
{
	struct message *m = in->m;

	if (!m->facts.body_8bit)
		m->facts.body_8bit = text_is_8bit(s, n);
	m->line += n;
	return put(in, s, n, err);
}

static bool
body_line_end(struct intake *in, bool dot, struct error *err)
{
	struct message *m = in->m;

	/* whether the dot stays is known at the end only */
	if (dot)
		in->dots++;
	else if (m->line > m->facts.longest_line)
		m->facts.longest_line = m->line;
	in->dot_last = dot;
	m->line = 0;
	return put(in, "\r\n", 2, err);
}

/* The line under way, or its start, ended the header block: it belongs to the body. */
static bool
begin_body(struct intake *in, struct error *err)
{
	in->body = true;
	in->m->facts.headerless = !in->m->header.len;
	return body_text(in, in->line.s, in->line.len, err);
}

static bool
belongs_to_header(const struct intake *in)
{
	const struct strbuf *l = &in->line;

	if (in->m->header.len && (l->s[0] == ' ' || l->s[0] == '\t'))
		return true;
	return header_is_field(l->s, l->len);
}

static bool
header_too_large(struct error *err)
{
	return error_set(err, FAULT_DATA,
		"the header of the message is too large (more than %d KiB)", HEADER_MAX >> 10);
}

static bool
header_text(struct intake *in, const char *s, size_t n, struct error *err)
{
	size_t part = HEADER_MAX - in->line.len;

	if (part > n)
		part = n;
	strbuf_add(&in->line, s, part);
	if (part == n)
		return true;
	/* enough was seen of this line to know what it is */
	if (belongs_to_header(in))
		return header_too_large(err);
	return begin_body(in, err) && body_text(in, s + part, n - part, err);
}

static bool
is_mbox_line(const struct strbuf *l)
{
	const char *s = l->s + (l->s[0] == '>');

	return strncmp(s, "From ", 5) == 0;
}

/* Editors of Windows put a byte order mark in front. With it the first field would be none, and the
 * header the body, where everybody reads Bcc. */
static void
drop_mark(struct intake *in)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t n = sizeof(mark) - 1;

	if (in->m->header.len || in->mbox_seen || in->line.len < n ||
		memcmp(in->line.s, mark, n) != 0)
		return;
	strbuf_consume(&in->line, n);
	if (!belongs_to_header(in) && !is_mbox_line(&in->line))
		strbuf_insert(&in->line, 0, mark, n);
}

static bool
header_line_end(struct intake *in, bool dot, struct error *err)
{
	struct strbuf *block = &in->m->header;

	if (!in->line.len) {
		in->body = true;
		return true;
	}
	drop_mark(in);
	if (!block->len && !in->mbox_seen && is_mbox_line(&in->line)) {
		in->mbox_seen = true;
	} else if (belongs_to_header(in)) {
		if (block->len + in->line.len + 2 > HEADER_MAX)
			return header_too_large(err);
		strbuf_add(block, in->line.s, in->line.len);
		strbuf_add(block, "\r\n", 2);
	} else {
		return begin_body(in, err) && body_line_end(in, dot, err);
	}
	strbuf_clear(&in->line);
	return true;
}

/* Octets of a line, neither CR nor LF nor NUL. */
static bool
take_text(struct intake *in, const char *s, size_t n, struct error *err)
{
	if (in->at != INTAKE_TEXT) {
		size_t dots = in->at == INTAKE_DOT;

		if (!dots && *s == '.' && n == 1) {
			in->at = INTAKE_DOT;
		} else {
			in->at = INTAKE_TEXT;
			if (in->how->dot_doubled && s[0] == '.' && (dots || s[1] == '.'))
				s++, n--;
		}
	}
	if (!n)
		return true;
	if (in->body)
		return body_text(in, s, n, err);
	return header_text(in, s, n, err);
}

static bool
take_line_end(struct intake *in, struct error *err)
{
	bool dot = in->at == INTAKE_DOT;

	in->at = INTAKE_START;
	if (dot && in->how->dot_ends) {
		in->ended = true;
		strbuf_clear(&in->line);
		if (in->body) {
			commit(in);
			message_take_back(in->m, 1);
			in->m->line = 0;
		}
		return true;
	}
	if (in->body)
		return body_line_end(in, dot, err);
	return header_line_end(in, dot, err);
}

/* CRs that no LF followed: each ends a line. */
static bool
take_bare_crs(struct intake *in, unsigned n, struct error *err)
{
	for (; n && !in->ended; n--, in->cr--) {
		in->m->facts.cr_changed++;
		if (!take_line_end(in, err))
			return false;
	}
	return true;
}

static bool
take_special(struct intake *in, char c, struct error *err)
{
	switch (c) {
	case '\n':
		/* LF, CRLF or CRCRLF */
		in->m->facts.cr_changed += in->cr == 2;
		in->cr = 0;
		return take_line_end(in, err);
	case '\r':
		if (in->cr == 2 && !take_bare_crs(in, 1, err))
			return false;
		in->cr++;
		return true;
	default:
		in->m->facts.nul_removed++;
		return true;
	}
}

static inline size_t
find(const char *s, size_t n, size_t pos, int c)
{
	const char *at = memchr(s + pos, c, n - pos);

	return at ? (size_t)(at - s) : n;
}

/* The common case, and nothing else: lines of the body that are whole, end in LF, do not start with
 * a dot and fit into the room. There is neither CR nor NUL before END. Returns where it stopped. */
static size_t
take_lines(struct intake *in, const char *s, size_t pos, size_t end)
{
	struct message_facts *facts = &in->m->facts;
	const char *from = s + pos, *at = from, *lf;
	char *out = in->out;
	uint64_t longest = facts->longest_line;
	size_t n;

	while ((lf = memchr(at, '\n', (size_t)(s + end - at))) && *at != '.') {
		n = (size_t)(lf - at);
		if (n + 2 > (size_t)(in->end - out))
			break;
		memcpy(out, at, n);
		memcpy(out + n, "\r\n", 2);
		out += n + 2;
		longest = n > longest ? n : longest;
		at = lf + 1;
	}
	if (at > from) {
		in->out = out;
		in->dot_last = false;
		facts->longest_line = longest;
		if (!facts->body_8bit)
			facts->body_8bit = text_is_8bit(from, (size_t)(at - from));
	}
	return (size_t)(at - s);
}

/* Where the next octet of each special kind is: every kind is looked for by memchr, which runs at
 * the speed of memory, and looked for again only when the last one found has been passed. Text
 * without CR and NUL is thus searched for them once a block. */
bool
intake_feed(struct intake *in, const char *s, size_t n, struct error *err)
{
	size_t lf = find(s, n, 0, '\n'), cr = find(s, n, 0, '\r'), nul = find(s, n, 0, '\0');
	size_t pos = 0, stop;

	/* every octet a line of its own; two CRs and what the header line held come on top */
	in->want = 2 * n + 8;
	while (pos < n && !in->ended) {
		if (cr < pos)
			cr = find(s, n, pos, '\r');
		if (nul < pos)
			nul = find(s, n, pos, '\0');
		if (in->body && in->at == INTAKE_START && !in->cr)
			pos = take_lines(in, s, pos, cr < nul ? cr : nul);
		if (lf < pos)
			lf = find(s, n, pos, '\n');
		stop = lf < cr ? lf : cr;
		stop = stop < nul ? stop : nul;
		if (stop > pos) {
			if (!take_bare_crs(in, in->cr, err))
				return false;
			if (in->ended)
				break;
			if (!take_text(in, s + pos, stop - pos, err))
				return false;
		}
		if (stop < n && !take_special(in, s[stop], err))
			return false;
		pos = stop + 1;
	}
	return true;
}

bool
intake_finish(struct intake *in, struct error *err)
{
	struct message_facts *facts = &in->m->facts;

	in->want = 8;
	if (!take_bare_crs(in, in->cr, err))
		return false;
	if (in->at != INTAKE_START && !in->ended && !take_line_end(in, err))
		return false;
	commit(in);
	if (in->dot_last && in->how->dot_is_last_line && !in->how->dot_ends) {
		message_take_back(in->m, 3);
		in->dots--;
	}
	if (in->dots && !facts->longest_line)
		facts->longest_line = 1;
	message_update_header_facts(in->m);
	return true;
}

/* read(2), also from a descriptor that somebody else made non-blocking. */
static ssize_t
read_block(int fd, char *block)
{
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t got;

	while ((got = io_read(fd, block, BLOCK)) < 0 && errno == EAGAIN)
		poll(&p, 1, -1);
	return got;
}

static bool
read_all(struct intake *in, int fd, char *block, struct error *err)
{
	bool widened = false;
	ssize_t got;

	in->m->facts.empty_input = true;
	while (!in->ended) {
		got = read_block(fd, block);
		if (got < 0)
			return error_sys(err, FAULT_NOINPUT, errno, "unable to read the message");
		if (!got)
			break;
		in->m->facts.empty_input = false;
		if (!intake_feed(in, block, (size_t)got, err))
			return false;
		if (in->m->fd >= 0 && !widened) {
			/* a long message through a pipe of 64 KiB would need four times the calls
			 */
			(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
			widened = true;
		}
	}
	return intake_finish(in, err);
}

bool
message_read(struct message *m, int fd, const struct message_reading *how, struct error *err)
{
	struct intake in;
	char *block = xmalloc(BLOCK);
	bool good;

	intake_init(&in, m, how);
	good = read_all(&in, fd, block, err);
	intake_done(&in);
	free(block);
	return good;
}
