#include "alloc.h"
#include "clock.h"
#include "peer.h"
#include "smtpd_state.h"

#define ORIGIN "MAIL" /* where messages of the configuration say that a setting comes from */

/* The command line with what MAIL said over it, so that everything that holds for -f and its like
 * holds here. */
static bool
take_arguments(struct smtpd *d, const struct smtpd_command *c, struct error *err)
{
	static const char *const returns[] = {
		[DSN_RETURN_FULL] = "full", [DSN_RETURN_HEADERS] = "hdrs"
	};
	struct profile *given = &d->args.given;
	struct strbuf sender = STRBUF_INIT(1024);
	bool good;

	profile_done(given);
	profile_init(given, d->called->given.name, d->called->given.origin);
	profile_override(given, &d->called->given);
	strbuf_addc(&sender, '<');
	good = address_add_smtp(&sender, &c->address, false, err);
	strbuf_addc(&sender, '>');
	good = good && profile_set(given, OPT_ENVELOPE_FROM, sender.s, ORIGIN, err) &&
	       (!c->dsn_return ||
		       profile_set(given, OPT_DSN_RETURN, returns[c->dsn_return], ORIGIN, err)) &&
	       (!c->envid || profile_set(given, OPT_ENVID, c->envid, ORIGIN, err));
	strbuf_done(&sender);
	return good;
}

/* What the service's configuration lets a client do. */
static bool
may_send(struct smtpd *d, struct error *err)
{
	struct submission *s = &d->s;

	if (!s->peer)
		return true;
	return peer_may_send(s->peer, &s->account, &s->envelope.sender, 0, err);
}

/* Once more with another access token, where one was refused. */
static bool
begin_renewed(struct smtpd *d, const struct relay_mail *mail, struct relay_reply *reply,
	struct error *err)
{
	struct smarthost *h = &d->up->smarthost;
	struct error other = ERROR_NONE;

	if (!reply->code && smarthost_renew(h, err, &other)) {
		error_clear(err);
		if (network_relay_begin(d->up->relay, &d->s.envelope, mail, reply, err))
			return true;
		(void)!smarthost_renew(h, err, &other);
	}
	if (other.fault)
		*err = other;
	return false;
}

static bool
begin(struct smtpd *d, const struct smtpd_command *c, struct relay_reply *reply, struct error *err)
{
	struct relay_mail mail = { .size = c->size, .smtputf8 = c->smtputf8 };
	struct submission *s = &d->s;

	s->when = clock_wall();
	s->started = clock_ms();
	if (!take_arguments(d, c, err) || !account_choose(s, err) || !envelope_begin(s, err) ||
		!may_send(d, err))
		return false;
	d->up = smtpd_upstream(d, err);
	if (!d->up)
		return false;
	wire_report_next(&d->up->report);
	d->up->smarthost.settings.deadline = smarthost_deadline(&d->up->account);
	if (!smarthost_wish(&d->up->smarthost, &d->up->account, &s->envelope.wishes, err))
		return false;
	if (network_relay_begin(d->up->relay, &s->envelope, &mail, reply, err) ||
		begin_renewed(d, &mail, reply, err))
		return true;
	/* the same password would be refused again, and count against the account */
	if (!reply->code && err->stage == STAGE_AUTH && err->fault == FAULT_PERMISSION)
		d->up->refused = *err;
	return false;
}

void
smtpd_mail(struct smtpd *d, const struct smtpd_command *c)
{
	struct relay_reply reply;
	struct error err = ERROR_NONE;

	if (d->mail) {
		smtpd_reply(d, 503, 5, 1, "there is a transaction already (RSET ends it)");
		return;
	}
	relay_reply_init(&reply);
	d->mail = begin(d, c, &reply, &err);
	if (reply.code)
		smtpd_reply_pass(d, &reply);
	else
		smtpd_reply_failure(d, &err);
	if (!d->mail) {
		smtpd_record(d, &err);
		smtpd_reset(d);
	}
	relay_reply_done(&reply);
}

/* Offers one address. */
static bool
offer(struct smtpd *d, const struct smtpd_command *c, const struct address *a,
	struct relay_reply *reply, struct error *err)
{
	struct envelope *e = &d->s.envelope;
	size_t i = envelope_add_recipient(e, a);
	unsigned notify = c->dsn_notify;
	const char *configured = profile_text(&d->s.account, OPT_DSN_NOTIFY);
	struct strbuf original = STRBUF_INIT(1024);

