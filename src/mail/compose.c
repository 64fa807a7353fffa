#include "compose.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "alloc.h"
#include "error.h"
#include "header.h"
#include "intake.h"
#include "message.h"
#include "part.h"
#include "text.h"

#define BLOCK   (64 << 10)
#define COLUMNS 78 /* RFC 5322 2.1.1 */

/* A text on its way into the message. */
struct text {
	struct message octets; /* its body is the text, normalised */
	const char *type;      /* without charset where CHARSET is set */
	bool charset;          /* "; charset=utf-8" is added */
	enum encoding encoding;
};

/* The field NAME among the headers that were given; false if there is none. */
static bool
find_given(const struct composition *what, const char *name, const char **ret_value)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < what->header_count; i++) {
		if (strncasecmp(what->headers[i], name, n) == 0 && what->headers[i][n] == ':') {
			*ret_value = what->headers[i] + n + 1;
			return true;
		}
	}
	return false;
}

static bool
is_given(const struct composition *what, const char *name)
{
	const char *value;

	return find_given(what, name, &value);
}

static bool
check(const struct composition *what, struct error *err)
{
	const char *value;

	if (what->subject && text_has_control(what->subject, strlen(what->subject)))
		return error_set(err, FAULT_DATA,
			"unable to use the subject: it has controls or is no UTF-8");
	for (size_t i = 0; i < what->header_count; i++)
		if (!header_check_line(what->headers[i], strlen(what->headers[i]), err))
			return false;
	if (is_given(what, "Content-Transfer-Encoding"))
		return error_set(err, FAULT_DATA,
			"unable to use the header field Content-Transfer-Encoding: the content "
			"decides it");
	if (find_given(what, "Content-Type", &value) &&
		strncasecmp(value + strspn(value, " \t"), "text/", 5) != 0)
		return error_set(err, FAULT_DATA,
			"unable to use the header field Content-Type: only that of a text can be "
			"chosen");
	return true;
}

static void
add_addresses(struct strbuf *block, const char *name, const struct address *v, size_t n)
{
	struct strbuf one = STRBUF_INIT(HEADER_MAX);
	size_t column = strlen(name) + 1;

	if (!n)
		return;
	strbuf_addf(block, "%s:", name);
	for (size_t i = 0; i < n; i++) {
		strbuf_clear(&one);
		address_add_header(&one, &v[i]);
		if (i && column + 1 + one.len + 1 > COLUMNS) {
			strbuf_adds(block, "\r\n");
			column = 0;
		}
		strbuf_addf(block, " %s%s", one.s, i + 1 < n ? "," : "");
		column += 1 + one.len + 1;
		block->full |= one.full;
	}
	strbuf_adds(block, "\r\n");
	strbuf_done(&one);
}

/* A field that was given by name. Its text is encoded where that can be done; an address that is
 * not ASCII stays and asks the server for SMTPUTF8. */
static void
add_given(struct strbuf *block, const char *line)
{
	struct strbuf field = STRBUF_INIT(HEADER_MAX);
	const size_t before = block->len;
	struct header_field f;
	struct error ignored = ERROR_NONE;
	size_t pos = 0;

	strbuf_addf(&field, "%s\r\n", line);
	block->full |= field.full;
	if (header_next(field.s, field.len, &pos, &f)) {
		strbuf_add(block, f.name, (size_t)(f.value - f.name));
		if (message_encode_field(block, &f, &ignored)) {
			strbuf_adds(block, "\r\n");
		} else {
			strbuf_truncate(block, before);
			strbuf_add(block, field.s, field.len);
		}
	}
	strbuf_done(&field);
}

