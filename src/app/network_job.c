#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "field.h"
#include "message.h"
#include "network_box.h"
#include "packing.h"
#include "settings.h"

#define RECIPIENTS_MAX (1 << 24)

static void
add_address(struct strbuf *out, const struct address *a)
{
	field_add_string(out, a->local);
	field_add_string(out, a->domain);
}

void
network_add_deadlines(struct strbuf *out, const struct wire_settings *settings)
{
	field_add(out, &settings->deadline, sizeof(settings->deadline));
	field_add(out, &settings->budget, sizeof(settings->budget));
}

bool
network_take_deadlines(const char **at, const char *end, struct wire_settings *settings)
{
	return field_take_octets(at, end, &settings->deadline, sizeof(settings->deadline)) &&
	       field_take_octets(at, end, &settings->budget, sizeof(settings->budget));
}

void
network_add_recipient(struct strbuf *out, const struct recipient *r)
{
	add_address(out, &r->address);
	field_add_string(out, r->orcpt);
	field_add_number(out, r->outcome);
}

void
network_add_envelope(struct strbuf *out, const struct envelope *e)
{
	add_address(out, &e->sender);
	field_add_number(out, e->dsn_return);
	field_add_number(out, e->dsn_notify);
	field_add_string(out, e->envid);
	field_add_number(out, e->count);
	for (size_t i = 0; i < e->count; i++)
		network_add_recipient(out, &e->recipients[i]);
}

void
network_add_job(struct strbuf *out, const struct envelope *e, const struct message *m,
	const struct wire_settings *settings)
{
	network_add_deadlines(out, settings);
	packing_add_wishes(out, &settings->wishes);
	network_add_envelope(out, e);
	packing_add_message(out, m);
}

static bool
take_address(const char **at, const char *end, struct address *ret)
{
	return field_take_string(at, end, &ret->local) && field_take_string(at, end, &ret->domain);
}

bool
network_take_recipient(const char **at, const char *end, struct envelope *e)
{
	struct address a = ADDRESS_NONE;
	struct recipient *r;
	uint64_t outcome;
	size_t i;
	bool good = take_address(at, end, &a) && a.local;

	if (good) {
		i = envelope_add_recipient(e, &a);
		r = &e->recipients[i];
		good = field_take_string(at, end, &r->orcpt) &&
		       field_take_number(at, end, OUTCOME_COUNT - 1, &outcome);
		r->outcome = good ? (enum outcome)outcome : OUTCOME_PENDING;
	}
	address_done(&a);
	return good;
}

bool
network_take_envelope(const char **at, const char *end, struct envelope *e)
{
	const unsigned all = DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY;
	uint64_t dsn, notify, count;

	if (!take_address(at, end, &e->sender) ||
		!field_take_number(at, end, DSN_RETURN_HEADERS, &dsn) ||
		!field_take_number(at, end, all, &notify) ||
		!field_take_string(at, end, &e->envid) ||
		!field_take_number(at, end, RECIPIENTS_MAX, &count))
		return false;
	e->dsn_return = (enum dsn_return)dsn;
	e->dsn_notify = (unsigned)notify;
	while (count--)
		if (!network_take_recipient(at, end, e))
			return false;
	return true;
}

bool
network_take_job(const char *s, size_t n, int fd, struct envelope *e, struct message *m,
	struct wire_settings *settings)
{
	const char *end = s + n;

	message_init(m);
	settings->wishes = (struct wishes){ .tls = TLS_WISH_NONE };
	if (!network_take_deadlines(&s, end, settings) ||
		!packing_take_wishes(&s, end, &settings->wishes) ||
		!network_take_envelope(&s, end, e) || !packing_take_message(&s, end, m) || s != end)
		return false;
	m->fd = fd;
	m->borrowed = true;
	return true;
}
