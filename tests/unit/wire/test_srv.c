/* The order of SRV records, and which TLSA records count. */
#include "dane.h"
#include "srv.h"
#include "tap.h"

/* Draws from a list. */
struct draws {
	uint32_t v[8], most[8];
	size_t n;
};

static uint32_t
draw(void *ctx, uint32_t most)
{
	struct draws *d = ctx;

	d->most[d->n] = most;
	return d->v[d->n++];
}

static const struct {
	const char *what;
	struct {
		uint16_t priority, weight;
	} v[6];
	size_t n;
	uint32_t draws[8];
	const char *want;
} orders[] = {
	{ "priorities", { { 20, 1 }, { 10, 1 }, { 15, 1 } }, 3, { 1, 1, 1 }, "bca" },
	{ "the last of three", { { 0, 1 }, { 0, 2 }, { 0, 3 } }, 3, { 6, 1, 1 }, "cba" },
	{ "the first at its edge", { { 0, 1 }, { 0, 2 }, { 0, 3 } }, 3, { 1, 5, 1 }, "acb" },
	{ "the second at its edges", { { 0, 1 }, { 0, 2 }, { 0, 3 } }, 3, { 2, 1, 1 }, "bac" },
	{ "the second at its other edge", { { 0, 1 }, { 0, 2 }, { 0, 3 } }, 3, { 3, 1, 1 }, "bac" },
	{ "zero for one without weight", { { 0, 9 }, { 0, 0 } }, 2, { 0, 0 }, "ba" },
	{ "not zero for one without weight", { { 0, 0 }, { 0, 9 } }, 2, { 1, 0 }, "ba" },
	{ "zero where all have weight", { { 0, 1 }, { 0, 2 } }, 2, { 0, 0 }, "ab" },
	{ "none has weight", { { 0, 0 }, { 0, 0 } }, 2, { 0, 0 }, "ab" },
	{ "within priorities", { { 5, 1 }, { 1, 1 }, { 5, 1 }, { 1, 1 } }, 4, { 2, 1, 2, 1 },
		"dbca" },
	{ "great weights", { { 0, 65535 }, { 0, 65535 }, { 0, 65535 } }, 3, { 131071, 1, 1 },
		"cba" },
};

static void
ordering(void)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct draws d = { .n = 0 };
		struct dns_srv v[6];
		char got[8] = "";

		memcpy(d.v, orders[i].draws, sizeof(d.v));
		for (size_t k = 0; k < orders[i].n; k++)
			v[k] = (struct dns_srv){ .priority = orders[i].v[k].priority,
				.weight = orders[i].v[k].weight,
				.target = { (char)('a' + k) } };
		srv_order(v, orders[i].n, draw, &d);
		for (size_t k = 0; k < orders[i].n; k++)
			got[k] = v[k].target[0];
		same(got, strlen(got), orders[i].want, orders[i].what);
	}
}

static void
usable(void)
{
	static const uint8_t data[64] = { 1 };
	static const struct {
		struct dns_tlsa r;
		bool good;
	} rows[] = {
		{ { 3, 1, 1, data, 32 }, true },
		{ { 3, 0, 2, data, 64 }, true },
		{ { 2, 0, 0, data, 5 }, true },
		{ { 2, 1, 1, data, 32 }, true },
		{ { 0, 1, 1, data, 32 }, false },
		{ { 1, 1, 1, data, 32 }, false },
		{ { 4, 1, 1, data, 32 }, false },
		{ { 255, 1, 1, data, 32 }, false },
		{ { 3, 2, 1, data, 32 }, false },
		{ { 3, 1, 3, data, 32 }, false },
		{ { 3, 1, 1, data, 31 }, false },
		{ { 3, 1, 1, data, 64 }, false },
		{ { 3, 1, 2, data, 32 }, false },
	};
	struct dane d = { .n = 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		d.n = 0;
		dane_add(&d, &rows[i].r);
		ok(d.n == rows[i].good, "TLSA %u %u %u with %zu octets", rows[i].r.usage,
			rows[i].r.selector, rows[i].r.matching, rows[i].r.n);
	}
	for (size_t i = 0; i < 100; i++)
		dane_add(&d, &rows[0].r);
	ok(d.n == DANE_RECORDS, "no more than there is room for");
}

int
main(void)
{
	ordering();
	usable();
	return tap_done();
}
