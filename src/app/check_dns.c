/* What the name service says: servers by SRV, addresses, whether anybody vouches for it. */
#include <stdio.h>
#include <string.h>

#include "box.h"
#include "checkup.h"
#include "clock.h"
#include "dial.h"
#include "json.h"
#include "lookup.h"
#include "probing.h"
#include "strbuf.h"

#define NAMES_MS (10 * CLOCK_SECOND) /* for one question */

/* Names that no name server is asked for. */
static bool
is_local_name(const char *host)
{
	size_t n = strlen(host);

	return strcmp(host, "localhost") == 0 ||
	       (n > 10 && strcmp(host + n - 10, ".localhost") == 0);
}

static void
check_server(struct checkup *c, bool down, const char *host, bool found)
{
	struct error err = ERROR_NONE;
	char server[LOOKUP_SERVER] = "";
	bool trusted = lookup_can_vouch(server), vouched = false;
	bool good = probing_vouched(down, host, clock_in(NAMES_MS), &vouched, &err);

	check_text(c, "server", server);
	if (!good) {
		/* /etc/hosts may know the host */
		check_error(c, FINDING_SERVERS, found, &err,
			"see /etc/resolv.conf, and whether the network is up");
		return;
	}
	check_datum(c, "vouches", json_boolean(trusted && vouched));
	check_good(c, FINDING_SERVERS, "%s answers%s", server,
		vouched   ? "; DNSSEC vouches for the host"
		: trusted ? "; it is trusted, but DNSSEC does not vouch for the host"
			  : "");
}

static bool
check_addresses(struct checkup *c, bool down, const char *host, const struct wire_settings *w)
{
	char list[PROBE_ADDRESSES][64];
	struct strbuf all = STRBUF_INIT(2000);
	struct error err = ERROR_NONE;
	json_t *data = json_array();
	size_t n;
	bool good = probing_resolve(down, host, w->ip, clock_in(NAMES_MS), list, &n, &err);

	for (size_t i = 0; i < n; i++) {
		strbuf_addf(&all, "%s%s", i ? ", " : "", list[i]);
		json_array_append_new(data, json_text(list[i]));
	}
	check_text(c, "host", host);
	check_datum(c, "addresses", data);
	if (good)
		check_good(c, FINDING_ADDRESSES, "%s is %s", host, all.s);
	else
		check_error(c, FINDING_ADDRESSES, false, &err, "check the spelling of host");
	strbuf_done(&all);
	return good;
}

static void
check_srv(struct checkup *c, const struct target *places, size_t n, const struct error *err)
{
	struct strbuf all = STRBUF_INIT(2000);

	for (size_t i = 0; i < n; i++)
		strbuf_addf(&all, "%s%s:%u (%s)", i ? ", " : "", places[i].host, places[i].port,
			places[i].service);
	if (err->fault == FAULT_NOHOST && !n)
		check_fail(c, FINDING_SRV, err->fault,
			"set srv = no, and host to the name of the server", "%s", err->text);
	else if (!n || err->fault)
		check_error(c, FINDING_SRV, n > 0, err,
			"set srv = no, and host to the name of the server");
	else
		check_good(c, FINDING_SRV, "%s leads to %s; DNSSEC %s", places[0].domain, all.s,
			places[0].vouched ? "vouches for it" : "does not vouch for it");
	strbuf_done(&all);
}

size_t
check_dns(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	struct target *places)
{
	struct error err = ERROR_NONE;
	bool asked = false, found, down = box_steps_down(p);
	size_t n = probing_places(down, w, places, &err);

	if (w->srv)
		check_srv(c, places, n, &err);
	else if (err.fault)
		check_error(c, FINDING_SETTINGS, n > 0, &err, "correct host");
	for (size_t i = 0; i < n && !w->proxy.host; i++) {
		if (places[i].socket || dial_is_address(places[i].host) ||
			(i && strcmp(places[i].host, places[i - 1].host) == 0))
			continue;
		found = check_addresses(c, down, places[i].host, w);
		if (!asked && !is_local_name(places[i].host))
			check_server(c, down, places[i].host, found);
		asked = asked || !is_local_name(places[i].host);
	}
	return n;
}
