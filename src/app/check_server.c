/* Connections: one to each address, the first that is good for it with all that a submission does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "alloc.h"
#include "box.h"
#include "checkup.h"
#include "clock.h"
#include "dial.h"
#include "probing.h"

#define PROBES_MAX  16
#define OF_ONE_HOST 4 /* addresses of one host that are tried */
#define CONNECT_MS  (10 * CLOCK_SECOND)

struct visits {
	struct probe probes[PROBES_MAX];
	enum wire_tls tls[PROBES_MAX];
	size_t n;
	bool through; /* one of them did everything up to EHLO */
};

void
check_place(const struct probe *p, char out[400])
{
	if (!p->port)
		snprintf(out, 400, "%s", p->host);
	else if (!*p->address || strcmp(p->host, p->address) == 0)
		snprintf(out, 400, "%s port %u", p->host, p->port);
	else
		snprintf(out, 400, "%s [%s] port %u", p->host, p->address, p->port);
}

/* Whose mail the account sends: what is asked for. */
static const char *
own_sender(const struct profile *p)
{
	const char *from = profile_text(p, OPT_FROM), *user = profile_text(p, OPT_USER);

	return from ? from : user && strchr(user, '@') ? user : NULL;
}

static void
visit(struct checkup *c, const struct profile *p, const struct smarthost *h, bool secret,
	const struct target *place, const char *address, struct visits *v)
{
	static const char *const null_sender[] = { "" };
	struct wire_settings w = h->settings;
	bool full = !v->through;
	const struct probe_plan plan = {
		.place = place,
		.address = address,
		.log_in = full && secret,
		.resume = full,
		.sender = full && secret ? own_sender(p) : NULL,
		.recipient = full && secret ? c->to : NULL,
		.others = null_sender,
		.other_count = full && secret,
	};
	struct probe *probe = &v->probes[v->n];

	/* each anew: a dead address must not make the next one look dead */
	w.deadline = clock_sooner(smarthost_deadline(p), clock_in(CHECK_MS));
	w.budget = 0;
	w.connect_ms = CONNECT_MS;
	probing_run(box_steps_down(p), &w, &plan, probe);
	if (address && !*probe->address)
		snprintf(probe->address, sizeof(probe->address), "%s", address);
	v->tls[v->n++] = place->tls;
	v->through = v->through || probe->reached >= STAGE_EHLO || probe->error.stage > STAGE_EHLO;
}

static void
visit_place(struct checkup *c, const struct profile *p, const struct smarthost *h, bool secret,
	const struct target *place, struct visits *v)
{
	const struct wire_settings *w = &h->settings;
	char list[PROBE_ADDRESSES][64];
	enum wire_ip ip = !w->source ? w->ip : strchr(w->source, ':') ? WIRE_IP_6 : WIRE_IP_4;
	size_t n = 0;

	if (place->socket || w->proxy.host) {
		visit(c, p, h, secret, place, NULL, v);
		return;
	}
	/* that there is none was told already */
	if (!probing_resolve(
		    box_steps_down(p), place->host, ip, clock_in(CONNECT_MS), list, &n, NULL))
		return;
	for (size_t i = 0; i < n && i < OF_ONE_HOST && v->n < PROBES_MAX; i++)
		visit(c, p, h, secret, place, list[i], v);
}

static const char *
why_not_connected(const struct probe *p, bool through)
{
	const char *text = p->error.text;

	if (strncmp(p->host, "unix:", 5) == 0)
		return strstr(text, "denied")
			       ? "whoever runs that server must let this user write to its socket"
			       : "check socket, and whether the server that listens there runs";
	if (strchr(p->address, ':') && through)
		return "this machine has no working IPv6: ip-version = 4 spares each submission "
		       "the "
		       "attempt";
	if (strncmp(text, "proxy", 5) == 0)
		return "check proxy: its name and port, that it runs, its user and password, and "
		       "that it "
		       "may connect to that host and port";
	if (p->port == 25)
		return "many networks block port 25: set port to 465 or 587";
	if (strstr(text, "efused"))
		return "nothing listens there: check host and port (465, or 587 with tls = "
		       "starttls)";
	if (strstr(text, "source-address"))
		return "set source-address to an address of this machine, or remove it";
	return "check host and port, that the network is up, and that no firewall is between";
}

