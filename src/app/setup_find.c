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
#define SMTP_PORT      25

enum wire_tls
setup_usual_tls(const struct setup *s, uint16_t port)
{
	if (setup_socket(s) || (setup_is_lmtp(s) && setup_is_here(s)))
		return WIRE_TLS_NONE;
	return port == 465 ? WIRE_TLS_IMPLICIT : WIRE_TLS_STARTTLS;
}

static uint16_t
usual_port(const struct setup *s, enum wire_tls tls)
{
	if (setup_is_lmtp(s))
		return SETUP_LMTP_PORT;
	return tls == WIRE_TLS_IMPLICIT ? 465 : tls == WIRE_TLS_STARTTLS ? 587 : SMTP_PORT;
}

/* By the options, where they say something, over what a source says. */
static void
settle(struct setup *s)
{
	uint16_t port = (uint16_t)profile_number(s->given, OPT_PORT);
	int tls = profile_choice(s->given, OPT_TLS);

	if (port && tls < 0)
		tls = (int)setup_usual_tls(s, port);
	if (tls >= 0) {
		s->tls = (enum wire_tls)tls;
		s->port = port ? port : usual_port(s, s->tls);
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
	if (setup_by_srv(s) && (port || dial_is_address(host)))
		return error_set(err, FAULT_USAGE,
			"With --srv it is a mail domain, without a port: %s.", s->domain);
	snprintf(s->host, sizeof(s->host), "%s", host);
	s->port = setup_is_lmtp(s) ? SETUP_LMTP_PORT : 465;
	s->tls = setup_usual_tls(s, s->port);
	settle(s);
	if (port) {
		s->port = port;
		if (profile_choice(s->given, OPT_TLS) < 0)
			s->tls = setup_usual_tls(s, port);
	}
	if (setup_is_lmtp(s) && s->port == SMTP_PORT)
		return error_set(err, FAULT_USAGE,
			"Port 25 is for SMTP, LMTP must not be spoken there (RFC 2033).");
	if (setup_by_srv(s))
		s->port = 0;
	return true;
}

bool
setup_ask_host(struct setup *s, const char *question, const char *proposal, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(300);
	bool good;

	if (setup_by_srv(s))
		profile_unset(&s->account, OPT_SRV);
	good = ask_line(question, proposal, "--host HOST", setup_take_host, s, &answer, err);
	strbuf_done(&answer);
	return good;
}

/* What is known of who runs the host that was named. */
static void
know(struct setup *s, const struct provider *p)
{
	s->provider = p;
	if (!p)
		return;
	s->password = !p->login || p->login & ~(unsigned)PROVIDER_OAUTH;
	if (p->user == PROVIDER_USER_LOCAL_PART)
		snprintf(s->user, sizeof(s->user), "%.*s",
			(int)(strrchr(s->address, '@') - s->address), s->address);
}

static bool
find_given(struct setup *s, struct error *err)
{
	const char *const *hosts;
	size_t n;

	hosts = profile_list_of(s->given, OPT_HOST, &n);
	if (!setup_take_host(s, hosts[0], err))
		return error_prefix(err, "--host");
	know(s, setup_by_srv(s) ? provider_by_domain(s->host) : provider_by_host(s->host));
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
	bool offline = setup_given(s, OPT_OFFLINE), alone = offline || setup_has_proxy(s);
	const char *trust = profile_text(s->given, OPT_TLS_TRUST);
	struct discovery d;

	if (strcmp(trust, "system") == 0 || strcmp(trust, "none") == 0)
		trust = NULL;

	setup_head("Where does %s take submissions?", s->domain);
	for (int source = 0; source < (alone ? 1 : DISCOVER_COUNT) && !*ret_found; source++) {
		discover((enum discover_source)source, setup_steps_down(s), s->address, s->domain,
			trust, clock_in(SOURCE_SECONDS * CLOCK_SECOND), &d);
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
	if (!*ret_found && alone && !offline)
		setup_say(SETUP_PLAIN, "network", "not asked, since that would go past the proxy");
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
	const char *proposal = NULL;
	char name[300];

	if (setup_may_ask() && !setup_given(s, OPT_OFFLINE) && !setup_is_lmtp(s)) {
		proposal = guess(s, name);
		if (proposal)
			setup_say(SETUP_PLAIN, "usual names", "%s answers", name);
		else
			setup_say(SETUP_PLAIN, "usual names", "neither smtp.%s nor mail.%s answers",
				s->domain, s->domain);
	}
	return setup_ask_host(s, "Host of the smarthost", proposal, err);
}

/* A socket has neither a name nor a port, and TLS only if that is asked for. */
static bool
find_socket(struct setup *s)
{
	int tls = profile_choice(s->given, OPT_TLS);

	snprintf(s->host, sizeof(s->host), "localhost");
	s->tls = tls >= 0 ? (enum wire_tls)tls : WIRE_TLS_NONE;
	return true;
}

/* The domain itself is kept, and its records are asked whenever something is sent. */
static bool
find_by_srv(struct setup *s, struct error *err)
{
	know(s, provider_by_domain(s->domain));
	return setup_take_host(s, s->domain, err);
}

bool
setup_find(struct setup *s, struct error *err)
{
	bool found = false;

	if (setup_socket(s))
		return find_socket(s);
	if (setup_given(s, OPT_HOST))
		return find_given(s, err);
	if (setup_by_srv(s))
		return find_by_srv(s, err);
	/* nobody says where mailboxes are handed their mail */
	if (setup_is_lmtp(s))
		return find_by_asking(s, err);
	return find_by_sources(s, &found, err) && (found || find_by_asking(s, err));
}
