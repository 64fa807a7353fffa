#include "srv.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "dial.h"
#include "error.h"

static void
swap(struct dns_srv *a, struct dns_srv *b)
{
	struct dns_srv c = *a;

	*a = *b;
	*b = c;
}

/* Draws the first of N records of one priority. Those without weight stand first in the sum, so
 * that they have a small chance too. */
static size_t
draw_one(const struct dns_srv *v, size_t n, uint32_t (*draw)(void *ctx, uint32_t most), void *ctx)
{
	uint32_t sum = 0, drawn;

	for (size_t i = 0; i < n; i++)
		sum += v[i].weight;
	drawn = draw(ctx, sum);
	for (size_t i = 0; i < n && !drawn; i++)
		if (!v[i].weight)
			return i;
	sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += v[i].weight;
		if (v[i].weight && sum >= drawn)
			return i;
	}
	return 0;
}

void
srv_order(struct dns_srv *v, size_t n, uint32_t (*draw)(void *ctx, uint32_t most), void *ctx)
{
	size_t same;

	for (size_t i = 1; i < n; i++)
		for (size_t at = i; at && v[at].priority < v[at - 1].priority; at--)
			swap(&v[at], &v[at - 1]);
	for (size_t i = 0; i < n; i++) {
		for (same = 1; i + same < n && v[i + same].priority == v[i].priority; same++)
			;
		swap(&v[i], &v[i + draw_one(v + i, same, draw, ctx)]);
	}
}

/* The bias is less than one in a thousand, and nobody gains by it. */
static uint32_t
draw_random(void *ctx, uint32_t most)
{
	uint32_t number = 0;

	(void)ctx;
	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number % (most + 1);
}

bool
srv_lookup(const char *service, const char *domain, int64_t deadline, struct srv *ret,
	struct error *err)
{
	char name[DNS_NAME + 32];
	struct lookup *l;

	*ret = (struct srv){ .n = 0 };
	snprintf(name, sizeof(name), "%s._tcp.%s", service, domain);
	if (!(l = lookup_new(name, DNS_SRV, deadline, err)))
		return false;
	for (size_t i = 0; i < l->answer.n; i++) {
		const struct dns_srv *r = &l->answer.records[i].srv;

		if (strcmp(r->target, ".") == 0)
			ret->refused = true;
		else if (r->port && !dial_is_address(r->target))
			ret->v[ret->n++] = *r;
	}
	ret->vouched = l->vouched;
	memcpy(ret->server, l->server, sizeof(ret->server));
	srv_order(ret->v, ret->n, draw_random, NULL);
	lookup_free(l);
	return true;
}
