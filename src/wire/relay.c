#include "relay.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "session_state.h"
#include "text.h"

#define REPLY_SHOWN 64 /* lines of a reply that are passed on */
#define LINE_SHOWN  400

struct relay {
	const struct wire_settings *settings;
	struct tls_context *tls;
	struct wire_report *report;
	struct session session; /* while connected */
	bool connected;
	bool open;         /* in a transaction */
	uint64_t size_max; /* as the smarthost told when it was heard last */
};

void
relay_reply_init(struct relay_reply *r)
{
	*r = (struct relay_reply){ .text = STRBUF_INIT(REPLY_SHOWN * (LINE_SHOWN + 8)) };
}

void
relay_reply_done(struct relay_reply *r)
{
	strbuf_done(&r->text);
}

struct relay *
relay_new(const struct wire_settings *settings, struct wire_report *report, struct error *err)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->settings = settings;
	r->report = report;
	if (settings->tls != WIRE_TLS_NONE &&
		!(r->tls = tls_context_new(&settings->tls_settings, err))) {
		free(r);
		return NULL;
	}
	return r;
}

static void
hang_up(struct relay *r)
{
	if (r->connected)
		session_end(&r->session);
	r->connected = r->open = false;
}

void
relay_free(struct relay *r)
{
	if (!r)
		return;
	hang_up(r);
	tls_context_free(r->tls);
	free(r);
}

static void
reply_none(struct relay_reply *reply)
{
	reply->code = 0;
	reply->enhanced = (struct enhanced){ 0, 0, 0 };
	strbuf_clear(&reply->text);
}

/* Passes the reply just taken on. */
static bool
pass_on(struct relay *r, struct relay_reply *reply)
{
	const struct reply *from = &r->session.reply;
	const char *at = from->text.s, *stop;
	struct enhanced enhanced;

	reply_none(reply);
	reply->code = from->code;
	reply->enhanced = from->enhanced;
	for (size_t i = 0; i < REPLY_SHOWN && (stop = strchr(at, '\n')); i++, at = stop + 1) {
		at += enhanced_parse(at, (size_t)(stop - at), &enhanced);
		at += strspn(at, " ");
		text_add_printable(&reply->text, at, (size_t)(stop - at), LINE_SHOWN);
		strbuf_addc(&reply->text, '\n');
	}
	return from->code / 100 == 2;
}

/* The waits since the last step are this message's. */
static void
count_turns(struct relay *r)
{
	r->report->round_trips += r->session.stream.turns;
	r->session.stream.turns = 0;
}

/* The connection can be used no more: says why in the trace, and closes it. Returns false. */
static bool
lost(struct relay *r, const struct error *why, struct error *err)
{
	session_trace(&r->session, WIRE_TRACE_NOTE, why->text, strlen(why->text));
	hang_up(r);
	if (err && !err->fault)
		*err = *why;
	return false;
}

/* One address: connects, greets, logs in. *RET_FINAL: no other address will help. */
static bool
try_address(struct relay *r, const struct target *target, struct dial *dial, bool *ret_final,
	struct error *err)
{
	struct session *s = &r->session;
	struct error why = ERROR_NONE;

	if (!session_connect(s, r->settings, r->tls, r->report, target, dial, &why)) {
		*ret_final = why.fault != FAULT_TEMPORARY;
		if (err && !err->fault)
			*err = why;
		return false;
	}
	r->connected = true;
	if (greet(s, &why) && login_choose(s, &why) && (!s->mechanism || login_perform(s, &why))) {
		r->size_max = s->capability.size_max;
		count_turns(r);
		return true;
	}
	*ret_final = why.fault != FAULT_TEMPORARY || s->no_secret;
	return lost(r, &why, err);
}

static bool
out_of_time(const struct relay *r)
{
	return clock_left(r->settings->deadline) == 0;
}

/* Host by host, address by address, while failures are temporary. */
static bool
connect_any(struct relay *r, struct error *err)
{
	struct route route = { .settings = r->settings };
	struct error why, decided = ERROR_NONE;
	struct target target;
	struct dial *dial;
	bool final = false;

	r->report->tls = (struct tls_info){ 0 };
	r->report->mechanism[0] = '\0';
	while (!final && !r->connected) {
		why = (struct error)ERROR_NONE;
		dial = NULL;
		if (route_next(&route, &target, &why))
			dial = session_resolve(r->settings, &target, r->report, &why);
		else if (!why.fault)
			break;
		while (dial && !final && !try_address(r, &target, dial, &final, &why) &&
			dial_has_more(dial) && !out_of_time(r) && !final)
			error_clear(&why);
		dial_free(dial);
		/* one host that may answer later outweighs another that does not exist */
		if (!decided.fault || why.fault == FAULT_TEMPORARY || final)
			decided = why;
		if (out_of_time(r))
			break;
	}
	if (r->connected)
		return true;
	error_at(&decided, STAGE_CONNECT, FAULT_CONFIG, "no host is set");
	if (err && !err->fault)
		*err = decided;
	return false;
}