	if (!notify && configured && !dsn_notify_parse(configured, &notify, err))
		return false;
	if (c->orcpt)
		e->recipients[i].orcpt = xstrdup(c->orcpt);
	else if (notify && address_add_smtp(&original, a, false, NULL))
		e->recipients[i].orcpt = xstrdup(original.s);
	strbuf_done(&original);
	d->up->smarthost.settings.deadline = smarthost_deadline(&d->up->account);
	return network_relay_recipient(d->up->relay, i, notify, reply, err);
}

/* The smarthost is lost, and the transaction with it. */
static void
give_up(struct smtpd *d, const struct error *err)
{
	struct enhanced enhanced;
	int code;

	d->lost = true;
	smtpd_failure_code(err, &code, &enhanced);
	smtpd_say(d, 421, enhanced.class == 4 ? enhanced : (struct enhanced){ 4, 4, 2 }, err->text);
	smtpd_end(d, fault_status(FAULT_TEMPORARY));
}

/* A recipient that stands for several: it is taken when one of them is, and the reply names the
 * others. */
static void
offer_each(struct smtpd *d, const struct smtpd_command *c, const struct address_list *l,
	struct relay_reply *reply)
{
	struct strbuf text = STRBUF_INIT(16 << 10);
	struct error first = ERROR_NONE, err;
	size_t before = d->taken;

	for (size_t i = 0; i < l->n; i++) {
		err = (struct error)ERROR_NONE;
		if (offer(d, c, &l->v[i], reply, &err)) {
			d->taken++;
			continue;
		}
		if (!network_relay_is_open(d->up->relay)) {
			give_up(d, &err);
			strbuf_done(&text);
			return;
		}
		strbuf_addf(&text, "%s\n", err.text);
		if (!first.fault)
			first = err;
	}
	if (d->taken > before) {
		strbuf_addf(&text, "%zu of %zu addresses that this stands for are good\n",
			d->taken - before, l->n);
		smtpd_say(d, 250, (struct enhanced){ 2, 1, 5 }, text.s);
	} else {
		smtpd_say(d, first.smtp ? first.smtp : 550,
			first.code.class ? first.code : (struct enhanced){ 5, 1, 1 }, text.s);
	}
	strbuf_done(&text);
}

static void
offer_all(struct smtpd *d, const struct smtpd_command *c, const struct address_list *l)
{
	struct relay_reply reply;
	struct error err = ERROR_NONE;

	relay_reply_init(&reply);
	if (l->n > 1 && d->up->smarthost.settings.lmtp) {
		/* the one reply to the content could not tell what became of each */
		smtpd_reply(d, 550, 3, 5,
			"this stands for %zu addresses, and over LMTP each needs a transaction",
			l->n);
	} else if (l->n > 1) {
		offer_each(d, c, l, &reply);
	} else {
		d->taken += offer(d, c, &l->v[0], &reply, &err);
		if (reply.code)
			smtpd_reply_pass(d, &reply);
		else if (network_relay_is_open(d->up->relay))
			smtpd_reply_failure(d, &err);
		else
			give_up(d, &err);
	}
	relay_reply_done(&reply);
}

void
smtpd_rcpt(struct smtpd *d, const struct smtpd_command *c)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct envelope refused = ENVELOPE_NONE;
	struct error err = ERROR_NONE;

	if (!d->mail || d->content) {
		smtpd_reply(d, 503, 5, 1, d->mail ? "the content has begun" : "MAIL comes first");
		return;
	}
	if (d->asked++ >= SMTPD_RECIPIENTS) {
		smtpd_reply(d, 452, 5, 3, "too many recipients for one message");
		return;
	}
	address_list_add(&l, &c->address);
	if (!recipients_resolve(&d->s, &l, &refused, &err))
		smtpd_reply_failure(d, &err);
	else if (!l.n && refused.count)
		smtpd_reply_failure(d, refused.recipients[0].why);
	else if (!l.n)
		smtpd_reply(d, 550, 1, 1, "this recipient stands for nobody");
	else
		offer_all(d, c, &l);
	envelope_done(&refused);
	address_list_done(&l);
}
