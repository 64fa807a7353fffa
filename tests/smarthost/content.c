/* The content of a message: DATA with its dots (RFC 5321 section 4.5.2), BDAT (RFC 3030). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "smarthost.h"
#include "text.h"

/* Where in the content of DATA the next octet stands. */
enum data_state {
	MIDDLE, /* in a line */
	CR,     /* a CR is held back */
	START,  /* behind a CRLF or at the beginning */
	DOT,    /* a dot that began a line is held back */
	DOT_CR  /* the same and a CR */
};

/* The longest run of ordinary octets at S. */
static size_t
run(const char *s, size_t n)
{
	const char *cr = memchr(s, '\r', n);

	return cr ? (size_t)(cr - s) : n;
}

/* Takes octets of DATA out of S; returns how many, sets *RET_END at the end of the data. */
static size_t
data_take(struct record *r, enum data_state *state, const char *s, size_t n, bool *ret_end)
{
	size_t at = 0, length;

	while (at < n) {
		switch (*state) {
		case START:
			*state = s[at] == '.' ? DOT : MIDDLE;
			at += *state == DOT;
			break;
		case DOT:
			*state = s[at] == '\r' ? DOT_CR : MIDDLE;
			at += *state == DOT_CR;
			break;
		case DOT_CR:
			if (s[at] == '\n') {
				*ret_end = true;
				return at + 1;
			}
			*state = CR;
			break;
		case CR:
			record_add(r, "\r", 1);
			if (s[at] == '\n')
				record_add(r, s + at++, 1), *state = START;
			else
				*state = MIDDLE;
			break;
		case MIDDLE:
			length = run(s + at, n - at);
			record_add(r, s + at, length);
			at += length;
			if (at < n)
				at++, *state = CR;
			break;
		}
	}
	return n;
}

static bool
too_large(const struct session *s)
{
	return s->config->size_limit && s->record.size > s->config->size_limit;
}

/* The reply to the end of the data, and everything that hangs on it. False: hang up. */
static bool
finish(struct session *s, const char *via)
{
	unsigned number;

	s->messages++;
	if (s->steer == 'd')
		return false;
	if (s->steer == 't') {
		smtp_reply(s, 451, "4.3.0", "not now");
	} else if (s->steer == 'p') {
		smtp_reply(s, 554, "5.6.0", "content refused");
	} else if (too_large(s)) {
		smtp_reply(s, 552, "5.3.4", "message too large");
	} else {
		number = record_commit(s, via);
		if (number && s->steer == 'l')
			return false;
		if (number)
			smtp_reply(s, 250, "2.0.0", "accepted as %06u", number);
		else
			smtp_reply(s, 452, "4.3.1", "cannot record the message");
	}
	smtp_reset(s);
	return true;
}

/* What forbids content now; answers and returns false. */
static bool
transaction_ready(struct session *s)
{
	if (!s->sender.address) {
		smtp_reply(s, 503, "5.5.1", "MAIL first");
		return false;
	}
	if (!s->recipient_count) {
		smtp_reply(s, 554, "5.5.1", "no valid recipients");
		return false;
	}
	return true;
}

static bool
recording_start(struct session *s)
{
	if (s->recording)
		return true;
	s->recording = record_open(&s->record, s->config);
	if (!s->recording)
		smtp_reply(s, 452, "4.3.1", "cannot record the message");
	return s->recording;
}

bool
content_data(struct session *s)
{
	enum data_state state = START;
	bool end = false;
	struct link *l = &s->link;

	if (s->chunking) {
		smtp_reply(s, 503, "5.5.1", "DATA after BDAT");
		return true;
	}
	if (!transaction_ready(s) || !recording_start(s))
		return true;
	smtp_reply(s, 354, NULL, "go on");
	while (!end) {
		if (!link_fill(l))
			return false;
		l->at += data_take(&s->record, &state, l->in + l->at, l->end - l->at, &end);
	}
	return finish(s, "DATA");
}

/* Reads N octets of a chunk, into the record where WANTED. */
static bool
chunk_read(struct session *s, uint64_t n, bool wanted)
{
	struct link *l = &s->link;
	size_t part;

	while (n) {
		if (!link_fill(l))
			return false;
		part = l->end - l->at < n ? l->end - l->at : (size_t)n;
		if (wanted)
			record_add(&s->record, l->in + l->at, part);
		l->at += part;
		n -= part;
	}
	return true;
}

bool
content_bdat(struct session *s, const char *argument)
{
	char number[24] = "";
	uint64_t n;
	bool last, wanted;
	size_t digits = strspn(argument, "0123456789");

	if (digits && digits < sizeof(number))
		memcpy(number, argument, digits);
	last = strcasecmp(argument + digits, " LAST") == 0;
	if (!text_number(number, 0, UINT64_MAX >> 1, &n) || (!last && argument[digits])) {
		/* how many octets follow is not known: nothing that comes can be trusted */
		smtp_reply(s, 501, "5.5.4", "BDAT SIZE [LAST]");
		return false;
	}
	if (!n && !last) {
		smtp_reply(s, 551, "5.7.1", "empty chunk");
		return true;
	}
	/* the octets are taken in any case, RFC 3030 section 2 */
	wanted = !s->chunk_failed && s->sender.address && s->recipient_count &&
		 (s->recording || record_open(&s->record, s->config));
	s->recording |= wanted;
	if (!chunk_read(s, n, wanted))
		return false;
	s->chunking = s->sender.address != NULL;
	s->chunks++;
	if (!wanted) {
		if (s->chunk_failed)
			smtp_reply(s, 503, "5.5.1", "an earlier chunk was refused");
		else if (transaction_ready(s))
			smtp_reply(s, 452, "4.3.1", "cannot record the message");
		s->chunk_failed = s->chunking;
		return true;
	}
	if (last)
		return finish(s, "BDAT");
	if (too_large(s)) {
		s->chunk_failed = true;
		smtp_reply(s, 552, "5.3.4", "message too large");
	} else {
		smtp_reply(s, 250, "2.0.0", "%llu octets", (unsigned long long)n);
	}
	return true;
}
