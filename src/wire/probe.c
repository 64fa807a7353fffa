#include "probe.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "memo.h"
#include "session_state.h"
#include "text.h"
#include "tls_private.h"

/* One run: the settings as the session gets them, and what it is told of the dialogue. */
struct run {
	const struct wire_settings *given;
	struct wire_settings settings;
	struct wire_report report;
	struct tls_context *tls;
	struct target target;
	struct strbuf ticket; /* of the session, for the second connection */
	struct probe *p;      /* NULL: what is heard does not count */
	bool hello;           /* the line that was sent last was EHLO or one of its kind */
	bool sent;
	bool greeted, answered; /* a good greeting came; and a good reply to EHLO */
};

static void
hear_greeting(struct run *r, const char *line, size_t n)
{
	struct strbuf text = STRBUF_INIT(sizeof(r->p->greeting) - 1);

	r->greeted = n >= 3 && *line == '2' && (n == 3 || line[3] == ' ');
	if (*r->p->greeting)
		strbuf_addf(&text, "%s ", r->p->greeting);
	/* one line, the code once */
	if (*r->p->greeting && n > 4) {
		line += 4;
		n -= 4;
	}
	text_add_printable(&text, line, n, text.cap - text.len);
	memcpy(r->p->greeting, text.s, text.len + 1);
	strbuf_done(&text);
}

static void
hear_hello(struct run *r, const char *line, size_t n)
{
	r->answered = n >= 3 && *line == '2' && (n == 3 || line[3] == ' ');
	text_add_printable(&r->p->ehlo, n > 4 ? line + 4 : "", n > 4 ? n - 4 : 0, 512);
	strbuf_addc(&r->p->ehlo, '\n');
}

/* What could be used of the offer that TLS replaces. */
static void
keep_clear(struct probe *p)
{
	const char *at = strstr(p->ehlo.s, "\nAUTH ");

	if (at)
		snprintf(p->clear_mechanisms, sizeof(p->clear_mechanisms), "%.*s",
			(int)strcspn(at + 5, "\n"), at + 5);
}

/* The dialogue as the trace has it, which is passed on. */
static void
hear(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct run *r = ctx;

	if (r->given->trace)
		r->given->trace(r->given->trace_ctx, kind, text, n);
	if (!r->p)
		return;
	if (kind == WIRE_TRACE_SENT) {
		r->sent = true;
		if (n == 8 && !memcmp(text, "STARTTLS", 8))
			keep_clear(r->p);
		r->hello = n > 5 && (!memcmp(text, "EHLO ", 5) || !memcmp(text, "LHLO ", 5) ||
					    !memcmp(text, "HELO ", 5));
		if (r->hello) {
			r->answered = false;
			strbuf_clear(&r->p->ehlo);
		}
	} else if (kind == WIRE_TRACE_RECEIVED && !r->sent) {
		hear_greeting(r, text, n);
	} else if (kind == WIRE_TRACE_RECEIVED && r->hello) {
		hear_hello(r, text, n);
	}
}

/* From the settings to the place. */
static bool
find_place(struct run *r, const struct probe_plan *plan, struct error *err)
{
	struct route route = { .settings = &r->settings };

	if (plan->place) {
		r->target = *plan->place;
	} else if (!route_next(&route, &r->target, err)) {
		error_at(err, STAGE_RESOLVE, FAULT_CONFIG, "no host is set");
		return false;
	}
	r->target.address = plan->address;
	return true;
}

/* Files first, and whatever is given up behind them; only then names are asked for. */
static bool
open_tls(struct run *r, const struct probe_plan *plan, struct error *err)
{
	const struct wire_settings *w = &r->settings;
	bool wanted =
		plan->place ? plan->place->tls != WIRE_TLS_NONE : w->tls != WIRE_TLS_NONE || w->srv;

	if (wanted && !(r->tls = tls_context_new(&w->tls_settings, err)))
		return false;
	return !plan->opened || plan->opened(plan->opened_ctx, err);
}

static void
name_place(struct run *r, const struct target *t)
{
	snprintf(r->p->host, sizeof(r->p->host), "%s", t->host);
	r->p->port = t->port;
}

