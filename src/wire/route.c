#include "route.h"

#include <stdio.h>
#include <string.h>

#include "dial.h"
#include "error.h"

/* In the order of RFC 8314 section 5.1. */
static const struct {
	const char *name;
	enum wire_tls tls;
} services[] = { { "_submissions", WIRE_TLS_IMPLICIT }, { "_submission", WIRE_TLS_STARTTLS } };
#define SERVICES (sizeof(services) / sizeof(*services))

/* RFC 2033 section 5 has no port for LMTP but forbids that of SMTP; 24 is for "any private mail
 * system", and what servers use. */
#define LMTP_PORT 24
#define SMTP_PORT 25

static uint16_t
default_port(const struct wire_settings *settings)
{
	static const uint16_t ports[] = {
		[WIRE_TLS_IMPLICIT] = 465, [WIRE_TLS_STARTTLS] = 587, [WIRE_TLS_NONE] = SMTP_PORT
	};

	if (settings->port)
		return settings->port;
	return settings->lmtp ? LMTP_PORT : ports[settings->tls];
}

static bool
next_host(const struct wire_settings *settings, const char *text, struct target *ret,
	struct error *err)
{
	if (!dial_split(text, default_port(settings), ret->host, &ret->port, err))
		return false;
	if (settings->lmtp && ret->port == SMTP_PORT)
		return error_set(err, FAULT_CONFIG,
			"host: \"%.100s\": port 25 is for SMTP, LMTP must not be spoken there "
			"(RFC 2033 section 5)",
			text);
	return true;
}

/* Goes on to the next mail domain. False at the end. */
static bool
next_domain(struct route *r, struct error *err)
{
	uint16_t port;

	if (r->next >= r->settings->host_count)
		return false;
	r->service = 0;
	r->any = r->refused = false;
	r->at = r->srv.n = 0;
	return dial_split(r->settings->hosts[r->next++], 0, r->domain, &port, err);
}

/* Looks the next service of the domain up that the settings allow. */
static bool
next_service(struct route *r, struct error *err)
{
	while (r->service < SERVICES && !r->settings->srv_any &&
		services[r->service].tls != r->settings->tls)
		r->service++;
	if (r->service == SERVICES)
		return false;
	r->at = 0;
	if (!srv_lookup(services[r->service++].name, r->domain, wire_deadline(r->settings), &r->srv,
		    err)) {
		/* what is not known may be the better one */
		r->service = SERVICES;
		return false;
	}
	r->any = r->any || r->srv.n;
	r->refused = r->refused || r->srv.refused;
	return true;
}

/* All services of the domain have been looked at. False; *ERR is set if there was no place. */
static bool
end_domain(struct route *r, struct error *err)
{
	bool any = r->any || (err && err->fault), refused = r->refused;
	char domain[256];

	memcpy(domain, r->domain, sizeof(domain));
	r->domain[0] = '\0';
	if (any)
		return false;
	if (refused)
		return error_at(err, STAGE_RESOLVE, FAULT_UNAVAILABLE,
			"%.100s says by its SRV record that it has no server for submission",
			domain);
	return error_at(err, STAGE_RESOLVE, FAULT_NOHOST,
		"%.100s has no SRV record for submission; set srv to no and host to the name of "
		"the "
		"server",
		domain);
}

static void
take_record(const struct route *r, const struct dns_srv *record, struct target *ret)
{
	memcpy(ret->host, record->target, sizeof(ret->host));
	memcpy(ret->domain, r->domain, sizeof(ret->domain));
	ret->port = record->port;
	ret->service = services[r->service - 1].name;
	ret->tls = services[r->service - 1].tls;
	ret->vouched = r->srv.vouched;
}

static bool
next_by_srv(struct route *r, struct target *ret, struct error *err)
{
	for (;;) {
		if (!*r->domain && !next_domain(r, err))
			return false;
		if (r->at < r->srv.n) {
			take_record(r, &r->srv.v[r->at++], ret);
			return true;
		}
		r->srv.n = 0;
		if (next_service(r, err))
			continue;
		if (!end_domain(r, err) && err->fault)
			return false;
	}
}

/* "mail.example.org" is inside of "example.org". */
static bool
is_inside(const char *host, const char *domain)
{
	size_t n = strlen(host), m = strlen(domain);

	return n >= m && strcmp(host + n - m, domain) == 0 && (n == m || host[n - m - 1] == '.');
}

const char *
route_name(const struct target *t)
{
	return !*t->domain || t->vouched || is_inside(t->host, t->domain) ? t->host : t->domain;
}

bool
route_identify(const struct wire_settings *settings, struct target *t, struct error *err)
{
	char server[LOOKUP_SERVER] = "";

	if (settings->dane == WIRE_DANE_OFF || t->tls == WIRE_TLS_NONE || t->socket || t->dane.n)
		return true;
	/* RFC 7673 section 3.1: records that anybody could have forged lead to no others */
	if ((!*t->domain || t->vouched) &&
		!dane_lookup(t->host, t->port, wire_deadline(settings), &t->dane, err))
		return false;
	if (t->dane.n || settings->dane == WIRE_DANE_OPPORTUNISTIC)
		return true;
	if (!lookup_can_vouch(server))
		return error_at(err, STAGE_RESOLVE, FAULT_UNAVAILABLE,
			"dane is required, but the name server %s cannot vouch for anything: it "
			"must "
			"be on this machine, or trusted by trust-ad in resolv.conf",
			server);
	return error_at(err, STAGE_RESOLVE, FAULT_UNAVAILABLE,
		"dane is required, and there is no usable TLSA record of %.100s port %u that "
		"DNSSEC "
		"vouches for",
		t->host, t->port);
}

bool
route_next(struct route *r, struct target *ret, struct error *err)
{
	const struct wire_settings *settings = r->settings;

	*ret = (struct target){ .tls = settings->tls };
	if (settings->socket) {
		if (r->next++)
			return false;
		ret->socket = settings->socket;
		snprintf(ret->host, sizeof(ret->host), "unix:%s", settings->socket);
		return true;
	}
	if (settings->srv)
		return next_by_srv(r, ret, err);
	if (r->next >= settings->host_count)
		return false;
	return next_host(settings, settings->hosts[r->next++], ret, err);
}

const char *
route_service(const char *name)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (strcmp(services[i].name, name) == 0)
			return services[i].name;
	return NULL;
}
