#include "dane.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "dial.h"
#include "error.h"

void
dane_add(struct dane *d, const struct dns_tlsa *record)
{
	static const size_t lengths[] = { [DANE_SHA256] = 32, [DANE_SHA512] = 64 };
	struct dane_record *r = &d->v[d->n];

	if (d->n == DANE_RECORDS || (record->usage != DANE_TA && record->usage != DANE_EE) ||
		record->selector > DANE_KEY || record->matching > DANE_SHA512)
		return;
	*r = (struct dane_record){ .usage = (enum dane_usage)record->usage,
		.selector = (enum dane_selector)record->selector,
		.matching = (enum dane_matching)record->matching };
	if (r->matching == DANE_WHOLE) {
		r->n = sizeof(r->digest);
		if (gnutls_hash_fast(GNUTLS_DIG_SHA512, record->data, record->n, r->digest) < 0)
			return;
	} else {
		r->n = lengths[r->matching];
		if (record->n != r->n)
			return;
		memcpy(r->digest, record->data, r->n);
	}
	d->n++;
}

/* The records below NAME, if DNSSEC vouches for them. */
static bool
ask(const char *name, uint16_t port, int64_t deadline, struct dane *ret, struct error *err)
{
	char question[DNS_NAME + 32];
	struct lookup *l;

	snprintf(question, sizeof(question), "_%u._tcp.%s", port, name);
	if (!(l = lookup_new(question, DNS_TLSA, deadline, err)))
		return false;
	for (size_t i = 0; l->vouched && i < l->answer.n; i++)
		dane_add(ret, &l->answer.records[i].tlsa);
	snprintf(ret->base, sizeof(ret->base), "%s", name);
	memcpy(ret->server, l->server, sizeof(ret->server));
	lookup_free(l);
	return true;
}

/* Where the addresses of HOST are, as far as DNSSEC vouches for the way there: at the end of its
 * aliases, else, when it vouches for the first alias only, at HOST itself. "" when it vouches for
 * nothing (RFC 7672 section 2.2.2). */
static bool
find_base(const char *host, int64_t deadline, char base[DNS_NAME], struct error *err)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_CNAME };
	struct lookup *l;
	bool done = false, alias = false;

	*base = '\0';
	for (size_t i = 0; i < sizeof(types) / sizeof(*types) && !done; i++) {
		if (types[i] == DNS_CNAME && !alias)
			break;
		if (!(l = lookup_new(host, types[i], deadline, err)))
			return false;
		alias = alias || l->answer.alias;
		done = l->vouched && l->answer.n > 0;
		if (done)
			memcpy(base, types[i] == DNS_CNAME ? host : l->answer.name,
				types[i] == DNS_CNAME ? strlen(host) + 1 : DNS_NAME);
		/* addresses that are not vouched for will not be so in the other family */
		if (l->answer.n && !done && types[i] == DNS_A)
			i++;
		lookup_free(l);
	}
	return true;
}

bool
dane_lookup(const char *host, uint16_t port, int64_t deadline, struct dane *ret, struct error *err)
{
	char name[DNS_NAME], base[DNS_NAME];
	size_t n = strlen(host);

	*ret = (struct dane){ .n = 0 };
	if (n && host[n - 1] == '.')
		n--;
	if (n >= sizeof(name) || dial_is_address(host) || !lookup_can_vouch(ret->server))
		return true;
	memcpy(name, host, n);
	name[n] = '\0';
	if (!find_base(name, deadline, base, err))
		return false;
	if (!*base)
		return true;
	if (!ask(base, port, deadline, ret, err))
		return false;
	/* RFC 7671 section 7: the end of the aliases first, then where they begin */
	return ret->n || strcmp(base, name) == 0 || ask(name, port, deadline, ret, err);
}
