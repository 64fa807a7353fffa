#include "answer.h"

#include <stdlib.h>

#include "envelope.h"
#include "parcel.h"
#include "queueing.h"
#include "session.h"
#include "strbuf.h"

enum {
	A_GOOD = 1,
	A_ATTEMPTED,
	A_ERROR,
	A_REPORT,
	A_RECIPIENT,
	A_QUEUE,
	A_ACCOUNT,
};
enum {
	E_FAULT = 1,
	E_STAGE,
	E_SYS,
	E_SMTP,
	E_ENHANCED,
	E_DOUBT,
	E_TEXT,
	E_WORDS,
};
enum {
	R_HOST = 1,
	R_ADDRESS,
	R_PORT,
	R_CONNECTED,
	R_VERSION,
	R_CIPHER,
	R_ISSUER,
	R_EXPIRES,
	R_VERIFIED,
	R_MECHANISM,
	R_SIZE,
	R_CODE,
	R_ENHANCED,
	R_WORDS,
	R_TRIPS,
	R_MS,
	R_NOTES,
	R_PROXY,
	R_LMTP,
	R_RESOLVER,
	R_ASKED,
	R_DANE,
	R_RESUMED,
};
enum {
	P_OUTCOME = 1,
	P_CODE,
	P_ENHANCED,
	P_WORDS,
	P_WHY,
	P_KEPT,
};
enum {
	Q_STATE = 1,
	Q_ID,
	Q_FAILED_ID,
	Q_REASON,
	Q_TROUBLE,
	Q_LOUD,
	Q_UNSERVED,
	Q_ONCE,
};

#define CODE_MAX   999
#define SYS_OFFSET (1u << 20) /* libraries number their errors below zero */

static uint64_t
enhanced_number(struct enhanced e)
{
	return (uint64_t)e.class * 1000000 + (uint64_t)e.subject * 1000 + e.detail;
}

static struct enhanced
enhanced_of(uint64_t n)
{
	return (struct enhanced){ (unsigned short)(n / 1000000), (unsigned short)(n / 1000 % 1000),
		(unsigned short)(n % 1000) };
}

static struct enhanced
take_enhanced(struct parcel *p, const struct parcel_field *f)
{
	return enhanced_of(parcel_number(p, f, 999999999));
}

static void
add_error(struct strbuf *out, unsigned tag, const struct error *e)
{
	size_t at = parcel_open(out, tag);

	parcel_add_number(out, E_FAULT, e->fault);
	parcel_add_number(out, E_STAGE, e->stage);
	parcel_add_number(out, E_SYS, (uint64_t)(e->sys + (int)SYS_OFFSET));
	parcel_add_number(out, E_SMTP, (uint64_t)e->smtp);
	parcel_add_number(out, E_ENHANCED, enhanced_number(e->code));
	parcel_add_number(out, E_DOUBT, e->in_doubt);
	parcel_add_text(out, E_TEXT, e->text);
	parcel_add_text(out, E_WORDS, e->words);
	parcel_close(out, at);
}

static void
take_error(struct parcel *outer, const struct parcel_field *field, struct error *e)
{
	struct parcel_field f;
	struct parcel p;

	*e = (struct error)ERROR_NONE;
	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case E_FAULT:
			e->fault = (enum fault)parcel_number(&p, &f, FAULT_COUNT - 1);
			break;
		case E_STAGE:
			e->stage = (enum stage)parcel_number(&p, &f, STAGE_COUNT - 1);
			break;
		case E_SYS:
			e->sys = (int)parcel_number(&p, &f, 2 * SYS_OFFSET) - (int)SYS_OFFSET;
			break;
		case E_SMTP:
			e->smtp = (int)parcel_number(&p, &f, CODE_MAX);
			break;
		case E_ENHANCED:
			e->code = take_enhanced(&p, &f);
			break;
		case E_DOUBT:
			e->in_doubt = parcel_number(&p, &f, 1);
			break;
		case E_TEXT:
			parcel_text(&p, &f, e->text, sizeof(e->text));
			break;
		case E_WORDS:
			parcel_text(&p, &f, e->words, sizeof(e->words));
			break;
		default:
			p.bad = true;
		}
	outer->bad |= p.bad;
}

static void
add_report(struct strbuf *out, const struct wire_report *r)
{
	size_t at = parcel_open(out, A_REPORT);

	parcel_add_text(out, R_HOST, r->host);
	parcel_add_text(out, R_ADDRESS, r->address);
	parcel_add_text(out, R_PROXY, r->proxy);
	parcel_add_number(out, R_PORT, r->port);
	parcel_add_number(out, R_LMTP, r->lmtp);
	parcel_add_text(out, R_RESOLVER, r->resolver);
	parcel_add_text(out, R_ASKED, r->asked);
	parcel_add_number(out, R_CONNECTED, r->connected);
	parcel_add_text(out, R_VERSION, r->tls.version);
	parcel_add_text(out, R_CIPHER, r->tls.cipher);
	parcel_add_text(out, R_ISSUER, r->tls.issuer);
	parcel_add_number(out, R_EXPIRES, (uint64_t)r->tls.expires);
	parcel_add_number(out, R_VERIFIED, r->tls.verified);
	parcel_add_number(out, R_RESUMED, r->tls.resumed);
	parcel_add_text(out, R_DANE, r->tls.dane);
	parcel_add_text(out, R_MECHANISM, r->mechanism);
	parcel_add_number(out, R_SIZE, r->size);
	parcel_add_number(out, R_CODE, (uint64_t)r->code);
	parcel_add_number(out, R_ENHANCED, enhanced_number(r->enhanced));
	parcel_add_text(out, R_WORDS, r->words);
	parcel_add_number(out, R_TRIPS, r->round_trips);
	for (int i = 0; i < WIRE_PHASE_COUNT; i++)
		parcel_add_number(out, R_MS, (uint64_t)r->ms[i]);
	parcel_add(out, R_NOTES, r->notes.s, r->notes.len);
	parcel_close(out, at);
}

