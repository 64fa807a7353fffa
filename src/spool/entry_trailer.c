/* The trailer: records, each
 *
 *   u32 octets of its content, u32 kind, u64 checksum, content
 *
 * The checksum covers length, kind and content, and is seeded with that of the record before. */
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "entry_private.h"
#include "error.h"
#include "hash.h"
#include "text.h"

#define FRAME       16
#define CONTENT_MAX 4096

enum { KIND_STATUS = 0x53, KIND_RECIPIENTS = 0x52 };

/* KIND_STATUS */
enum {
	S_STATE = 0,
	S_FLAGS = 1,
	S_ATTEMPTS = 4,
	S_DOUBTS = 8,
	S_LAST = 16,
	S_HELD = 24,
	S_WHEN = 32,
	S_SIZE = 40
};
enum { S_WARNED = 1, S_BOUNCED = 2 };

/* KIND_RECIPIENTS: COUNT recipients from FIRST have this; behind it words, error's text and words.
 */
enum {
	R_FIRST = 0,
	R_COUNT = 4,
	R_OUTCOME = 8,
	R_FAULT = 9,
	R_STAGE = 10,
	R_FLAGS = 11,
	R_CODE = 12,
	R_SMTP = 14,
	R_ENHANCED = 16,
	R_WHY_ENHANCED = 22,
	R_SYS = 28,
	R_WORDS = 32,
	R_TEXT = 34,
	R_WHY_WORDS = 36,
	R_SIZE = 40
};
enum { R_HAS_WHY = 1, R_IN_DOUBT = 2, R_SAME_WORDS = 4, R_FLAGS_ALL = 7 };

static bool
add_record(struct strbuf *out, uint32_t kind, const char *content, size_t n, uint64_t *chain)
{
	char frame[FRAME];
	struct hash h;

	put32(frame, (uint32_t)n);
	put32(frame + 4, kind);
	hash_init(&h, *chain);
	hash_add(&h, frame, 8);
	hash_add(&h, content, n);
	put64(frame + 8, hash_end(&h));
	if (out->cap - out->len < FRAME + n)
		return false;
	*chain = hash_end(&h);
	strbuf_add(out, frame, FRAME);
	strbuf_add(out, content, n);
	return true;
}

static bool
add_status(struct strbuf *out, const struct entry *e, int64_t when, uint64_t *chain)
{
	char s[S_SIZE] = { 0 };

	s[S_STATE] = (char)e->state;
	s[S_FLAGS] = (char)((e->warned ? S_WARNED : 0) | (e->bounced ? S_BOUNCED : 0));
	put32(s + S_ATTEMPTS, e->attempts);
	put32(s + S_DOUBTS, e->doubts);
	put64(s + S_LAST, (uint64_t)e->last);
	put64(s + S_HELD, (uint64_t)e->held);
	put64(s + S_WHEN, (uint64_t)when);
	return add_record(out, KIND_STATUS, s, sizeof(s), chain);
}

static void
put_enhanced(char *at, struct enhanced code)
{
	put16(at, code.class);
	put16(at + 2, code.subject);
	put16(at + 4, code.detail);
}

/* Appends printable text of at most ENTRY_WORDS - 1 octets to a content; its length goes to AT. */
static size_t
put_words(char *content, size_t n, int at, const char *words)
{
	char shown[ENTRY_WORDS];
	size_t len;

	text_printable(shown, sizeof(shown), words ?: "", words ? strlen(words) : 0);
	len = strlen(shown);
	memcpy(content + n, shown, len);
	put16(content + at, (unsigned)len);
	return n + len;
}

static bool
add_recipients(struct strbuf *out, const struct recipient *r, size_t first, size_t count,
	bool words, uint64_t *chain)
{
	char s[R_SIZE + 3 * ENTRY_WORDS] = { 0 };
	bool same = r->why && !strcmp(r->words ?: "", r->why->words);
	size_t n = R_SIZE;

	put32(s + R_FIRST, (uint32_t)first);
	put32(s + R_COUNT, (uint32_t)count);
	s[R_OUTCOME] = (char)r->outcome;
	put16(s + R_CODE, (unsigned)r->code);
	put_enhanced(s + R_ENHANCED, r->enhanced);
	if (words)
		n = put_words(s, n, R_WORDS, r->words);
	if (r->why) {
		s[R_FAULT] = (char)r->why->fault;
		s[R_STAGE] = (char)r->why->stage;
		s[R_FLAGS] = (char)(R_HAS_WHY | (r->why->in_doubt ? R_IN_DOUBT : 0) |
				    (same && words ? R_SAME_WORDS : 0));
		put16(s + R_SMTP, (unsigned)r->why->smtp);
		put_enhanced(s + R_WHY_ENHANCED, r->why->code);
		put32(s + R_SYS, (uint32_t)r->why->sys);
		if (words)
			n = put_words(s, n, R_TEXT, r->why->text);
		if (words && !same)
			n = put_words(s, n, R_WHY_WORDS, r->why->words);
	}
	return add_record(out, KIND_RECIPIENTS, s, n, chain);
}

