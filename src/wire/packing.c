#include "packing.h"

#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "field.h"
#include "message.h"
#include "session.h"
#include "text.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct wire_report) == 1688, "a new member of the report");
_Static_assert(sizeof(struct recipient) == 72, "a new member of a recipient");
_Static_assert(sizeof(struct message_facts) == 48, "a new fact about messages");
_Static_assert(sizeof(struct wishes) == 40, "a new wish");
#endif

void
packing_add_tls(struct strbuf *out, const struct tls_info *t)
{
	field_add_text(out, t->version);
	field_add_text(out, t->cipher);
	field_add_text(out, t->issuer);
	field_add_text(out, t->dane);
	field_add_number(out, (uint64_t)t->expires);
	field_add_number(out, t->verified);
	field_add_number(out, t->resumed);
}

bool
packing_take_tls(const char **at, const char *end, struct tls_info *t)
{
	uint64_t expires = 0;
	bool good = field_take_text(at, end, t->version, sizeof(t->version)) &&
		    field_take_text(at, end, t->cipher, sizeof(t->cipher)) &&
		    field_take_text(at, end, t->issuer, sizeof(t->issuer)) &&
		    field_take_text(at, end, t->dane, sizeof(t->dane)) &&
		    field_take_number(at, end, INT64_MAX, &expires) &&
		    field_take_bool(at, end, &t->verified) && field_take_bool(at, end, &t->resumed);

	t->expires = (time_t)expires;
	return good;
}

void
packing_add_report(struct strbuf *out, const struct wire_report *r)
{
	field_add_text(out, r->host);
	field_add_text(out, r->address);
	field_add_text(out, r->proxy);
	field_add_text(out, r->resolver);
	field_add_text(out, r->asked);
	field_add_number(out, r->port);
	field_add_number(out, r->connected);
	field_add_number(out, r->lmtp);
	packing_add_tls(out, &r->tls);
	field_add_text(out, r->mechanism);
	field_add_number(out, r->size);
	field_add_number(out, (uint64_t)r->code);
	field_add_enhanced(out, r->enhanced);
	field_add_text(out, r->words);
	field_add_number(out, r->round_trips);
	for (size_t i = 0; i < WIRE_PHASE_COUNT; i++)
		field_add_number(out, (uint64_t)r->ms[i]);
	field_add_text(out, r->notes.s);
}

bool
packing_take_lines(const char **at, const char *end, struct strbuf *ret)
{
	const char *text, *stop, *lf;
	size_t n;

	if (!field_take(at, end, &text, &n))
		return false;
	for (stop = text + n; text < stop; text = lf + 1) {
		lf = memchr(text, '\n', (size_t)(stop - text));
		if (!lf || text_has_control(text, (size_t)(lf - text)))
			return false;
		strbuf_add(ret, text, (size_t)(lf + 1 - text));
	}
	return !ret->full;
}

bool
packing_take_report(const char **at, const char *end, struct wire_report *r)
{
	uint64_t port = 0, trips = 0, ms = 0;
	bool good = field_take_text(at, end, r->host, sizeof(r->host)) &&
		    field_take_text(at, end, r->address, sizeof(r->address)) &&
		    field_take_text(at, end, r->proxy, sizeof(r->proxy)) &&
		    field_take_text(at, end, r->resolver, sizeof(r->resolver)) &&
		    field_take_text(at, end, r->asked, sizeof(r->asked)) &&
		    field_take_number(at, end, UINT16_MAX, &port) &&
		    field_take_bool(at, end, &r->connected) && field_take_bool(at, end, &r->lmtp) &&
		    packing_take_tls(at, end, &r->tls) &&
		    field_take_text(at, end, r->mechanism, sizeof(r->mechanism)) &&
		    field_take_number(at, end, INT64_MAX, &r->size) &&
		    field_take_int(at, end, &r->code) &&
		    field_take_enhanced(at, end, &r->enhanced) &&
		    field_take_text(at, end, r->words, sizeof(r->words)) &&
		    field_take_number(at, end, UINT32_MAX, &trips);

	r->port = (uint16_t)port;
	r->round_trips = (unsigned)trips;
	for (size_t i = 0; good && i < WIRE_PHASE_COUNT; i++) {
		good = field_take_number(at, end, INT64_MAX, &ms);
		r->ms[i] = (int64_t)ms;
	}
	return good && packing_take_lines(at, end, &r->notes);
}

void
packing_add_outcome(struct strbuf *out, const struct recipient *r)
{
	field_add_number(out, r->outcome);
	field_add_number(out, (uint64_t)r->code);
	field_add_enhanced(out, r->enhanced);
	field_add_string(out, r->words);
	field_add_number(out, r->why != NULL);
	if (r->why)
		field_add_error(out, r->why);
}

