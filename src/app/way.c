#include "way.h"

#include <stdlib.h>

#include "alloc.h"

struct way *
way_open(const struct submission *s, const struct profile *account, struct error *err)
{
	struct way *w = xcalloc(1, sizeof(*w));

	profile_init(&w->account, account->name, account->origin);
	profile_override(&w->account, account);
	if (smarthost_open(&w->smarthost, s, &w->account, err)) {
		w->network = network_new(&w->smarthost.settings);
		return w;
	}
	way_free(w);
	return NULL;
}

bool
way_deliver(struct way *w, struct envelope *envelope, const struct message *message, int64_t budget,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
{
	w->smarthost.settings.deadline = smarthost_deadline(&w->account);
	w->smarthost.settings.budget = budget;
	return network_deliver(w->network, envelope, message, progress, progress_ctx, report, err);
}

void
way_abandon(struct way *w)
{
	if (!w)
		return;
	network_abandon(w->network);
	w->network = NULL;
	way_free(w);
}

void
way_free(struct way *w)
{
	if (!w)
		return;
	network_free(w->network);
	smarthost_close(&w->smarthost);
	profile_done(&w->account);
	free(w);
}
