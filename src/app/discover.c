#include "discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "autoconfig.h"
#include "dial.h"
#include "error.h"
#include "probing.h"
#include "provider.h"
#include "text.h"

static void say(struct discovery *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct discovery *d, const char *format, ...)
{
	char text[sizeof(d->text)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	text_printable(d->text, sizeof(d->text), text, strlen(text));
}

bool
discover_is_within(const char *host, const char *domain)
{
	size_t n = strlen(host), m = strlen(domain);

	return n >= m && m && strcasecmp(host + n - m, domain) == 0 &&
	       (n == m || host[n - m - 1] == '.');
}

/* Whether a name from the network may be a smarthost: no address, not this machine or a neighbour.
 */
static bool
is_host(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return strchr(name, '.') && strlen(name) < 256 && *name != '.' &&
	       strspn(name, letters) == strlen(name) && !dial_is_address(name) &&
	       !discover_is_within(name, "localhost");
}

/* Takes what the network says, unless it is not to be used. */
static bool
take(struct discovery *d, const char *host, uint16_t port, bool starttls, const char *domain)
{
	if (!port || !is_host(host)) {
		say(d, "names \"%.100s\" port %u, which is no smarthost", host, port);
		return false;
	}
	snprintf(d->host, sizeof(d->host), "%s", host);
	d->port = port;
	d->starttls = starttls;
	d->outside = !discover_is_within(host, domain);
	d->found = true;
	return true;
}

static void
take_provider(struct discovery *d, const struct provider *p, const char *address)
{
	const char *at = strrchr(address, '@');

	d->provider = p;
	d->found = p->host && *p->host;
	snprintf(d->host, sizeof(d->host), "%s", d->found ? p->host : "");
	d->port = p->port;
	d->starttls = p->starttls;
	d->password = !p->login || p->login & ~(unsigned)PROVIDER_OAUTH;
	if (p->login & PROVIDER_KEY)
		*d->user = '\0';
	else
		snprintf(d->user, sizeof(d->user), "%.*s",
			p->user == PROVIDER_USER_LOCAL_PART && at ? (int)(at - address) : 319,
			address);
}

static void
ask_table(struct discovery *d, const char *address, const char *domain)
{
	const struct provider *p = provider_by_domain(domain);

	if (!p) {
		say(d, "%s is not in it", domain);
		return;
	}
	take_provider(d, p, address);
	d->vouched = true;
	if (d->found)
		say(d, "%s: %s port %u", p->name, p->host, p->port);
	else
		say(d, "%s takes no submissions by SMTP", p->name);
}

/* Who runs a smarthost that the domain has named. */
static const struct provider *
provider_of(const char *host)
{
	const struct provider *p = provider_by_host(host);

	return p ? p : provider_by_mx(host);
}

static void
take_srv(struct discovery *d, const struct srv *s, bool starttls, const char *domain)
{
	d->vouched = s->vouched;
	if (take(d, s->v[0].target, s->v[0].port, starttls, domain))
		say(d, "%s port %u, %s, %s", d->host, d->port,
			starttls ? "STARTTLS" : "TLS from the start",
			s->vouched ? "vouched for by DNSSEC" : "vouched for by nobody");
	d->provider = d->found ? provider_of(d->host) : NULL;
}

static void
ask_srv(struct discovery *d, bool down, const char *domain, int64_t deadline)
{
	static const char *const services[] = { "_submissions", "_submission" };
	struct srv *s = xcalloc(1, sizeof(*s));
	struct error err = ERROR_NONE;
	bool refused = false, good = true;

	for (size_t i = 0; good && !d->found && i < 2; i++) {
		good = probing_srv(down, services[i], domain, deadline, s, &err);
		refused = refused || (good && s->refused);
		if (good && s->n)
			take_srv(d, s, i == 1, domain);
	}
	if (err.fault)
		say(d, "%s", err.text);
	else if (!*d->text)
		say(d, "%s",
			refused ? "the domain says that it has no such service"
				: "none, or they lead to no host");
	free(s);
}

static void
ask_autoconfig(struct discovery *d, const char *address, const char *domain, const char *trust,
	int64_t deadline)
{
	struct autoconfig *a = xcalloc(1, sizeof(*a));
	struct error err = ERROR_NONE;

	d->password = false;
	if (!autoconfig_fetch(address, domain, trust, deadline, a, &err))
		say(d, "%s", err.text);
	else if (!a->n)
		say(d, "the domain has no such document");
	for (size_t i = 0; i < a->n && i < AUTOCONFIG_SERVERS && !d->found; i++) {
		const struct autoconfig_server *v = &a->v[i];

		if (!take(d, v->host, v->port, v->starttls, domain))
			continue;
		text_printable(d->user, sizeof(d->user), v->user, strlen(v->user));
		if (v->oauth)
			text_printable(d->issuer, sizeof(d->issuer), a->issuer, strlen(a->issuer));
		d->password = v->password || !v->oauth;
		d->provider = provider_of(d->host);
		say(d, "%s port %u, %s", d->host, d->port,
			v->starttls ? "STARTTLS" : "TLS from the start");
	}
	free(a);
}

static void
ask_mx(struct discovery *d, bool down, const char *address, const char *domain, int64_t deadline)
{
	struct mx *m = xcalloc(1, sizeof(*m));
	struct error err = ERROR_NONE;
	const struct provider *p = NULL;
	size_t at = 0;

	if (!probing_mx(down, domain, deadline, m, &err))
		say(d, "%s", err.text);
	for (; at < m->n && !p; at++)
		p = provider_by_mx(m->v[at].exchange);
	if (p) {
		take_provider(d, p, address);
		d->vouched = m->vouched;
		d->outside = !discover_is_within(d->host, domain);
		say(d, "%s takes the domain's mail, which is %s%s%s port %u, %s",
			m->v[at - 1].exchange, p->name, d->found ? ": " : "", d->host, p->port,
			m->vouched ? "vouched for by DNSSEC" : "vouched for by nobody");
	} else if (m->n) {
		say(d, "%s takes the domain's mail, which tells nothing", m->v[0].exchange);
	} else if (!err.fault) {
		say(d, "%s", m->refused ? "the domain takes no mail" : "the domain has none");
	}
	free(m);
}

const char *
discover_name(enum discover_source source)
{
	static const char *const names[DISCOVER_COUNT] = { "own table", "SRV records", "autoconfig",
		"MX records" };

	return names[source];
}

void
discover(enum discover_source source, bool down, const char *address, const char *domain,
	const char *trust, int64_t deadline, struct discovery *ret)
{
	*ret = (struct discovery){ .source = source, .password = true };
	switch (source) {
	case DISCOVER_TABLE:
		ask_table(ret, address, domain);
		break;
	case DISCOVER_SRV:
		ask_srv(ret, down, domain, deadline);
		break;
	case DISCOVER_AUTOCONFIG:
		ask_autoconfig(ret, address, domain, trust, deadline);
		break;
	case DISCOVER_MX:
	case DISCOVER_COUNT:
		ask_mx(ret, down, address, domain, deadline);
		break;
	}
}
