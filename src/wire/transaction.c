#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "session_state.h"
#include "wish.h"

/* Up to this size a body rides in the envelope's flight with pipelining = full. */
#define FULL_FLIGHT (64 << 10)

/* A server that was heard so lately has not closed an idle connection, and the network is the same.
 */
#define SILENT_MS (10 * CLOCK_SECOND)

/* Every server takes that many recipients at once. */
#define RCPT_LIMIT 100

void
transaction_done(struct transaction *tx)
{
	free(tx->group);
	free(tx->taken);
	free(tx->late);
	*tx = (struct transaction){ 0 };
}

void
transaction_fail_pending(struct session *s, const struct error *err)
{
	struct error why = *err;

	/* in doubt are only those whose content left; they have their outcome already */
	why.in_doubt = false;
	envelope_fail_pending(s->envelope, &why);
}

/* Takes s->reply down as the last word on the content, unless somebody got a better one. */
static void
report_reply(struct session *s)
{
	struct wire_report *report = s->report;

	if (reply_class(&s->reply) != 2 && report->code / 100 == 2)
		return;
	report->code = s->reply.code;
	report->enhanced = s->reply.enhanced;
	reply_words(&s->reply, report->words, sizeof(report->words));
}

/* Notes what s->reply, which report_reply has seen, or REFUSAL means for recipient I of the
 * transaction. */
static void
decide(struct session *s, size_t i, const struct error *refusal)
{
	struct recipient *r = &s->envelope->recipients[s->tx.group[i]];

	if (refusal->fault)
		recipient_fail(r, refusal);
	else
		recipient_set(r, OUTCOME_ACCEPTED, s->reply.code, s->reply.enhanced,
			s->report->words, NULL);
}

static void
tell_all_accepted(struct session *s)
{
	if (envelope_count(s->envelope, OUTCOME_ACCEPTED) == s->envelope->count)
		session_progress(s, WIRE_ACCEPTED_BY_ALL);
}

void
transaction_decide(struct session *s, enum verb verb, const char *what)
{
	struct error refusal = ERROR_NONE;
	bool good = reply_class(&s->reply) == 2;

	s->tx.answered = true;
	s->tx.delivered = good && s->tx.taken_count;
	/* before anything that could fail: memory is needed from here on */
	if (s->tx.delivered)
		session_progress(s, WIRE_ACCEPTED);
	report_reply(s);
	if (!good)
		flight_refused(s, verb, &refusal, "%s %s", s->host, what);
	for (size_t i = 0; i < s->tx.count; i++)
		if (s->tx.taken[i])
			decide(s, i, &refusal);
	tell_all_accepted(s);
}

/* The recipient whose reply is due: the N-th that was taken. */
static size_t
taken_number(const struct transaction *tx, size_t n)
{
	size_t i = 0;

	while (!tx->taken[i] || n--)
		i++;
	return i;
}

void
transaction_decide_next(struct session *s, enum verb verb)
{
	struct error refusal = ERROR_NONE;
	struct strbuf address = STRBUF_INIT(1024);
	size_t i = taken_number(&s->tx, s->tx.replies++);

	s->tx.answered = s->tx.replies == s->tx.taken_count;
	if (reply_class(&s->reply) == 2) {
		s->tx.delivered = true;
		session_progress(s, WIRE_ACCEPTED);
	} else {
		(void)!address_add_smtp(&address, &s->envelope->recipients[s->tx.group[i]].address,
			!s->smtputf8, NULL);
		flight_refused(
			s, verb, &refusal, "%s refused the message for <%s>", s->host, address.s);
	}
	report_reply(s);
	decide(s, i, &refusal);
	tell_all_accepted(s);
	strbuf_done(&address);
}

/* Takes the pending recipients, at most as many as the server names and at no more domains than it
 * names (RFC 9422). With partial = abort they must all go at once. */
static void
form_group(struct session *s)
{
	struct transaction *tx = &s->tx;
	size_t pending = envelope_count(s->envelope, OUTCOME_PENDING), most = pending;

	if (s->capability.rcpt_max && s->capability.rcpt_max < most && !s->settings->partial_abort)
		most = (size_t)s->capability.rcpt_max;
	transaction_done(tx);
	tx->group = xcalloc(most, sizeof(*tx->group));
	tx->taken = xcalloc(most, sizeof(*tx->taken));
	tx->late = xcalloc(most, sizeof(*tx->late));
	for (size_t i = 0; i < s->envelope->count && tx->count < most; i++)
		if (s->envelope->recipients[i].outcome == OUTCOME_PENDING &&
			(s->settings->partial_abort ||
				wish_admits_domain(s, &s->envelope->recipients[i].address)))
			tx->group[tx->count++] = i;
}

/* Logs in, or puts AUTH at the head of the flight where the mechanism allows that (RFC 4954 section
 * 4: an initial response that completes it). */
