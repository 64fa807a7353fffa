#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "text.h"
#include "warm.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct envelope) == 56, "a new member of the envelope");
_Static_assert(sizeof(struct recipient) == 72, "a new member of a recipient");
_Static_assert(sizeof(struct message_facts) == 48, "a new fact about messages");
_Static_assert(sizeof(struct error) == 1048, "a new member of the error");
_Static_assert(sizeof(struct wire_wishes) == 40, "a new wish");
_Static_assert(sizeof(struct wire_report) == 1688, "a new member of the report");
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

/* A number up to MAX. */
static bool
take_number(const char **at, const char *end, uint64_t max, uint64_t *ret)
{
	return memo_take_number(at, end, ret) && *ret <= max;
}

static bool
take_bool(const char **at, const char *end, bool *ret)
{
	uint64_t n = 0;
	bool good = take_number(at, end, 1, &n);

	*ret = n;
	return good;
}

static bool
take_int(const char **at, const char *end, int *ret)
{
	uint64_t n = 0;
	bool good = take_number(at, end, INT32_MAX, &n);

	*ret = (int)n;
	return good;
}

/* Text that will be printed, into a buffer of SIZE octets. */
static bool
take_text(const char **at, const char *end, char *out, size_t size)
{
	const char *text;
	size_t n;

	if (!memo_take(at, end, &text, &n) || n >= size || text_has_control(text, n))
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

/* A string on the heap, or NULL. Any octets but NUL. */
static bool
take_string(const char **at, const char *end, char **ret)
{
	const char *text;
	size_t n;
	bool there;

	if (!take_bool(at, end, &there) || !memo_take(at, end, &text, &n) ||
		memchr(text, '\0', n) || (!there && n))
		return false;
	*ret = there ? xstrndup(text, n) : NULL;
	return true;
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
	bool good = take_number(at, end, INT64_MAX, &f->body_size) &&
		    take_number(at, end, INT64_MAX, &f->longest_line) &&
		    take_number(at, end, INT32_MAX, &longest) &&
		    take_number(at, end, INT64_MAX, &f->nul_removed) &&
		    take_number(at, end, INT64_MAX, &f->cr_changed) &&
		    take_bool(at, end, &f->body_8bit) && take_bool(at, end, &f->header_8bit) &&
		    take_bool(at, end, &f->header_utf8) && take_bool(at, end, &f->empty_input) &&
		    take_bool(at, end, &f->headerless);

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
	bool good = take_number(at, end, 1ULL << 31, &n);

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
	bool good =
		take_bool(at, end, &w->require_tls) && memo_take_number(at, end, &deliver_by) &&
		take_bool(at, end, &w->deliver_by_return) && take_bool(at, end, &w->priority_set) &&
		take_int(at, end, &priority) && priority <= 2 * PRIORITY_SHIFT &&
		take_number(at, end, INT64_MAX, &hold_until) && take_string(at, end, &r->mail_auth);

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

	if (!take_address(at, end, &e->sender) || !take_number(at, end, DSN_RETURN_HEADERS, &dsn) ||
		!take_number(at, end, DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, &notify) ||
		!take_string(at, end, &e->envid) || !take_number(at, end, WARM_RECIPIENTS, &count))
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
		if (!good || !take_string(at, end, &e->recipients[e->count - 1].orcpt))
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

	if (!take_facts(at, end, &m->facts) || !take_number(at, end, INT64_MAX / 2, &m->base) ||
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
		!take_bool(&s, end, &ret->trace) || !take_bool(&s, end, &ret->partial_abort) ||
		!take_bool(&s, end, &ret->strict_body) || !take_left(&s, end, &ret->patience) ||
		!take_left(&s, end, &ret->budget) || !take_wishes(&s, end, ret) ||
		!take_envelope(&s, end, &ret->envelope) || !take_message(&s, end, ret))
		return false;
	return s == end;
}

static void
add_enhanced(struct strbuf *out, struct enhanced code)
{
	memo_add_number(out, code.class);
	memo_add_number(out, code.subject);
	memo_add_number(out, code.detail);
}

static bool
take_enhanced(const char **at, const char *end, struct enhanced *ret)
{
	uint64_t class = 0, subject = 0, detail = 0;
	bool good = take_number(at, end, 5, &class) && take_number(at, end, 999, &subject) &&
		    take_number(at, end, 999, &detail);

	*ret = (struct enhanced){ (unsigned short)class, (unsigned short)subject,
		(unsigned short)detail };
	return good;
}

static void
add_text(struct strbuf *out, const char *s)
{
	memo_add(out, s, strlen(s));
}

static void
add_tls(struct strbuf *out, const struct tls_info *t)
{
	add_text(out, t->version);
	add_text(out, t->cipher);
	add_text(out, t->issuer);
	add_text(out, t->dane);
	memo_add_number(out, (uint64_t)t->expires);
	memo_add_number(out, t->verified);
	memo_add_number(out, t->resumed);
}

static bool
take_tls(const char **at, const char *end, struct tls_info *t)
{
	uint64_t expires = 0;
	bool good = take_text(at, end, t->version, sizeof(t->version)) &&
		    take_text(at, end, t->cipher, sizeof(t->cipher)) &&
		    take_text(at, end, t->issuer, sizeof(t->issuer)) &&
		    take_text(at, end, t->dane, sizeof(t->dane)) &&
		    take_number(at, end, INT64_MAX, &expires) && take_bool(at, end, &t->verified) &&
		    take_bool(at, end, &t->resumed);

	t->expires = (time_t)expires;
	return good;
}

void
warm_add_report(struct strbuf *out, const struct wire_report *r)
{
	add_text(out, r->host);
	add_text(out, r->address);
	add_text(out, r->proxy);
	add_text(out, r->resolver);
	add_text(out, r->asked);
	memo_add_number(out, r->port);
	memo_add_number(out, r->connected);
	memo_add_number(out, r->lmtp);
	add_tls(out, &r->tls);
	add_text(out, r->mechanism);
	memo_add_number(out, r->size);
	memo_add_number(out, (uint64_t)r->code);
	add_enhanced(out, r->enhanced);
	add_text(out, r->words);
	memo_add_number(out, r->round_trips);
	for (size_t i = 0; i < WIRE_PHASE_COUNT; i++)
		memo_add_number(out, (uint64_t)r->ms[i]);
	add_text(out, r->notes.s);
}

/* Printable lines, each ended by LF. */
static bool
take_notes(const char **at, const char *end, struct strbuf *notes)
{
	const char *text, *stop, *lf;
	size_t n;

	if (!memo_take(at, end, &text, &n))
		return false;
	for (stop = text + n; text < stop; text = lf + 1) {
		lf = memchr(text, '\n', (size_t)(stop - text));
		if (!lf || text_has_control(text, (size_t)(lf - text)))
			return false;
		strbuf_add(notes, text, (size_t)(lf + 1 - text));
	}
	return !notes->full;
}

static bool
take_report(const char **at, const char *end, struct wire_report *r)
{
	uint64_t port = 0, trips = 0, ms = 0;
	bool good = take_text(at, end, r->host, sizeof(r->host)) &&
		    take_text(at, end, r->address, sizeof(r->address)) &&
		    take_text(at, end, r->proxy, sizeof(r->proxy)) &&
		    take_text(at, end, r->resolver, sizeof(r->resolver)) &&
		    take_text(at, end, r->asked, sizeof(r->asked)) &&
		    take_number(at, end, UINT16_MAX, &port) && take_bool(at, end, &r->connected) &&
		    take_bool(at, end, &r->lmtp) && take_tls(at, end, &r->tls) &&
		    take_text(at, end, r->mechanism, sizeof(r->mechanism)) &&
		    take_number(at, end, INT64_MAX, &r->size) && take_int(at, end, &r->code) &&
		    take_enhanced(at, end, &r->enhanced) &&
		    take_text(at, end, r->words, sizeof(r->words)) &&
		    take_number(at, end, UINT32_MAX, &trips);

	r->port = (uint16_t)port;
	r->round_trips = (unsigned)trips;
	for (size_t i = 0; good && i < WIRE_PHASE_COUNT; i++) {
		good = take_number(at, end, INT64_MAX, &ms);
		r->ms[i] = (int64_t)ms;
	}
	strbuf_clear(&r->notes);
	return good && take_notes(at, end, &r->notes);
}

bool
warm_take_report(const char *s, size_t n, struct wire_report *r)
{
	const char *end = s + n;

	return take_report(&s, end, r) && s == end;
}

static void
add_error(struct strbuf *out, const struct error *err)
{
	memo_add_number(out, err->fault);
	memo_add_number(out, err->stage);
	memo_add_number(out, (uint64_t)(err->sys > 0 ? err->sys : 0));
	memo_add_number(out, (uint64_t)err->smtp);
	add_enhanced(out, err->code);
	memo_add_number(out, err->in_doubt);
	add_text(out, err->text);
	add_text(out, err->words);
}

static bool
take_error(const char **at, const char *end, struct error *err)
{
	uint64_t fault = 0, stage = 0;
	bool good = take_number(at, end, FAULT_COUNT - 1, &fault) &&
		    take_number(at, end, STAGE_COUNT - 1, &stage) && take_int(at, end, &err->sys) &&
		    take_int(at, end, &err->smtp) && take_enhanced(at, end, &err->code) &&
		    take_bool(at, end, &err->in_doubt) &&
		    take_text(at, end, err->text, sizeof(err->text)) &&
		    take_text(at, end, err->words, sizeof(err->words));

	err->fault = (enum fault)fault;
	err->stage = (enum stage)stage;
	return good && fault;
}

void
warm_add_result(struct strbuf *out, const struct wire_report *r, const struct envelope *e)
{
	const struct recipient *to;

	warm_add_report(out, r);
	for (to = e->recipients; to < e->recipients + e->count; to++) {
		memo_add_number(out, to->outcome);
		memo_add_number(out, (uint64_t)to->code);
		add_enhanced(out, to->enhanced);
		memo_adds(out, to->words);
		memo_add_number(out, to->why != NULL);
		if (to->why)
			add_error(out, to->why);
	}
}

/* One recipient's outcome into *R, which has none. */
static bool
take_outcome(const char **at, const char *end, struct recipient *r)
{
	struct error why = ERROR_NONE;
	struct enhanced enhanced;
	uint64_t outcome;
	char *words = NULL;
	bool failed, good;
	int code;

	good = take_number(at, end, OUTCOME_COUNT - 1, &outcome) && take_int(at, end, &code) &&
	       take_enhanced(at, end, &enhanced) && take_string(at, end, &words) &&
	       (!words || !text_has_control(words, strlen(words))) && take_bool(at, end, &failed) &&
	       (!failed || take_error(at, end, &why)) &&
	       (failed || outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_PENDING);
	if (good)
		recipient_set(
			r, (enum outcome)outcome, code, enhanced, words, failed ? &why : NULL);
	free(words);
	return good;
}

bool
warm_take_result(const char *s, size_t n, struct wire_report *r, struct envelope *e)
{
	const char *end = s + n, *outcomes;
	struct recipient checked = { .outcome = OUTCOME_PENDING }, *to;
	bool good = take_report(&s, end, r);

	outcomes = s;
	for (to = e->recipients; good && to < e->recipients + e->count; to++)
		if (to->outcome == OUTCOME_PENDING)
			good = take_outcome(&s, end, &checked);
	free(checked.words);
	free(checked.why);
	if (!good || s != end)
		return false;
	for (to = e->recipients; to < e->recipients + e->count; to++)
		if (to->outcome == OUTCOME_PENDING && !take_outcome(&outcomes, end, to))
			return false;
	return true;
}
