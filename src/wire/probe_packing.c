/* What a probe has seen, and where settings lead, as fields for another process. */
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "packing.h"
#include "probe.h"
#include "text.h"

/* Whoever adds a member to one of these has to think of it here. */
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct probe_certificate) == 1264, "a new member of a certificate");
_Static_assert(sizeof(struct capability) == 1120, "a new extension");
_Static_assert(sizeof(struct target) == 2288, "a new member of a place");
_Static_assert(sizeof(struct probe) == 26000, "a new member of a probe");
#endif

/* The years from 1 to 9999. */
#define TIME_FIRST (-62135596800LL)
#define TIME_LAST  253402300799LL

/* Any text, made printable, as much as fits. */
static bool
take_printable(const char **at, const char *end, char *out, size_t size)
{
	const char *text;
	size_t n;

	if (!field_take(at, end, &text, &n))
		return false;
	text_printable(out, size, text, n);
	return true;
}

static void
add_time(struct strbuf *out, time_t when)
{
	const int64_t t = when;

	field_add(out, &t, sizeof(t));
}

static bool
take_time(const char **at, const char *end, time_t *ret)
{
	int64_t t;

	if (!field_take_octets(at, end, &t, sizeof(t)) || t < TIME_FIRST || t > TIME_LAST)
		return false;
	*ret = (time_t)t;
	return true;
}

static void
add_certificate(struct strbuf *out, const struct probe_certificate *c)
{
	field_add_text(out, c->subject);
	field_add_text(out, c->issuer);
	field_add_text(out, c->names);
	field_add_text(out, c->key);
	field_add_text(out, c->signature);
	add_time(out, c->begins);
	add_time(out, c->expires);
	field_add_text(out, c->pin);
	field_add_text(out, c->fingerprint);
}

static bool
take_certificate(const char **at, const char *end, struct probe_certificate *c)
{
	return take_printable(at, end, c->subject, sizeof(c->subject)) &&
	       take_printable(at, end, c->issuer, sizeof(c->issuer)) &&
	       take_printable(at, end, c->names, sizeof(c->names)) &&
	       take_printable(at, end, c->key, sizeof(c->key)) &&
	       take_printable(at, end, c->signature, sizeof(c->signature)) &&
	       take_time(at, end, &c->begins) && take_time(at, end, &c->expires) &&
	       take_printable(at, end, c->pin, sizeof(c->pin)) &&
	       take_printable(at, end, c->fingerprint, sizeof(c->fingerprint));
}

static void
add_chain(struct strbuf *out, const struct probe *p)
{
	field_add_number(out, p->chain_checked);
	field_add_number(out, p->chain_good);
	field_add_number(out, p->name_good);
	field_add_text(out, p->verdict);
	field_add_number(out, p->chain_length);
	for (size_t i = 0; i < p->chain_length; i++)
		add_certificate(out, &p->chain[i]);
}

static bool
take_chain(const char **at, const char *end, struct probe *p)
{
	uint64_t n = 0;

	if (!field_take_bool(at, end, &p->chain_checked) ||
		!field_take_bool(at, end, &p->chain_good) ||
		!field_take_bool(at, end, &p->name_good) ||
		!take_printable(at, end, p->verdict, sizeof(p->verdict)) ||
		!field_take_number(at, end, PROBE_CERTIFICATES, &n))
		return false;
	p->chain_length = (size_t)n;
	for (size_t i = 0; i < n; i++)
		if (!take_certificate(at, end, &p->chain[i]))
			return false;
	return true;
}

/* The extensions of which there is nothing more to say. */
#define FLAGS 14
static void
list_flags(struct capability *k, bool *flags[FLAGS])
{
	bool *all[FLAGS] = { &k->pipelining, &k->chunking, &k->eightbit, &k->smtputf8, &k->dsn,
		&k->enhanced, &k->starttls, &k->pipeconnect, &k->size, &k->require_tls,
		&k->priority, &k->deliver_by, &k->future_release, &k->auth };

	memcpy(flags, all, sizeof(all));
}

