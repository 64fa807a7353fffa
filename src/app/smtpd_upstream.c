#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "smtpd_state.h"

static void
close_one(struct upstream *up)
{
	if (!up)
		return;
	network_relay_free(up->relay);
	smarthost_close(&up->smarthost);
	wire_report_done(&up->report);
	profile_done(&up->account);
	free(up);
}

void
smtpd_upstreams_close(struct smtpd *d)
{
	for (size_t i = 0; i < SMTPD_UPSTREAMS; i++)
		close_one(d->upstreams[i]);
}

static struct upstream *
open_one(const struct submission *s, struct error *err)
{
	struct upstream *up = xcalloc(1, sizeof(*up));

	profile_init(&up->account, s->account.name, s->account.origin);
	profile_override(&up->account, &s->account);
	wire_report_init(&up->report);
	if (smarthost_open(&up->smarthost, s, &up->account, err))
		up->relay = network_relay_new(
			&up->smarthost.settings, &up->account, s->keeper, &up->report, err);
	if (up->relay)
		return up;
	close_one(up);
	return NULL;
}

struct upstream *
smtpd_upstream(struct smtpd *d, struct error *err)
{
	struct upstream **place = NULL, *up;

	for (size_t i = 0; i < SMTPD_UPSTREAMS; i++) {
		up = d->upstreams[i];
		if (up && strcmp(up->account.name, d->s.account.name) == 0) {
			if (!up->refused.fault)
				return up;
			if (err && !err->fault)
				*err = up->refused;
			return NULL;
		}
		if (!up && !place)
			place = &d->upstreams[i];
	}
	up = open_one(&d->s, err);
	if (!up)
		return NULL;
	if (!place) {
		place = &d->upstreams[d->next_upstream++ % SMTPD_UPSTREAMS];
		close_one(*place);
	}
	return *place = up;
}
