#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "warm.h"
#include "warm_field.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct envelope) == 56, "a new member of the envelope");
_Static_assert(sizeof(struct recipient) == 72, "a new member of a recipient");
_Static_assert(sizeof(struct message_facts) == 48, "a new fact about messages");
_Static_assert(sizeof(struct wire_wishes) == 40, "a new wish");
#endif

#define ADDRESS_SHOWN  1024
#define PRIORITY_SHIFT 9 /* RFC 6710: from -9 to 9 */

void
warm_request_done(struct warm_request *r)
{
	free(r->mail_auth);
	r->mail_auth = NULL;
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
	memo_add(out, text.s, text.len);
	address_done(&back);
	strbuf_done(&text);
}

static bool
take_address(const char **at, const char *end, struct address *ret)
{
	const char *text;
	size_t n;

	return memo_take(at, end, &text, &n) && address_parse_sender(text, n, ret, NULL);
}

static void
add_facts(struct strbuf *out, const struct message_facts *f)
{
	memo_add_number(out, f->body_size);
	memo_add_number(out, f->longest_line);
	memo_add_number(out, f->longest_header);
	memo_add_number(out, f->nul_removed);
	memo_add_number(out, f->cr_changed);
	memo_add_number(out, f->body_8bit);
	memo_add_number(out, f->header_8bit);
	memo_add_number(out, f->header_utf8);
	memo_add_number(out, f->empty_input);
	memo_add_number(out, f->headerless);
}

static bool
take_facts(const char **at, const char *end, struct message_facts *f)
{
	uint64_t longest = 0;
	bool good = warm_take_number(at, end, INT64_MAX, &f->body_size) &&
		    warm_take_number(at, end, INT64_MAX, &f->longest_line) &&
		    warm_take_number(at, end, INT32_MAX, &longest) &&
		    warm_take_number(at, end, INT64_MAX, &f->nul_removed) &&
		    warm_take_number(at, end, INT64_MAX, &f->cr_changed) &&
		    warm_take_bool(at, end, &f->body_8bit) &&
		    warm_take_bool(at, end, &f->header_8bit) &&
		    warm_take_bool(at, end, &f->header_utf8) &&
		    warm_take_bool(at, end, &f->empty_input) &&
		    warm_take_bool(at, end, &f->headerless);

	f->longest_header = (size_t)longest;
	return good;
}

/* The milliseconds that are left; for ever, which is -1, becomes 0. */
static void
add_left(struct strbuf *out, int64_t deadline)
{
	memo_add_number(out, (uint64_t)(clock_left(deadline) + 1LL));
}

static bool
take_left(const char **at, const char *end, int64_t *ret)
{
	uint64_t n = 0;
	bool good = warm_take_number(at, end, 1ULL << 31, &n);

	*ret = (int64_t)n - 1;
	return good;
}

static void
add_wishes(struct strbuf *out, const struct wire_wishes *w)
{
	memo_add_number(out, w->require_tls);
	memo_add_number(out, (uint64_t)w->deliver_by);
	memo_add_number(out, w->deliver_by_return);
	memo_add_number(out, w->priority_set);
	memo_add_number(out, (uint64_t)(w->priority + PRIORITY_SHIFT));
	memo_add_number(out, (uint64_t)w->hold_until);
	memo_adds(out, w->mail_auth);
}

static bool
take_wishes(const char **at, const char *end, struct warm_request *r)
{
	struct wire_wishes *w = &r->wishes;
	uint64_t deliver_by = 0, hold_until = 0;
	int priority = PRIORITY_SHIFT;
	bool good = warm_take_bool(at, end, &w->require_tls) &&
		    memo_take_number(at, end, &deliver_by) &&
		    warm_take_bool(at, end, &w->deliver_by_return) &&
		    warm_take_bool(at, end, &w->priority_set) &&
		    warm_take_int(at, end, &priority) && priority <= 2 * PRIORITY_SHIFT &&
		    warm_take_number(at, end, INT64_MAX, &hold_until) &&
		    warm_take_string(at, end, &r->mail_auth);

	w->deliver_by = (int64_t)deliver_by;
	w->priority = priority - PRIORITY_SHIFT;
	w->hold_until = (int64_t)hold_until;
	w->mail_auth = r->mail_auth;
	return good;
}

void
warm_add_request(struct strbuf *out, const struct memo_key *key,
	const struct wire_settings *settings, const struct envelope *e, const struct message *m)
{
	const struct recipient *r;

	memo_add(out, key->octets, sizeof(key->octets));
	memo_add_number(out, settings->trace != NULL);
	memo_add_number(out, settings->partial_abort);
	memo_add_number(out, settings->strict_body);
	add_left(out, settings->deadline);
	add_left(out, settings->budget ? settings->budget : CLOCK_NEVER);
	add_wishes(out, &settings->wishes);
	add_address(out, &e->sender);
	memo_add_number(out, e->dsn_return);
	memo_add_number(out, e->dsn_notify);
	memo_adds(out, e->envid);
	memo_add_number(out, envelope_count(e, OUTCOME_PENDING));
	for (r = e->recipients; r < e->recipients + e->count; r++) {
		if (r->outcome != OUTCOME_PENDING)
			continue;
		add_address(out, &r->address);
		memo_adds(out, r->orcpt);
	}
	add_facts(out, &m->facts);
	memo_add_number(out, m->base);
	memo_add(out, m->header.s, m->header.len);
	memo_add(out, m->memory.s, m->memory.len);
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
		!warm_take_number(at, end, DSN_RETURN_HEADERS, &dsn) ||
		!warm_take_number(
			at, end, DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, &notify) ||
		!warm_take_string(at, end, &e->envid) ||
		!warm_take_number(at, end, WARM_RECIPIENTS, &count))
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
		if (!good || !warm_take_string(at, end, &e->recipients[e->count - 1].orcpt))
			return false;
	}
	return e->count > 0;
}

static bool
take_message(const char **at, const char *end, struct warm_request *r)
{
	struct message *m = &r->message;
	const char *header, *memory;
	size_t header_len, memory_len;

	if (!take_facts(at, end, &m->facts) ||
		!warm_take_number(at, end, INT64_MAX / 2, &m->base) ||
		!memo_take(at, end, &header, &header_len) ||
		!memo_take(at, end, &memory, &memory_len) || memory_len > m->facts.body_size)
		return false;
	strbuf_add(&m->header, header, header_len);
	strbuf_add(&m->memory, memory, memory_len);
	r->in_file = m->facts.body_size - memory_len;
	return !m->header.full && !m->memory.full;
}

bool
warm_take_request(const char *s, size_t n, struct warm_request *ret)
{
	const char *end = s + n;

	*ret = (struct warm_request){ .message = MESSAGE_NONE };
	if (!memo_take_octets(&s, end, ret->key.octets, sizeof(ret->key.octets)) ||
		!warm_take_bool(&s, end, &ret->trace) ||
		!warm_take_bool(&s, end, &ret->partial_abort) ||
		!warm_take_bool(&s, end, &ret->strict_body) ||
		!take_left(&s, end, &ret->patience) || !take_left(&s, end, &ret->budget) ||
		!take_wishes(&s, end, ret) || !take_envelope(&s, end, &ret->envelope) ||
		!take_message(&s, end, ret))
		return false;
	return s == end;
}