/* Sentences, each ended by LF. */
static void
take_notes(struct parcel *p, const struct parcel_field *f, struct strbuf *notes)
{
	const char *at = f->s, *end = f->s + f->n, *stop;
	char line[1024];

	for (; at < end; at = stop + 1) {
		for (stop = at; stop < end && *stop != '\n';)
			stop++;
		if (stop == end) {
			p->bad = true;
			return;
		}
		parcel_text(p, &(struct parcel_field){ .s = at, .n = (size_t)(stop - at) }, line,
			sizeof(line));
		strbuf_addf(notes, "%s\n", line);
	}
}

static void
take_text_of_report(struct parcel *p, const struct parcel_field *f, struct wire_report *r)
{
	const struct {
		unsigned tag;
		char *text;
		size_t size;
	} texts[] = { { R_HOST, r->host, sizeof(r->host) },
		{ R_ADDRESS, r->address, sizeof(r->address) },
		{ R_PROXY, r->proxy, sizeof(r->proxy) },
		{ R_RESOLVER, r->resolver, sizeof(r->resolver) },
		{ R_ASKED, r->asked, sizeof(r->asked) },
		{ R_VERSION, r->tls.version, sizeof(r->tls.version) },
		{ R_CIPHER, r->tls.cipher, sizeof(r->tls.cipher) },
		{ R_ISSUER, r->tls.issuer, sizeof(r->tls.issuer) },
		{ R_DANE, r->tls.dane, sizeof(r->tls.dane) },
		{ R_MECHANISM, r->mechanism, sizeof(r->mechanism) },
		{ R_WORDS, r->words, sizeof(r->words) } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].tag == f->tag) {
			parcel_text(p, f, texts[i].text, texts[i].size);
			return;
		}
	if (f->tag == R_NOTES)
		take_notes(p, f, &r->notes);
	else
		p->bad = true;
}

static void
take_report(struct parcel *outer, const struct parcel_field *field, struct wire_report *r)
{
	struct parcel_field f;
	struct parcel p;
	int phase = 0;

	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case R_PORT:
			r->port = (uint16_t)parcel_number(&p, &f, UINT16_MAX);
			break;
		case R_LMTP:
			r->lmtp = parcel_number(&p, &f, 1);
			break;
		case R_RESUMED:
			r->tls.resumed = parcel_number(&p, &f, 1);
			break;
		case R_CONNECTED:
			r->connected = parcel_number(&p, &f, 1);
			break;
		case R_EXPIRES:
			r->tls.expires = (time_t)parcel_number(&p, &f, INT64_MAX);
			break;
		case R_VERIFIED:
			r->tls.verified = parcel_number(&p, &f, 1);
			break;
		case R_SIZE:
			r->size = parcel_number(&p, &f, UINT64_MAX);
			break;
		case R_CODE:
			r->code = (int)parcel_number(&p, &f, CODE_MAX);
			break;
		case R_ENHANCED:
			r->enhanced = take_enhanced(&p, &f);
			break;
		case R_TRIPS:
			r->round_trips = (unsigned)parcel_number(&p, &f, UINT32_MAX);
			break;
		case R_MS:
			if (phase < WIRE_PHASE_COUNT)
				r->ms[phase++] = (int64_t)parcel_number(&p, &f, INT64_MAX);
			else
				p.bad = true;
			break;
		default:
			take_text_of_report(&p, &f, r);
		}
	outer->bad |= p.bad;
}

static void
add_recipient(struct strbuf *out, const struct recipient *r, bool kept)
{
	size_t at = parcel_open(out, A_RECIPIENT);

	parcel_add_number(out, P_OUTCOME, r->outcome);
	parcel_add_number(out, P_CODE, (uint64_t)r->code);
	parcel_add_number(out, P_ENHANCED, enhanced_number(r->enhanced));
	parcel_add_text(out, P_WORDS, r->words);
	if (r->why)
		add_error(out, P_WHY, r->why);
	parcel_add_number(out, P_KEPT, kept);
	parcel_close(out, at);
}

