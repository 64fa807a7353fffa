#include "probing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "asking.h"
#include "box.h"
#include "field.h"
#include "lookup.h"
#include "settings.h"
#include "strbuf.h"

#define ANSWER 1

static const struct box_rules rules = { .down = true };

/* What is to be done; the rest is for some of it only. */
struct job {
	const struct wire_settings *settings;
	const struct probe_plan *plan;
	const char *host, *service; /* a domain for some */
	enum wire_ip ip;
	int64_t deadline;
};

/* In the other process. */
static bool
shut(void *ctx, struct error *err)
{
	struct boxed *b = ctx;

	if (boxed_shut(b, &rules))
		return true;
	*err = b->broken;
	return false;
}

static void __attribute__((noreturn)) answer(const struct boxed *b, struct strbuf *body)
{
	if (body->full)
		_exit(1);
	boxed_tell(b, ANSWER, body);
	_exit(0);
}

static void
run_probe(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	const struct job *j = ctx;
	struct probe_plan plan = *j->plan;
	struct boxed b;
	struct probe p;

	boxed_init(&b, fd, j->settings);
	asking_fill(&b.settings, &b.fd, true);
	plan.opened = shut;
	plan.opened_ctx = &b;
	probe_run(&b.settings, &plan, &p);
	probe_add(&body, &p);
	answer(&b, &body);
}

static void
run_places(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	const struct job *j = ctx;
	struct target places[PROBE_PLACES];
	struct error err = ERROR_NONE;
	struct boxed b;
	size_t n = 0;

	boxed_init(&b, fd, j->settings);
	if (shut(&b, &err))
		n = probe_places(&b.settings, places, &err);
	field_add_error(&body, &err);
	field_add_number(&body, n);
	for (size_t i = 0; i < n; i++)
		probe_add_place(&body, &places[i]);
	answer(&b, &body);
}

static void
run_resolve(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	const struct job *j = ctx;
	char list[PROBE_ADDRESSES][64];
	struct error err = ERROR_NONE;
	struct boxed b;
	size_t n = 0;

	boxed_init(&b, fd, j->settings);
	if (shut(&b, &err))
		(void)!probe_resolve(j->host, j->ip, j->deadline, list, &n, &err);
	field_add_error(&body, &err);
	field_add_number(&body, n);
	for (size_t i = 0; i < n; i++)
		field_add_text(&body, list[i]);
	answer(&b, &body);
}

static void
run_vouched(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	const struct job *j = ctx;
	struct error err = ERROR_NONE;
	struct boxed b;
	bool vouched = false;

	boxed_init(&b, fd, j->settings);
	if (shut(&b, &err))
		(void)!probing_vouched(false, j->host, j->deadline, &vouched, &err);
	field_add_error(&body, &err);
	field_add_number(&body, vouched);
	answer(&b, &body);
}

static void
run_srv(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	struct srv *s = xcalloc(1, sizeof(*s));
	const struct job *j = ctx;
	struct error err = ERROR_NONE;
	struct boxed b;

	boxed_init(&b, fd, j->settings);
	if (shut(&b, &err))
		(void)!srv_lookup(j->service, j->host, j->deadline, s, &err);
	field_add_error(&body, &err);
	field_add_number(&body, s->n);
	for (const struct dns_srv *r = s->v; r < s->v + s->n; r++) {
		field_add_number(&body, r->priority);
		field_add_number(&body, r->weight);
		field_add_number(&body, r->port);
		field_add_text(&body, r->target);
	}
	field_add_number(&body, s->refused);
	field_add_number(&body, s->vouched);
	field_add_text(&body, s->server);
	answer(&b, &body);
}

static void
run_mx(void *ctx, int fd)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);
	struct mx *m = xcalloc(1, sizeof(*m));
	const struct job *j = ctx;
	struct error err = ERROR_NONE;
	struct boxed b;

	boxed_init(&b, fd, j->settings);
	if (shut(&b, &err))
		(void)!mx_lookup(j->host, j->deadline, m, &err);
	field_add_error(&body, &err);
	field_add_number(&body, m->n);
	for (const struct dns_mx *r = m->v; r < m->v + m->n; r++) {
		field_add_number(&body, r->preference);
		field_add_text(&body, r->exchange);
	}
	field_add_number(&body, m->refused);
	field_add_number(&body, m->vouched);
	answer(&b, &body);
}

