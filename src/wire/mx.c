#include "mx.h"

#include <string.h>

#include "dial.h"
#include "error.h"
#include "lookup.h"

/* Keeps the records in order. */
static void
insert(struct mx *m, const struct dns_mx *r)
{
	size_t at = m->n++;

	for (; at && m->v[at - 1].preference > r->preference; at--)
		m->v[at] = m->v[at - 1];
	m->v[at] = *r;
}

bool
mx_lookup(const char *domain, int64_t deadline, struct mx *ret, struct error *err)
{
	struct lookup *l = lookup_new(domain, DNS_MX, deadline, err);

	*ret = (struct mx){ .n = 0 };
	if (!l)
		return false;
	for (size_t i = 0; i < l->answer.n; i++) {
		const struct dns_mx *r = &l->answer.records[i].mx;

		if (strcmp(r->exchange, ".") == 0)
			ret->refused = true;
		else if (!dial_is_address(r->exchange))
			insert(ret, r);
	}
	ret->vouched = l->vouched;
	lookup_free(l);
	return true;
}