static bool
authenticate(struct session *s, struct error *err)
{
	if (!s->mechanism || s->authenticated)
		return true;
	if (!(s->mechanism->kind & SASL_ONE_TRIP) || !flight_pipelines(s))
		return login_perform(s, err);
	if (!login_begin(s, err))
		return false;
	if (!(s->mechanism->kind & SASL_ONE_TRIP))
		return login_perform(s, err);
	return flight_push(s, VERB_AUTH, 0, err);
}

static bool
rides_along(const struct session *s)
{
	enum wire_pipelining wanted = s->settings->pipelining;

	/* should the server have closed it meanwhile, nobody would know what became of the
	 * content */
	if (s->answered && clock_age_ms() - s->answered > SILENT_MS)
		return false;
	/* in LMTP the number of replies to it would depend on those that have not come; and no
	 * octet of a body leaves for a server that has not said yet that it is there */
	return !s->early && !s->settings->lmtp && s->capability.chunking &&
	       message_size(s->content) <= FULL_FLIGHT &&
	       (wanted == WIRE_PIPELINING_FULL ||
		       (wanted == WIRE_PIPELINING_AUTO && s->known.bdat == KNOWN_IN_STEP));
}

/* Everything so far is answered, and the login or the sender was refused. */
static bool
hopeless(const struct session *s)
{
	return !s->queue_count && (s->auth_error.fault || !s->tx.mail_taken);
}

/* Everything that may leave before the recipients are answered. */
static bool
send_envelope(struct session *s, struct error *err)
{
	bool all_or_nothing = s->settings->partial_abort && s->tx.count > 1;

	if (s->in_transaction && !flight_push(s, VERB_RSET, 0, err))
		return false;
	if (!authenticate(s, err) || !flight_push(s, VERB_MAIL, 0, err))
		return false;
	for (size_t i = 0; i < s->tx.count; i++) {
		if (hopeless(s))
			return true;
		if (!flight_push(s, VERB_RCPT, i, err))
			return false;
	}
	if (hopeless(s))
		return true;
	if (!flight_pipelines(s) || all_or_nothing)
		return flight_drain(s, err);
	if (rides_along(s))
		return flight_push(s, VERB_BDAT, 0, err);
	if (!s->capability.chunking)
		return flight_push(s, VERB_DATA, 0, err);
	return flight_drain(s, err);
}

bool
transaction_send_content(struct session *s, struct error *err)
{
	if (s->capability.chunking && !s->tx.go_ahead)
		return flight_push(s, VERB_BDAT, 0, err);
	if (!s->tx.go_ahead && !flight_push(s, VERB_DATA, 0, err))
		return false;
	return !s->tx.go_ahead || flight_push(s, VERB_END, 0, err);
}

/* With partial = abort: somebody was refused, here or at another host, so nobody gets it. One who
 * was refused for good decides before those who were refused for now. */
static bool
abort_all(struct session *s)
{
	const struct error *first = NULL;
	struct error why;

	if (!s->settings->partial_abort)
		return false;
	for (size_t i = 0; i < s->envelope->count; i++) {
		const struct recipient *r = &s->envelope->recipients[i];

		if (r->outcome == OUTCOME_PERMANENT || (r->outcome == OUTCOME_TEMPORARY && !first))
			first = r->why;
		if (r->outcome == OUTCOME_PERMANENT)
			break;
	}
	if (!first)
		return false;
	why = *first;
	error_prefix(&why, "not sent, since another recipient was refused and partial is abort");
	for (size_t i = 0; i < s->envelope->count; i++) {
		struct recipient *r = &s->envelope->recipients[i];

		if (r->outcome == OUTCOME_PENDING ||
			(r->outcome == OUTCOME_TEMPORARY && why.fault != FAULT_TEMPORARY))
			recipient_fail(r, &why);
	}
	return true;
}

/* Login refused in the envelope's flight. False unless another mechanism may be tried. */
static bool
login_refused(struct session *s, struct error *err)
{
	if (s->tx.go_ahead || s->spent) {
		/* the server waits for content that it must not get (a lone dot would send an
		 * empty message to the recipients it took), or has got it */
		s->greeted = false;
		s->wants_lockstep = s->auth_unsupported;
	} else if (s->auth_unsupported) {
		return login_next(s, err);
	}
	if (err && !err->fault)
		*err = s->auth_error;
	return false;
}

/* Those who came too late have another turn, if anybody came in time. */
static void
reopen_late(struct session *s)
{
	struct recipient *r;

	if (!s->tx.taken_count || !s->tx.late_count || s->settings->partial_abort)
		return;
	for (size_t i = 0; i < s->tx.count; i++) {
		r = &s->envelope->recipients[s->tx.group[i]];
		if (s->tx.late[i] && r->outcome == OUTCOME_TEMPORARY)
			r->outcome = OUTCOME_PENDING;
	}
	/* a limit, and not a whim (RFC 5321 4.5.3.1.8): no need to run into it each time */
	if (s->tx.taken_count >= RCPT_LIMIT)
		s->capability.rcpt_max = s->tx.taken_count;
}

