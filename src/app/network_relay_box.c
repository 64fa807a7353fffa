/* The process that takes the steps of -bs in place of another one. */
#include <unistd.h>

#include "alloc.h"
#include "box.h"
#include "clock.h"
#include "envelope.h"
#include "field.h"
#include "message.h"
#include "network_box.h"
#include "packing.h"
#include "relay.h"

struct steps {
	struct boxed b;
	struct relay *relay;
	struct wire_report report;
	struct envelope envelope; /* of the transaction: those who were offered */
	uint64_t *numbers;        /* of its recipients, in the other process */
};

static void
begin_anew(struct steps *t)
{
	if (t->relay)
		relay_reset(t->relay);
	envelope_done(&t->envelope);
	t->envelope = (struct envelope)ENVELOPE_NONE;
	wishes_done(&t->b.settings.wishes);
	t->b.settings.wishes = (struct wishes){ .tls = TLS_WISH_NONE };
	wire_report_done(&t->report);
	wire_report_init(&t->report);
}

static bool
begin(struct steps *t, const char *at, const char *end, struct relay_reply *reply,
	struct error *err)
{
	struct relay_mail mail = { .size = 0 };

	begin_anew(t);
	if (!packing_take_wishes(&at, end, &t->b.settings.wishes) ||
		!packing_take_report(&at, end, &t->report) ||
		!field_take_number(&at, end, UINT64_MAX, &mail.size) ||
		!field_take_bool(&at, end, &mail.smtputf8) ||
		!network_take_envelope(&at, end, &t->envelope) || at != end)
		_exit(1);
	if (!t->b.broken.fault)
		return relay_begin(t->relay, &t->envelope, &mail, reply, err);
	*err = t->b.broken;
	return false;
}

static bool
offer(struct steps *t, const char *at, const char *end, struct relay_reply *reply,
	struct error *err)
{
	const unsigned all = DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY;
	size_t i = t->envelope.count;
	uint64_t number, notify;

	if (!field_take_number(&at, end, SIZE_MAX, &number) ||
		!field_take_number(&at, end, all, &notify) ||
		!network_take_recipient(&at, end, &t->envelope) || at != end)
		_exit(1);
	t->numbers = xreallocarray(t->numbers, t->envelope.count, sizeof(*t->numbers));
	t->numbers[i] = number;
	return relay_recipient(t->relay, i, (unsigned)notify, reply, err);
}

static bool
send_content(struct steps *t, const char *at, const char *end, int body, struct relay_reply *reply,
	struct error *err)
{
	struct message m;
	bool good;

	message_init(&m);
	if (!packing_take_message(&at, end, &m) || at != end)
		_exit(1);
	m.fd = body;
	m.borrowed = true;
	good = relay_content(t->relay, &m, reply, err);
	message_done(&m);
	return good;
}

/* In a transaction nobody's outcome changes but that of who was offered last. */
static void
add_outcomes(const struct steps *t, struct strbuf *out)
{
	size_t n = t->envelope.count, i = t->relay && relay_is_open(t->relay) && n ? n - 1 : 0;

	field_add_number(out, n - i);
	for (; i < n; i++) {
		field_add_number(out, t->numbers[i]);
		packing_add_outcome(out, &t->envelope.recipients[i]);
	}
}

static void
tell(struct steps *t, const struct relay_reply *reply, const struct error *why)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);

	field_add_number(&body, (uint64_t)reply->code);
	field_add_enhanced(&body, reply->enhanced);
	field_add_text(&body, reply->text.s);
	field_add_error(&body, why);
	field_add_number(&body, t->relay && relay_is_open(t->relay));
	field_add_number(&body, !t->b.broken.fault);
	field_add_number(&body, t->relay ? relay_size_max(t->relay) : 0);
	packing_add_report(&body, &t->report);
	add_outcomes(t, &body);
	if (body.full)
		_exit(1);
	boxed_tell(&t->b, NETWORK_ANSWER, &body);
	strbuf_done(&body);
}

static void
obey(struct steps *t, const struct channel_parcel *p)
{
	const char *at = p->body.s, *end = at + p->body.len;
	struct error why = ERROR_NONE;
	struct relay_reply reply;
	bool good = false;

	relay_reply_init(&reply);
	if (!network_take_deadlines(&at, end, &t->b.settings))
		_exit(1);
	if (p->kind == NETWORK_BEGIN)
		good = begin(t, at, end, &reply, &why);
	else if (p->kind == NETWORK_RECIPIENT && t->relay)
		good = offer(t, at, end, &reply, &why);
	else if (p->kind == NETWORK_CONTENT && t->relay)
		good = send_content(t, at, end, p->fd_count ? p->fds[0] : -1, &reply, &why);
	else
		_exit(1);
	if (good)
		error_clear(&why);
	tell(t, &reply, &why);
	relay_reply_done(&reply);
}

void
network_relay_serve(int fd, const struct wire_settings *settings, const struct box_rules *rules)
{
	struct steps t = { .envelope = ENVELOPE_NONE };
	struct channel_parcel p;

	boxed_init(&t.b, fd, settings);
	/* the other process has them */
	t.b.settings.wishes = (struct wishes){ .tls = TLS_WISH_NONE };
	wire_report_init(&t.report);
	t.relay = relay_new(&t.b.settings, &t.report, &t.b.broken);
	if (t.relay)
		(void)!boxed_shut(&t.b, rules);
	channel_parcel_init(&p, BOX_PARCEL);
	while (channel_receive(fd, &p, CLOCK_NEVER) == CHANNEL_PARCEL) {
		obey(&t, &p);
		channel_parcel_clear(&p);
		if (t.b.broken.fault)
			break;
	}
	relay_free(t.relay);
	_exit(0);
}
