/* Fields must cover a block, what is dropped must be gone, and no text may become a field. */
#include "address.h"
#include "alloc.h"
#include "error.h"
#include "fuzz.h"
#include "header.h"
#include "strbuf.h"
#include "text.h"

static size_t
count_fields(const char *block, size_t n, bool whole)
{
	size_t pos = 0, end = 0, count = 0;
	struct header_field f;

	for (; header_next(block, n, &pos, &f); count++) {
		check(f.start == end && f.end == pos && f.end > f.start && f.end <= n);
		check(f.value >= f.name + f.name_len && f.value + f.value_len <= block + f.end);
		check(!whole || f.name_len);
		end = f.end;
	}
	check(pos >= n && end == n);
	return count;
}

static void
check_block(const char *text, size_t n)
{
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;
	struct header_field f;
	size_t pos = 0, left;

	left = count_fields(text, n, false);
	strbuf_add(&block, text, n);
	if (!header_recipients(text, n, &l, &err))
		check(err.fault == FAULT_DATA && !l.n);
	left -= header_drop(&block, "X");
	check(!header_has(block.s, block.len, "x"));
	check(count_fields(block.s, block.len, false) == left);
	header_clean(&block, false);
	check(!header_has(block.s, block.len, "bcc") &&
		!header_has(block.s, block.len, "resent-bcc") &&
		!header_has(block.s, block.len, "return-path") &&
		!header_has(block.s, block.len, "content-length"));
	while (header_next(block.s, block.len, &pos, &f)) {
		struct strbuf value CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);

		header_add_unfolded(&value, &f);
		check(!memchr(value.s, '\r', value.len) && !memchr(value.s, '\n', value.len));
	}
}

/* Written text must be printable ASCII in lines that are not too long, and one field. */
static void
check_text(size_t used, const char *text, size_t n)
{
	struct strbuf value CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	const char *line, *end;

	header_add_text(&value, used, text, n);
	for (line = value.s; *line; line = end) {
		end = strstr(line, "\r\n");
		end = end ? end + 2 : value.s + value.len;
		check(end - line < 990);
		check(line == value.s || *line == ' ' || *line == '\t');
		check(line == value.s || strspn(line, " \t") < strcspn(line, "\r") || !*line);
		for (const char *s = line; s < end; s++)
			check((*s > 31 && *s < 127) || *s == '\t' || *s == '\r' || *s == '\n');
	}
	header_append(&block, "X", value.s);
	check(count_fields(block.s, block.len, true) == 1);
}

static void
check_phrase(const char *text, size_t n)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);

	header_add_phrase(&out, text, n);
	check(!text_has_control(out.s, out.len) && !text_is_8bit(out.s, out.len));
	strbuf_adds(&out, " <bob@example.org>");
	check(address_list_parse(out.s, out.len, &l, NULL) && l.n == 1);
	check(!strcmp(l.v[0].local, "bob") && (l.v[0].name || !n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct error err = ERROR_NONE;

	check_block(text, size);
	check_text(size ? data[0] : 0, text, size);
	check_phrase(text, size);
	if (header_check_line(text, size, &err)) {
		strbuf_add(&block, text, size);
		strbuf_adds(&block, "\r\n");
		check(header_is_field(text, size) && count_fields(block.s, block.len, true) == 1);
	} else {
		check(err.fault == FAULT_DATA);
	}
	return 0;
}