/* In this one. The other one has told its ANSWER, into *P; false with *ERR set. */
static bool
ask(box_run *run, struct job *j, struct channel_parcel *p, struct error *err)
{
	static const struct wire_settings none;
	struct error why = ERROR_NONE;
	unsigned asked = 0;
	struct box b;

	if (!j->settings)
		j->settings = &none;
	channel_parcel_init(p, BOX_PARCEL);
	if (box_start(&b, run, j, &why) && box_hear(&b, j->settings, p, &asked, &why) &&
		(p->kind == ANSWER || error_set(&why, FAULT_PROTOCOL, "it cannot be understood"))) {
		box_end(&b, true);
		return true;
	}
	box_lost(&b, &why);
	if (err && !err->fault)
		*err = why;
	return false;
}

/* True iff nothing went wrong. */
static bool
passed_on(const struct error *why, struct error *err)
{
	if (why->fault && err && !err->fault)
		*err = *why;
	return !why->fault;
}

static bool
garbled(struct error *err)
{
	return error_set(err, FAULT_TEMPORARY,
		"the process that talks to the smarthost cannot be understood");
}

void
probing_run(bool down, const struct wire_settings *settings, const struct probe_plan *plan,
	struct probe *ret)
{
	struct job j = { .settings = settings, .plan = plan };
	struct error why = ERROR_NONE;
	struct channel_parcel p;
	const char *at;
	bool good;

	if (!down || !box_is_possible(settings)) {
		probe_run(settings, plan, ret);
		return;
	}
	probe_none(ret);
	good = ask(run_probe, &j, &p, &why);
	at = p.body.s;
	if (good && (!probe_take(&at, p.body.s + p.body.len, ret) || at != p.body.s + p.body.len))
		garbled(&why);
	channel_parcel_done(&p);
	if (!why.fault)
		return;
	probe_done(ret);
	probe_none(ret);
	ret->error = why;
	if (plan->place) {
		snprintf(ret->host, sizeof(ret->host), "%s", plan->place->host);
		ret->port = plan->place->port;
	}
}

/* An error, which is the answer's, and how many things follow. */
static bool
take_head(const char **at, const char *end, uint64_t most, uint64_t *ret_n, struct error *err)
{
	struct error said = ERROR_NONE;

	*ret_n = 0;
	if (!field_take_error(at, end, &said) || !field_take_number(at, end, most, ret_n))
		return garbled(err);
	if (said.fault && err && !err->fault)
		*err = said;
	return true;
}

size_t
probing_places(bool down, const struct wire_settings *settings, struct target ret[PROBE_PLACES],
	struct error *err)
{
	struct job j = { .settings = settings };
	struct channel_parcel p;
	const char *at, *end;
	uint64_t n = 0;

	if (!down || !settings->srv || settings->socket)
		return probe_places(settings, ret, err);
	if (ask(run_places, &j, &p, err)) {
		at = p.body.s;
		end = at + p.body.len;
		if (!take_head(&at, end, PROBE_PLACES, &n, err))
			n = 0;
		for (size_t i = 0; i < n; i++)
			if (!probe_take_place(&at, end, &ret[i])) {
				n = i;
				garbled(err);
			}
	}
	channel_parcel_done(&p);
	return (size_t)n;
}

bool
probing_resolve(bool down, const char *host, enum wire_ip ip, int64_t deadline,
	char ret[PROBE_ADDRESSES][64], size_t *ret_n, struct error *err)
{
	struct job j = { .host = host, .ip = ip, .deadline = deadline };
	struct error why = ERROR_NONE;
	struct channel_parcel p;
	const char *at, *end;
	uint64_t n = 0;

	if (!down)
		return probe_resolve(host, ip, deadline, ret, ret_n, err);
	if (ask(run_resolve, &j, &p, &why)) {
		at = p.body.s;
		end = at + p.body.len;
		(void)!take_head(&at, end, PROBE_ADDRESSES, &n, &why);
		for (size_t i = 0; i < n && !why.fault; i++)
			if (!field_take_text(&at, end, ret[i], sizeof(ret[i])))
				garbled(&why);
	}
	channel_parcel_done(&p);
	*ret_n = why.fault ? 0 : (size_t)n;
	return passed_on(&why, err);
}

