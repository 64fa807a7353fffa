#include "network_box.h"

#include <unistd.h>

#include "answer.h"
#include "box.h"
#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "session.h"
#include "strbuf.h"

static void
tell_mark(void *ctx, enum wire_mark mark)
{
	struct boxed *b = ctx;
	char octet[2] = { (char)mark, '\0' };
	/* nothing may be allocated here */
	struct strbuf body = { octet, 1, 0, 1, false, false };
	struct channel_parcel go;

	boxed_tell(b, NETWORK_MARK, &body);
	if (mark != WIRE_SENT)
		return;
	channel_parcel_init(&go, 0);
	if (channel_receive(b->fd, &go, CLOCK_NEVER) != CHANNEL_PARCEL || go.kind != NETWORK_GO)
		_exit(1);
}

/* Opens what must be opened, and gives up the rest. */
static bool
prepare(struct boxed *b, struct wire_link *link, const struct box_rules *rules)
{
	if (!wire_link_prepare(link, &b->broken))
		return false;
	return boxed_shut(b, rules);
}

static bool
refuse(const struct boxed *b, struct envelope *e, struct error *err)
{
	*err = b->broken;
	envelope_fail_pending(e, err);
	return false;
}

static void
serve_one(struct boxed *b, struct wire_link *link, const struct channel_parcel *p)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	struct envelope envelope = ENVELOPE_NONE;
	struct error why = ERROR_NONE;
	struct wire_report report;
	struct message message;
	struct answer a = {
		.envelope = &envelope, .report = &report, .error = &why, .attempted = true
	};

	wire_report_init(&report);
	if (!network_take_job(p->body.s, p->body.len, p->fd_count ? p->fds[0] : -1, &envelope,
		    &message, &b->settings))
		_exit(1);
	if (b->broken.fault)
		a.good = refuse(b, &envelope, &why);
	else
		a.good = wire_link_deliver(link, &envelope, &message, tell_mark, b, &report, &why);
	strbuf_addc(&body, (char)wire_link_is_open(link));
	answer_add(&body, &a);
	if (body.full)
		_exit(1);
	boxed_tell(b, NETWORK_ANSWER, &body);
	strbuf_done(&body);
	wishes_done(&b->settings.wishes);
	message_done(&message);
	envelope_done(&envelope);
	wire_report_done(&report);
}

void
network_serve(int fd, const struct wire_settings *settings, const struct box_rules *rules)
{
	struct boxed b;
	struct channel_parcel p;
	struct wire_link *link;

	boxed_init(&b, fd, settings);
	link = wire_link_new(&b.settings);
	(void)!prepare(&b, link, rules);
	channel_parcel_init(&p, BOX_PARCEL);
	while (channel_receive(fd, &p, CLOCK_NEVER) == CHANNEL_PARCEL &&
		p.kind == NETWORK_DELIVER) {
		serve_one(&b, link, &p);
		channel_parcel_clear(&p);
	}
	wire_link_free(link);
	_exit(0);
}
