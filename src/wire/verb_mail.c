#include <string.h>

#include "session_state.h"
#include "text.h"
#include "verb_private.h"
#include "wish.h"

static void
add_address(
	struct strbuf *line, const struct session *s, const struct address *a, struct error *err)
{
	if (!address_add_smtp(line, a, !s->smtputf8, err))
		line->full = true;
}

bool
write_mail(struct session *s, size_t argument, struct error *err)
{
	const struct envelope *e = s->envelope;
	uint64_t size = s->content ? message_size(s->content) : s->declared;
	struct strbuf line = STRBUF_INIT(4096);
	bool good;

	(void)argument;
	strbuf_adds(&line, "MAIL FROM:<");
	add_address(&line, s, &e->sender, err);
	strbuf_addc(&line, '>');
	if (s->capability.size && size)
		strbuf_addf(&line, " SIZE=%llu", (unsigned long long)size);
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
	wish_add_parameters(s, &line);
	good = verb_say(s, &line, err);
	strbuf_done(&line);
	return good;
}

static void
priority_changed(struct session *s)
{
	char words[200];

	reply_words(&s->reply, words, sizeof(words));
	session_note(s, "%s gave the message another priority: %s", s->host, words);
}

enum move
take_mail(struct session *s, size_t argument, struct error *err)
{
	struct strbuf sender = STRBUF_INIT(1024);
	struct error refusal = ERROR_NONE;

	(void)argument;
	s->tx.mail_answered = !s->goodbye;
	if (reply_class(&s->reply) == 3)
		return verb_unexpected(s, VERB_MAIL, err);
	if (reply_class(&s->reply) == 2) {
		s->tx.mail_taken = s->in_transaction = true;
		/* X.3.6, RFC 6710 section 5 */
		if (s->settings->wishes.priority_set && s->reply.enhanced.subject == 3 &&
			s->reply.enhanced.detail == 6)
			priority_changed(s);
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

/* RFC 3461 4.2; RFC 6533 section 3 for what is not ASCII, which only SMTPUTF8 can carry. */
static void
add_orcpt(struct strbuf *line, const char *orcpt, bool smtputf8)
{
	if (!text_is_8bit(orcpt, strlen(orcpt))) {
		strbuf_adds(line, " ORCPT=rfc822;");
		dsn_add_xtext(line, orcpt);
		return;
	}
	if (!smtputf8)
		return;
	strbuf_adds(line, " ORCPT=utf-8;");
	for (const char *at = orcpt; *at; at++)
		if (strchr("+=\\", *at) || (*at > 0 && *at <= 32) || *at == 127)
			strbuf_addf(line, "\\x{%02X}", (unsigned)*at);
		else
			strbuf_addc(line, *at);
}

bool
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
		if (r->orcpt)
			add_orcpt(&line, r->orcpt, s->smtputf8);
	}
	good = verb_say(s, &line, err);
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

enum move
take_rcpt(struct session *s, size_t argument, struct error *err)
{
	struct recipient *r = &s->envelope->recipients[s->tx.group[argument]];
	struct strbuf address = STRBUF_INIT(1024);
	struct error refusal = ERROR_NONE;

	if (reply_class(&s->reply) == 3)
		return verb_unexpected(s, VERB_RCPT, err);
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

bool
write_data(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return verb_say_word(s, "DATA", err);
}

enum move
take_data(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	switch (reply_class(&s->reply)) {
	case 3:
		s->tx.go_ahead = true;
		return MOVE_ON;
	case 2:
		return verb_unexpected(s, VERB_DATA, err);
	default:
		/* with no recipient taken this is only the server's word for that */
		if (s->tx.taken_count && !s->auth_error.fault)
			transaction_decide(s, VERB_DATA, "refused the message");
		return MOVE_ON;
	}
}

bool
write_end(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return content_write_dotted(s, err);
}

bool
write_bdat(struct session *s, size_t argument, struct error *err)
{
	struct strbuf line = STRBUF_INIT(64);
	bool good;

	(void)argument;
	strbuf_addf(&line, "BDAT %llu LAST", (unsigned long long)message_size(s->content));
	good = verb_say(s, &line, err) && content_write_plain(s, err);
	strbuf_done(&line);
	return good;
}

/* RFC 2033 section 4.2: one reply for each recipient that was taken, in their order. */
static enum move
take_content_each(struct session *s, enum verb verb)
{
	transaction_decide_next(s, verb);
	if (!s->tx.answered)
		return MOVE_MORE;
	s->in_transaction = false;
	/* as below, when nobody's reply says that the octets were taken for what they are */
	s->spent = s->spent || (verb == VERB_BDAT && !s->tx.delivered);
	return MOVE_ON;
}

static enum move
take_content(struct session *s, enum verb verb, struct error *err)
{
	/* a 2yz to a content that has not left whole was not meant for it */
	if (reply_class(&s->reply) == 3 || (reply_class(&s->reply) == 2 && !s->tx.content_sent))
		return verb_unexpected(s, VERB_END, err);
	if (s->settings->lmtp && s->tx.taken_count)
		return take_content_each(s, verb);
	if (verb == VERB_BDAT && reply_class(&s->reply) != 2)
		/* a server that did not take the octets takes them for commands (RFC 3030 section
		 * 2 forbids it): what it says from now on cannot be trusted, unless it has shown
		 * that it does not */
		s->spent = s->known.bdat != KNOWN_IN_STEP;
	if (s->auth_error.fault && reply_class(&s->reply) != 2)
		return MOVE_ON;
	if (!s->tx.taken_count && reply_class(&s->reply) != 2)
		return MOVE_ON;
	transaction_decide(s, verb, "refused the message");
	if (reply_class(&s->reply) == 2)
		s->in_transaction = false;
	return MOVE_ON;
}

enum move
take_end(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return take_content(s, VERB_END, err);
}

enum move
take_bdat(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return take_content(s, VERB_BDAT, err);
}

bool
write_nobody(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return verb_say_word(s, ".", err);
}

bool
write_rset(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	return verb_say_word(s, "RSET", err);
}

enum move
take_rset(struct session *s, size_t argument, struct error *err)
{
	(void)argument;
	if (reply_class(&s->reply) == 2) {
		s->in_transaction = false;
		return MOVE_ON;
	}
	flight_refused(s, VERB_RSET, err, "%s refused RSET", s->host);
	/* this says nothing about the message: another connection needs no RSET */
	if (err)
		err->fault = FAULT_TEMPORARY;
	return MOVE_QUIT;
}
