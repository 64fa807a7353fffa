#include <stdlib.h>

#include "packing.h"
#include "warm.h"

bool
warm_take_report(const char *s, size_t n, struct wire_report *r)
{
	const char *end = s + n;

	return packing_take_report(&s, end, r) && s == end;
}

void
warm_add_result(struct strbuf *out, const struct wire_report *r, const struct envelope *e)
{
	packing_add_report(out, r);
	for (size_t i = 0; i < e->count; i++)
		packing_add_outcome(out, &e->recipients[i]);
}

bool
warm_take_result(const char *s, size_t n, struct wire_report *r, struct envelope *e)
{
	const char *end = s + n, *outcomes;
	struct recipient checked = { .outcome = OUTCOME_PENDING }, *to;
	bool good = packing_take_report(&s, end, r);

	outcomes = s;
	for (to = e->recipients; good && to < e->recipients + e->count; to++)
		if (to->outcome == OUTCOME_PENDING)
			good = packing_take_outcome(&s, end, &checked);
	free(checked.words);
	free(checked.why);
	if (!good || s != end)
		return false;
	for (to = e->recipients; to < e->recipients + e->count; to++)
		if (to->outcome == OUTCOME_PENDING && !packing_take_outcome(&outcomes, end, to))
			return false;
	return true;
}
