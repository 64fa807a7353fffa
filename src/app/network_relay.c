#include "network_relay.h"

#include <stdlib.h>

#include "alloc.h"
#include "box.h"
#include "clock.h"
#include "envelope.h"
#include "field.h"
#include "keeper.h"
#include "message.h"
#include "network_box.h"
#include "packing.h"
#include "profile.h"
#include "relay.h"

struct network_relay {
	const struct wire_settings *settings;
	struct wire_report *report;
	struct relay *relay; /* in this process */
	/* in another one, which we start, or have KEEPER start for ACCOUNT: */
	const int *keeper;
	const char *account;
	struct box_rules rules;
	struct box box;
	struct envelope *envelope; /* of the transaction */
	bool open;
	uint64_t size_max;
};

struct network_relay *
network_relay_new(const struct wire_settings *settings, const struct profile *account,
	const int *keeper, struct wire_report *report, struct error *err)
{
	struct network_relay *r = xcalloc(1, sizeof(*r));

	r->settings = settings;
	r->report = report;
	r->box = (struct box)BOX_NONE;
	if (keeper && !box_is_possible(settings)) {
		r->keeper = keeper;
		r->account = account->name;
		return r;
	}
	if (box_steps_down(account) && box_is_possible(settings)) {
		r->rules = (struct box_rules){ .down = true,
			.remember = profile_yes(account, OPT_REMEMBER) };
		return r;
	}
	r->relay = relay_new(settings, report, err);
	if (r->relay)
		return r;
	free(r);
	return NULL;
}

void
network_relay_free(struct network_relay *r)
{
	if (!r)
		return;
	relay_free(r->relay);
	box_hear_out(&r->box, r->settings);
	free(r);
}

static void
run(void *ctx, int fd)
{
	const struct network_relay *r = ctx;

	network_relay_serve(fd, r->settings, &r->rules);
}

static bool
start(struct network_relay *r, struct error *err)
{
	if (r->keeper)
		return keeper_relay(*r->keeper, r->account, &r->box.fd, err);
	return box_start(&r->box, run, r, err);
}

static void
reply_none(struct relay_reply *reply)
{
	relay_reply_done(reply);
	relay_reply_init(reply);
}

/* Outcomes of recipients, each behind its number. */
static bool
take_outcomes(const char **at, const char *end, struct envelope *e)
{
	uint64_t count, i;

	if (!field_take_number(at, end, e->count, &count))
		return false;
	while (count--)
		if (!field_take_number(at, end, e->count, &i) || i >= e->count ||
			!packing_take_outcome(at, end, &e->recipients[i]))
			return false;
	return true;
}

/* What came of a step. *RET_MORE: the process has not ended with it. */
static bool
take_answer(struct network_relay *r, const struct channel_parcel *p, struct relay_reply *reply,
	bool *ret_more, struct error *said)
{
	const char *at = p->body.s, *end = at + p->body.len;

	wire_report_done(r->report);
	wire_report_init(r->report);
	if (p->kind != NETWORK_ANSWER || !field_take_int(&at, end, &reply->code) ||
		!field_take_enhanced(&at, end, &reply->enhanced) ||
		!packing_take_lines(&at, end, &reply->text) || !field_take_error(&at, end, said) ||
		!field_take_bool(&at, end, &r->open) || !field_take_bool(&at, end, ret_more) ||
		!field_take_number(&at, end, UINT64_MAX, &r->size_max) ||
		!packing_take_report(&at, end, r->report) ||
		!take_outcomes(&at, end, r->envelope) || at != end)
		return false;
	if (reply->code && (reply->code < 200 || reply->code > 599))
		return false;
	return (reply->code / 100 == 2) == !said->fault;
}

/* The process is lost, and the transaction with it. */
static bool
lost(struct network_relay *r, enum network_kind kind, struct error *why, struct relay_reply *reply,
	struct error *err)
{
	box_lost(&r->box, why);
	why->stage = STAGE_NONE;
	if (kind == NETWORK_CONTENT) {
		/* how far it came nobody knows any more */
		why->in_doubt = true;
		why->stage = STAGE_END;
		error_prefix(why, "the message may have been delivered");
	}
	envelope_fail_pending(r->envelope, why);
	r->open = false;
	reply_none(reply);
	if (err && !err->fault)
		*err = *why;
	return false;
}

