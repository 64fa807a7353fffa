/* Long header lines. */
#include <string.h>

#include "header.h"
#include "message.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where in the line S (N octets, without CRLF) a line break may go: in front of the last blank
 * within MESSAGE_LINE, or else of the first one behind; neither part may be blank (RFC 5322 3.2.2).
 * 0 if there is no such place. */
static size_t
fold_place(const char *s, size_t n)
{
	size_t first = 0, place = 0;

	while (first < n && is_blank(s[first]))
		first++;
	while (n && is_blank(s[n - 1]))
		n--;
	for (size_t i = first; i < n; i++) {
		if (!is_blank(s[i]) || is_blank(s[i - 1]))
			continue;
		if (place && i > MESSAGE_LINE)
			break;
		place = i;
		if (i > MESSAGE_LINE)
			break;
	}
	return place;
}

bool
message_fold_header(struct message *m)
{
	struct strbuf block = STRBUF_INIT(HEADER_MAX);
	const char *s = m->header.s, *end = s + m->header.len, *feed;
	size_t n, place;

	if (m->facts.longest_header <= MESSAGE_LINE)
		return true;
	for (; s < end; s = feed + 1) {
		feed = memchr(s, '\n', (size_t)(end - s));
		if (!feed)
			feed = end - 1;
		for (;;) {
			n = (size_t)(feed - s) - 1;
			place = n > MESSAGE_LINE ? fold_place(s, n) : 0;
			if (!place)
				break;
			strbuf_add(&block, s, place);
			strbuf_adds(&block, "\r\n");
			s += place;
		}
		strbuf_add(&block, s, (size_t)(feed + 1 - s));
	}
	/* the breaks may not fit into a block that is almost full */
	if (!block.full)
		strbuf_move(&m->header, &block);
	strbuf_done(&block);
	message_update_header_facts(m);
	return m->facts.longest_header <= MESSAGE_LINE;
}
