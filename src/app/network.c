#include "network.h"

#include <stdlib.h>

#include "alloc.h"
#include "answer.h"
#include "box.h"
#include "channel.h"
#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "network_box.h"
#include "profile.h"
#include "settings.h"

struct network {
	const struct wire_settings *settings;
	struct wire_link *link; /* in this process */
	bool boxed;
	struct box_rules rules;
	struct box box;
	bool open, renewed;
};

static bool boxed;

void
network_box(void)
{
	boxed = true;
}

bool
network_is_boxed(void)
{
	return boxed;
}

struct wire_link *
network_link(struct network *n)
{
	return n ? n->link : NULL;
}

bool
network_stays(const struct wire_settings *settings, const struct profile *account)
{
	return !boxed && !(box_steps_down(account) && box_is_possible(settings));
}

struct network *
network_new(const struct wire_settings *settings, const struct profile *account)
{
	struct network *n = xcalloc(1, sizeof(*n));

	n->settings = settings;
	n->rules = (struct box_rules){ .down = box_steps_down(account),
		.remember = profile_yes(account, OPT_REMEMBER) };
	n->boxed = (boxed || n->rules.down) && box_is_possible(settings);
	n->box = (struct box)BOX_NONE;
	if (!n->boxed)
		n->link = wire_link_new(settings);
	return n;
}

static void
run(void *ctx, int fd)
{
	const struct network *n = ctx;

	network_serve(fd, n->settings, &n->rules);
}

static bool
start(struct network *n, struct error *err)
{
	n->renewed = false;
	return box_start(&n->box, run, n, err);
}

/* Ends the process; what it has still to say is heard. */
static void
part(struct network *n)
{
	box_hear_out(&n->box, n->settings);
	n->open = false;
}

void
network_free(struct network *n)
{
	if (!n)
		return;
	if (n->link)
		wire_link_free(n->link);
	part(n);
	free(n);
}

void
network_abandon(struct network *n)
{
	if (n->link)
		wire_link_abandon(n->link);
	box_abandon(&n->box);
	n->open = false;
}

int
network_socket(const struct network *n)
{
	return n->link ? wire_link_socket(n->link) : -1;
}

bool
network_learns(struct network *n)
{
	return n->link && wire_link_learns(n->link);
}

void
network_learn(struct network *n)
{
	if (n->link)
		wire_link_learn(n->link);
}

bool
network_is_open(struct network *n)
{
	return n->link ? wire_link_is_open(n->link) : n->open || n->renewed;
}

bool
network_renew(struct network *n)
{
	if (!n->boxed)
		return false;
	part(n);
	return n->renewed = true;
}

/* What the process says until it answers. */
struct talk {
	wire_progress *progress;
	void *ctx;
	bool sent;
	unsigned asked;
};

static bool
take(struct network *n, struct talk *t, const struct channel_parcel *p, struct answer *a,
	bool *ret_done, struct error *err)
{
	unsigned char first = p->body.len ? (unsigned char)p->body.s[0] : 0xff;

	if (p->kind == NETWORK_MARK && p->body.len == 1 && first <= WIRE_ACCEPTED_BY_ALL) {
		t->sent = first == WIRE_SENT;
		if (t->progress)
			t->progress(t->ctx, (enum wire_mark)first);
		/* it waits: nobody may think that nothing was sent when the end of data leaves */
		return first != WIRE_SENT || channel_send(n->box.fd, NETWORK_GO, NULL, NULL, 0,
						     clock_in(BOX_SEND_MS), err);
	}
	if (p->kind != NETWORK_ANSWER || first > 1)
		return error_set(err, FAULT_PROTOCOL, "it cannot be understood");
	n->open = first;
	*ret_done = true;
	return answer_take(p->body.s + 1, p->body.len - 1, a, err);
}

static bool
listen_to(struct network *n, struct talk *t, struct answer *a, struct error *err)
{
	struct channel_parcel p;
	bool done = false, good = true;

	channel_parcel_init(&p, BOX_PARCEL);
	while (good && !done) {
		good = box_hear(&n->box, n->settings, &p, &t->asked, err) &&
		       take(n, t, &p, a, &done, err);
		channel_parcel_clear(&p);
	}
	channel_parcel_done(&p);
	return good;
}

/* The process is lost: what it leaves behind. */
static bool
lost(struct network *n, const struct talk *t, struct envelope *e, struct error *why,
	struct error *err)
{
	box_lost(&n->box, why);
	n->open = false;
	why->in_doubt = t->sent;
	why->stage = t->sent ? STAGE_END : STAGE_NONE;
	if (t->sent)
		error_prefix(why, "the message may have been delivered");
	envelope_fail_pending(e, why);
	if (err && !err->fault)
		*err = *why;
	return false;
}

static bool
deliver_boxed(struct network *n, struct envelope *e, const struct message *m, struct talk *t,
	struct wire_report *report, struct error *err)
{
	struct strbuf job = STRBUF_INIT(BOX_PARCEL);
	struct error why = ERROR_NONE, said = ERROR_NONE;
	struct answer a = { .envelope = e, .report = report, .error = &said };
	bool good;

	network_add_job(&job, e, m, n->settings);
	good = !job.full ? n->box.fd >= 0 || start(n, &why)
			 : error_set(&why, FAULT_TEMPORARY, "the envelope is too large");
	good = good && channel_send(n->box.fd, NETWORK_DELIVER, &job, &m->fd, m->fd >= 0,
			       clock_in(BOX_SEND_MS), &why);
	strbuf_done(&job);
	if (!good || !listen_to(n, t, &a, &why))
		return lost(n, t, e, &why, err);
	if (!n->open)
		box_end(&n->box, true);
	good = a.good && envelope_count(e, OUTCOME_ACCEPTED) == e->count;
	if (good)
		return true;
	if (err && !err->fault)
		*err = said;
	return error_set(err, FAULT_SOFTWARE, "an outcome without a reason");
}

bool
network_deliver(struct network *n, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
{
	struct talk t = { .progress = progress, .ctx = progress_ctx };

	if (n->link)
		return wire_link_deliver(
			n->link, envelope, message, progress, progress_ctx, report, err);
	return deliver_boxed(n, envelope, message, &t, report, err);
}
