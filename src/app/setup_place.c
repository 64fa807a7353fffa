/* A look at one place, in a process of its own, so that several go on side by side. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "probing.h"
#include "setup_state.h"
#include "smarthost.h"
#include "submission.h"

#define LOOK_MAX (256 << 10) /* octets of what was seen */

bool
setup_steps_down(const struct setup *s)
{
	return s->system && geteuid() == 0;
}

static bool
set_place(struct profile *p, const struct setup_look *l, struct error *err)
{
	static const char *const modes[] = { "implicit", "starttls", "none" };
	const struct setup *s = l->setup;
	char port[8];

	snprintf(port, sizeof(port), "%u", l->port);
	profile_override(p, &s->account);
	if ((setup_socket(s) || setup_by_srv(s)) && setup_given(s, OPT_TLS) &&
		!profile_set(p, OPT_TLS, modes[l->tls], SETUP_ORIGIN, err))
		return false;
	if (setup_socket(s))
		return true;
	if (setup_by_srv(s))
		return profile_set(p, OPT_HOST, l->host, SETUP_ORIGIN, err);
	return profile_set(p, OPT_HOST, l->host, SETUP_ORIGIN, err) &&
	       profile_set(p, OPT_PORT, port, SETUP_ORIGIN, err) &&
	       profile_set(p, OPT_TLS, modes[l->tls], SETUP_ORIGIN, err);
}

/* The first of the places that answers as it should, else what the first one had to say. */
static void
look_around(bool down, const struct wire_settings *settings, struct probe *ret)
{
	struct target places[PROBE_PLACES];
	struct error err = ERROR_NONE;
	size_t n = probing_places(down, settings, places, &err);
	struct probe next;

	if (!n)
		ret->error = err;
	for (size_t i = 0; i < n && (!i || ret->error.fault); i++) {
		struct probe_plan plan = { .place = &places[i] };

		probing_run(down, settings, &plan, &next);
		if (!i || !next.error.fault)
			*ret = next;
	}
}

bool
setup_place_again(const struct setup *s, const struct wire_settings *settings,
	const struct probe *p, struct target *ret)
{
	struct target places[PROBE_PLACES];
	struct wire_settings soon = *settings;
	size_t n;

	soon.deadline = clock_in(SETUP_SECONDS * CLOCK_SECOND);
	n = probing_places(setup_steps_down(s), &soon, places, NULL);
	for (size_t i = 0; i < n; i++)
		if (places[i].port == p->port && strcmp(places[i].host, p->host) == 0) {
			*ret = places[i];
			return true;
		}
	return false;
}

static int
look(void *ctx, int out, int error)
{
	struct strbuf body = STRBUF_INIT(LOOK_MAX);
	struct setup_look *l = ctx;
	struct smarthost h = SMARTHOST_NONE;
	struct error err = ERROR_NONE;
	struct submission s;
	struct profile p;

	(void)error;
	submission_init(&s, l->setup->args);
	profile_init(&p, SETUP_ORIGIN, SETUP_ORIGIN);
	if (set_place(&p, l, &err) && smarthost_prepare(&h, &s, &p, &err) &&
		smarthost_set_proxy(&h, &p, &err)) {
		h.settings.user = NULL;
		h.settings.memory = NULL;
		h.settings.deadline = clock_in(SETUP_SECONDS * CLOCK_SECOND);
		look_around(setup_steps_down(l->setup), &h.settings, &l->probe);
	} else {
		l->probe.error = err;
	}
	probe_add(&body, &l->probe);
	return !body.full && io_write_full(out, body.s, body.len) ? 0 : 1;
}

void
setup_look_start(struct setup_look *l)
{
	l->child = (struct child)CHILD_NONE;
	l->probe = (struct probe){ .port = l->port };
	(void)!child_start_function(&l->child, "the look at a server", look, l, &l->probe.error);
}

/* What came out of a process that has read a server's octets. */
static bool
take(const struct strbuf *out, struct probe *ret)
{
	const char *at = out->s, *end = at + out->len;
	struct probe p;
	bool good;

	probe_none(&p);
	good = probe_take(&at, end, &p) && at == end;
	/* nobody wants the lines of EHLO */
	probe_done(&p);
	if (good)
		*ret = p;
	return good;
}

void
setup_look_wait(struct setup_look *l)
{
	struct strbuf out = STRBUF_INIT(LOOK_MAX);
	struct error err = ERROR_NONE;

	if (l->probe.error.fault)
		return;
	if (!child_wait(
		    &l->child, clock_in((SETUP_SECONDS + 3) * CLOCK_SECOND), &out, NULL, &err) ||
		!take(&out, &l->probe)) {
		error_set(&err, FAULT_SOFTWARE, "no answer from the process that looks");
		l->probe.error = err;
	}
	child_stop(&l->child);
	strbuf_done(&out);
}
