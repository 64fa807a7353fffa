#include "verb.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "session_state.h"
#include "text.h"

/* Puts a line into the stream's buffer; SHOWN is what the trace gets. */
static bool
say_shown(struct session *s, const char *line, size_t n, const char *shown, struct error *err)
{
	session_trace(s, WIRE_TRACE_SENT, shown, strlen(shown));
	return stream_write(&s->stream, line, n, session_deadline(s, 3 * CLOCK_MINUTE), err) &&
	       stream_write(&s->stream, "\r\n", 2, session_deadline(s, 3 * CLOCK_MINUTE), err);
}

static bool
say(struct session *s, const struct strbuf *line, struct error *err)
{
	if (line->full)
		return error_set(err, FAULT_DATA, "a command line is too long");
	return say_shown(s, line->s, line->len, line->s, err);
}

static bool
say_word(struct session *s, const char *word, struct error *err)
{
	return say_shown(s, word, strlen(word), word, err);
}

/* A reply of a class that cannot stand here. */
static enum move
unexpected(struct session *s, enum verb verb, struct error *err)
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
	if (reply_class(&s->reply) == 2)
		return MOVE_ON;
	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_GREETING, err);
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
	good = say(s, &line, err);
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

static enum move
take_ehlo(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
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
		return unexpected(s, VERB_EHLO, err);
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
		return unexpected(s, VERB_HELO, err);
	flight_refused(s, VERB_HELO, err, "%s refused HELO", s->host);
	return MOVE_QUIT;
}

static bool
write_starttls(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return say_word(s, "STARTTLS", err);
}

static enum move
take_starttls(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (reply_class(&s->reply) == 2)
		return MOVE_ON;
	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_STARTTLS, err);
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
	if (s->mechanism->kind & SASL_FIRST)
		/* RFC 4954 section 4: an empty initial response is written as "=" */
		strbuf_addf(&line, " %s", s->response.len ? s->response.s : "=");
	good = say_shown(s, line.s, line.len, shown, err);
	strbuf_done(&line);
	return good;
}

static bool
write_auth_step(struct session *s, size_t cancel, struct error *err)
{
	if (cancel)
		return say_word(s, "*", err);
	return say_shown(s, s->response.s, s->response.len, s->response.len ? "***" : "", err);
}

static enum move
take_auth(struct session *s, size_t cancelled, struct error *err)
{
	int code = s->reply.code;

	s->auth_more = false;
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
			return unexpected(s, VERB_AUTH, err);
		}
		s->auth_more = true;
		return MOVE_ON;
	case 4:
	case 5:
		if (cancelled)
			return MOVE_ON;
		flight_refused(s, VERB_AUTH, &s->auth_error, "%s refused the login of %s", s->host,
			s->settings->user ? s->settings->user : "this client");
		s->auth_unsupported = (code >= 500 && code <= 504) || code == 534;
		return MOVE_ON;
	default:
		return unexpected(s, VERB_AUTH, err);
	}
}

static void
add_address(
	struct strbuf *line, const struct session *s, const struct address *a, struct error *err)
{
	if (!address_add_smtp(line, a, !s->smtputf8, err))
		line->full = true;
}

static bool
write_mail(struct session *s, size_t argument, struct error *err)
{
	const struct envelope *e = s->envelope;
	struct strbuf line = STRBUF_INIT(4096);
	bool good;

	(void)argument;
	strbuf_adds(&line, "MAIL FROM:<");
	add_address(&line, s, &e->sender, err);
	strbuf_addc(&line, '>');
	if (s->capability.size)
		strbuf_addf(&line, " SIZE=%llu", (unsigned long long)message_size(s->content));
	if (s->eightbit)
		strbuf_adds(&line, " BODY=8BITMIME");
	if (s->smtputf8)
		strbuf_adds(&line, " SMTPUTF8");
	if (s->capability.dsn && e->dsn_return)
		strbuf_adds(&line, e->dsn_return == DSN_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
	if (s->capability.dsn && e->envid) {
		strbuf_adds(&line, " ENVID=");
		dsn_add_xtext(&line, e->envid);
	}
	good = say(s, &line, err);
	strbuf_done(&line);
	return good;
}

static enum move
take_mail(struct session *s, size_t argument, struct error *err)
{
	struct strbuf sender = STRBUF_INIT(512);
	struct error refusal = ERROR_NONE;

	(void)argument;
	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_MAIL, err);
	if (reply_class(&s->reply) == 2) {
		s->tx.mail_taken = s->in_transaction = true;
		return MOVE_ON;
	}
	if (s->auth_error.fault)
		return MOVE_ON; /* the refused login is the reason */
	add_address(&sender, s, &s->envelope->sender, NULL);
	flight_refused(s, VERB_MAIL, &refusal, "%s refused the sender <%s>", s->host, sender.s);
	strbuf_done(&sender);
	transaction_fail_pending(s, &refusal);
	return MOVE_ON;
}