/* MAIL on the connection that there is. */
static bool
say_mail(struct relay *r, struct envelope *e, const struct relay_mail *mail,
	struct relay_reply *reply, struct error *err)
{
	struct session *s = &r->session;
	struct error why = ERROR_NONE;
	bool good;

	if (!step_begin(s, e, mail->size, mail->smtputf8, err))
		return false;
	good = step_mail(s, &why);
	count_turns(r);
	if (!good)
		return lost(r, &why, err);
	r->open = pass_on(r, reply);
	return r->open || flight_refused(s, VERB_MAIL, err, "%s refused the sender", s->host);
}

bool
relay_begin(struct relay *r, struct envelope *e, const struct relay_mail *mail,
	struct relay_reply *reply, struct error *err)
{
	struct error why = ERROR_NONE;

	reply_none(reply);
	relay_reset(r);
	if (r->connected && !link_usable(&r->session))
		hang_up(r);
	if (r->connected) {
		if (say_mail(r, e, mail, reply, &why))
			return true;
		if (r->connected) {
			if (err && !err->fault)
				*err = why;
			return false;
		}
		/* the server has closed it while nobody needed it: that is no failure */
	}
	return connect_any(r, err) && say_mail(r, e, mail, reply, err);
}

static bool
not_open(struct relay_reply *reply, struct error *err)
{
	reply_none(reply);
	return error_set(err, FAULT_SOFTWARE, "there is no transaction");
}

/* In LMTP each recipient has a reply of its own to the content, and the client is given one: it has
 * to send the message again for those who come later (RFC 5321 section 4.5.3.1.10). */
static bool
has_room(const struct relay *r, struct error *err)
{
	if (!r->settings->lmtp || !r->session.tx.taken_count)
		return true;
	error_at(err, STAGE_RCPT, FAULT_TEMPORARY,
		"one recipient at a time is passed on by LMTP: send to the others separately");
	err->code = (struct enhanced){ 4, 5, 3 };
	return false;
}

bool
relay_recipient(struct relay *r, size_t i, unsigned dsn_notify, struct relay_reply *reply,
	struct error *err)
{
	struct session *s = &r->session;
	struct error why = ERROR_NONE;
	struct recipient *to;
	bool good;

	if (!r->open)
		return not_open(reply, err);
	reply_none(reply);
	to = &s->envelope->recipients[i];
	good = has_room(r, &why) && content_fit_recipient(s, &to->address, &why);
	if (good) {
		s->envelope->dsn_notify = dsn_notify;
		good = step_recipient(s, i, &why);
		count_turns(r);
		if (good && pass_on(r, reply))
			return true;
		if (good)
			why = *to->why;
	}
	recipient_fail(to, &why);
	if (err && !err->fault)
		*err = why;
	if (good || !s->tx.count || s->tx.group[s->tx.count - 1] != i)
		return false;
	transaction_fail_pending(s, &why);
	return lost(r, &why, err);
}

bool
relay_content(
	struct relay *r, const struct message *m, struct relay_reply *reply, struct error *err)
{
	struct session *s = &r->session;
	struct error why = ERROR_NONE;
	int64_t since = clock_ms();
	bool good, sent;

	if (!r->open || !s->tx.taken_count)
		return not_open(reply, err);
	reply_none(reply);
	s->original = m;
	sent = content_convert(s, &why);
	good = sent && transaction_send_content(s, &why);
	session_phase(s, WIRE_PHASE_DATA, &since);
	count_turns(r);
	if (sent && !good)
		transaction_lost(s, &why);
	if (!good) {
		transaction_fail_pending(s, &why);
		if (err && !err->fault)
			*err = why;
	}
	if (sent && !good)
		return lost(r, &why, err);
	if (good && !pass_on(r, reply))
		flight_refused(s, VERB_END, err, "%s refused the message", s->host);
	relay_reset(r);
	return reply->code / 100 == 2;
}

void
relay_reset(struct relay *r)
{
	struct session *s = &r->session;

	r->open = false;
	if (!r->connected)
		return;
	transaction_done(&s->tx);
	content_done(s);
	s->envelope = NULL;
	s->original = NULL;
}

bool
relay_is_open(const struct relay *r)
{
	return r->open;
}

uint64_t
relay_size_max(const struct relay *r)
{
	return r->size_max;
}