static void
add_fields(const struct composition *what, struct strbuf *block)
{
	const struct {
		const char *name;
		const struct address_list *list;
	} lists[] = { { "To", what->to }, { "Cc", what->cc }, { "Reply-To", what->reply_to } };
	const char *subject = what->subject;

	if (what->from && !is_given(what, "From"))
		add_addresses(block, "From", what->from, 1);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (lists[i].list && !is_given(what, lists[i].name))
			add_addresses(block, lists[i].name, lists[i].list->v, lists[i].list->n);
	if (subject && !is_given(what, "Subject")) {
		strbuf_adds(block, "Subject: ");
		header_add_text(block, strlen("Subject: "), subject, strlen(subject));
		strbuf_adds(block, "\r\n");
	}
	for (size_t i = 0; i < what->header_count; i++)
		if (strncasecmp(what->headers[i], "Content-Type:", 13) != 0)
			add_given(block, what->headers[i]);
	if (!is_given(what, "MIME-Version"))
		strbuf_adds(block, "MIME-Version: 1.0\r\n");
}

/* Decides about the encoding of a text. */
static bool
choose(struct text *t, const char *name, struct error *err)
{
	struct message_reader r = { &t->octets, t->octets.header.len + 2 };
	struct part_count count = { 0 };
	struct text_utf8 utf8 = { 0 };
	char *block;
	ssize_t got;

	if (!t->octets.facts.body_8bit && t->octets.facts.longest_line <= MESSAGE_LINE) {
		t->encoding = ENCODING_7BIT;
		return true;
	}
	block = xmalloc(BLOCK);
	while ((got = message_reader_get(&r, block, BLOCK, err)) > 0) {
		part_count_add(&count, block, (size_t)got);
		text_utf8_feed(&utf8, block, (size_t)got);
	}
	free(block);
	text_utf8_end(&utf8);
	if (got < 0)
		return false;
	if (utf8.bad)
		return error_set(err, FAULT_DATA, "unable to use %s as text: it is no UTF-8", name);
	t->encoding = part_prefers_qp(&count) ? ENCODING_QP : ENCODING_BASE64;
	return true;
}

static bool
take_string(struct text *t, const char *s, const struct message_reading *how, struct error *err)
{
	struct intake in;
	bool good;

	intake_init(&in, &t->octets, how);
	good = intake_feed(&in, s, strlen(s), err) && intake_finish(&in, err);
	intake_done(&in);
	return good;
}

/* Takes the text of the message, or nothing where none is given. */
static bool
take_body(const struct composition *what, struct text *t, struct error *err)
{
	const struct message_reading how = { .directory = what->directory, .body_only = true };
	const char *name = what->body || !what->body_name ? "the text" : what->body_name;

	if (what->body) {
		if (!take_string(t, what->body, &how, err))
			return false;
	} else if (what->body_fd >= 0 && !message_read(&t->octets, what->body_fd, &how, err)) {
		return error_prefix(err, "%s", name);
	}
	return choose(t, name, err);
}

static bool
take_html(const struct composition *what, struct text *t, struct error *err)
{
	const struct message_reading how = { .directory = what->directory, .body_only = true };

	return take_string(t, what->html, &how, err) && choose(t, "the HTML", err);
}

static void
add_text_fields(struct strbuf *out, const struct text *t)
{
	strbuf_addf(out, "Content-Type: %s%s\r\n", t->type + strspn(t->type, " \t"),
		t->charset ? "; charset=utf-8" : "");
	part_add_encoding(out, t->encoding);
}

static bool
write_text_part(const struct text *t, struct multipart *mp, struct message *m, struct error *err)
{
	struct strbuf h = STRBUF_INIT(HEADER_MAX);
	bool good;

	add_text_fields(&h, t);
	good = multipart_next(mp, m, &h, err) && part_copy(&t->octets, m, t->encoding, false, err);
	mp->line_end = t->encoding == ENCODING_BASE64;
	strbuf_done(&h);
	return good;
}

/* The same text twice, plain first (RFC 2046 5.1.4). */
static bool
write_alternative(const struct text *text, const struct text *html, struct multipart *mp,
	struct message *m, struct error *err)
{
	return write_text_part(text, mp, m, err) && write_text_part(html, mp, m, err) &&
	       multipart_end(mp, m, err);
}

