#include "verb_private.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "session_state.h"
#include "text.h"

/* Puts a line into the stream's buffer; SHOWN is what the trace gets. Whoever made the line has
 * checked what it is made of; that it is one line is checked again here, for all of them. */
static bool
say_shown(struct session *s, const char *line, size_t n, const char *shown, struct error *err)
{
	if (memchr(line, '\r', n) || memchr(line, '\n', n) || memchr(line, '\0', n))
		return error_set(err, FAULT_DATA, "a command holds a line end or NUL");
	session_trace(s, WIRE_TRACE_SENT, shown, strlen(shown));
	return stream_write(&s->stream, line, n, session_deadline(s, 3 * CLOCK_MINUTE), err) &&
	       stream_write(&s->stream, "\r\n", 2, session_deadline(s, 3 * CLOCK_MINUTE), err);
}

bool
verb_say(struct session *s, const struct strbuf *line, struct error *err)
{
	if (line->full)
		return error_set(err, FAULT_DATA, "a command line is too long");
	return say_shown(s, line->s, line->len, line->s, err);
}

bool
verb_say_word(struct session *s, const char *word, struct error *err)
{
	return say_shown(s, word, strlen(word), word, err);
}

enum move
verb_unexpected(struct session *s, enum verb verb, struct error *err)
{
	flight_refused(
		s, verb, err, "%s gave a reply that does not fit %s", s->host, verbs[verb].name);
	return MOVE_LOST;
}

static bool
write_nothing(struct session *s, size_t argument, struct error *err)
{
	(void)s, (void)argument, (void)err;
	return true;
}

static enum move
take_greeting(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (s->early && s->reply.code != 220) {
		flight_refused(s, VERB_GREETING, err, "%s is not available", s->host);
		return MOVE_LOST;
	}
	if (reply_class(&s->reply) == 2)
		return MOVE_ON;
	if (reply_class(&s->reply) == 3)
		return verb_unexpected(s, VERB_GREETING, err);
	flight_refused(s, VERB_GREETING, err, "%s is not available", s->host);
	/* RFC 5321 3.1: after a 554 greeting QUIT is in order */
	return MOVE_QUIT;
}

static bool
write_hello(struct session *s, const char *word, struct error *err)
{
	struct strbuf line = STRBUF_INIT(512);
	bool good;

	strbuf_addf(&line, "%s %s", word, s->settings->ehlo_name);
	good = verb_say(s, &line, err);
	strbuf_done(&line);
	return good;
}

static bool
write_ehlo(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return write_hello(s, "EHLO", err);
}

static bool
write_helo(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return write_hello(s, "HELO", err);
}

/* What went ahead was made for what the server offered the last time. */
static enum move
take_guessed_ehlo(struct session *s, struct error *err)
{
	if (reply_class(&s->reply) != 2 || !known_guessed_right(s)) {
		error_at(err, STAGE_EHLO, FAULT_TEMPORARY, "%s no longer offers what it did before",
			s->host);
		return MOVE_LOST;
	}
	s->early = false;
	s->greeted = true;
	return MOVE_ON;
}

static enum move
take_ehlo(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (s->early)
		return take_guessed_ehlo(s, err);
	switch (reply_class(&s->reply)) {
	case 2:
		capability_parse(&s->reply, &s->capability);
		s->greeted = true;
		return MOVE_ON;
	case 5:
		s->ehlo_refused = true;
		return MOVE_ON;
	case 4:
		flight_refused(s, VERB_EHLO, err, "%s refused EHLO", s->host);
		return MOVE_QUIT;
	default:
		return verb_unexpected(s, VERB_EHLO, err);
	}
}

static enum move
take_helo(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	s->capability = (struct capability){ 0 };
	if (reply_class(&s->reply) == 2) {
		s->greeted = true;
		return MOVE_ON;
	}
	if (reply_class(&s->reply) == 3)
		return verb_unexpected(s, VERB_HELO, err);
	flight_refused(s, VERB_HELO, err, "%s refused HELO", s->host);
	return MOVE_QUIT;
}

static bool
write_starttls(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return verb_say_word(s, "STARTTLS", err);
}

static enum move
take_starttls(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (reply_class(&s->reply) == 2)
		return MOVE_ON;
	if (reply_class(&s->reply) == 3)
		return verb_unexpected(s, VERB_STARTTLS, err);
	flight_refused(s, VERB_STARTTLS, err, "%s refused STARTTLS", s->host);
	return MOVE_QUIT;
}

static bool
write_auth(struct session *s, size_t argument, struct error *err)
{
	struct strbuf line = STRBUF_INIT_SECRET(SASL_MESSAGE + 64);
	char shown[64];
	bool good;

	(void)argument;
	strbuf_addf(&line, "AUTH %s", s->mechanism->name);
	snprintf(shown, sizeof(shown), "%s%s", line.s,
		s->mechanism->kind & SASL_FIRST ? " ***" : "");
	if (s->mechanism->kind & SASL_FIRST) {
		/* RFC 4954 section 4: an empty initial response is written as "=" */
		strbuf_addc(&line, ' ');
		strbuf_adds(&line, s->response.len ? s->response.s : "=");
	}
	good = say_shown(s, line.s, line.len, shown, err);
	strbuf_done(&line);
	return good;
}