/* What follows when the envelope is answered. */
static bool
go_on(struct session *s, struct error *err)
{
	if (s->tx.mail_taken && s->tx.taken_count && !s->tx.answered && !abort_all(s))
		return transaction_send_content(s, err);
	if (!s->tx.go_ahead || s->tx.answered)
		return true;
	/* in LMTP nobody's content has no reply (RFC 2033 section 4.2) */
	if (!s->tx.taken_count && s->tx.mail_taken && !s->settings->lmtp)
		return flight_push(s, VERB_NOBODY, 0, err);
	/* the server waits for content that it must not get, and no command would be understood */
	s->greeted = false;
	s->spent = true;
	return true;
}

/* A BDAT that rode in the envelope's flight and was refused must have been answered exactly once: a
 * server with more to say has taken the content for commands, and nothing it says is believed. */
static bool
answered_once(struct session *s, struct error *err)
{
	struct recipient *r;

	if (!s->tx.content_begun || reply_class(&s->reply) == 2 || !stream_has_input(&s->stream))
		return true;
	session_note(s, "%s lost step with pipelined content: lockstep from here on", s->host);
	s->greeted = false;
	s->wants_lockstep = true;
	s->tx.content_sent = false;
	for (size_t i = 0; i < s->tx.count; i++) {
		r = &s->envelope->recipients[s->tx.group[i]];
		if (s->tx.taken[i] && s->tx.mail_taken && s->tx.answered)
			r->outcome = OUTCOME_PENDING;
	}
	return error_at(err, STAGE_DATA, FAULT_PROTOCOL, "%s answered more often than it was asked",
		s->host);
}

static bool
run(struct session *s, struct error *err)
{
	int64_t since = clock_ms();
	bool good = send_envelope(s, err);

	session_phase(s, WIRE_PHASE_MAIL, &since);
	if (!good || !answered_once(s, err))
		return false;
	if (s->auth_error.fault && !s->tx.delivered)
		return login_refused(s, err);
	if (s->auth_error.fault)
		session_note(s, "%s refused the login but took the message", s->host);
	else if (s->mechanism)
		memccpy(s->report->mechanism, s->mechanism->name, '\0',
			sizeof(s->report->mechanism));
	s->transactions++;
	good = go_on(s, err);
	session_phase(s, WIRE_PHASE_DATA, &since);
	return good;
}

/* The connection ended after the end of data and before its answer. True iff that concerns anybody:
 * with the login refused only those count whom the server took all the same. */
static bool
doubt(struct session *s, struct error *err)
{
	struct error why = *err;
	struct recipient *r;
	bool any = false;

	why.in_doubt = true;
	error_prefix(&why, "the message may have been delivered");
	why.fault = FAULT_TEMPORARY;
	for (size_t i = 0; i < s->tx.count; i++) {
		r = &s->envelope->recipients[s->tx.group[i]];
		if (r->outcome != OUTCOME_PENDING || (s->auth_error.fault && !s->tx.taken[i]))
			continue;
		recipient_fail(r, &why);
		any = true;
	}
	if (any)
		*err = why;
	return any;
}

/* The connection is lost. What the server said of the login before is the reason then, and a
 * password that was refused is not tried again elsewhere. */
void
transaction_lost(struct session *s, struct error *err)
{
	/* a 421 is the answer for all; in LMTP it is for one, and the others have none */
	if (s->tx.content_sent && !s->tx.answered && (!s->goodbye || s->tx.replies) &&
		doubt(s, err))
		return;
	if (!s->auth_error.fault || s->tx.delivered)
		return;
	*err = s->auth_error;
	/* what followed AUTH may have cost us the connection: the next mechanism deserves one */
	s->wants_lockstep = s->auth_unsupported && flight_pipelines(s) && s->mechanism &&
			    (s->mechanism->kind & SASL_ONE_TRIP);
}

bool
transaction_run(struct session *s, struct error *err)
{
	bool good;

	if (!wish_check(s, err))
		return false;
	form_group(s);
	/* those who are left are at too many domains for this connection */
	if (!s->tx.count) {
		s->spent = true;
		return true;
	}
	if (!content_fit(s, err))
		return false;
	if (abort_all(s) || !envelope_count(s->envelope, OUTCOME_PENDING))
		return true;
	form_group(s);
	good = run(s, err);
	if (!good)
		transaction_lost(s, err);
	reopen_late(s);
	if (good && s->tx.delivered && s->auth_error.fault &&
		envelope_count(s->envelope, OUTCOME_PENDING)) {
		*err = s->auth_error;
		return false;
	}
	return good;
}