#define LIMITS 6
static void
list_limits(struct capability *k, uint64_t *limits[LIMITS])
{
	uint64_t *all[LIMITS] = { &k->size_max, &k->rcpt_max, &k->mail_max, &k->domain_max,
		&k->deliver_by_min, &k->hold_max };

	memcpy(limits, all, sizeof(all));
}

static void
add_capability(struct strbuf *out, const struct capability *k)
{
	struct capability copy = *k;
	uint64_t *limits[LIMITS];
	bool *flags[FLAGS];

	list_flags(&copy, flags);
	list_limits(&copy, limits);
	for (size_t i = 0; i < FLAGS; i++)
		field_add_number(out, *flags[i]);
	for (size_t i = 0; i < LIMITS; i++)
		field_add_number(out, *limits[i]);
	add_time(out, k->hold_until_max);
	field_add_text(out, k->mechanisms);
}

static bool
take_capability(const char **at, const char *end, struct capability *k)
{
	uint64_t *limits[LIMITS];
	bool *flags[FLAGS];

	list_flags(k, flags);
	list_limits(k, limits);
	for (size_t i = 0; i < FLAGS; i++)
		if (!field_take_bool(at, end, flags[i]))
			return false;
	for (size_t i = 0; i < LIMITS; i++)
		if (!field_take_number(at, end, UINT64_MAX, limits[i]))
			return false;
	return field_take_octets(at, end, &k->hold_until_max, sizeof(k->hold_until_max)) &&
	       take_printable(at, end, k->mechanisms, sizeof(k->mechanisms));
}

static void
add_sender(struct strbuf *out, const struct probe_sender *s)
{
	field_add_number(out, s->asked);
	field_add_number(out, s->good);
	field_add_error(out, &s->error);
}

static bool
take_sender(const char **at, const char *end, struct probe_sender *s)
{
	return field_take_bool(at, end, &s->asked) && field_take_bool(at, end, &s->good) &&
	       field_take_error(at, end, &s->error);
}

/* What came of the login and behind it. */
static void
add_verdicts(struct strbuf *out, const struct probe *p)
{
	field_add_text(out, p->choice);
	field_add_error(out, &p->choice_error);
	field_add_text(out, p->mechanism);
	field_add_error(out, &p->sender_error);
	field_add_error(out, &p->recipient_error);
	field_add_number(out, p->sender_good);
	field_add_number(out, p->recipient_good);
	for (size_t i = 0; i < PROBE_SENDERS; i++)
		add_sender(out, &p->others[i]);
}

static bool
take_verdicts(const char **at, const char *end, struct probe *p)
{
	if (!take_printable(at, end, p->choice, sizeof(p->choice)) ||
		!field_take_error(at, end, &p->choice_error) ||
		!take_printable(at, end, p->mechanism, sizeof(p->mechanism)) ||
		!field_take_error(at, end, &p->sender_error) ||
		!field_take_error(at, end, &p->recipient_error) ||
		!field_take_bool(at, end, &p->sender_good) ||
		!field_take_bool(at, end, &p->recipient_good))
		return false;
	for (size_t i = 0; i < PROBE_SENDERS; i++)
		if (!take_sender(at, end, &p->others[i]))
			return false;
	return true;
}

void
probe_add(struct strbuf *out, const struct probe *p)
{
	field_add_text(out, p->host);
	field_add_text(out, p->address);
	field_add_text(out, p->proxy);
	field_add_number(out, p->port);
	field_add_number(out, p->reached);
	field_add_error(out, &p->error);
	for (size_t i = 0; i < WIRE_PHASE_COUNT; i++)
		field_add_number(out, (uint64_t)p->ms[i]);
	field_add_number(out, p->round_trips);
	packing_add_tls(out, &p->tls);
	add_chain(out, p);
	field_add_number(out, p->dane_records);
	field_add_text(out, p->resolver);
	field_add_number(out, p->resume_tried);
	field_add_number(out, p->resumed);
	field_add_text(out, p->greeting);
	add_capability(out, &p->capability);
	field_add(out, p->ehlo.s, p->ehlo.len);
	field_add_text(out, p->clear_mechanisms);
	field_add_number(out, p->helo);
	add_verdicts(out, p);
}

