#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "envelope.h"
#include "message.h"
#include "network_box.h"
#include "parcel.h"
#include "settings.h"

enum {
	J_SENDER = 1,
	J_RETURN,
	J_NOTIFY,
	J_ENVID,
	J_RECIPIENT,
	J_HEADER,
	J_MEMORY,
	J_BASE,
	J_FACTS,
	J_DEADLINE,
	J_BUDGET,
};
enum {
	A_LOCAL = 1,
	A_DOMAIN,
	A_ORCPT,
	A_OUTCOME,
};

static void
add_address(struct strbuf *out, const struct address *a)
{
	parcel_add_text(out, A_LOCAL, a->local);
	parcel_add_text(out, A_DOMAIN, a->domain);
}

void
network_add_job(struct strbuf *out, const struct envelope *e, const struct message *m,
	const struct wire_settings *settings)
{
	size_t at = parcel_open(out, J_SENDER);

	add_address(out, &e->sender);
	parcel_close(out, at);
	parcel_add_number(out, J_RETURN, e->dsn_return);
	parcel_add_number(out, J_NOTIFY, e->dsn_notify);
	parcel_add_text(out, J_ENVID, e->envid);
	for (size_t i = 0; i < e->count; i++) {
		at = parcel_open(out, J_RECIPIENT);
		add_address(out, &e->recipients[i].address);
		parcel_add_text(out, A_ORCPT, e->recipients[i].orcpt);
		parcel_add_number(out, A_OUTCOME, e->recipients[i].outcome);
		parcel_close(out, at);
	}
	parcel_add(out, J_HEADER, m->header.s, m->header.len);
	parcel_add(out, J_MEMORY, m->memory.s, m->memory.len);
	parcel_add_number(out, J_BASE, m->base);
	parcel_add(out, J_FACTS, &m->facts, sizeof(m->facts));
	parcel_add(out, J_DEADLINE, &settings->deadline, sizeof(settings->deadline));
	parcel_add(out, J_BUDGET, &settings->budget, sizeof(settings->budget));
}

static void
take_address(struct parcel *outer, const struct parcel_field *field, struct address *a,
	struct recipient *r)
{
	struct parcel_field f;
	struct parcel p;

	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case A_LOCAL:
			a->local = xstrndup(f.s, f.n);
			break;
		case A_DOMAIN:
			a->domain = xstrndup(f.s, f.n);
			break;
		case A_ORCPT:
			if (r)
				r->orcpt = xstrndup(f.s, f.n);
			break;
		case A_OUTCOME:
			if (r)
				r->outcome = (enum outcome)parcel_number(&p, &f, OUTCOME_COUNT - 1);
			break;
		default:
			p.bad = true;
		}
	outer->bad |= p.bad;
}

static void
take_envelope(struct parcel *p, const struct parcel_field *f, struct envelope *e)
{
	struct recipient fresh = { .outcome = OUTCOME_PENDING }, *r;
	size_t at;

	switch (f->tag) {
	case J_SENDER:
		take_address(p, f, &e->sender, NULL);
		break;
	case J_RETURN:
		e->dsn_return = (enum dsn_return)parcel_number(p, f, DSN_RETURN_HEADERS);
		break;
	case J_NOTIFY:
		e->dsn_notify = (unsigned)parcel_number(p, f, 15);
		break;
	case J_ENVID:
		e->envid = xstrndup(f->s, f->n);
		break;
	case J_RECIPIENT:
		take_address(p, f, &fresh.address, &fresh);
		if (fresh.address.local) {
			at = envelope_add_recipient(e, &fresh.address);
			r = &e->recipients[at];
			r->orcpt = fresh.orcpt;
			r->outcome = fresh.outcome;
		} else {
			free(fresh.orcpt);
			p->bad = true;
		}
		address_done(&fresh.address);
		break;
	default:
		p->bad = true;
	}
}

static void
take_octets(struct parcel *p, const struct parcel_field *f, void *to, size_t n)
{
	if (f->n == n)
		memcpy(to, f->s, n);
	else
		p->bad = true;
}

bool
network_take_job(const char *s, size_t n, int fd, struct envelope *e, struct message *m,
	struct wire_settings *settings)
{
	struct parcel_field f;
	struct parcel p;

	message_init(m);
	parcel_init(&p, s, n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case J_HEADER:
			strbuf_add(&m->header, f.s, f.n);
			break;
		case J_MEMORY:
			strbuf_add(&m->memory, f.s, f.n);
			break;
		case J_BASE:
			m->base = parcel_number(&p, &f, UINT64_MAX);
			break;
		case J_FACTS:
			take_octets(&p, &f, &m->facts, sizeof(m->facts));
			break;
		case J_DEADLINE:
			take_octets(&p, &f, &settings->deadline, sizeof(settings->deadline));
			break;
		case J_BUDGET:
			take_octets(&p, &f, &settings->budget, sizeof(settings->budget));
			break;
		default:
			take_envelope(&p, &f, e);
		}
	m->fd = fd;
	m->borrowed = true;
	return !p.bad && !m->header.full && !m->memory.full;
}
