#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "warm.h"
#include "warm_field.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct error) == 1048, "a new member of the error");
_Static_assert(sizeof(struct wire_report) == 1688, "a new member of the report");
#endif

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
	bool good = warm_take_number(at, end, 5, &class) &&
		    warm_take_number(at, end, 999, &subject) &&
		    warm_take_number(at, end, 999, &detail);

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
		    warm_take_number(at, end, INT64_MAX, &expires) &&
		    warm_take_bool(at, end, &t->verified) && warm_take_bool(at, end, &t->resumed);

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
		    warm_take_number(at, end, UINT16_MAX, &port) &&
		    warm_take_bool(at, end, &r->connected) && warm_take_bool(at, end, &r->lmtp) &&
		    take_tls(at, end, &r->tls) &&
		    take_text(at, end, r->mechanism, sizeof(r->mechanism)) &&
		    warm_take_number(at, end, INT64_MAX, &r->size) &&
		    warm_take_int(at, end, &r->code) && take_enhanced(at, end, &r->enhanced) &&
		    take_text(at, end, r->words, sizeof(r->words)) &&
		    warm_take_number(at, end, UINT32_MAX, &trips);

	r->port = (uint16_t)port;
	r->round_trips = (unsigned)trips;
	for (size_t i = 0; good && i < WIRE_PHASE_COUNT; i++) {
		good = warm_take_number(at, end, INT64_MAX, &ms);
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
	bool good = warm_take_number(at, end, FAULT_COUNT - 1, &fault) &&
		    warm_take_number(at, end, STAGE_COUNT - 1, &stage) &&
		    warm_take_int(at, end, &err->sys) && warm_take_int(at, end, &err->smtp) &&
		    take_enhanced(at, end, &err->code) && warm_take_bool(at, end, &err->in_doubt) &&
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

	good = warm_take_number(at, end, OUTCOME_COUNT - 1, &outcome) &&
	       warm_take_int(at, end, &code) && take_enhanced(at, end, &enhanced) &&
	       warm_take_string(at, end, &words) &&
	       (!words || !text_has_control(words, strlen(words))) &&
	       warm_take_bool(at, end, &failed) && (!failed || take_error(at, end, &why)) &&
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
