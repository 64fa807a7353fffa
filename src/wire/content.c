#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "header.h"
#include "session_state.h"

#define BLOCK (256 << 10)

/* The enhanced code that a server would have given. Returns false. */
static bool
with_code(struct error *err, unsigned short subject, unsigned short detail)
{
	if (err && !err->smtp)
		err->code = (struct enhanced){ 5, subject, detail };
	return false;
}

/* RFC 6531: without SMTPUTF8 a local part must be ASCII, and a domain goes as A-labels. */
static bool
fit_address(struct session *s, enum stage stage, const char *what, const struct address *a,
	struct error *err)
{
	struct strbuf shown = STRBUF_INIT(1024);
	bool good = true;

	if (s->smtputf8)
		return true;
	if (address_local_is_utf8(a))
		good = error_at(err, stage, FAULT_DATA,
			"%s does not offer SMTPUTF8, which the %s %s@%s needs", s->host, what,
			a->local, a->domain);
	else if (address_domain_is_utf8(a))
		good = address_add_smtp(&shown, a, true, err);
	strbuf_done(&shown);
	if (good)
		return true;
	if (err)
		err->stage = stage;
	return with_code(err, 6, 7);
}

bool
content_fit_sender(struct session *s, struct error *err)
{
	return fit_address(s, STAGE_MAIL, "sender", &s->envelope->sender, err);
}

bool
content_fit_recipient(struct session *s, const struct address *a, struct error *err)
{
	return fit_address(s, STAGE_RCPT, "recipient", a, err);
}

static bool
fit_addresses(struct session *s, struct error *err)
{
	struct envelope *e = s->envelope;
	struct error why;

	for (size_t i = 0; i < e->count; i++) {
		if (e->recipients[i].outcome != OUTCOME_PENDING)
			continue;
		why = (struct error)ERROR_NONE;
		if (!content_fit_recipient(s, &e->recipients[i].address, &why))
			recipient_fail(&e->recipients[i], &why);
	}
	return content_fit_sender(s, err);
}

/* The message as it will be sent, with a header block of its own. */
static struct message *
converted(struct session *s)
{
	struct message *m = &s->converted;

	if (!s->converted_used) {
		*m = *s->original;
		strbuf_init(&m->header, HEADER_MAX);
		strbuf_add(&m->header, s->original->header.s, s->original->header.len);
		s->converted_used = true;
		s->content = m;
	}
	return m;
}

static bool
refuse_change(struct session *s, const char *what, struct error *err)
{
	return error_at(err, STAGE_MAIL, FAULT_DATA,
		"%s does not offer %s, and strict-body forbids to "
		"re-encode the message",
		s->host, what);
}

static bool
fit_body(struct session *s, struct error *err)
{
	struct message encoded;
	const char *why;

	if (!s->original->facts.body_8bit || s->capability.eightbit)
		return true;
	if (s->settings->strict_body)
		return refuse_change(s, "8BITMIME", err);
	if (!message_can_reencode(s->original, &why)) {
		session_note(s,
			"the body was sent with 8-bit text although %s does not offer "
			"8BITMIME: %s",
			s->host, why);
		return true;
	}
	if (!message_reencode(s->original, &encoded, err))
		return false;
	s->converted = encoded;
	s->converted_used = s->body_converted = true;
	s->content = &s->converted;
	session_note(s, "the body was re-encoded as quoted-printable: %s does not offer 8BITMIME",
		s->host);
	return true;
}

static bool
fit_header(struct session *s, struct error *err)
{
	const struct message_facts *facts = &s->original->facts;

	if (!facts->header_8bit || s->smtputf8)
		return true;
	if (!facts->header_utf8 && s->capability.eightbit)
		return true; /* as everybody sends it; declared by BODY=8BITMIME */
	if (s->settings->strict_body)
		return refuse_change(s, "SMTPUTF8", err);
	if (!message_encode_header(converted(s), err)) {
		if (err && err->stage == STAGE_NONE)
			err->stage = STAGE_MAIL;
		return false;
	}
	session_note(s, "8-bit header fields were encoded: %s does not offer SMTPUTF8", s->host);
	return true;
}

