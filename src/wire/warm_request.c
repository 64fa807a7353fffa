#include <string.h>

#include "clock.h"
#include "field.h"
#include "packing.h"
#include "warm.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct envelope) == 96, "a new member of the envelope");
_Static_assert(sizeof(struct recipient) == 72, "a new member of a recipient");
#endif

#define ADDRESS_SHOWN 1024

void
warm_request_done(struct warm_request *r)
{
	wishes_done(&r->wishes);
	envelope_done(&r->envelope);
	message_done(&r->message);
}

/* As SMTP writes it, if it is read back as the same. */
static void
add_address(struct strbuf *out, const struct address *a)
{
	struct strbuf text = STRBUF_INIT(ADDRESS_SHOWN);
	struct address back = ADDRESS_NONE;

	if (!address_add_smtp(&text, a, false, NULL) || text.full ||
		!address_parse_sender(text.s, text.len, &back, NULL) ||
		strcmp(a->local, back.local) != 0 || !a->domain != !back.domain ||
		(a->domain && strcmp(a->domain, back.domain) != 0))
		out->full = true;
	field_add(out, text.s, text.len);
	address_done(&back);
	strbuf_done(&text);
}

static bool
take_address(const char **at, const char *end, struct address *ret)
{
	const char *text;
	size_t n;

	return field_take(at, end, &text, &n) && address_parse_sender(text, n, ret, NULL);
}

/* The milliseconds that are left; for ever, which is -1, becomes 0. */
static void
add_left(struct strbuf *out, int64_t deadline)
{
	field_add_number(out, (uint64_t)(clock_left(deadline) + 1LL));
}

static bool
take_left(const char **at, const char *end, int64_t *ret)
{
	uint64_t n = 0;
	bool good = field_take_number(at, end, 1ULL << 31, &n);

	*ret = (int64_t)n - 1;
	return good;
}

void
warm_add_request(struct strbuf *out, const struct memo_key *key,
	const struct wire_settings *settings, const struct envelope *e, const struct message *m)
{
	const struct recipient *r;

	field_add(out, key->octets, sizeof(key->octets));
	field_add_number(out, settings->trace != NULL);
	field_add_number(out, settings->partial_abort);
	field_add_number(out, settings->strict_body);
	add_left(out, settings->deadline);
	add_left(out, settings->budget ? settings->budget : CLOCK_NEVER);
	packing_add_wishes(out, &settings->wishes);
	add_address(out, &e->sender);
	field_add_number(out, e->dsn_return);
	field_add_number(out, e->dsn_notify);
	field_add_string(out, e->envid);
	field_add_number(out, envelope_count(e, OUTCOME_PENDING));
	for (r = e->recipients; r < e->recipients + e->count; r++) {
		if (r->outcome != OUTCOME_PENDING)
			continue;
		add_address(out, &r->address);
		field_add_string(out, r->orcpt);
	}
	packing_add_message(out, m);
	/* more stays in memory only where there is no room elsewhere */
	if (m->memory.len > MESSAGE_MEMORY)
		out->full = true;
}

static bool
take_envelope(const char **at, const char *end, struct envelope *e)
{
	struct address a = ADDRESS_NONE;
	uint64_t dsn, notify, count;
	bool good;

	if (!take_address(at, end, &e->sender) ||
		!field_take_number(at, end, DSN_RETURN_HEADERS, &dsn) ||
		!field_take_number(
			at, end, DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, &notify) ||
		!field_take_string(at, end, &e->envid) ||
		!field_take_number(at, end, WARM_RECIPIENTS, &count))
		return false;
	e->dsn_return = (enum dsn_return)dsn;
	e->dsn_notify = (unsigned)notify;
	while (count--) {
		if (!take_address(at, end, &a))
			return false;
		good = !address_is_null(&a);
		if (good)
			envelope_add_recipient(e, &a);
		address_done(&a);
		if (!good || !field_take_string(at, end, &e->recipients[e->count - 1].orcpt))
			return false;
	}
	return e->count > 0;
}

bool
warm_take_request(const char *s, size_t n, struct warm_request *ret)
{
	const char *end = s + n;

	*ret = (struct warm_request){ .message = MESSAGE_NONE };
	if (!field_take_octets(&s, end, ret->key.octets, sizeof(ret->key.octets)) ||
		!field_take_bool(&s, end, &ret->trace) ||
		!field_take_bool(&s, end, &ret->partial_abort) ||
		!field_take_bool(&s, end, &ret->strict_body) ||
		!take_left(&s, end, &ret->patience) || !take_left(&s, end, &ret->budget) ||
		!packing_take_wishes(&s, end, &ret->wishes) ||
		!take_envelope(&s, end, &ret->envelope) ||
		!packing_take_message(&s, end, &ret->message) || s != end)
		return false;
	ret->in_file = ret->message.facts.body_size - ret->message.memory.len;
	return true;
}