/* What there is to write: either text may be NULL. */
struct content {
	const struct text *text, *html;
	struct attachment *attachments;
	size_t count;
};

static bool
write_alternative_part(
	const struct content *c, struct multipart *outer, struct message *m, struct error *err)
{
	struct multipart inner;
	struct strbuf h = STRBUF_INIT(1024);
	bool good = multipart_init(&inner, err);

	if (good) {
		strbuf_adds(&h, "Content-Type: ");
		multipart_add_type(&inner, &h, "alternative");
		strbuf_adds(&h, "\r\n");
		good = multipart_next(outer, m, &h, err) &&
		       write_alternative(c->text, c->html, &inner, m, err);
		outer->line_end = true;
	}
	strbuf_done(&h);
	return good;
}

static bool
write_multipart(const struct content *c, struct message *m, struct error *err)
{
	const struct text *only = c->text ? c->text : c->html;
	struct multipart mp;
	bool good = multipart_init(&mp, err);

	if (good && !c->count)
		good = write_alternative(c->text, c->html, &mp, m, err);
	else if (good && c->text && c->html)
		good = write_alternative_part(c, &mp, m, err);
	else if (good && only)
		good = write_text_part(only, &mp, m, err);
	for (size_t i = 0; good && i < c->count; i++)
		good = attachment_write(&c->attachments[i], &mp, m, err);
	if (!good || (c->count && !multipart_end(&mp, m, err)))
		return false;
	strbuf_adds(&m->header, "Content-Type: ");
	multipart_add_type(&mp, &m->header, c->count ? "mixed" : "alternative");
	strbuf_adds(&m->header, "\r\n");
	if (mp.has_8bit)
		part_add_encoding(&m->header, ENCODING_8BIT);
	return true;
}

static bool
write_content(const struct content *c, struct message *m, struct error *err)
{
	const struct text *only = c->text ? c->text : c->html;

	if (c->count || (c->text && c->html))
		return write_multipart(c, m, err);
	add_text_fields(&m->header, only);
	return part_copy(&only->octets, m, only->encoding, false, err);
}

static bool
take_texts(const struct composition *what, struct text *text, struct text *html, struct error *err)
{
	const char *given;

	if (find_given(what, "Content-Type", &given)) {
		text->type = given;
		text->charset = !strcasestr(given, "charset");
	}
	return take_body(what, text, err) && (!what->html || take_html(what, html, err));
}

static bool
build(const struct composition *what, struct attachment *attachments, struct message *m,
	struct error *err)
{
	struct text text = { MESSAGE_NONE, "text/plain", true, ENCODING_7BIT };
	struct text html = { MESSAGE_NONE, "text/html", true, ENCODING_7BIT };
	const bool has_text = what->body || what->body_fd >= 0;
	const struct content c = {
		.text = has_text || (!what->html && !what->attachment_count) ? &text : NULL,
		.html = what->html ? &html : NULL,
		.attachments = attachments,
		.count = what->attachment_count,
	};
	bool good = take_texts(what, &text, &html, err);

	if (good) {
		add_fields(what, &m->header);
		good = write_content(&c, m, err);
	}
	if (good && m->header.full)
		good = error_set(err, FAULT_DATA, "the header of the message is too large");
	message_done(&text.octets);
	message_done(&html.octets);
	if (!good)
		return false;
	message_update_header_facts(m);
	(void)message_fold_header(m);
	return true;
}

bool
compose(const struct composition *what, struct message *m, struct error *err)
{
	struct attachment *files = xcalloc(what->attachment_count, sizeof(*files));
	size_t opened = 0;
	bool good = check(what, err);

	message_init(m);
	m->directory = what->directory;
	for (; good && opened < what->attachment_count; opened++)
		good = attachment_open(&files[opened], what->attachments[opened], err);
	good = good && build(what, files, m, err);
	while (opened)
		attachment_close(&files[--opened]);
	free(files);
	if (!good)
		message_done(m);
	return good;
}
