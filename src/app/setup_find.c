/* Where the smarthost is: by options, by what the sources say, by asking. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "dial.h"
#include "discover.h"
#include "error.h"
#include "provider.h"
#include "setup_state.h"

#define SOURCE_SECONDS 15

static uint16_t
usual_port(enum wire_tls tls)
{
	return tls == WIRE_TLS_IMPLICIT ? 465 : tls == WIRE_TLS_STARTTLS ? 587 : 25;
}

/* By the options, where they say something, over what a source says. */
static void
settle(struct setup *s)
{
	uint16_t port = (uint16_t)profile_number(s->given, OPT_PORT);
	int tls = profile_choice(s->given, OPT_TLS);

	if (port && tls < 0)
		tls = port == 465 ? WIRE_TLS_IMPLICIT : WIRE_TLS_STARTTLS;
	if (tls >= 0) {
		s->tls = (enum wire_tls)tls;
		s->port = port ? port : usual_port(s->tls);
	}
}

bool
setup_take_host(void *ctx, const char *text, struct error *err)
{
	struct setup *s = ctx;
	char host[256];
	uint16_t port;

	if (!*text)
		return error_set(err, FAULT_USAGE, "A host is needed, such as smtp.%s.", s->domain);
	if (!dial_split(text, 0, host, &port, err))
		return false;
	snprintf(s->host, sizeof(s->host), "%s", host);
	s->port = 465;
	s->tls = WIRE_TLS_IMPLICIT;
	settle(s);
	if (port) {
		s->port = port;
		if (profile_choice(s->given, OPT_TLS) < 0)
			s->tls = port == 465 ? WIRE_TLS_IMPLICIT : WIRE_TLS_STARTTLS;
	}
	return true;
}

static bool
find_given(struct setup *s, struct error *err)
{
	const char *const *hosts;
	size_t n;

	hosts = profile_list_of(s->given, OPT_HOST, &n);
	if (!setup_take_host(s, hosts[0], err))
		return error_prefix(err, "--host");
	s->provider = provider_by_domain(s->domain);
	if (s->provider && strcmp(s->provider->host ? s->provider->host : "", s->host) != 0)
		s->provider = NULL;
	return true;
}

static void
take(struct setup *s, const struct discovery *d)
{
	snprintf(s->host, sizeof(s->host), "%s", d->host);
	snprintf(s->user, sizeof(s->user), "%s", d->user);
	snprintf(s->issuer, sizeof(s->issuer), "%s", d->issuer);
	s->port = d->port;
	s->tls = d->starttls ? WIRE_TLS_STARTTLS : WIRE_TLS_IMPLICIT;
	s->provider = d->provider;
	s->password = d->password;
	settle(s);
}

/* Who could forge the answer would be sent the password, so a person has to know the name. */
static bool
consent(struct setup *s, const struct discovery *d, bool *ret, struct error *err)
{
	char question[700];

	*ret = !d->outside || d->vouched;
	if (*ret)
		return true;
	if (setup_given(s, OPT_YES)) {
		setup_say(SETUP_WARN, "--yes", "%s is taken, although it is not in %s", d->host,
			s->domain);
		*ret = true;
		return true;
	}
	if (!setup_may_ask())
		return error_set(err, FAULT_PERMISSION,
			"the %s of %s lead to %s, outside of it, and DNSSEC does not vouch for "
			"them: if that host is right, give --host %s, or --yes to take whatever is "
			"found",
			discover_name(d->source), s->domain, d->host, d->host);
	setup_advise("This is outside of the domain, and DNSSEC does not vouch for it: whoever can "
		     "forge the answer would get your password.");
	snprintf(question, sizeof(question), "Is %s the right server for %s?", d->host, s->domain);
	return ask_yes(question, d->provider != NULL, "--yes or --host HOST", ret, err);
}

static bool
find_by_sources(struct setup *s, bool *ret_found, struct error *err)
{
	bool offline = setup_given(s, OPT_OFFLINE);
	const char *trust = profile_text(s->given, OPT_TLS_TRUST);
	struct discovery d;

	if (strcmp(trust, "system") == 0 || strcmp(trust, "none") == 0)
		trust = NULL;

	setup_head("Where does %s take submissions?", s->domain);
	for (int source = 0; source < (offline ? 1 : DISCOVER_COUNT) && !*ret_found; source++) {
		discover((enum discover_source)source, s->address, s->domain, trust,
			clock_in(SOURCE_SECONDS * CLOCK_SECOND), &d);
		setup_say(
			d.found ? SETUP_GOOD : SETUP_PLAIN, discover_name(d.source), "%s", d.text);
		if (d.found && !consent(s, &d, ret_found, err))
			return false;
		if (*ret_found)
			take(s, &d);
		else if (d.provider && !d.found)
			return error_set(err, FAULT_UNAVAILABLE,
				"%s takes no submissions by SMTP%s%s", d.provider->name,
				d.provider->help ? ": " : "",
				d.provider->help ? d.provider->help : "");
	}
	return true;
}

/* Names that are often right, if something answers there. */
static const char *
guess(const struct setup *s, char name[300])
{
	static const char *const labels[] = { "smtp", "mail" };
	struct setup_look looks[4];
	const char *found = NULL;

	for (size_t i = 0; i < 4; i++) {
		looks[i] = (struct setup_look){ .setup = s,
			.port = i % 2 ? 587 : 465,
			.tls = i % 2 ? WIRE_TLS_STARTTLS : WIRE_TLS_IMPLICIT };
		snprintf(looks[i].host, sizeof(looks[i].host), "%s.%.250s", labels[i / 2],
			s->domain);
		setup_look_start(&looks[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		setup_look_wait(&looks[i]);
		if (!found && looks[i].probe.reached >= STAGE_CONNECT) {
			snprintf(name, 300, "%s", looks[i].host);
			found = name;
		}
	}
	return found;
}

static bool
find_by_asking(struct setup *s, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(300);
	const char *proposal = NULL;
	char name[300];
	bool good;

	if (setup_may_ask() && !setup_given(s, OPT_OFFLINE)) {
		proposal = guess(s, name);
		if (proposal)
			setup_say(SETUP_PLAIN, "usual names", "%s answers", name);
		else
			setup_say(SETUP_PLAIN, "usual names", "neither smtp.%s nor mail.%s answers",
				s->domain, s->domain);
	}
	good = ask_line(
		"Host of the smarthost", proposal, "--host HOST", setup_take_host, s, &answer, err);
	strbuf_done(&answer);
	return good;
}

bool
setup_find(struct setup *s, struct error *err)
{
	bool found = false;

	if (setup_given(s, OPT_HOST))
		return find_given(s, err);
	return find_by_sources(s, &found, err) && (found || find_by_asking(s, err));
}