static bool
step(struct network_relay *r, enum network_kind kind, const struct strbuf *job, int body,
	struct relay_reply *reply, struct error *err)
{
	struct error why = ERROR_NONE, said = ERROR_NONE;
	struct channel_parcel p;
	unsigned asked = 0;
	bool more = true, good;

	reply_none(reply);
	channel_parcel_init(&p, BOX_PARCEL);
	good = (!job->full || error_set(&why, FAULT_TEMPORARY, "it takes no more")) &&
	       channel_send(r->box.fd, kind, job, &body, body >= 0, clock_in(BOX_SEND_MS), &why) &&
	       box_hear(&r->box, r->settings, &p, &asked, &why) &&
	       (take_answer(r, &p, reply, &more, &said) ||
		       error_set(&why, FAULT_PROTOCOL, "it cannot be understood"));
	channel_parcel_done(&p);
	if (!good)
		return lost(r, kind, &why, reply, err);
	if (!more)
		box_end(&r->box, true);
	if (said.fault && err && !err->fault)
		*err = said;
	return !said.fault;
}

/* What every step brings. */
static struct strbuf
job_new(const struct network_relay *r)
{
	struct strbuf job = STRBUF_INIT(BOX_PARCEL);

	network_add_deadlines(&job, r->settings);
	return job;
}

bool
network_relay_begin(struct network_relay *r, struct envelope *e, const struct relay_mail *mail,
	struct relay_reply *reply, struct error *err)
{
	struct strbuf job;
	bool good;

	if (r->relay)
		return relay_begin(r->relay, e, mail, reply, err);
	r->envelope = e;
	r->open = false;
	if (r->box.fd < 0 && !start(r, err)) {
		reply_none(reply);
		return false;
	}
	job = job_new(r);
	packing_add_wishes(&job, &r->settings->wishes);
	packing_add_report(&job, r->report);
	field_add_number(&job, mail->size);
	field_add_number(&job, mail->smtputf8);
	network_add_envelope(&job, e);
	good = step(r, NETWORK_BEGIN, &job, -1, reply, err);
	strbuf_done(&job);
	return good;
}

static bool
not_open(struct relay_reply *reply, struct error *err)
{
	reply_none(reply);
	return error_set(err, FAULT_SOFTWARE, "there is no transaction");
}

bool
network_relay_recipient(struct network_relay *r, size_t i, unsigned dsn_notify,
	struct relay_reply *reply, struct error *err)
{
	struct strbuf job;
	bool good;

	if (r->relay)
		return relay_recipient(r->relay, i, dsn_notify, reply, err);
	if (!r->open)
		return not_open(reply, err);
	job = job_new(r);
	field_add_number(&job, i);
	field_add_number(&job, dsn_notify);
	network_add_recipient(&job, &r->envelope->recipients[i]);
	good = step(r, NETWORK_RECIPIENT, &job, -1, reply, err);
	strbuf_done(&job);
	return good;
}

bool
network_relay_content(struct network_relay *r, const struct message *m, struct relay_reply *reply,
	struct error *err)
{
	struct strbuf job;
	bool good;

	if (r->relay)
		return relay_content(r->relay, m, reply, err);
	if (!r->open)
		return not_open(reply, err);
	job = job_new(r);
	packing_add_message(&job, m);
	good = step(r, NETWORK_CONTENT, &job, m->fd, reply, err);
	strbuf_done(&job);
	return good;
}

bool
network_relay_is_open(const struct network_relay *r)
{
	return r->relay ? relay_is_open(r->relay) : r->open;
}

void
network_relay_reset(struct network_relay *r)
{
	if (r->relay)
		relay_reset(r->relay);
	/* the other process forgets it with the next MAIL */
	r->open = false;
}

uint64_t
network_relay_size_max(const struct network_relay *r)
{
	return r->relay ? relay_size_max(r->relay) : r->size_max;
}
