#include "known.h"

#include "tap.h"

static void
fill(struct known *k)
{
	*k = (struct known)KNOWN_NONE;
	memset(&k->offer_hash, 1, sizeof(k->offer_hash));
	memset(&k->spki, 2, sizeof(k->spki));
	k->bdat = KNOWN_IN_STEP;
	k->bdat_when = 1795604709;
	k->lockstep_when = 1795604710;
	strbuf_adds(&k->offer, "PIPELINING\nPIPECONNECT\n");
}

int
main(void)
{
	struct strbuf record = STRBUF_INIT(MEMO_MAX);
	struct known k, got;
	size_t bad = 0;

	fill(&k);
	known_print(&k, &record);
	ok(known_parse(record.s, record.len, &got), "a record is read");
	ok(!memcmp(&got.offer_hash, &k.offer_hash, sizeof(k.offer_hash)) &&
			!memcmp(&got.spki, &k.spki, sizeof(k.spki)) && got.bdat == k.bdat &&
			got.bdat_when == k.bdat_when && got.lockstep_when == k.lockstep_when,
		"as it was written");
	same(got.offer.s, got.offer.len, k.offer.s, "with what the server offered");
	known_done(&got);
	for (size_t n = 0; n < record.len; n++) {
		bad += known_parse(record.s, n, &got);
		known_done(&got);
	}
	ok(!bad, "any end that is missing");
	strbuf_addc(&record, 0);
	ok(!known_parse(record.s, record.len, &got), "something behind the end");
	known_done(&got);
	strbuf_clear(&record);
	k.bdat = KNOWN_BDAT_COUNT;
	known_print(&k, &record);
	ok(!known_parse(record.s, record.len, &got), "a verdict that there is not");
	known_done(&got);
	strbuf_clear(&record);
	k.bdat = KNOWN_NOTHING;
	k.bdat_when = -1;
	known_print(&k, &record);
	ok(!known_parse(record.s, record.len, &got), "a time before all times");
	known_done(&got);
	strbuf_clear(&record);
	k.bdat_when = 0;
	strbuf_done(&k.offer);
	strbuf_init(&k.offer, 2 * KNOWN_OFFER);
	memset(strbuf_reserve(&k.offer, KNOWN_OFFER + 1), 'x', KNOWN_OFFER + 1);
	strbuf_advance(&k.offer, KNOWN_OFFER + 1);
	known_print(&k, &record);
	ok(!known_parse(record.s, record.len, &got), "more than a server can have offered");
	known_done(&got);
	known_done(&k);
	strbuf_done(&record);
	return tap_done();
}
