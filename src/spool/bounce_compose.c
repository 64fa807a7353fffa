/* The message that a notification is. */
#include <string.h>

#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "header.h"
#include "message.h"
#include "part.h"
#include "text.h"

#define TEXT_MAX   (1 << 20)
#define STATUS_MAX (64 << 20)
#define FULL_MAX   (1 << 20)

/* Begins a part; its content is written by the caller. */
static bool
begin_part(struct multipart *mp, struct message *m, const char *type, const char *description,
	enum encoding encoding, struct error *err)
{
	struct strbuf h = STRBUF_INIT(1024);
	bool good;

	strbuf_addf(&h, "Content-Type: %s\r\n", type);
	part_add_encoding(&h, encoding);
	strbuf_addf(&h, "Content-Description: %s\r\n", description);
	good = multipart_next(mp, m, &h, err);
	mp->has_8bit |= encoding == ENCODING_8BIT;
	strbuf_done(&h);
	return good;
}

static bool
write_part(struct message *m, const char *s, size_t n, enum encoding encoding, struct error *err)
{
	struct part_writer *w = part_writer_new(m, encoding);

	return part_writer_end(w, part_write(w, s, n, false, err), err);
}

static bool
add_text_part(struct multipart *mp, struct message *m, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how, struct error *err)
{
	struct strbuf text = STRBUF_INIT(TEXT_MAX);
	enum encoding encoding;
	bool good;

	bounce_add_text(&text, e, kind, how);
	encoding = text_is_8bit(text.s, text.len) ? ENCODING_QP : ENCODING_7BIT;
	good = begin_part(mp, m,
		       encoding == ENCODING_QP ? "text/plain; charset=utf-8"
					       : "text/plain; charset=us-ascii",
		       "What happened", encoding, err) &&
	       write_part(m, text.s, text.len, encoding, err);
	mp->line_end = encoding == ENCODING_7BIT;
	strbuf_done(&text);
	return good;
}

static bool
add_status_part(struct multipart *mp, struct message *m, const struct entry *e,
	enum bounce_kind kind, const struct bounce_settings *how, struct error *err)
{
	struct strbuf text = STRBUF_INIT(STATUS_MAX);
	bool good;

	bounce_add_status(&text, e, kind, how);
	good = !text.full || error_set(err, FAULT_DATA, "the report has too many recipients");
	good = good &&
	       begin_part(mp, m, "message/delivery-status", "Report for programs", ENCODING_7BIT,
		       err) &&
	       message_add_body(m, text.s, text.len, err);
	mp->line_end = true;
	strbuf_done(&text);
	return good;
}

/* RET (RFC 3461 4.3): the sender's wish, as far as the message is not too large; of one that
 * demanded TLS never, since the notification may have to go without (RFC 8689 section 5). */
static bool
is_whole_returned(const struct entry *e, enum bounce_kind kind, const struct bounce_settings *how)
{
	return kind == BOUNCE_FAILED && e->envelope.dsn_return != DSN_RETURN_HEADERS &&
	       e->envelope.wishes.tls < TLS_WISH_IF_OFFERED &&
	       message_size(&e->message) <= (how->full ? how->full : FULL_MAX);
}

static bool
add_header_part(struct multipart *mp, struct message *m, const struct entry *e, struct error *err)
{
	const struct message *o = &e->message;
	/* RFC 6533 section 6 for UTF-8; a text part may be encoded, whatever is in it */
	const char *type = o->facts.header_8bit ? "message/global-headers" : "text/rfc822-headers";
	enum encoding encoding = o->facts.header_8bit || o->facts.longest_header > MESSAGE_LINE
					 ? ENCODING_QP
					 : ENCODING_7BIT;

	return begin_part(mp, m, type, "Header of the message", encoding, err) &&
	       write_part(m, o->header.s, o->header.len, encoding, err);
}

static bool
add_whole_part(struct multipart *mp, struct message *m, const struct entry *e, struct error *err)
{
	const struct message *o = &e->message;
	bool is_8bit = o->facts.header_8bit || o->facts.body_8bit;
	enum encoding encoding = is_8bit ? ENCODING_8BIT : ENCODING_7BIT;
	const char *type = o->facts.header_8bit ? "message/global" : "message/rfc822";

	return begin_part(mp, m, type, "The message", encoding, err) &&
	       message_add_body(m, o->header.s, o->header.len, err) &&
	       message_add_body(m, "\r\n", 2, err) && part_copy(o, m, encoding, false, err);
}