static bool
write_auth_step(struct session *s, size_t cancel, struct error *err)
{
	if (cancel)
		return verb_say_word(s, "*", err);
	return say_shown(s, s->response.s, s->response.len, s->response.len ? "***" : "", err);
}

/* The login is refused for good or for now; the mechanism may be the reason. */
static void
refuse_login(struct session *s)
{
	const struct reply *r = &s->reply;
	bool password = r->enhanced.subject == 7 && r->enhanced.detail == 8;
	const char *complaint = s->sasl.complaint;

	flight_refused(s, VERB_AUTH, &s->auth_error, "%s refused the %s of %s%s%s%s", s->host,
		s->mechanism->kind & SASL_TOKEN ? "access token" : "login",
		s->settings->user ? s->settings->user : "this client",
		*complaint ? " (the server says: " : "", complaint, *complaint ? ")" : "");
	s->auth_unsupported = ((r->code >= 500 && r->code <= 504) || r->code == 534) && !password;
	/* nobody chose the ticket, and another try with a password does not harm it */
	if ((s->mechanism->kind & SASL_TICKET) && !s->settings->mechanism && r->code / 100 == 5)
		s->auth_unsupported = true;
}

static enum move
take_auth(struct session *s, size_t cancelled, struct error *err)
{
	s->auth_more = false;
	if (cancelled && reply_class(&s->reply) < 4)
		return verb_unexpected(s, VERB_AUTH, err);
	switch (reply_class(&s->reply)) {
	case 2:
		s->authenticated = true;
		s->after_auth = s->queue_count > 0;
		return MOVE_ON;
	case 3:
		if (s->queue_count) {
			/* the server asks for the response again and has taken the next command
			 * for it: out of step */
			s->wants_lockstep = true;
			return verb_unexpected(s, VERB_AUTH, err);
		}
		s->auth_more = true;
		return MOVE_ON;
	case 4:
	case 5:
		if (!cancelled)
			refuse_login(s);
		return MOVE_ON;
	default:
		return verb_unexpected(s, VERB_AUTH, err);
	}
}

static enum move
take_anything(struct session *s, size_t argument, struct error *err)
{
	(void)s, (void)argument, (void)err;
	return MOVE_ON;
}

static bool
write_quit(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return verb_say_word(s, "QUIT", err);
}

const struct verb_row verbs[VERB_COUNT] = {
	[VERB_GREETING] = { "the connection", STAGE_GREETING, 5 * CLOCK_MINUTE, false,
		write_nothing, take_greeting },
	[VERB_EHLO] = { "EHLO", STAGE_EHLO, 5 * CLOCK_MINUTE, false, write_ehlo, take_ehlo },
	[VERB_HELO] = { "HELO", STAGE_EHLO, 5 * CLOCK_MINUTE, false, write_helo, take_helo },
	[VERB_STARTTLS] = { "STARTTLS", STAGE_TLS, 2 * CLOCK_MINUTE, false, write_starttls,
		take_starttls },
	/* AUTH is pushed into a flight only with a mechanism that its initial response completes */
	[VERB_AUTH] = { "AUTH", STAGE_AUTH, 3 * CLOCK_MINUTE, true, write_auth, take_auth },
	[VERB_AUTH_STEP] = { "AUTH", STAGE_AUTH, 3 * CLOCK_MINUTE, false, write_auth_step,
		take_auth },
	[VERB_MAIL] = { "MAIL FROM", STAGE_MAIL, 5 * CLOCK_MINUTE, true, write_mail, take_mail },
	[VERB_RCPT] = { "RCPT TO", STAGE_RCPT, 5 * CLOCK_MINUTE, true, write_rcpt, take_rcpt },
	[VERB_DATA] = { "DATA", STAGE_DATA, 2 * CLOCK_MINUTE, false, write_data, take_data },
	[VERB_END] = { "the end of data", STAGE_END, 10 * CLOCK_MINUTE, false, write_end,
		take_end },
	[VERB_BDAT] = { "the end of data", STAGE_END, 10 * CLOCK_MINUTE, false, write_bdat,
		take_bdat },
	[VERB_NOBODY] = { "the end of data", STAGE_END, 2 * CLOCK_MINUTE, false, write_nobody,
		take_anything },
	[VERB_RSET] = { "RSET", STAGE_MAIL, 5 * CLOCK_MINUTE, true, write_rset, take_rset },
	[VERB_QUIT] = { "QUIT", STAGE_END, 5 * CLOCK_MINUTE, false, write_quit, take_anything },
};