static bool
take_place(const char **at, const char *end, struct probe *p)
{
	uint64_t port = 0, reached = 0, ms = 0, trips = 0;
	bool good = take_printable(at, end, p->host, sizeof(p->host)) &&
		    take_printable(at, end, p->address, sizeof(p->address)) &&
		    take_printable(at, end, p->proxy, sizeof(p->proxy)) &&
		    field_take_number(at, end, UINT16_MAX, &port) &&
		    field_take_number(at, end, STAGE_COUNT - 1, &reached) &&
		    field_take_error(at, end, &p->error);

	p->port = (uint16_t)port;
	p->reached = (enum stage)reached;
	for (size_t i = 0; good && i < WIRE_PHASE_COUNT; i++) {
		good = field_take_number(at, end, INT64_MAX, &ms);
		p->ms[i] = (int64_t)ms;
	}
	good = good && field_take_number(at, end, UINT32_MAX, &trips);
	p->round_trips = (unsigned)trips;
	return good;
}

/* Lines as they are printed. */
static bool
take_ehlo(const char **at, const char *end, struct strbuf *ehlo)
{
	const char *text, *stop, *lf;
	size_t n;

	if (!field_take(at, end, &text, &n))
		return false;
	for (stop = text + n; text < stop; text = lf + 1) {
		lf = memchr(text, '\n', (size_t)(stop - text));
		if (!lf)
			break;
		text_add_printable(ehlo, text, (size_t)(lf - text), PROBE_EHLO);
		strbuf_addc(ehlo, '\n');
	}
	return true;
}

bool
probe_take(const char **at, const char *end, struct probe *p)
{
	uint64_t records = 0;
	bool good = take_place(at, end, p) && packing_take_tls(at, end, &p->tls) &&
		    take_chain(at, end, p) && field_take_number(at, end, DANE_RECORDS, &records) &&
		    take_printable(at, end, p->resolver, sizeof(p->resolver)) &&
		    field_take_bool(at, end, &p->resume_tried) &&
		    field_take_bool(at, end, &p->resumed) &&
		    take_printable(at, end, p->greeting, sizeof(p->greeting)) &&
		    take_capability(at, end, &p->capability) && take_ehlo(at, end, &p->ehlo) &&
		    take_printable(at, end, p->clear_mechanisms, sizeof(p->clear_mechanisms)) &&
		    field_take_bool(at, end, &p->helo) && take_verdicts(at, end, p);

	p->dane_records = (size_t)records;
	return good;
}

void
probe_add_place(struct strbuf *out, const struct target *t)
{
	field_add_text(out, t->host);
	field_add_number(out, t->port);
	field_add_number(out, t->tls);
	field_add_text(out, t->domain);
	field_add_string(out, t->service);
	field_add_number(out, t->vouched);
}

bool
probe_take_place(const char **at, const char *end, struct target *t)
{
	uint64_t port = 0, tls = 0;
	char *service = NULL;
	bool good;

	*t = (struct target){ .port = 0 };
	good = field_take_text(at, end, t->host, sizeof(t->host)) &&
	       field_take_number(at, end, UINT16_MAX, &port) &&
	       field_take_number(at, end, WIRE_TLS_NONE, &tls) &&
	       field_take_text(at, end, t->domain, sizeof(t->domain)) &&
	       field_take_string(at, end, &service) && field_take_bool(at, end, &t->vouched);
	t->port = (uint16_t)port;
	t->tls = (enum wire_tls)tls;
	t->service = service ? route_service(service) : NULL;
	good = good && !service == !t->service;
	free(service);
	return good;
}