static bool
prepare(struct run *r, const struct probe_plan *plan, struct error *err)
{
	if (plan->place)
		name_place(r, plan->place);
	if (!open_tls(r, plan, err) || !find_place(r, plan, err))
		return false;
	name_place(r, &r->target);
	if (r->target.tls == WIRE_TLS_NONE)
		return true;
	probe_watch(r->tls, r->p);
	if (plan->resume)
		tls_remember_here(r->tls, &r->ticket);
	return true;
}

static bool
connect_to(struct run *r, struct session *s, struct error *err)
{
	struct dial *dial = session_resolve(&r->settings, &r->target, &r->report, err);
	bool good =
		dial && session_connect(s, &r->settings, r->tls, &r->report, &r->target, dial, err);

	dial_free(dial);
	return good;
}

/* Parses what the plan names. The null sender is "". */
static bool
read_address(struct address *a, const char *text, enum stage stage, struct error *err)
{
	if (address_parse_sender(text, strlen(text), a, err))
		return true;
	if (err)
		err->stage = stage;
	return false;
}

/* MAIL for one sender; *VERDICT is its alone. False when the connection can be used no more. */
static bool
ask_sender(struct session *s, struct envelope *e, const char *text, struct probe_sender *verdict,
	struct error *err)
{
	envelope_done(e);
	*e = (struct envelope)ENVELOPE_NONE;
	verdict->asked = true;
	if (!read_address(&e->sender, text, STAGE_MAIL, &verdict->error) ||
		!step_begin(s, e, 0, false, &verdict->error))
		return true;
	if (!step_mail(s, err))
		return false;
	verdict->good = s->tx.mail_taken;
	if (!verdict->good)
		flight_refused(s, VERB_MAIL, &verdict->error, "%s refused the sender <%.200s>",
			s->host, text);
	return true;
}

static bool
ask_recipient(
	struct session *s, struct envelope *e, const char *text, struct probe *p, struct error *err)
{
	struct address a = ADDRESS_NONE;
	size_t i;

	if (!read_address(&a, text, STAGE_RCPT, &p->recipient_error))
		return true;
	i = envelope_add_recipient(e, &a);
	address_done(&a);
	if (!content_fit_recipient(s, &e->recipients[i].address, &p->recipient_error))
		return true;
	if (!step_recipient(s, i, err))
		return false;
	p->recipient_good = s->tx.taken_count > 0;
	if (!p->recipient_good)
		p->recipient_error = *e->recipients[i].why;
	return true;
}

static bool
ask_all(struct session *s, const struct probe_plan *plan, struct envelope *e, struct probe *p,
	struct error *err)
{
	struct probe_sender own = { .asked = false };
	bool good = true;

	for (size_t i = 0; good && i < plan->other_count && i < PROBE_SENDERS; i++)
		good = ask_sender(s, e, plan->others[i], &p->others[i], err);
	if (good && plan->sender) {
		good = ask_sender(s, e, plan->sender, &own, err);
		p->sender_good = own.good;
		p->sender_error = own.error;
	}
	if (own.good)
		p->reached = STAGE_MAIL;
	if (good && own.good && plan->recipient)
		good = ask_recipient(s, e, plan->recipient, p, err);
	if (p->recipient_good)
		p->reached = STAGE_RCPT;
	return good &&
	       (!s->in_transaction || (flight_push(s, VERB_RSET, 0, err) && flight_drain(s, err)));
}

/* How far greet came. */
static void
note_greeting(struct run *r, const struct session *s, bool good)
{
	struct probe *p = r->p;

	p->tls = r->report.tls;
	p->capability = s->capability;
	p->helo = s->ehlo_refused;
	p->dane_records = s->target.dane.n;
	p->reached = STAGE_CONNECT;
	if (*p->tls.version && r->target.tls == WIRE_TLS_IMPLICIT)
		p->reached = STAGE_TLS;
	if (r->greeted)
		p->reached = STAGE_GREETING;
	if (r->answered)
		p->reached = STAGE_EHLO;
	if (*p->tls.version && r->target.tls == WIRE_TLS_STARTTLS)
		p->reached = STAGE_TLS;
	if (good)
		p->reached = STAGE_EHLO;
}

/* What would be chosen, known without a password. Returns true when a login can be begun, or is not
 * wanted. */
static bool
choose(struct session *s, struct probe *p)
{
	bool good = login_choose(s, &p->choice_error);

	if (good && s->mechanism)
		snprintf(p->choice, sizeof(p->choice), "%s", s->mechanism->name);
	return good;
}