static void
take_recipient(
	struct parcel *outer, const struct parcel_field *field, struct recipient *r, bool *kept)
{
	enum outcome outcome = OUTCOME_PENDING;
	struct enhanced enhanced = { 0, 0, 0 };
	struct error why = ERROR_NONE;
	bool has_words = false, is_kept = false;
	struct parcel_field f;
	struct parcel p;
	char words[1024];
	int code = 0;

	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case P_OUTCOME:
			outcome = (enum outcome)parcel_number(&p, &f, OUTCOME_COUNT - 1);
			break;
		case P_CODE:
			code = (int)parcel_number(&p, &f, CODE_MAX);
			break;
		case P_ENHANCED:
			enhanced = take_enhanced(&p, &f);
			break;
		case P_WORDS:
			parcel_text(&p, &f, words, sizeof(words));
			has_words = true;
			break;
		case P_WHY:
			take_error(&p, &f, &why);
			break;
		case P_KEPT:
			is_kept = parcel_number(&p, &f, 1);
			break;
		default:
			p.bad = true;
		}
	/* whoever is not served has a reason */
	if (outcome > OUTCOME_ACCEPTED && !why.fault)
		p.bad = true;
	if (!p.bad)
		recipient_set(r, outcome, code, enhanced, has_words ? words : NULL,
			why.fault ? &why : NULL);
	if (kept)
		*kept = is_kept;
	outer->bad |= p.bad;
}

static void
add_queue(struct strbuf *out, const struct queueing *q)
{
	size_t at = parcel_open(out, A_QUEUE);

	parcel_add_number(out, Q_STATE, q->state);
	parcel_add_text(out, Q_ID, q->id);
	parcel_add_text(out, Q_FAILED_ID, q->failed_id);
	add_error(out, Q_REASON, &q->reason);
	add_error(out, Q_TROUBLE, &q->trouble);
	parcel_add_number(out, Q_LOUD, q->loud);
	parcel_add_number(out, Q_UNSERVED, q->unserved);
	if (q->once)
		parcel_add_text(out, Q_ONCE, q->seen.outcome);
	parcel_close(out, at);
}

static void
take_id(struct parcel *p, const struct parcel_field *f, char id[ENTRY_ID + 1])
{
	parcel_text(p, f, id, ENTRY_ID + 1);
	if (*id && !entry_is_id(id)) {
		*id = '\0';
		p->bad = true;
	}
}

static void
take_queue(struct parcel *outer, const struct parcel_field *field, struct queueing *q)
{
	struct parcel_field f;
	struct parcel p;

	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case Q_STATE:
			q->state = (enum queue_state)parcel_number(&p, &f, QUEUE_STATE_COUNT - 1);
			break;
		case Q_ID:
			take_id(&p, &f, q->id);
			break;
		case Q_FAILED_ID:
			take_id(&p, &f, q->failed_id);
			break;
		case Q_REASON:
			take_error(&p, &f, &q->reason);
			break;
		case Q_TROUBLE:
			take_error(&p, &f, &q->trouble);
			break;
		case Q_ONCE:
			parcel_text(&p, &f, q->seen.outcome, sizeof(q->seen.outcome));
			q->once = true;
			break;
		case Q_LOUD:
			q->loud = parcel_number(&p, &f, 1);
			break;
		case Q_UNSERVED:
			q->unserved = parcel_number(&p, &f, 1);
			break;
		default:
			p.bad = true;
		}
	outer->bad |= p.bad;
}

void
answer_add(struct strbuf *out, const struct answer *a)
{
	parcel_add_number(out, A_GOOD, a->good);
	parcel_add_number(out, A_ATTEMPTED, a->attempted);
	add_error(out, A_ERROR, a->error);
	add_report(out, a->report);
	for (size_t i = 0; i < a->envelope->count; i++)
		add_recipient(out, &a->envelope->recipients[i], a->kept && a->kept[i]);
	if (a->queue)
		add_queue(out, a->queue);
	if (*a->account)
		parcel_add_text(out, A_ACCOUNT, a->account);
}

bool
answer_take(const char *s, size_t n, struct answer *a, struct error *err)
{
	struct parcel_field f;
	struct parcel p;
	size_t recipients = 0, i;

	parcel_init(&p, s, n);
	while (parcel_next(&p, &f)) {
		if (f.tag == A_GOOD)
			a->good = parcel_number(&p, &f, 1);
		else if (f.tag == A_ATTEMPTED)
			a->attempted = parcel_number(&p, &f, 1);
		else if (f.tag == A_ERROR)
			take_error(&p, &f, a->error);
		else if (f.tag == A_REPORT)
			take_report(&p, &f, a->report);
		else if (f.tag == A_RECIPIENT && (i = recipients++) < a->envelope->count)
			take_recipient(
				&p, &f, &a->envelope->recipients[i], a->kept ? &a->kept[i] : NULL);
		else if (f.tag == A_ACCOUNT)
			parcel_text(&p, &f, a->account, sizeof(a->account));
		else if (f.tag == A_QUEUE && a->queue)
			take_queue(&p, &f, a->queue);
		else
			p.bad = true;
	}
	/* a message that was refused at once has none that anybody knows of */
	if (!p.bad && (recipients == a->envelope->count || (!recipients && !a->attempted)))
		return true;
	return error_set(err, FAULT_PROTOCOL, "the answer cannot be understood");
}
