#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "check_private.h"
#include "error.h"
#include "profile.h"
#include "value.h"

static bool
set(const struct profile *p, enum option_id id)
{
	return profile_is_set(p, id);
}

bool
check_blame(const struct profile *p, enum option_id id, struct error *err, const char *why)
{
	return error_set(err, FAULT_CONFIG, "account %s: %s (%s) %s", p->name, options[id].name,
		set(p, id) ? p->settings[id].origin : p->origin, why);
}

bool
check_both(const struct profile *p, enum option_id a, enum option_id b, struct error *err)
{
	return error_set(err, FAULT_CONFIG,
		"account %s: %s (%s) and %s (%s) are both set: keep one", p->name, options[a].name,
		p->settings[a].origin, options[b].name, p->settings[b].origin);
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

bool
check_is_local(const struct profile *p)
{
	const char *const *hosts;
	size_t n;

	if (set(p, OPT_SOCKET))
		return true;
	/* what is this machine to the proxy is not known, and what srv leads to neither */
	if (profile_unless_none(p, OPT_PROXY) || profile_yes(p, OPT_SRV))
		return false;
	hosts = profile_list_of(p, OPT_HOST, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_loopback(hosts[i]))
			return false;
	return n > 0;
}

bool
profile_is_clear(const struct profile *p)
{
	int choice = profile_choice(p, OPT_TLS);

	if (choice >= 0)
		return choice == TLS_NONE;
	return set(p, OPT_SOCKET) ||
	       (profile_choice(p, OPT_PROTOCOL) == PROTOCOL_LMTP && check_is_local(p));
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
		return check_blame(p, OPT_TLS_CERT, err, "needs tls-key: set both or neither");
	if (set(p, OPT_TLS_KEY) && !set(p, OPT_TLS_CERT))
		return check_blame(p, OPT_TLS_KEY, err, "needs tls-cert: set both or neither");
	if (profile_is_clear(p)) {
		for (size_t i = 0; i < sizeof(needs_tls) / sizeof(*needs_tls); i++)
			if (set(p, needs_tls[i]))
				return check_blame(p, needs_tls[i], err,
					"does nothing without TLS: remove it, or set tls to "
					"implicit "
					"or starttls");
		return true;
	}
	if (strcmp(trust, "none") == 0 && profile_choice(p, OPT_DANE) != DANE_REQUIRED &&
		!set(p, OPT_TLS_PIN) && !set(p, OPT_TLS_FINGERPRINT) && !check_is_local(p))
		return check_blame(p, OPT_TLS_TRUST, err,
			"leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint");
	return true;
}

/* The PIN of a token has one source, and needs a token. */
static bool
check_pin(const struct profile *p, struct error *err)
{
	static const enum option_id pins[] = { OPT_TLS_KEY_PIN_FILE, OPT_TLS_KEY_PIN_COMMAND };
	const char *key = profile_text(p, OPT_TLS_KEY), *cert = profile_text(p, OPT_TLS_CERT);
	const char *signs = profile_text(p, OPT_OAUTH_KEY);
	bool token = (key && strncmp(key, "pkcs11:", 7) == 0) ||
		     (signs && strncmp(signs, "pkcs11:", 7) == 0) ||
		     (cert && strncmp(cert, "pkcs11:", 7) == 0);

	if (set(p, pins[0]) && set(p, pins[1]))
		return check_blame(p, pins[1], err, "and tls-key-pin-file are both set: keep one");
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins) && !token; i++)
		if (set(p, pins[i]))
			return check_blame(p, pins[i], err,
				"needs tls-key or tls-cert to be on a token (pkcs11:...)");
	return true;
}

static bool
check_sources(const struct profile *p, struct error *err)
{
	enum option_id first = profile_source(p);

	for (size_t i = 0; i < PROFILE_SOURCES; i++) {
		enum option_id id = profile_sources[i];

		if (id > first && set(p, id) && (id != OPT_NETRC || profile_unless_none(p, id)))
			return check_both(p, first, id, err);
	}
	if (first != OPT_COUNT && !set(p, OPT_USER) && !is_mechanism(p, "none"))
		return check_blame(p, first, err, "needs user: set the name to log in with");
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
		return check_blame(p, OPT_AUTH, err, "needs tls-cert and tls-key to log in by");
	if (!nameless && !set(p, OPT_USER))
		return check_blame(p, OPT_AUTH, err, "needs user: set the name to log in with");
	if (!profile_is_clear(p) || !set(p, OPT_USER))
		return true;
	if (!check_is_local(p))
		return check_blame(p, OPT_TLS, err,
			"would send the password readable by all: set tls to implicit or starttls, "
			"or auth to none");
	if (!profile_yes(p, OPT_ALLOW_CLEARTEXT_AUTH))
		return check_blame(p, OPT_TLS, err,
			"would log in without TLS: set allow-cleartext-auth to yes, or auth to "
			"none");
	return true;
}

bool
profile_check(const struct profile *p, struct error *err)
{
	if (p->wrong)
		return error_set(err, FAULT_CONFIG, "%s", p->wrong);
	if (!check_transport(p, err))
		return false;
	if (profile_choice(p, OPT_SENDER) == 1 && !set(p, OPT_FROM))
		return check_blame(
			p, OPT_SENDER, err, "is force and needs from: set the account's address");
	return check_sources(p, err) && check_oauth(p, err) && check_pin(p, err) &&
	       check_tls(p, err) && check_login(p, err);
}