static bool
converse(struct run *r, struct session *s, const struct probe_plan *plan, struct envelope *e,
	struct error *err)
{
	struct probe *p = r->p;
	bool good = greet(s, err);

	note_greeting(r, s, good);
	if (!good)
		return false;
	if (!choose(s, p) && plan->log_in) {
		*err = p->choice_error;
		return false;
	}
	if (plan->log_in && s->mechanism) {
		if (!login_perform(s, err))
			return false;
		memcpy(p->mechanism, r->report.mechanism, sizeof(p->mechanism));
		p->reached = STAGE_AUTH;
	}
	return ask_all(s, plan, e, p, err);
}

/* Whether the server lets the session be resumed, as the next submission would. */
static void
try_resumption(struct run *r)
{
	struct session s = { .settings = NULL };
	struct probe *p = r->p;

	/* a submission keeps no session that DANE vouched for, and none that nobody did */
	if (!r->tls || !p->tls.verified || p->dane_records)
		return;
	r->p = NULL;
	wire_report_next(&r->report);
	p->resume_tried = true;
	if (!connect_to(r, &s, NULL))
		return;
	p->resumed = greet(&s, NULL) && r->report.tls.resumed;
	session_end(&s);
}

static void
take_facts(struct probe *p, const struct wire_report *report)
{
	memcpy(p->ms, report->ms, sizeof(p->ms));
	memcpy(p->address, report->address, sizeof(p->address));
	memcpy(p->proxy, report->proxy, sizeof(p->proxy));
	memcpy(p->resolver, report->resolver, sizeof(p->resolver));
	p->round_trips = report->round_trips;
}

static void
run(struct run *r, const struct probe_plan *plan, struct error *err)
{
	struct envelope e = ENVELOPE_NONE;
	struct session s = { .settings = NULL };
	struct probe *p = r->p;
	bool good = prepare(r, plan, err) && connect_to(r, &s, err);

	if (good) {
		good = converse(r, &s, plan, &e, err);
		if (!good)
			session_trace(&s, WIRE_TRACE_NOTE, err->text, strlen(err->text));
		/* of the transaction nothing is left that the session could point to */
		transaction_done(&s.tx);
		s.envelope = NULL;
		session_end(&s);
	}
	take_facts(p, &r->report);
	/* where the login failed the server has had enough of us */
	if (plan->resume && p->reached >= STAGE_EHLO && err->stage != STAGE_AUTH)
		try_resumption(r);
	envelope_done(&e);
}

void
probe_run(const struct wire_settings *settings, const struct probe_plan *plan, struct probe *ret)
{
	struct run r = { .given = settings,
		.settings = *settings,
		.ticket = STRBUF_INIT_SECRET(MEMO_MAX),
		.p = ret };

	probe_none(ret);
	wire_report_init(&r.report);
	r.settings.trace = hear;
	r.settings.trace_ctx = &r;
	r.settings.memory = NULL;
	r.settings.pipeconnect = false;
	run(&r, plan, &ret->error);
	tls_context_free(r.tls);
	wire_report_done(&r.report);
	strbuf_done(&r.ticket);
}

void
probe_none(struct probe *p)
{
	*p = (struct probe){ .ehlo = STRBUF_INIT(PROBE_EHLO) };
}

void
probe_done(struct probe *p)
{
	strbuf_done(&p->ehlo);
}

size_t
probe_places(
	const struct wire_settings *settings, struct target ret[PROBE_PLACES], struct error *err)
{
	struct route route = { .settings = settings };
	struct error lost;
	size_t n = 0;

	while (n < PROBE_PLACES) {
		lost = (struct error)ERROR_NONE;
		if (route_next(&route, &ret[n], &lost)) {
			n++;
			continue;
		}
		if (!lost.fault)
			break;
		if (err && !err->fault)
			*err = lost;
	}
	return n;
}

bool
probe_resolve(const char *host, enum wire_ip ip, int64_t deadline, char ret[PROBE_ADDRESSES][64],
	size_t *ret_n, struct error *err)
{
	struct dial *dial = dial_open(host, 0, ip, deadline, err);
	const char *address;

	*ret_n = 0;
	if (!dial)
		return false;
	while (*ret_n < PROBE_ADDRESSES && (address = dial_address(dial, *ret_n)))
		snprintf(ret[(*ret_n)++], 64, "%s", address);
	dial_free(dial);
	return true;
}