bool
content_convert(struct session *s, struct error *err)
{
	const struct capability *c = &s->capability;
	uint64_t size;

	s->content = s->original;
	if (!fit_body(s, err) || !fit_header(s, err))
		return false;
	size = message_size(s->content);
	s->report->size = size;
	if (!c->size_max || size <= c->size_max)
		return true;
	error_at(err, STAGE_MAIL, FAULT_DATA,
		"the message has %llu octets, and %s takes at most %llu", (unsigned long long)size,
		s->host, (unsigned long long)c->size_max);
	return with_code(err, 3, 4);
}

bool
content_fit(struct session *s, struct error *err)
{
	const struct capability *c = &s->capability;
	const struct message_facts *facts = &s->original->facts;

	if (s->content_ready)
		return true;
	s->smtputf8 = c->smtputf8 && (envelope_needs_utf8(s->envelope) ||
					     (facts->header_8bit && facts->header_utf8));
	if (!fit_addresses(s, err) || !content_convert(s, err))
		return false;
	facts = &s->content->facts;
	s->eightbit = c->eightbit && (facts->body_8bit || facts->header_8bit);
	if ((s->envelope->dsn_notify || s->envelope->dsn_return || s->envelope->envid) && !c->dsn)
		session_note(s,
			"no delivery status notification was asked for: %s does not offer DSN",
			s->host);
	s->content_ready = true;
	return true;
}

static bool
put(struct session *s, const void *data, size_t n, struct error *err)
{
	s->tx.content_begun = true;
	return !n || stream_write(&s->stream, data, n, session_deadline(s, 3 * CLOCK_MINUTE), err);
}

/* Doubles the dots that begin a line (RFC 5321 4.5.2). *START: the block begins a line. */
static bool
put_stuffed(struct session *s, const char *data, size_t n, bool *start, struct error *err)
{
	const char *at = data, *end = data + n, *from = data, *dot;

	if (n && *start && *at == '.' && !put(s, ".", 1, err))
		return false;
	while ((dot = memmem(at, (size_t)(end - at), "\n.", 2))) {
		/* up to and with the dot; the next run begins with the same dot again */
		if (!put(s, from, (size_t)(dot + 2 - from), err))
			return false;
		from = dot + 1;
		at = dot + 2;
	}
	if (n)
		*start = end[-1] == '\n';
	return put(s, from, (size_t)(end - from), err);
}

static bool
write_content(struct session *s, bool dotted, struct error *err)
{
	struct message_reader reader;
	char *block = xmalloc(BLOCK);
	bool start = true, good = true;
	uint64_t total = 0;
	ssize_t n = 0;

	message_reader_init(&reader, s->content);
	while (good && (n = message_reader_get(&reader, block, BLOCK, err)) > 0) {
		total += (uint64_t)n;
		/* without a dot the last octet is the end, and it may leave at once */
		if (!dotted && total == message_size(s->content))
			session_progress(s, WIRE_SENT);
		good = dotted ? put_stuffed(s, block, (size_t)n, &start, err)
			      : put(s, block, (size_t)n, err);
	}
	free(block);
	if (good && n == 0 && total != message_size(s->content))
		good = error_set(
			err, FAULT_SOFTWARE, "the message changed its size while it was sent");
	good = good && n == 0;
	if (good && dotted)
		session_progress(s, WIRE_SENT);
	/* every message ends in CRLF; one that does not must not carry the dot as its last octet */
	if (good && dotted && !start)
		good = put(s, "\r\n", 2, err);
	if (good && dotted)
		good = put(s, ".\r\n", 3, err);
	s->tx.content_sent = good;
	return good;
}

static void
trace_content(struct session *s)
{
	struct strbuf note = STRBUF_INIT(128);

	strbuf_addf(&note, "content: %llu octets", (unsigned long long)message_size(s->content));
	session_trace(s, WIRE_TRACE_NOTE, note.s, note.len);
	strbuf_done(&note);
}

bool
content_write_dotted(struct session *s, struct error *err)
{
	trace_content(s);
	return write_content(s, true, err);
}

bool
content_write_plain(struct session *s, struct error *err)
{
	trace_content(s);
	return write_content(s, false, err);
}

void
content_done(struct session *s)
{
	if (s->body_converted)
		message_done(&s->converted);
	else if (s->converted_used)
		strbuf_done(&s->converted.header);
	s->content_ready = s->converted_used = s->body_converted = false;
	s->content = NULL;
}