bool
probing_vouched(bool down, const char *host, int64_t deadline, bool *ret, struct error *err)
{
	struct job j = { .host = host, .deadline = deadline };
	struct error why = ERROR_NONE;
	struct channel_parcel p;
	struct lookup *l;
	const char *at;
	uint64_t vouched = 0;

	if (!down) {
		l = lookup_new(host, DNS_A, deadline, err);
		*ret = l && l->vouched;
		if (l)
			lookup_free(l);
		return l != NULL;
	}
	if (ask(run_vouched, &j, &p, &why)) {
		at = p.body.s;
		(void)!take_head(&at, at + p.body.len, 1, &vouched, &why);
	}
	channel_parcel_done(&p);
	*ret = vouched && !why.fault;
	return passed_on(&why, err);
}

/* The same for records. */
static bool
take_count(const char **at, const char *end, size_t *ret_n, struct error *err)
{
	uint64_t n;
	bool good = take_head(at, end, DNS_RECORDS, &n, err);

	*ret_n = (size_t)n;
	return good;
}

static bool
take_srv(const char **at, const char *end, struct srv *ret)
{
	uint64_t priority = 0, weight = 0, port = 0;
	bool good = true;

	for (struct dns_srv *r = ret->v; good && r < ret->v + ret->n; r++) {
		good = field_take_number(at, end, UINT16_MAX, &priority) &&
		       field_take_number(at, end, UINT16_MAX, &weight) &&
		       field_take_number(at, end, UINT16_MAX, &port) &&
		       field_take_text(at, end, r->target, sizeof(r->target));
		r->priority = (uint16_t)priority;
		r->weight = (uint16_t)weight;
		r->port = (uint16_t)port;
	}
	return good && field_take_bool(at, end, &ret->refused) &&
	       field_take_bool(at, end, &ret->vouched) &&
	       field_take_text(at, end, ret->server, sizeof(ret->server)) && *at == end;
}

bool
probing_srv(bool down, const char *service, const char *domain, int64_t deadline, struct srv *ret,
	struct error *err)
{
	struct job j = { .host = domain, .service = service, .deadline = deadline };
	struct error why = ERROR_NONE;
	struct channel_parcel p;
	const char *at, *end;

	if (!down)
		return srv_lookup(service, domain, deadline, ret, err);
	*ret = (struct srv){ .n = 0 };
	if (ask(run_srv, &j, &p, &why)) {
		at = p.body.s;
		end = at + p.body.len;
		if (take_count(&at, end, &ret->n, &why) && !take_srv(&at, end, ret))
			garbled(&why);
	}
	channel_parcel_done(&p);
	return passed_on(&why, err);
}

static bool
take_mx(const char **at, const char *end, struct mx *ret)
{
	uint64_t preference = 0;
	bool good = true;

	for (struct dns_mx *r = ret->v; good && r < ret->v + ret->n; r++) {
		good = field_take_number(at, end, UINT16_MAX, &preference) &&
		       field_take_text(at, end, r->exchange, sizeof(r->exchange));
		r->preference = (uint16_t)preference;
	}
	return good && field_take_bool(at, end, &ret->refused) &&
	       field_take_bool(at, end, &ret->vouched) && *at == end;
}

bool
probing_mx(bool down, const char *domain, int64_t deadline, struct mx *ret, struct error *err)
{
	struct job j = { .host = domain, .deadline = deadline };
	struct error why = ERROR_NONE;
	struct channel_parcel p;
	const char *at, *end;

	if (!down)
		return mx_lookup(domain, deadline, ret, err);
	*ret = (struct mx){ .n = 0 };
	if (ask(run_mx, &j, &p, &why)) {
		at = p.body.s;
		end = at + p.body.len;
		if (take_count(&at, end, &ret->n, &why) && !take_mx(&at, end, ret))
			garbled(&why);
	}
	channel_parcel_done(&p);
	return passed_on(&why, err);
}