/* Behind "cannot connect to ADDRESS port N: ADDRESS:", which the finding names already. */
static const char *
reason(const struct probe *p)
{
	const char *last = strrchr(p->error.text, ' '), *text = p->error.text;

	if (*p->proxy || strncmp(text, "cannot connect to ", 18) != 0)
		return text;
	while (last > text && last[-1] != ':')
		last--;
	return last > text ? last + (*last == ' ') : text;
}

static void
told(struct checkup *c, const struct visits *v, const struct probe *p)
{
	char where[400];

	check_place(p, where);
	check_text(c, "host", p->host);
	check_text(c, "address", p->address);
	check_number(c, "port", p->port);
	if (p->reached >= STAGE_CONNECT || p->error.stage > STAGE_CONNECT) {
		check_number(c, "ms", p->ms[WIRE_PHASE_CONNECT]);
		check_good(c, FINDING_CONNECT, "%s: connected in %lld ms%s%s", where,
			(long long)p->ms[WIRE_PHASE_CONNECT], *p->proxy ? " by the proxy " : "",
			p->proxy);
	} else if (v->through) {
		check_warn(
			c, FINDING_CONNECT, why_not_connected(p, true), "%s: %s", where, reason(p));
	} else {
		check_fail(c, FINDING_CONNECT, p->error.fault, why_not_connected(p, false),
			"%s: %s", where, reason(p));
	}
}

/* What was found at one place. */
static void
tell(struct checkup *c, const struct profile *p, const struct smarthost *h, struct visits *v,
	size_t i, bool *full)
{
	const struct probe *probe = &v->probes[i];
	const struct error *why = &probe->error;

	/* files and settings of TLS, and what DANE demands, come before the connection */
	if (why->fault && probe->reached == STAGE_NONE &&
		(why->stage == STAGE_NONE || why->stage == STAGE_TLS)) {
		check_error(
			c, FINDING_TLS_SETTINGS, false, why, "correct the setting that is named");
		return;
	}
	if (why->stage == STAGE_RESOLVE && h->settings.proxy.host) {
		check_fail(c, FINDING_CONNECT, why->fault, why_not_connected(probe, false), "%s",
			why->text);
		return;
	}
	if (why->stage == STAGE_RESOLVE) {
		check_error(c, FINDING_DANE, false, why,
			"set dane = opportunistic, or have the records published and signed");
		return;
	}
	told(c, v, probe);
	if (probe->reached < STAGE_CONNECT && why->stage <= STAGE_CONNECT)
		return;
	if (v->tls[i] != WIRE_TLS_NONE)
		check_tls(c, p, &h->settings, probe, !*full);
	if (*full)
		check_smtp(c, p, &h->settings, probe);
	else if (why->fault && why->stage > STAGE_TLS)
		check_error(c, why->stage == STAGE_GREETING ? FINDING_GREETING : FINDING_EXTENSIONS,
			v->through, why, "ask the server's administrator");
	*full = *full && probe->reached < STAGE_EHLO && why->stage <= STAGE_EHLO;
}

/* Of the handshake, or in the first reply behind it. */
static bool
is_about_us(const struct wire_settings *w, const struct error *why)
{
	return w->tls_settings.cert && why->stage == STAGE_TLS && why->fault == FAULT_PERMISSION;
}

bool
check_servers(struct checkup *c, const struct profile *p, struct smarthost *h, bool secret,
	const struct target *places, size_t count)
{
	struct visits *v = xcalloc(1, sizeof(*v));
	bool full = true, refused = false;

	for (size_t i = 0; i < count && v->n < PROBES_MAX; i++)
		visit_place(c, p, h, secret, &places[i], v);
	for (size_t i = 0; i < v->n; i++) {
		tell(c, p, h, v, i, &full);
		refused = refused || is_about_us(&h->settings, &v->probes[i].error);
		probe_done(&v->probes[i]);
	}
	free(v);
	return refused;
}