static void
add_notify(struct strbuf *line, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = { { DSN_NEVER, "NEVER" }, { DSN_SUCCESS, "SUCCESS" },
		{ DSN_FAILURE, "FAILURE" }, { DSN_DELAY, "DELAY" } };
	const char *between = " NOTIFY=";

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (notify & words[i].bit) {
			strbuf_addf(line, "%s%s", between, words[i].word);
			between = ",";
		}
}

static bool
write_rcpt(struct session *s, size_t argument, struct error *err)
{
	const struct recipient *r = &s->envelope->recipients[s->tx.group[argument]];
	struct strbuf line = STRBUF_INIT(4096);
	bool good;

	strbuf_adds(&line, "RCPT TO:<");
	add_address(&line, s, &r->address, err);
	strbuf_addc(&line, '>');
	if (s->capability.dsn) {
		add_notify(&line, s->envelope->dsn_notify);
		if (r->orcpt) {
			strbuf_addf(&line, " ORCPT=%s;", s->smtputf8 ? "utf-8" : "rfc822");
			dsn_add_xtext(&line, r->orcpt);
		}
	}
	good = say(s, &line, err);
	strbuf_done(&line);
	return good;
}

/* The server takes no more recipients in this transaction (RFC 5321 4.5.3.1.10, RFC 3463 5.5.3). */
static bool
too_many(const struct reply *r)
{
	bool limit = r->enhanced.subject == 5 && r->enhanced.detail == 3;

	return (r->code == 452 && (limit || !r->enhanced.class)) || (r->code == 552 && limit);
}

static enum move
take_rcpt(struct session *s, size_t argument, struct error *err)
{
	struct recipient *r = &s->envelope->recipients[s->tx.group[argument]];
	struct strbuf address = STRBUF_INIT(512);
	struct error refusal = ERROR_NONE;

	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_RCPT, err);
	if (reply_class(&s->reply) == 2) {
		s->tx.taken[argument] = true;
		s->tx.taken_count++;
		return MOVE_ON;
	}
	if (s->auth_error.fault || !s->tx.mail_taken)
		return MOVE_ON;
	add_address(&address, s, &r->address, NULL);
	flight_refused(s, VERB_RCPT, &refusal, "%s refused the recipient <%s>", s->host, address.s);
	strbuf_done(&address);
	recipient_fail(r, &refusal);
	if (too_many(&s->reply)) {
		s->tx.late[argument] = true;
		s->tx.late_count++;
		/* 552 5.5.3 is only the old spelling of 452: should it stay the last word, trying
		 * again may help */
		if (refusal.fault != FAULT_TEMPORARY) {
			refusal.fault = FAULT_TEMPORARY;
			recipient_fail(r, &refusal);
		}
	} else {
		s->tx.refused_count++;
	}
	return MOVE_ON;
}

static bool
write_data(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return say_word(s, "DATA", err);
}

static enum move
take_data(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	switch (reply_class(&s->reply)) {
	case 3:
		s->tx.go_ahead = true;
		return MOVE_ON;
	case 2:
		return unexpected(s, VERB_DATA, err);
	default:
		/* with no recipient taken this is only the server's word for that */
		if (s->tx.taken_count && !s->auth_error.fault)
			transaction_decide(s, VERB_DATA, "refused the message");
		return MOVE_ON;
	}
}

static bool
write_end(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return content_write_dotted(s, err);
}

static bool
write_bdat(struct session *s, size_t argument, struct error *err)
{
	struct strbuf line = STRBUF_INIT(64);
	bool good;

	(void)argument;
	strbuf_addf(&line, "BDAT %llu LAST", (unsigned long long)message_size(s->content));
	good = say(s, &line, err) && content_write_plain(s, err);
	strbuf_done(&line);
	return good;
}

static enum move
take_end(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_END, err);
	if (s->auth_error.fault && reply_class(&s->reply) != 2)
		return MOVE_ON;
	if (!s->tx.taken_count && reply_class(&s->reply) != 2)
		return MOVE_ON;
	transaction_decide(s, VERB_END, "refused the message");
	if (reply_class(&s->reply) == 2)
		s->in_transaction = false;
	return MOVE_ON;
}

static bool
write_nobody(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return say_word(s, ".", err);
}

static bool
write_rset(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return say_word(s, "RSET", err);
}

static enum move
take_rset(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (reply_class(&s->reply) == 2) {
		s->in_transaction = false;
		return MOVE_ON;
	}
	if (reply_class(&s->reply) == 3)
		return unexpected(s, VERB_RSET, err);
	flight_refused(s, VERB_RSET, err, "%s refused RSET", s->host);
	return MOVE_QUIT;
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
	return say_word(s, "QUIT", err);
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
		take_end },
	[VERB_NOBODY] = { "the end of data", STAGE_END, 2 * CLOCK_MINUTE, false, write_nobody,
		take_anything },
	[VERB_RSET] = { "RSET", STAGE_MAIL, 5 * CLOCK_MINUTE, true, write_rset, take_rset },
	[VERB_QUIT] = { "QUIT", STAGE_END, 5 * CLOCK_MINUTE, false, write_quit, take_anything },
};
