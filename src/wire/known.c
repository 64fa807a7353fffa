#include "known.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "field.h"
#include "session_state.h"
#include "text.h"

#define DAY         86400
#define IN_STEP_AGE (60 * DAY) /* seconds for which each thing is believed */
#define MISTAKE_AGE (7 * DAY)
#define FUTURE      300
#define PLACE_MAX   8192

#define LOCKSTEP "this server has lost step before: no command goes ahead of a reply"
#define GUESS    "going ahead of the greeting, by what the server offered the last time"

bool
known_parse(const char *record, size_t n, struct known *ret)
{
	const char *at = record, *end = record + n, *offer;
	uint64_t bdat, bdat_when, lockstep_when;
	size_t len;

	*ret = (struct known)KNOWN_NONE;
	if (!field_take_octets(&at, end, ret->offer_hash.octets, MEMO_KEY) ||
		!field_take_octets(&at, end, ret->spki.octets, MEMO_KEY) ||
		!field_take_number(&at, end, UINT64_MAX, &bdat) || bdat >= KNOWN_BDAT_COUNT ||
		!field_take_number(&at, end, UINT64_MAX, &bdat_when) || bdat_when > INT64_MAX ||
		!field_take_number(&at, end, UINT64_MAX, &lockstep_when) ||
		lockstep_when > INT64_MAX || !field_take(&at, end, &offer, &len) || at != end)
		return false;
	ret->bdat = (enum known_bdat)bdat;
	ret->bdat_when = (time_t)bdat_when;
	ret->lockstep_when = (time_t)lockstep_when;
	strbuf_add(&ret->offer, offer, len);
	return !ret->offer.full;
}

void
known_print(const struct known *k, struct strbuf *record)
{
	field_add(record, k->offer_hash.octets, MEMO_KEY);
	field_add(record, k->spki.octets, MEMO_KEY);
	field_add_number(record, (uint64_t)k->bdat);
	field_add_number(record, (uint64_t)k->bdat_when);
	field_add_number(record, (uint64_t)k->lockstep_when);
	field_add(record, k->offer.s, k->offer.len);
}

void
known_done(struct known *k)
{
	strbuf_done(&k->offer);
}

static bool
is_recent(time_t when, time_t age)
{
	time_t now = clock_wall();

	return when && when <= now + FUTURE && when + age >= now;
}

/* Where the server is found, and what may make it offer something else. */
static bool
find_key(struct session *s)
{
	const struct wire_settings *settings = s->settings;
	struct strbuf place = STRBUF_INIT(PLACE_MAX);
	bool good;

	field_add_string(&place, "server");
	field_add_string(&place, s->host);
	field_add_string(&place, s->report->address);
	field_add_string(&place, settings->socket);
	field_add_number(&place, s->report->port);
	field_add_number(&place, s->target.tls);
	field_add_string(&place, settings->proxy.host);
	field_add_string(&place, settings->tls_settings.cert);
	good = memo_hash(&s->known_key, &place);
	strbuf_done(&place);
	return good;
}

/* Reads what is kept into s->known, once. False where nothing can be kept. */
static bool
look_up(struct session *s)
{
	struct strbuf record = STRBUF_INIT(MEMO_MAX);

	if (!s->settings->memory)
		return false;
	if (s->known_usable)
		return true;
	if (!find_key(s))
		return false;
	s->known_usable = true;
	s->known_found = memo_get(s->settings->memory, MEMO_SERVER, &s->known_key, &record) &&
			 known_parse(record.s, record.len, &s->known);
	if (!s->known_found) {
		known_done(&s->known);
		s->known = (struct known)KNOWN_NONE;
	}
	strbuf_done(&record);
	return true;
}

static void
keep(struct session *s)
{
	struct strbuf record = STRBUF_INIT(MEMO_MAX);

	known_print(&s->known, &record);
	memo_put(s->settings->memory, MEMO_SERVER, &s->known_key, &record);
	strbuf_done(&record);
}

void
known_forget(struct session *s)
{
	if (!s->known_usable)
		return;
	known_done(&s->known);
	s->known = (struct known)KNOWN_NONE;
	memo_forget(s->settings->memory, MEMO_SERVER, &s->known_key);
}

static bool
is_same(const struct memo_key *a, const struct memo_key *b)
{
	return memcmp(a->octets, b->octets, MEMO_KEY) == 0;
}

