#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "field.h"
#include "stream.h"
#include "text.h"
#include "tls_private.h"
#include "trust.h"

#define AGE_MAX                                                                                    \
	86400      /* seconds since the certificate was verified, however often it was resumed     \
		    */
#define FUTURE 300 /* seconds by which the clock may have been set back since */

#define IDENTITY_MAX (64 << 10)

/* The file of a certificate or key; a token's URI says itself which it is. */
static void
add_path(struct strbuf *out, const char *path)
{
	int fd;

	field_add_string(out, path);
	if (!path || tls_is_uri(path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		out->full = true;
		return;
	}
	memo_add_file(out, path, fd);
	close(fd);
}

static void
add_digests(struct strbuf *out, unsigned char (*list)[TLS_DIGEST], size_t n)
{
	field_add_number(out, n);
	for (size_t i = 0; i < n; i++)
		field_add(out, list[i], TLS_DIGEST);
}

void
tls_identify(struct tls_context *c, const struct tls_settings *s)
{
	struct strbuf *out = &c->identity;

	*out = (struct strbuf)STRBUF_INIT(IDENTITY_MAX);
	field_add_string(out, gnutls_check_version(NULL));
	field_add_number(out, c->trust != NULL);
	if (c->trust && !trust_identify(c->trust, out))
		out->full = true;
	add_digests(out, c->pins, c->pin_count);
	add_digests(out, c->fingerprints, c->fingerprint_count);
	add_path(out, s->cert);
	add_path(out, s->key);
	field_add_string(out, s->name);
	field_add_string(out, s->priority);
	field_add_string(out, s->min);
}

void
tls_remember(struct tls_context *c, const char *directory, const char *place)
{
	c->memory = directory;
	free(c->place);
	c->place = place ? xstrdup(place) : NULL;
}

void
tls_remember_here(struct tls_context *c, struct strbuf *record)
{
	c->here = record;
}

static bool
recall(struct tls *t, struct strbuf *record)
{
	if (!t->context->here)
		return memo_get(t->context->memory, MEMO_TICKET, &t->ticket_key, record);
	strbuf_add(record, t->context->here->s, t->context->here->len);
	return record->len > 0;
}

static void
keep(struct tls *t, struct strbuf *record)
{
	if (!t->context->here) {
		memo_put(t->context->memory, MEMO_TICKET, &t->ticket_key, record);
		return;
	}
	strbuf_clear(t->context->here);
	strbuf_add(t->context->here, record->s, record->len);
}

static void
forget(struct tls *t)
{
	if (t->context->here)
		strbuf_clear(t->context->here);
	else
		memo_forget(t->context->memory, MEMO_TICKET, &t->ticket_key);
}

/* A ticket for one server under one trust must never be found under another. */
static bool
find_key(struct tls *t)
{
	struct tls_context *c = t->context;
	struct strbuf all = STRBUF_INIT(2 * IDENTITY_MAX);
	bool good;

	field_add(&all, c->identity.s, c->identity.len);
	field_add_string(&all, c->place);
	field_add_string(&all, t->name);
	all.full = all.full || c->identity.full;
	good = memo_hash(&t->ticket_key, &all);
	strbuf_done(&all);
	return good;
}

bool
tls_ticket_parse(const char *record, size_t n, struct tls_ticket *ret)
{
	const char *at = record, *end = record + n, *issuer;
	uint64_t verified, expires, share;
	size_t len;

	*ret = (struct tls_ticket){ .verified = 0 };
	if (!field_take_number(&at, end, UINT64_MAX, &verified) ||
		!field_take_number(&at, end, UINT64_MAX, &expires) ||
		!field_take_octets(&at, end, ret->certificate, TLS_DIGEST) ||
		!field_take_octets(&at, end, ret->key, TLS_DIGEST) ||
		!field_take(&at, end, &issuer, &len) || len >= sizeof(ret->issuer) ||
		text_has_control(issuer, len) || !field_take_number(&at, end, UINT64_MAX, &share) ||
		!field_take(&at, end, &ret->session, &ret->session_len) || at != end)
		return false;
	if (verified > INT64_MAX || expires > INT64_MAX || share > 1)
		return false;
	ret->first_share = share;
	ret->verified = (time_t)verified;
	ret->expires = (time_t)expires;
	memcpy(ret->issuer, issuer, len);
	return true;
}

void
tls_ticket_print(const struct tls_ticket *ticket, struct strbuf *record)
{
	field_add_number(record, (uint64_t)ticket->verified);
	field_add_number(record, (uint64_t)ticket->expires);
	field_add(record, ticket->certificate, TLS_DIGEST);
	field_add(record, ticket->key, TLS_DIGEST);
	field_add(record, ticket->issuer, strlen(ticket->issuer));
	field_add_number(record, ticket->first_share);
	field_add(record, ticket->session, ticket->session_len);
}

/* True iff what the certificate had to satisfy when it was verified holds now. */
static bool
still_good(const struct tls_context *c, const struct tls_ticket *ticket, time_t now)
{
	if (ticket->verified > now + FUTURE || ticket->verified < now - AGE_MAX ||
		ticket->expires <= now)
		return false;
	if (c->pin_count && !tls_is_among(ticket->key, c->pins, c->pin_count))
		return false;
	return !c->fingerprint_count ||
	       tls_is_among(ticket->certificate, c->fingerprints, c->fingerprint_count);
}

bool
tls_ticket_find(struct tls *t, struct strbuf *record)
{
	struct tls_ticket *ticket = &t->ticket;

	t->ticket_wanted = t->context->here || (t->context->memory && find_key(t));
	/* another process may have kept another one in the meantime */
	t->offered = t->ticket_wanted && !t->context->wary && recall(t, record) &&
		     tls_ticket_parse(record->s, record->len, ticket) &&
		     still_good(t->context, ticket, clock_wall());
	if (t->offered && !ticket->session_len)
		t->offered = t->ticket_wanted = false;
	return t->offered;
}

bool
tls_ticket_offer(struct tls *t)
{
	struct tls_ticket *ticket = &t->ticket;

	t->offered = gnutls_session_set_data(t->session, ticket->session, ticket->session_len) >= 0;
	if (!t->offered)
		forget(t);
	ticket->session = NULL;
	ticket->session_len = 0;
	return t->offered;
}

bool
tls_ticket_holds(struct tls *t)
{
	unsigned char digest[TLS_DIGEST];
	const gnutls_datum_t *chain;
	unsigned n = 0;

	if (!t->offered || !gnutls_session_is_resumed(t->session))
		return false;
	t->resumed = true;
	chain = gnutls_certificate_get_peers(t->session, &n);
	if (!chain || !n ||
		gnutls_hash_fast(GNUTLS_DIG_SHA256, chain->data, chain->size, digest) < 0 ||
		memcmp(digest, t->ticket.certificate, TLS_DIGEST) != 0 ||
		!still_good(t->context, &t->ticket, clock_wall()))
		return false;
	memcpy(t->issuer, t->ticket.issuer, sizeof(t->issuer));
	t->expires = t->ticket.expires;
	t->checked = t->verified = t->key_known = true;
	return true;
}

bool
tls_key_hash(const struct stream *s, unsigned char out[32])
{
	const struct tls *t = s->layer_data;

	if (!stream_is_tls(s) || !t->key_known || !t->verified)
		return false;
	memcpy(out, t->ticket.key, TLS_DIGEST);
	return true;
}

void
tls_ticket_doubt(struct tls *t)
{
	if (!t->offered || t->checked)
		return;
	forget(t);
	t->context->misled = t->context->wary = true;
}

bool
tls_was_misled(const struct tls_context *c)
{
	return c && c->misled;
}

/* True iff the server took the first group that we prefer: the next time it needs no choice. */
static bool
took_first_share(const struct tls *t)
{
	const unsigned *groups;

	return gnutls_priority_group_list(t->context->priority, &groups) > 0 &&
	       gnutls_group_get(t->session) == (gnutls_group_t)groups[0];
}

void
tls_keep_ticket(struct stream *s)
{
	struct strbuf record = STRBUF_INIT_SECRET(MEMO_MAX);
	gnutls_datum_t data = { NULL, 0 };
	struct tls *t = s->layer_data;

	/* without a new ticket GnuTLS would wait for one; the old one stays good for another time
	 */
	if (!stream_is_tls(s) || !t->ticket_wanted || !t->verified || t->failed.fault ||
		!(gnutls_session_get_flags(t->session) & GNUTLS_SFLAGS_SESSION_TICKET) ||
		(!t->context->wary && gnutls_session_get_data2(t->session, &data) < 0))
		return;
	t->ticket_wanted = false;
	t->ticket.first_share = took_first_share(t);
	t->ticket.session = (const char *)data.data;
	t->ticket.session_len = data.size;
	tls_ticket_print(&t->ticket, &record);
	if (!record.full)
		keep(t, &record);
	t->ticket.session = NULL;
	t->ticket.session_len = 0;
	strbuf_done(&record);
	gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
}
