#include "header.h"

#include <string.h>
#include <strings.h>

#include "address.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* How many octets of LINE are a field name (RFC 5322 2.2). */
static size_t
name_length(const char *line, size_t n)
{
	size_t i = 0;

	while (i < n && line[i] > 32 && line[i] < 127 && line[i] != ':')
		i++;
	return i;
}

bool
header_is_field(const char *line, size_t n)
{
	size_t name = name_length(line, n), i = name;

	while (i < n && is_blank(line[i]))
		i++;
	return name && i < n && line[i] == ':';
}

bool
header_next(const char *block, size_t n, size_t *pos, struct header_field *ret)
{
	const char *start = block + *pos, *end = start, *last = block + n, *feed, *colon;

	if (*pos >= n)
		return false;
	do {
		feed = memchr(end, '\n', (size_t)(last - end));
		end = feed ? feed + 1 : last;
	} while (end < last && is_blank(*end));
	*pos = (size_t)(end - block);
	*ret = (struct header_field){
		.name = start,
		.value = start,
		.start = (size_t)(start - block),
		.end = *pos,
	};
	if (header_is_field(start, (size_t)(end - start))) {
		ret->name_len = name_length(start, (size_t)(end - start));
		colon = memchr(start, ':', (size_t)(end - start));
		ret->value = colon + 1;
	}
	if (end > ret->value && end[-1] == '\n')
		end--;
	if (end > ret->value && end[-1] == '\r')
		end--;
	ret->value_len = (size_t)(end - ret->value);
	return true;
}

bool
header_is(const struct header_field *f, const char *name)
{
	return f->name_len == strlen(name) && !strncasecmp(f->name, name, f->name_len);
}

bool
header_find(const char *block, size_t n, size_t *pos, const char *name, struct header_field *ret)
{
	while (header_next(block, n, pos, ret))
		if (header_is(ret, name))
			return true;
	return false;
}

bool
header_has(const char *block, size_t n, const char *name)
{
	struct header_field f;
	size_t pos = 0;

	return header_find(block, n, &pos, name, &f);
}

size_t
header_drop(struct strbuf *block, const char *name)
{
	struct header_field f;
	size_t pos = 0, kept = 0, dropped = 0;

	while (header_next(block->s, block->len, &pos, &f)) {
		if (header_is(&f, name)) {
			dropped++;
			continue;
		}
		if (dropped)
			memmove(block->s + kept, block->s + f.start, f.end - f.start);
		kept += f.end - f.start;
	}
	strbuf_truncate(block, kept);
	return dropped;
}

static void
insert(struct strbuf *block, size_t at, const char *name, const char *value)
{
	struct strbuf field = STRBUF_INIT(strlen(name) + strlen(value) + 4);

	strbuf_addf(&field, "%s: %s\r\n", name, value);
	strbuf_insert(block, at, field.s, field.len);
	strbuf_done(&field);
}

void
header_prepend(struct strbuf *block, const char *name, const char *value)
{
	insert(block, 0, name, value);
}

void
header_append(struct strbuf *block, const char *name, const char *value)
{
	insert(block, block->len, name, value);
}

void
header_add_unfolded(struct strbuf *out, const struct header_field *f)
{
	const char *s = f->value, *end = s + f->value_len, *run;

	while (s < end && (is_blank(*s) || *s == '\r' || *s == '\n'))
		s++;
	while (end > s && (is_blank(end[-1]) || end[-1] == '\r' || end[-1] == '\n'))
		end--;
	for (; s < end; s++) {
		for (run = s; s < end && *s != '\r' && *s != '\n';)
			s++;
		strbuf_add(out, run, (size_t)(s - run));
	}
}

bool
header_check_line(const char *line, size_t n, struct error *err)
{
	size_t name = name_length(line, n);
	char shown[128];
	const char *why = NULL, *s, *end = line + n, *tab;

	if (!name || name == n || line[name] != ':')
		why = "it does not begin with a name and a colon";
	/* the tab is the only control that a value may have */
	for (s = line; !why; s = tab + 1) {
		tab = s < end ? memchr(s, '\t', (size_t)(end - s)) : NULL;
		if (!text_is_utf8(s, (size_t)((tab ? tab : end) - s)))
			why = "it is no UTF-8";
		else if (text_has_control(s, (size_t)((tab ? tab : end) - s)))
			why = "it has a line break or another control character";
		if (!tab)
			break;
	}
	if (!why)
		return true;
	text_printable(shown, sizeof(shown), line, n);
	return error_set(err, FAULT_DATA, "unable to use the header field '%s': %s", shown, why);
}

/* The fields of a Resent block (RFC 5322 3.6.6), as bits. */
static unsigned
resent_bit(const struct header_field *f)
{
	static const char *const names[] = { "Resent-To", "Resent-Cc", "Resent-Bcc", "Resent-From",
		"Resent-Sender", "Resent-Date", "Resent-Message-ID", "Resent-Reply-To" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (header_is(f, names[i]))
			return 1u << i;
	return 0;
}

#define RESENT_RECIPIENTS 7u /* To, Cc and Bcc of these */

/* Takes the Resent block at or behind *POS; *RET_SEEN says which fields it has. */
static bool
next_resent(const char *block, size_t n, size_t *pos, size_t *ret_start, size_t *ret_end,
	unsigned *ret_seen)
{
	struct header_field f;
	unsigned seen = 0, last = 0, bit;

	while (header_next(block, n, pos, &f)) {
		bit = resent_bit(&f);
		if (seen && (!bit || (bit != last && (seen & bit)))) {
			*pos = f.start;
			break;
		}
		if (bit && !seen)
			*ret_start = f.start;
		if (bit)
			*ret_end = f.end;
		seen |= bit;
		last = bit;
	}
	*ret_seen = seen;
	return seen != 0;
}

/* Finds the first Resent block with recipients; *RET_START and *RET_END are offsets. */
static bool
find_resent(const char *block, size_t n, size_t *ret_start, size_t *ret_end)
{
	unsigned seen;
	size_t pos = 0;

	while (next_resent(block, n, &pos, ret_start, ret_end, &seen))
		if (seen & RESENT_RECIPIENTS)
			return true;
	return false;
}

bool
header_first_resent(const char *block, size_t n, size_t *ret_start, size_t *ret_end)
{
	unsigned seen;
	size_t pos = 0;

	return next_resent(block, n, &pos, ret_start, ret_end, &seen);
}

bool
header_recipients(const char *block, size_t n, struct address_list *ret, struct error *err)
{
	size_t pos = 0, start = 0, end = 0, before = ret->n;
	bool resent = find_resent(block, n, &start, &end), wanted;
	struct header_field f;

	if (resent)
		pos = start, n = end;
	while (header_next(block, n, &pos, &f)) {
		if (resent)
			wanted = resent_bit(&f) & RESENT_RECIPIENTS;
		else
			wanted = header_is(&f, "To") || header_is(&f, "Cc") || header_is(&f, "Bcc");
		if (!wanted || address_list_parse(f.value, f.value_len, ret, err))
			continue;
		address_list_truncate(ret, before);
		return error_prefix(err, "%.*s field", (int)f.name_len, f.name);
	}
	return true;
}

void
header_clean(struct strbuf *block, bool keep_bcc)
{
	if (!keep_bcc) {
		header_drop(block, "Bcc");
		header_drop(block, "Resent-Bcc");
	}
	header_drop(block, "Return-Path");
	header_drop(block, "Content-Length");
}