static bool
enhanced_equal(struct enhanced a, struct enhanced b)
{
	return a.class == b.class && a.subject == b.subject && a.detail == b.detail;
}

static bool
why_equal(const struct error *a, const struct error *b)
{
	if (!a || !b)
		return a == b;
	return a->fault == b->fault && a->stage == b->stage && a->sys == b->sys &&
	       a->smtp == b->smtp && enhanced_equal(a->code, b->code) &&
	       a->in_doubt == b->in_doubt && !strcmp(a->text, b->text) &&
	       !strcmp(a->words, b->words);
}

/* True iff one record can say it of both. */
static bool
same_outcome(const struct recipient *a, const struct recipient *b, bool words)
{
	if (a->outcome != b->outcome || a->code != b->code ||
		!enhanced_equal(a->enhanced, b->enhanced))
		return false;
	if (!words && a->why && b->why)
		return a->why->fault == b->why->fault && a->why->stage == b->why->stage;
	return !strcmp(a->words ?: "", b->words ?: "") && why_equal(a->why, b->why);
}

static bool
is_new(const struct recipient *r, enum outcome noted)
{
	return r->outcome != noted || r->outcome == OUTCOME_TEMPORARY ||
	       r->outcome == OUTCOME_IN_DOUBT;
}

static bool
add_outcomes(struct strbuf *out, const struct envelope *v, const enum outcome *noted, bool words,
	uint64_t *chain)
{
	size_t end;

	for (size_t i = 0; i < v->count; i = end) {
		end = i + 1;
		if (!is_new(&v->recipients[i], noted[i]))
			continue;
		while (end < v->count && is_new(&v->recipients[end], noted[end]) &&
			same_outcome(&v->recipients[i], &v->recipients[end], words))
			end++;
		if (!add_recipients(out, &v->recipients[i], i, end - i, words, chain))
			return false;
	}
	return true;
}

bool
entry_trailer_write(struct strbuf *out, const struct entry *e, const struct envelope *v,
	const enum outcome *noted, int64_t when, uint64_t *chain)
{
	const size_t cap = out->cap, start = out->len;
	const uint64_t begin = *chain;
	bool good = true;

	if (noted) {
		/* what is kept back is for those who were served, which must never be lost */
		out->cap = cap > ENTRY_TRAILER / 4 ? cap - ENTRY_TRAILER / 4 : 0;
		good = out->cap > out->len && add_outcomes(out, v, noted, true, chain);
		out->cap = cap;
		if (!good) {
			strbuf_truncate(out, start);
			*chain = begin;
			good = add_outcomes(out, v, noted, false, chain);
		}
	}
	return good && add_status(out, e, when, chain);
}

static bool
record_cannot_be(struct error *err)
{
	return error_set(err, FAULT_DATA, "a record of what became of it says what cannot be");
}

static bool
take_status(struct entry *e, const char *s, size_t n, struct error *err)
{
	int64_t when;

	if (n != S_SIZE)
		return record_cannot_be(err);
	when = (int64_t)get64(s + S_WHEN);
	e->last = (int64_t)get64(s + S_LAST);
	e->held = (int64_t)get64(s + S_HELD);
	if ((unsigned char)s[S_STATE] > ENTRY_FAILED ||
		(unsigned char)s[S_FLAGS] > (S_WARNED | S_BOUNCED) || when < -ENTRY_TIME_MAX ||
		when > ENTRY_TIME_MAX || e->last < -ENTRY_TIME_MAX || e->last > ENTRY_TIME_MAX ||
		e->held < 0 || e->held > ENTRY_TIME_MAX)
		return record_cannot_be(err);
	e->state = (enum entry_state)s[S_STATE];
	e->warned = s[S_FLAGS] & S_WARNED;
	e->bounced = s[S_FLAGS] & S_BOUNCED;
	e->attempts = get32(s + S_ATTEMPTS);
	e->doubts = get32(s + S_DOUBTS);
	/* a hold that still lasts */
	e->since = e->state == ENTRY_HELD ? when : 0;
	return true;
}

static struct enhanced
get_enhanced(const char *at)
{
	return (struct enhanced){ (unsigned short)get16(at), (unsigned short)get16(at + 2),
		(unsigned short)get16(at + 4) };
}

static bool
enhanced_can_be(struct enhanced c)
{
	return c.class <= 5 && c.subject <= 999 && c.detail <= 999;
}

/* Copies text of N octets at S to OUT; false if it is longer than it may be or not printable. */
static bool
get_words(const char *s, size_t n, char out[ENTRY_WORDS])
{
	if (n >= ENTRY_WORDS || memchr(s, '\0', n))
		return false;
	text_printable(out, ENTRY_WORDS, s, n);
	return strlen(out) == n && !memcmp(out, s, n);
}

