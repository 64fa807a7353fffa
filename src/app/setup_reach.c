/* Whether a server is there, on which port, and whether it is the right one. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "clock.h"
#include "error.h"
#include "report.h"
#include "setup_state.h"

#define LOOKS      2
#define DAY        86400
#define SOON       14 /* days */
#define NAMES_SHOW 120

static bool
is_unfit(const struct probe *p)
{
	return p->chain_length && p->chain_checked && p->error.fault &&
	       (!p->chain_good || !p->name_good);
}

static void
show_good(const struct probe *p, const char *label, bool local)
{
	const struct probe_certificate *c = &p->chain[0];
	long days = (long)((p->tls.expires - clock_wall()) / DAY);
	size_t n = strlen(p->capability.mechanisms);

	if (!*p->tls.version)
		setup_say(local ? SETUP_GOOD : SETUP_WARN, label, "it answers, without TLS");
	else
		setup_say(days < SOON ? SETUP_WARN : SETUP_GOOD, label,
			"%s; certificate for %.*s by %s, %ld days left", p->tls.version, NAMES_SHOW,
			p->chain_length && !p->name_good ? c->names : p->host,
			*p->tls.issuer ? p->tls.issuer : c->issuer, days);
	if (p->capability.auth && n > 2)
		setup_say(
			SETUP_PLAIN, "", "login by %.*s", (int)n - 2, p->capability.mechanisms + 1);
	else
		setup_say(SETUP_PLAIN, "", "no login is offered");
}

static void
show(const struct setup_look *l)
{
	const struct probe *p = &l->probe;
	char label[32];

	if (setup_socket(l->setup))
		snprintf(label, sizeof(label), "socket");
	else
		snprintf(label, sizeof(label), "port %u", p->port);
	if (setup_by_srv(l->setup) && *p->host)
		setup_say(SETUP_PLAIN, "SRV records", "%s port %u", p->host, p->port);
	else if (setup_by_srv(l->setup))
		snprintf(label, sizeof(label), "SRV records");
	if (!p->error.fault)
		show_good(p, label, setup_is_here(l->setup));
	else
		setup_say(is_unfit(p) ? SETUP_BAD : SETUP_PLAIN, label, "%s%s%s", p->error.text,
			*p->error.words && !strstr(p->error.text, p->error.words) ? ": " : "",
			*p->error.words && !strstr(p->error.text, p->error.words) ? p->error.words
										  : "");
}

/* Looks at the place that was found, and at the other usual port beside it. */
static size_t
look(struct setup *s, struct setup_look looks[LOOKS])
{
	bool fixed = setup_given(s, OPT_PORT) || setup_given(s, OPT_TLS);
	bool usual = (s->port == 465 && s->tls == WIRE_TLS_IMPLICIT) ||
		     (s->port == 587 && s->tls == WIRE_TLS_STARTTLS);
	size_t n = fixed || !usual || setup_is_lmtp(s) ? 1 : 2;

	for (size_t i = 0; i < n; i++) {
		bool other = i == 1;

		looks[i] = (struct setup_look){ .setup = s,
			.port = !other           ? s->port
				: s->port == 465 ? 587
						 : 465,
			.tls = !other           ? s->tls
			       : s->port == 465 ? WIRE_TLS_STARTTLS
						: WIRE_TLS_IMPLICIT };
		snprintf(looks[i].host, sizeof(looks[i].host), "%s", s->host);
		setup_look_start(&looks[i]);
	}
	for (size_t i = 0; i < n; i++) {
		setup_look_wait(&looks[i]);
		show(&looks[i]);
	}
	return n;
}

/* Neither port will do: for scripts that is the end. */
static bool
ask_again(struct setup *s, const struct setup_look *l, struct error *err)
{
	const char *advice = hint(&l->probe.error);

	if (!setup_may_ask() || setup_given(s, OPT_HOST) || setup_socket(s)) {
		*err = l->probe.error;
		return false;
	}
	if (advice)
		setup_advise(advice);
	return setup_ask_host(s, "Another host, or Ctrl-C to give up", NULL, err);
}

/* Takes the place of LOOK. */
static bool
settle(struct setup *s, const struct setup_look *l, struct error *err)
{
	static const char *const modes[] = { "implicit", "starttls", "none" };
	char port[8];

	s->port = l->port;
	s->tls = l->tls;
	s->probe = l->probe;
	snprintf(port, sizeof(port), "%u", s->port);
	if (setup_socket(s) || setup_by_srv(s))
		return (setup_socket(s) || setup_set(s, OPT_HOST, s->host, err)) &&
		       (!setup_given(s, OPT_TLS) || setup_set(s, OPT_TLS, modes[s->tls], err));
	return setup_set(s, OPT_HOST, s->host, err) &&
	       (s->port == (setup_is_lmtp(s) ? SETUP_LMTP_PORT : 465) ||
		       setup_set(s, OPT_PORT, port, err)) &&
	       (s->tls == setup_usual_tls(s, s->port) || setup_set(s, OPT_TLS, modes[s->tls], err));
}

static bool
check_clear(const struct setup *s, struct error *err)
{
	return s->tls != WIRE_TLS_NONE || setup_is_here(s) ||
	       error_set(err, FAULT_USAGE,
		       "--tls none is for a server on this machine only: %s could be anybody, and "
		       "all could read along",
		       s->host);
}

/* One round; *RET_DONE: the place is settled. */
static bool
reach(struct setup *s, bool *ret_done, struct error *err)
{
	struct setup_look looks[LOOKS];
	bool other = false;
	size_t n;

	setup_head("Is %s there, and is it the right one?",
		setup_socket(s) ? setup_socket(s) : s->host);
	n = look(s, looks);
	for (size_t i = 0; i < n; i++) {
		if (looks[i].probe.error.fault)
			continue;
		*ret_done = true;
		if (n > 1)
			setup_say(SETUP_PLAIN, "taken", "port %u, %s", looks[i].port,
				looks[i].tls == WIRE_TLS_IMPLICIT ? "TLS from the start"
								  : "STARTTLS");
		return settle(s, &looks[i], err);
	}
	for (size_t i = 0; i < n; i++)
		if (is_unfit(&looks[i].probe))
			return setup_certificate(s, &looks[i].probe, &other, err);
	return ask_again(s, &looks[0], err);
}

bool
setup_reach(struct setup *s, struct error *err)
{
	struct setup_look blind = { .setup = s };
	bool done = false;

	if (!check_clear(s, err))
		return false;
	if (setup_given(s, OPT_OFFLINE)) {
		blind.port = s->port;
		blind.tls = s->tls;
		return settle(s, &blind, err);
	}
	while (!done)
		if (!reach(s, &done, err) || !check_clear(s, err))
			return false;
	return true;
}
