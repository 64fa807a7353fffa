/* Reads any octets as a message and checks what is promised of it: every line ends in CRLF,
 * there is no NUL and no other CR, sizes are right, and what is re-encoded decodes to the same
 * text. The first octet chooses how it is read and into which pieces it is cut. */
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/qp.h"
#include "error.h"
#include "fuzz.h"
#include "header.h"
#include "intake.h"
#include "message.h"
#include "text.h"

#define CAP (4 << 20)

static void
take(const struct message *m, size_t piece, struct strbuf *out)
{
	struct message_reader r;
	struct error err = ERROR_NONE;
	ssize_t got;

	strbuf_clear(out);
	message_reader_init(&r, m);
	while ((got = message_reader_get(&r, strbuf_reserve(out, piece), piece, &err)) > 0)
		strbuf_advance(out, (size_t)got);
	check(got == 0 && out->len == message_size(m));
}

static void
check_lines(const struct strbuf *s)
{
	check(!memchr(s->s, '\0', s->len));
	for (size_t i = 0; i < s->len; i++) {
		check(s->s[i] != '\r' || s->s[i + 1] == '\n');
		check(s->s[i] != '\n' || (i && s->s[i - 1] == '\r'));
	}
	check(s->len >= 2 && s->s[s->len - 1] == '\n');
}

static void
check_facts(const struct message *m, const struct strbuf *all)
{
	const char *body = all->s + m->header.len + 2, *end = all->s + all->len, *lf;
	uint64_t longest = 0;

	for (const char *s = body; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		if ((uint64_t)(lf - s) - 1 > longest)
			longest = (uint64_t)(lf - s) - 1;
	}
	check(longest == m->facts.longest_line);
	check(m->facts.body_size == (uint64_t)(end - body));
	check(m->facts.body_8bit == text_is_8bit(body, (size_t)(end - body)));
	check(m->facts.header_8bit == text_is_8bit(m->header.s, m->header.len));
	check(!m->facts.headerless || !m->header.len);
	check(!m->header.len || header_is_field(m->header.s, strcspn(m->header.s, "\r")));
}

static void
check_reencoded(const struct message *m, const struct strbuf *all)
{
	struct strbuf coded = STRBUF_INIT(CAP), back = STRBUF_INIT(CAP);
	struct message to;
	struct error err = ERROR_NONE;
	const char *why = NULL;
	size_t start = m->header.len + 2;

	if (!message_can_reencode(m, &why)) {
		check(why && *why);
		return;
	}
	check(message_reencode(m, &to, &err));
	take(&to, 4096, &coded);
	check_lines(&coded);
	check(qp_decode(&back, coded.s + to.header.len + 2, coded.len - to.header.len - 2));
	check(back.len == all->len - start && !memcmp(back.s, all->s + start, back.len));
	check(!message_can_reencode(&to, &why));
	message_done(&to);
	strbuf_done(&coded);
	strbuf_done(&back);
}

static void
check_header(struct message *m)
{
	struct strbuf block = STRBUF_INIT(CAP);
	struct error err = ERROR_NONE;
	struct header_field f;
	size_t before = 0, after = 0, pos;

	for (pos = 0; header_next(m->header.s, m->header.len, &pos, &f);)
		before++;
	if (message_encode_header(m, &err)) {
		check(!m->facts.header_8bit && !text_is_8bit(m->header.s, m->header.len));
		for (pos = 0; header_next(m->header.s, m->header.len, &pos, &f); after++)
			check(f.name_len > 0);
		check(before == after);
	} else {
		check(err.fault == FAULT_DATA && *err.text);
	}
	message_fold_header(m);
	strbuf_add(&block, m->header.s, m->header.len);
	strbuf_adds(&block, "\r\n");
	check_lines(&block);
	strbuf_done(&block);
}

/* The same octets in pieces give the same message. */
static void
check_pieces(const uint8_t *data, size_t size, size_t piece, const struct message_reading *how,
	const struct strbuf *all)
{
	struct strbuf out = STRBUF_INIT(CAP);
	struct message m = MESSAGE_NONE;
	struct intake in;
	struct error err = ERROR_NONE;
	size_t n;

	intake_init(&in, &m, how);
	for (; size && !in.ended; data += n, size -= n) {
		n = size < piece ? size : piece;
		check(intake_feed(&in, (const char *)data, n, &err));
	}
	check(intake_finish(&in, &err));
	intake_done(&in);
	take(&m, 65536, &out);
	check(out.len == all->len && !memcmp(out.s, all->s, out.len));
	message_done(&m);
	strbuf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct message_reading how = { 0 };
	struct strbuf all = STRBUF_INIT(CAP);
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	uint8_t way = size ? data[0] : 0;

	if (size)
		data++, size--;
	how.dot_ends = way & 1;
	how.dot_is_last_line = way & 2;
	how.dot_doubled = way & 4;
	how.body_only = way & 8;
	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size &&
		lseek(fd, 0, SEEK_SET) == 0);
	if (message_read(&m, fd, &how, &err)) {
		check(m.facts.empty_input == !size);
		take(&m, 1000, &all);
		check_lines(&all);
		check_facts(&m, &all);
		check_pieces(data, size, (size_t)(way >> 4) + 1, &how, &all);
		check_reencoded(&m, &all);
		check_header(&m);
	} else {
		check(err.fault == FAULT_DATA);
	}
	message_done(&m);
	strbuf_done(&all);
	return 0;
}
