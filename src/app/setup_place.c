/* A look at one place, in a process of its own, so that several go on side by side. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "setup_state.h"
#include "smarthost.h"
#include "submission.h"

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
look_around(const struct wire_settings *settings, struct probe *ret)
{
	struct target places[PROBE_PLACES];
	struct error err = ERROR_NONE;
	size_t n = probe_places(settings, places, &err);
	struct probe next;

	if (!n)
		ret->error = err;
	for (size_t i = 0; i < n && (!i || ret->error.fault); i++) {
		struct probe_plan plan = { .place = &places[i] };

		probe_run(settings, &plan, &next);
		if (!i || !next.error.fault)
			*ret = next;
	}
}

bool
setup_place_again(const struct wire_settings *settings, const struct probe *p, struct target *ret)
{
	struct target places[PROBE_PLACES];
	struct wire_settings soon = *settings;
	size_t n;

	soon.deadline = clock_in(SETUP_SECONDS * CLOCK_SECOND);
	n = probe_places(&soon, places, NULL);
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
		look_around(&h.settings, &l->probe);
	} else {
		l->probe.error = err;
	}
	return io_write_full(out, &l->probe, sizeof(l->probe)) ? 0 : 1;
}

void
setup_look_start(struct setup_look *l)
{
	l->child = (struct child)CHILD_NONE;
	l->probe = (struct probe){ .port = l->port };
	(void)!child_start_function(&l->child, "the look at a server", look, l, &l->probe.error);
}

/* The text of what came out of a process that has read a server's octets. */
static void
end_texts(struct probe *p)
{
	char *const texts[] = { p->host + sizeof(p->host), p->address + sizeof(p->address),
		p->verdict + sizeof(p->verdict), p->greeting + sizeof(p->greeting),
		p->error.text + sizeof(p->error.text), p->error.words + sizeof(p->error.words),
		p->tls.version + sizeof(p->tls.version), p->tls.issuer + sizeof(p->tls.issuer),
		p->tls.cipher + sizeof(p->tls.cipher),
		p->capability.mechanisms + sizeof(p->capability.mechanisms) };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		texts[i][-1] = '\0';
	for (size_t i = 0; i < PROBE_CERTIFICATES; i++) {
		struct probe_certificate *c = &p->chain[i];

		c->subject[sizeof(c->subject) - 1] = c->issuer[sizeof(c->issuer) - 1] = '\0';
		c->names[sizeof(c->names) - 1] = c->pin[sizeof(c->pin) - 1] = '\0';
	}
	p->ehlo = (struct strbuf)STRBUF_INIT(1);
	if (p->chain_length > PROBE_CERTIFICATES)
		p->chain_length = 0;
	if (p->error.fault >= FAULT_COUNT || p->error.stage >= STAGE_COUNT)
		p->error.fault = FAULT_PROTOCOL;
}

void
setup_look_wait(struct setup_look *l)
{
	struct strbuf out = STRBUF_INIT(sizeof(l->probe));
	struct error err = ERROR_NONE;

	if (l->probe.error.fault)
		return;
	if (child_wait(&l->child, clock_in((SETUP_SECONDS + 3) * CLOCK_SECOND), &out, NULL, &err) &&
		out.len == sizeof(l->probe)) {
		memcpy(&l->probe, out.s, sizeof(l->probe));
		end_texts(&l->probe);
	} else {
		error_set(&err, FAULT_SOFTWARE, "no answer from the process that looks");
		l->probe.error = err;
	}
	child_stop(&l->child);
	strbuf_done(&out);
}