/* Reads what a record says of each of its recipients. WHY and WORDS are the caller's. */
static bool
parse_recipients(
	const char *s, size_t n, struct recipient *r, struct error *why, char words[ENTRY_WORDS])
{
	size_t of_words, of_text, of_why;
	unsigned flags;

	if (n < R_SIZE)
		return false;
	of_words = get16(s + R_WORDS), of_text = get16(s + R_TEXT), of_why = get16(s + R_WHY_WORDS);
	flags = (unsigned char)s[R_FLAGS];
	if (n != R_SIZE + of_words + of_text + of_why || flags > R_FLAGS_ALL ||
		(unsigned char)s[R_OUTCOME] >= OUTCOME_COUNT ||
		(unsigned char)s[R_FAULT] >= FAULT_COUNT ||
		(unsigned char)s[R_STAGE] >= STAGE_COUNT || get16(s + R_CODE) > 999 ||
		get16(s + R_SMTP) > 999 || !(flags & R_HAS_WHY) != !s[R_FAULT])
		return false;
	*why = (struct error)ERROR_NONE;
	s += R_SIZE;
	if (!get_words(s, of_words, words) || !get_words(s + of_words, of_text, why->text) ||
		!get_words(s + of_words + of_text, of_why, why->words))
		return false;
	s -= R_SIZE;
	if (flags & R_SAME_WORDS)
		memcpy(why->words, words, ENTRY_WORDS);
	r->outcome = (enum outcome)s[R_OUTCOME];
	r->code = (int)get16(s + R_CODE);
	r->enhanced = get_enhanced(s + R_ENHANCED);
	why->fault = (enum fault)s[R_FAULT];
	why->stage = (enum stage)s[R_STAGE];
	why->in_doubt = flags & R_IN_DOUBT;
	why->smtp = (int)get16(s + R_SMTP);
	why->code = get_enhanced(s + R_WHY_ENHANCED);
	why->sys = (int)get32(s + R_SYS);
	return enhanced_can_be(r->enhanced) && enhanced_can_be(why->code);
}

/* Where the contents of records of recipients are. */
struct places {
	size_t *v, n, room;
};

static void
add_place(struct places *p, size_t at)
{
	if (p->n == p->room) {
		p->room = p->room ? p->room * 2 : 16;
		p->v = xreallocarray(p->v, p->room, sizeof(*p->v));
	}
	p->v[p->n++] = at;
}

/* The next recipient from I on that has nothing yet; paths are made shorter on the way. */
static size_t
next_open(size_t *next, size_t i)
{
	while (next[i] != i) {
		next[i] = next[next[i]];
		i = next[i];
	}
	return i;
}

/* The newest record of a recipient wins, so they are taken from the last to the first, and each
 * recipient is set once, whatever the records repeat. */
static bool
set_outcomes(struct envelope *v, const char *s, const struct places *p, struct error *err)
{
	size_t *next, from, count, i;
	char words[ENTRY_WORDS];
	struct recipient said;
	struct error why;
	bool good = true;

	if (!p->n)
		return true;
	next = xcalloc(v->count + 1, sizeof(*next));
	for (i = 0; i <= v->count; i++)
		next[i] = i;
	for (size_t k = p->n; good && k--;) {
		const char *at = s + p->v[k];
		size_t n = get32(at - FRAME);

		good = parse_recipients(at, n, &said, &why, words);
		from = good ? get32(at + R_FIRST) : 0;
		count = good ? get32(at + R_COUNT) : 0;
		good = good && from < v->count && count && count <= v->count - from;
		if (!good)
			break;
		for (i = next_open(next, from); i < from + count; i = next_open(next, i)) {
			recipient_set(&v->recipients[i], said.outcome, said.code, said.enhanced,
				words, why.fault ? &why : NULL);
			next[i] = i + 1;
		}
	}
	free(next);
	return good || record_cannot_be(err);
}

bool
entry_trailer_read(struct entry *e, const char *s, size_t n, uint64_t chain, size_t *ret_used,
	struct error *err)
{
	struct places places = { NULL, 0, 0 };
	bool good = true;
	size_t at = 0, len;
	struct hash h;

	while (good && n - at >= FRAME) {
		len = get32(s + at);
		if (len > CONTENT_MAX || n - at - FRAME < len)
			break;
		hash_init(&h, chain);
		hash_add(&h, s + at, 8);
		hash_add(&h, s + at + FRAME, len);
		if (hash_end(&h) != get64(s + at + 8))
			break;
		chain = hash_end(&h);
		if (get32(s + at + 4) == KIND_STATUS)
			good = take_status(e, s + at + FRAME, len, err);
		else if (get32(s + at + 4) == KIND_RECIPIENTS)
			add_place(&places, at + FRAME);
		/* what later versions add is passed over */
		at += FRAME + len;
	}
	good = good && set_outcomes(&e->envelope, s, &places, err);
	free(places.v);
	if (e->since) {
		int64_t now = clock_wall();

		e->held += now > e->since ? now - e->since : 0;
	}
	e->chain = chain;
	*ret_used = at;
	return good;
}
