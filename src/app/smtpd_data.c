#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "intake.h"
#include "smtpd_state.h"

/* Content on its way into the message. With an error it is read on, and nothing is kept. */
struct content {
	struct message_reading how;
	struct intake intake;
	uint64_t size, most;
	struct error err;
};

static void
take(void *ctx, const char *data, size_t n)
{
	struct content *c = ctx;

	c->size += n;
	if (c->size > c->most) {
		error_set(&c->err, FAULT_DATA,
			"the message is larger than the %llu octets that are taken",
			(unsigned long long)c->most);
		if (!c->err.code.class && c->err.fault == FAULT_DATA)
			c->err.code = (struct enhanced){ 5, 3, 4 };
	}
	if (!c->err.fault)
		(void)!intake_feed(&c->intake, data, n, &c->err);
}

static void
pass_over(void *ctx, const char *data, size_t n)
{
	(void)ctx, (void)data, (void)n;
}

static struct content *
content_new(struct smtpd *d)
{
	struct content *c = xcalloc(1, sizeof(*c));
	uint64_t most = network_relay_size_max(d->up->relay);

	message_done(&d->s.message);
	message_init(&d->s.message);
	/* the smarthost counts what we shall add as well: its own word decides when it is close */
	c->most = most ? most : SMTPD_MESSAGE;
	intake_init(&c->intake, &d->s.message, &c->how);
	return c;
}

void
smtpd_content_forget(struct smtpd *d)
{
	if (!d->content)
		return;
	intake_done(&d->content->intake);
	free(d->content);
	d->content = NULL;
}

/* The content is whole: sends it, and tells what came of it. */
static void
deliver(struct smtpd *d)
{
	struct submission *s = &d->s;
	struct error err = ERROR_NONE;
	struct relay_reply reply;
	bool good;

	relay_reply_init(&reply);
	if (d->content->err.fault)
		err = d->content->err;
	good = !err.fault && intake_finish(&d->content->intake, &err);
	if (good)
		s->message.facts.empty_input = !d->content->size;
	good = good && message_complete(s, &err);
	if (good) {
		s->attempted = true;
		d->up->smarthost.settings.deadline = smarthost_deadline(&d->up->account);
		good = network_relay_content(d->up->relay, &s->message, &reply, &err);
		/* without a stage it is this machine that failed */
		d->lost = d->lost || (!good && !reply.code && err.stage != STAGE_NONE &&
					     err.fault == FAULT_TEMPORARY);
	}
	if (reply.code)
		smtpd_reply_pass(d, &reply);
	else
		smtpd_reply_failure(d, &err);
	if (good)
		d->waste = 0;
	smtpd_record(d, good ? NULL : &err);
	d->mail = false;
	smtpd_reset(d);
	relay_reply_done(&reply);
}

/* Why content cannot be taken now, as a refusal. */
static bool
may_begin(const struct smtpd *d, struct error *refusal)
{
	if (!d->mail)
		return smtpd_refuse(refusal, 503, 5, 1, "MAIL comes first");
	if (!d->taken)
		return smtpd_refuse(refusal, 554, 5, 1, "there is no recipient that was taken");
	return true;
}

/* A client that has sent on without waiting for the 354 has sent the content: its lines must not be
 * taken for commands. One that waits, as RFC 2920 wants it, is told at once. */
static enum client_event
refuse_data(struct smtpd *d, const struct error *refusal)
{
	enum client_event event;

	if (!client_is_ahead(&d->client)) {
		smtpd_reply_refusal(d, refusal);
		d->wary = true;
		return CLIENT_READY;
	}
	smtpd_reply(d, 354, 0, 0, "the content will be passed over: %s", refusal->text);
	event = client_content(&d->client, pass_over, NULL);
	if (event == CLIENT_READY)
		smtpd_reply_refusal(d, refusal);
	return event;
}

enum client_event
smtpd_data(struct smtpd *d)
{
	struct error refusal = ERROR_NONE;
	enum client_event event;

	if (d->content)
		smtpd_refuse(&refusal, 503, 5, 1, "BDAT has begun the content");
	if (refusal.fault || !may_begin(d, &refusal))
		return refuse_data(d, &refusal);
	smtpd_reply(d, 354, 0, 0, "go on, and end with a line that is a single dot");
	d->content = content_new(d);
	event = client_content(&d->client, take, d->content);
	if (event == CLIENT_READY)
		deliver(d);
	return event;
}

enum client_event
smtpd_bdat(struct smtpd *d, const struct smtpd_command *c)
{
	struct error refusal = ERROR_NONE;
	enum client_event event;

	if (!may_begin(d, &refusal)) {
		/* RFC 3030 section 2: the octets come in any case */
		event = client_chunk(&d->client, c->chunk, pass_over, NULL);
		if (event == CLIENT_READY)
			smtpd_reply_refusal(d, &refusal);
		return event;
	}
	if (!d->content)
		d->content = content_new(d);
	event = client_chunk(&d->client, c->chunk, take, d->content);
	if (event != CLIENT_READY)
		return event;
	if (c->last)
		deliver(d);
	else if (d->content->err.fault)
		smtpd_reply_failure(d, &d->content->err);
	else
		smtpd_reply(d, 250, 0, 0, "%llu octets taken", (unsigned long long)c->chunk);
	return CLIENT_READY;
}
