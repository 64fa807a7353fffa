#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "profile.h"
#include "value.h"

enum { TLS_IMPLICIT, TLS_STARTTLS, TLS_NONE }; /* as in the table */

static bool
set(const struct profile *p, enum option_id id)
{
	return profile_is_set(p, id);
}

/* The account, the setting that is to blame with its place, and why. */
static bool
blame(const struct profile *p, enum option_id id, struct error *err, const char *why)
{
	return error_set(err, FAULT_CONFIG, "account %s: %s (%s) %s", p->name, options[id].name,
		set(p, id) ? p->settings[id].origin : p->origin, why);
}

static bool
is_loopback(const char *entry)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr address6;
	struct in_addr address4;
	const char *name;
	size_t n;

	name = value_host(entry, &n);
	if (!name || n >= sizeof(host))
		return false;
	memcpy(host, name, n);
	host[n] = '\0';
	if (strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0)
		return true;
	if (inet_pton(AF_INET, host, &address4) == 1)
		return ntohl(address4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &address6) == 1 && IN6_IS_ADDR_LOOPBACK(&address6);
}

static bool
all_loopback(const struct profile *p)
{
	const char *const *hosts;
	size_t n;

	hosts = profile_list_of(p, OPT_HOST, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_loopback(hosts[i]))
			return false;
	return n > 0;
}

static bool
is_mechanism(const struct profile *p, const char *name)
{
	return strcmp(profile_text(p, OPT_AUTH), name) == 0;
}

static bool
check_tls(const struct profile *p, struct error *err)
{
	static const enum option_id needs_tls[] = { OPT_TLS_PIN, OPT_TLS_FINGERPRINT, OPT_TLS_CERT,
		OPT_TLS_NAME, OPT_TLS_CRL };
	const char *trust = profile_text(p, OPT_TLS_TRUST);

	if (set(p, OPT_TLS_CERT) && !set(p, OPT_TLS_KEY))
		return blame(p, OPT_TLS_CERT, err, "needs tls-key: set both or neither");
	if (set(p, OPT_TLS_KEY) && !set(p, OPT_TLS_CERT))
		return blame(p, OPT_TLS_KEY, err, "needs tls-cert: set both or neither");
	if (profile_choice(p, OPT_TLS) == TLS_NONE) {
		for (size_t i = 0; i < sizeof(needs_tls) / sizeof(*needs_tls); i++)
			if (set(p, needs_tls[i]))
				return blame(p, needs_tls[i], err,
					"does nothing without TLS: remove it, or set tls to "
					"implicit "
					"or starttls");
		return true;
	}
	if (strcmp(trust, "none") == 0 && !set(p, OPT_TLS_PIN) && !set(p, OPT_TLS_FINGERPRINT) &&
		!all_loopback(p))
		return blame(p, OPT_TLS_TRUST, err,
			"leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint");
	return true;
}

static bool
check_sources(const struct profile *p, struct error *err)
{
	static const enum option_id sources[] = { OPT_PASSWORD_COMMAND, OPT_PASSWORD_FILE,
		OPT_PASSWORD_CREDENTIAL };
	int first = -1;

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (!set(p, sources[i]))
			continue;
		if (first >= 0)
			return error_set(err, FAULT_CONFIG,
				"account %s: %s (%s) and %s (%s) are both set: keep one", p->name,
				options[first].name, p->settings[first].origin,
				options[sources[i]].name, p->settings[sources[i]].origin);
		first = (int)sources[i];
	}
	if (first >= 0 && !set(p, OPT_USER) && !is_mechanism(p, "none"))
		return blame(
			p, (enum option_id)first, err, "needs user: set the name to log in with");
	return true;
}

static bool
check_login(const struct profile *p, struct error *err)
{
	bool external = is_mechanism(p, "EXTERNAL");
	bool nameless = external || is_mechanism(p, "GSSAPI") || is_mechanism(p, "auto");

	if (is_mechanism(p, "none"))
		return true;
	if (external && !set(p, OPT_TLS_CERT))
		return blame(p, OPT_AUTH, err, "needs tls-cert and tls-key to log in by");
	if (!nameless && !set(p, OPT_USER))
		return blame(p, OPT_AUTH, err, "needs user: set the name to log in with");
	if (profile_choice(p, OPT_TLS) != TLS_NONE || !set(p, OPT_USER))
		return true;
	if (!all_loopback(p))
		return blame(p, OPT_TLS, err,
			"would send the password readable by all: set tls to implicit or starttls, "
			"or auth to none");
	if (!profile_yes(p, OPT_ALLOW_CLEARTEXT_AUTH))
		return blame(p, OPT_TLS, err,
			"would log in without TLS: set allow-cleartext-auth to yes, or auth to "
			"none");
	return true;
}

bool
profile_check(const struct profile *p, struct error *err)
{
	if (!set(p, OPT_HOST))
		return error_set(err, FAULT_CONFIG,
			"account %s (%s): host is missing: set it to the name of the smarthost",
			p->name, p->origin);
	if (profile_choice(p, OPT_SENDER) == 1 && !set(p, OPT_FROM))
		return blame(
			p, OPT_SENDER, err, "is force and needs from: set the account's address");
	return check_sources(p, err) && check_tls(p, err) && check_login(p, err);
}