static struct memo_key
spki_now(const struct session *s)
{
	struct memo_key now = { { 0 } };

	if (!tls_key_hash(&s->stream, now.octets))
		memset(now.octets, 0, sizeof(now.octets));
	return now;
}

/* The lines of the reply to EHLO behind the first, which only greets. */
static const char *
offer_of(const struct reply *r, size_t *ret_n)
{
	const char *first = memchr(r->text.s, '\n', r->text.len);
	size_t n = first ? (size_t)(first + 1 - r->text.s) : r->text.len;

	*ret_n = r->text.len - n;
	return r->text.s + n;
}

static bool
hash_offer(const struct session *s, struct memo_key *ret)
{
	struct strbuf offer = STRBUF_INIT(REPLY_TEXT);
	const char *lines;
	size_t n;
	bool good;

	lines = offer_of(&s->reply, &n);
	strbuf_add(&offer, lines, n);
	good = memo_hash(ret, &offer);
	strbuf_done(&offer);
	return good;
}

static void
apply(struct session *s)
{
	struct known *k = &s->known;

	if (!is_recent(k->bdat_when, k->bdat == KNOWN_IN_STEP ? IN_STEP_AGE : MISTAKE_AGE))
		k->bdat = KNOWN_NOTHING;

	if (is_recent(k->lockstep_when, MISTAKE_AGE)) {
		s->lockstep = true;
		session_trace(s, WIRE_TRACE_NOTE, LOCKSTEP, strlen(LOCKSTEP));
	}
	/* what it takes for commands when it refuses it would be the message */
	if (k->bdat == KNOWN_OUT_OF_STEP)
		s->capability.chunking = false;
}

/* What capability_parse makes of lines that are kept. */
static void
parse_offer(const struct strbuf *offer, struct capability *ret)
{
	struct reply reply;

	reply_init(&reply);
	strbuf_addc(&reply.text, '\n');
	strbuf_add(&reply.text, offer->s, offer->len);
	capability_parse(&reply, ret);
	reply_done(&reply);
}

bool
known_guess(struct session *s)
{
	struct memo_key spki;

	if (!s->may_guess || s->settings->lmtp || s->target.tls != WIRE_TLS_IMPLICIT ||
		!look_up(s) || !s->known.offer.len)
		return false;
	spki = spki_now(s);
	if (!is_same(&spki, &s->known.spki))
		return false;
	parse_offer(&s->known.offer, &s->capability);
	apply(s);
	s->early = s->capability.pipeconnect && flight_pipelines(s);
	if (s->early)
		session_trace(s, WIRE_TRACE_NOTE, GUESS, strlen(GUESS));
	return s->early;
}

bool
known_guessed_right(struct session *s)
{
	struct memo_key offer;

	if (hash_offer(s, &offer) && is_same(&offer, &s->known.offer_hash))
		return true;
	known_forget(s);
	return false;
}

/* True iff the record was about a server like the one that is there now. */
static bool
fits(const struct known *k, const struct memo_key *offer, const struct memo_key *spki)
{
	return is_same(&k->offer_hash, offer) && is_same(&k->spki, spki);
}

/* Keeps what the server offers, for the next time, where going ahead is allowed. */
static void
keep_offer(struct session *s)
{
	const char *lines;
	size_t n;

	if (!s->settings->pipeconnect || !s->capability.pipeconnect || s->known.offer.len ||
		s->target.tls != WIRE_TLS_IMPLICIT)
		return;
	lines = offer_of(&s->reply, &n);
	strbuf_add(&s->known.offer, lines, n);
	if (s->known.offer.len)
		keep(s);
}

void
known_recall(struct session *s)
{
	struct memo_key offer, spki;

	if (s->ehlo_refused || !look_up(s) || !hash_offer(s, &offer))
		return;
	spki = spki_now(s);
	if (!fits(&s->known, &offer, &spki)) {
		if (s->known_found)
			known_forget(s);
		s->known.offer_hash = offer;
		s->known.spki = spki;
	}
	apply(s);
	keep_offer(s);
}

void
known_note_bdat(struct session *s, enum known_bdat bdat)
{
	if (!s->known_usable)
		return;
	s->known.bdat = bdat;
	s->known.bdat_when = clock_wall();
	keep(s);
}

void
known_note_lockstep(struct session *s)
{
	if (!s->known_usable || is_recent(s->known.lockstep_when, MISTAKE_AGE))
		return;
	s->known.lockstep_when = clock_wall();
	keep(s);
}