bool
packing_take_outcome(const char **at, const char *end, struct recipient *r)
{
	struct error why = ERROR_NONE;
	struct enhanced enhanced;
	uint64_t outcome;
	char *words = NULL;
	bool failed, good;
	int code;

	good = field_take_number(at, end, OUTCOME_COUNT - 1, &outcome) &&
	       field_take_int(at, end, &code) && field_take_enhanced(at, end, &enhanced) &&
	       field_take_string(at, end, &words) &&
	       (!words || (*words && !text_has_control(words, strlen(words)))) &&
	       field_take_bool(at, end, &failed) &&
	       (!failed || (field_take_error(at, end, &why) && why.fault)) &&
	       (failed || outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_PENDING);
	if (good)
		recipient_set(
			r, (enum outcome)outcome, code, enhanced, words, failed ? &why : NULL);
	free(words);
	return good;
}

static void
add_facts(struct strbuf *out, const struct message_facts *f)
{
	field_add_number(out, f->body_size);
	field_add_number(out, f->longest_line);
	field_add_number(out, f->longest_header);
	field_add_number(out, f->nul_removed);
	field_add_number(out, f->cr_changed);
	field_add_number(out, f->body_8bit);
	field_add_number(out, f->header_8bit);
	field_add_number(out, f->header_utf8);
	field_add_number(out, f->empty_input);
	field_add_number(out, f->headerless);
}

static bool
take_facts(const char **at, const char *end, struct message_facts *f)
{
	uint64_t longest = 0;
	bool good = field_take_number(at, end, INT64_MAX, &f->body_size) &&
		    field_take_number(at, end, INT64_MAX, &f->longest_line) &&
		    field_take_number(at, end, INT32_MAX, &longest) &&
		    field_take_number(at, end, INT64_MAX, &f->nul_removed) &&
		    field_take_number(at, end, INT64_MAX, &f->cr_changed) &&
		    field_take_bool(at, end, &f->body_8bit) &&
		    field_take_bool(at, end, &f->header_8bit) &&
		    field_take_bool(at, end, &f->header_utf8) &&
		    field_take_bool(at, end, &f->empty_input) &&
		    field_take_bool(at, end, &f->headerless);

	f->longest_header = (size_t)longest;
	return good;
}

void
packing_add_message(struct strbuf *out, const struct message *m)
{
	add_facts(out, &m->facts);
	field_add_number(out, m->base);
	field_add(out, m->header.s, m->header.len);
	field_add(out, m->memory.s, m->memory.len);
}

bool
packing_take_message(const char **at, const char *end, struct message *m)
{
	const char *header, *memory;
	size_t header_len, memory_len;

	if (!take_facts(at, end, &m->facts) ||
		!field_take_number(at, end, INT64_MAX / 2, &m->base) ||
		!field_take(at, end, &header, &header_len) ||
		!field_take(at, end, &memory, &memory_len) || memory_len > m->facts.body_size)
		return false;
	strbuf_add(&m->header, header, header_len);
	strbuf_add(&m->memory, memory, memory_len);
	return !m->header.full && !m->memory.full;
}

void
packing_add_wishes(struct strbuf *out, const struct wishes *w)
{
	field_add_number(out, w->tls);
	field_add_number(out, (uint64_t)w->deliver_by);
	field_add_number(out, w->late);
	field_add_number(out, w->priority_set);
	field_add_number(out, (uint64_t)(w->priority - PRIORITY_LEAST));
	field_add_number(out, (uint64_t)w->hold_until);
	field_add_string(out, w->mail_auth);
}

bool
packing_take_wishes(const char **at, const char *end, struct wishes *w)
{
	uint64_t tls = 0, late = 0, deliver_by = 0, hold_until = 0;
	int priority = -PRIORITY_LEAST;
	bool good = field_take_number(at, end, TLS_WISH_YES, &tls) &&
		    field_take_number(at, end, INT64_MAX, &deliver_by) &&
		    field_take_number(at, end, LATE_WISH_RETURN, &late) &&
		    field_take_bool(at, end, &w->priority_set) &&
		    field_take_int(at, end, &priority) &&
		    priority <= PRIORITY_MOST - PRIORITY_LEAST &&
		    field_take_number(at, end, INT64_MAX, &hold_until) &&
		    field_take_string(at, end, &w->mail_auth);

	w->tls = (enum tls_wish)tls;
	w->late = (enum late_wish)late;
	w->deliver_by = (int64_t)deliver_by;
	w->priority = priority + PRIORITY_LEAST;
	w->hold_until = (int64_t)hold_until;
	return good;
}