/* "Not delivered: SUBJECT"; encoded-words of the original stay what they are. */
static void
add_subject(struct strbuf *header, const struct entry *e, enum bounce_kind kind)
{
	const struct strbuf *block = &e->message.header;
	struct strbuf text = STRBUF_INIT(HEADER_MAX), value = STRBUF_INIT(HEADER_MAX);
	struct header_field f;
	size_t pos = 0, n;

	strbuf_adds(&text, kind == BOUNCE_FAILED ? "Not delivered: " : "Delayed: ");
	n = text.len;
	if (header_find(block->s, block->len, &pos, "Subject", &f))
		header_add_unfolded(&text, &f);
	if (text.len == n)
		strbuf_adds(&text, "your message");
	/* a long one ends at a blank, so that no encoded-word is cut */
	for (n = text.len < 400 ? text.len : 400; n < text.len && text.s[n] != ' ' && n > 20; n--)
		;
	strbuf_truncate(&text, n);
	header_add_text(&value, strlen("Subject: "), text.s, text.len);
	header_append(header, "Subject", value.s);
	strbuf_done(&text);
	strbuf_done(&value);
}

static void
add_header(struct strbuf *header, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how, int64_t when)
{
	struct strbuf value = STRBUF_INIT(HEADER_MAX);
	char what[BOUNCE_WHAT], id[1024] = "";
	struct header_field f;
	size_t pos = 0;

	strbuf_addf(&value, "Mail Delivery System <mailer-daemon@%s>",
		how->domain ? how->domain : how->host);
	header_append(header, "From", value.s);
	strbuf_clear(&value);
	address_add_header(&value, &e->envelope.sender);
	header_append(header, "To", value.s);
	add_subject(header, e, kind);
	strbuf_clear(&value);
	clock_add_rfc5322(&value, (time_t)when);
	header_append(header, "Date", value.s);
	bounce_what(e, kind, what);
	strbuf_clear(&value);
	strbuf_addf(&value, "<%s.%s@%s>", e->id, what, how->host);
	header_append(header, "Message-ID", value.s);
	if (header_find(e->message.header.s, e->message.header.len, &pos, "Message-ID", &f)) {
		strbuf_clear(&value);
		header_add_unfolded(&value, &f);
		text_printable(id, sizeof(id), value.s, value.len);
		if (id[0] == '<' && strchr(id, '>') == id + strlen(id) - 1 && !strchr(id, ' ') &&
			!text_is_8bit(id, strlen(id)) && strlen(id) < 900)
			header_append(header, "In-Reply-To", id);
	}
	/* RFC 3834 5: who answers mail by itself leaves this one alone */
	header_append(header, "Auto-Submitted", "auto-replied");
	header_append(header, "MIME-Version", "1.0");
	strbuf_done(&value);
}

bool
bounce_compose(const struct entry *e, enum bounce_kind kind, const struct bounce_settings *how,
	int64_t when, struct message *ret, struct error *err)
{
	struct strbuf type = STRBUF_INIT(1024);
	struct multipart mp;
	bool good;

	message_init(ret);
	ret->directory = how->directory;
	ret->base = ENTRY_BLOCK;
	good = multipart_init(&mp, err) && add_text_part(&mp, ret, e, kind, how, err) &&
	       add_status_part(&mp, ret, e, kind, how, err) &&
	       (is_whole_returned(e, kind, how) ? add_whole_part(&mp, ret, e, err)
						: add_header_part(&mp, ret, e, err)) &&
	       multipart_end(&mp, ret, err);
	if (good) {
		add_header(&ret->header, e, kind, how, when);
		multipart_add_type(&mp, &type, "report");
		strbuf_adds(&type, ";\r\n report-type=delivery-status");
		header_append(&ret->header, "Content-Type", type.s);
		if (mp.has_8bit)
			header_append(&ret->header, "Content-Transfer-Encoding", "8bit");
		message_update_header_facts(ret);
	} else {
		message_done(ret);
	}
	strbuf_done(&type);
	return good;
}
