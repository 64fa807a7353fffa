#include <string.h>

#include "check_private.h"
#include "error.h"
#include "value.h"

static bool
set(const struct profile *p, enum option_id id)
{
	return profile_is_set(p, id);
}

/* A unix socket has no addresses, names and ports to choose among. */
static bool
check_socket(const struct profile *p, struct error *err)
{
	if (set(p, OPT_HOST))
		return check_both(p, OPT_SOCKET, OPT_HOST, err);
	if (set(p, OPT_PORT))
		return check_both(p, OPT_SOCKET, OPT_PORT, err);
	if (profile_yes(p, OPT_SRV))
		return check_both(p, OPT_SOCKET, OPT_SRV, err);
	if (profile_unless_none(p, OPT_PROXY))
		return check_both(p, OPT_SOCKET, OPT_PROXY, err);
	if (profile_unless_none(p, OPT_SOURCE_ADDRESS))
		return check_both(p, OPT_SOCKET, OPT_SOURCE_ADDRESS, err);
	if (profile_choice(p, OPT_IP_VERSION) > 0)
		return check_both(p, OPT_SOCKET, OPT_IP_VERSION, err);
	if (profile_choice(p, OPT_DANE) != DANE_OFF)
		return check_both(p, OPT_SOCKET, OPT_DANE, err);
	if (!profile_is_clear(p) && !set(p, OPT_TLS_NAME) && !set(p, OPT_TLS_FINGERPRINT))
		return check_blame(p, OPT_TLS, err,
			"needs tls-name on a socket: set the name that the certificate must have");
	return true;
}

/* The port that stands behind the host, "" for none. */
static const char *
port_of(const char *host)
{
	size_t n;
	const char *name = value_host(host, &n), *behind;

	if (!name)
		return "";
	behind = name + n + (name[n] == ']');
	return *behind == ':' ? behind + 1 : "";
}

static bool
is_address(const char *host)
{
	size_t n;
	const char *name = value_host(host, &n);

	return name && value_is_address(name, n);
}

/* RFC 2033 section 5. */
static bool
check_lmtp(const struct profile *p, struct error *err)
{
	static const char why[] =
		"is 25, where LMTP must not be spoken (RFC 2033): set the port of "
		"the LMTP service";
	const char *const *hosts;
	size_t n;

	if (profile_choice(p, OPT_PROTOCOL) != PROTOCOL_LMTP)
		return true;
	if (profile_yes(p, OPT_SRV))
		return check_both(p, OPT_PROTOCOL, OPT_SRV, err);
	if (profile_number(p, OPT_PORT) == 25)
		return check_blame(p, OPT_PORT, err, why);
	hosts = profile_list_of(p, OPT_HOST, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(port_of(hosts[i]), "25") == 0)
			return check_blame(p, OPT_HOST, err, why);
	return true;
}

/* With srv host is a mail domain: its records have the ports, and say how TLS begins. */
static bool
check_srv(const struct profile *p, struct error *err)
{
	const char *const *hosts;
	size_t n;

	if (!profile_yes(p, OPT_SRV))
		return true;
	if (set(p, OPT_PORT))
		return check_both(p, OPT_SRV, OPT_PORT, err);
	if (profile_unless_none(p, OPT_PROXY))
		return check_both(p, OPT_SRV, OPT_PROXY, err);
	if (profile_is_clear(p))
		return check_both(p, OPT_SRV, OPT_TLS, err);
	hosts = profile_list_of(p, OPT_HOST, &n);
	for (size_t i = 0; i < n; i++)
		if (is_address(hosts[i]) || *port_of(hosts[i]))
			return check_blame(p, OPT_HOST, err,
				"must be a mail domain without a port, since srv is set");
	return true;
}

static bool
check_dane(const struct profile *p, struct error *err)
{
	int how = profile_choice(p, OPT_DANE);
	const char *const *hosts;
	size_t n;

	if (how == DANE_OFF)
		return true;
	if (profile_is_clear(p))
		return check_blame(p, OPT_DANE, err,
			"does nothing without TLS: set tls to implicit or starttls");
	if (profile_unless_none(p, OPT_PROXY))
		return check_both(p, OPT_DANE, OPT_PROXY, err);
	if (set(p, OPT_TLS_FINGERPRINT))
		return check_both(p, OPT_DANE, OPT_TLS_FINGERPRINT, err);
	hosts = profile_list_of(p, OPT_HOST, &n);
	for (size_t i = 0; how == DANE_REQUIRED && i < n; i++)
		if (is_address(hosts[i]))
			return check_blame(p, OPT_HOST, err,
				"is an address, and dane = required needs a name");
	return true;
}

static bool
check_proxy(const struct profile *p, struct error *err)
{
	const char *proxy = profile_unless_none(p, OPT_PROXY), *host;
	char user[256] = "";

	if (!proxy)
		return !set(p, OPT_PROXY_PASSWORD_FILE) || set(p, OPT_PROXY) ||
		       check_blame(p, OPT_PROXY_PASSWORD_FILE, err,
			       "needs proxy: set it to socks5://USER@HOST");
	(void)value_proxy(proxy, user, &host);
	if (*user && !set(p, OPT_PROXY_PASSWORD_FILE))
		return check_blame(p, OPT_PROXY, err,
			"names a user and needs proxy-password-file: set it to a file with the "
			"password");
	if (!*user && set(p, OPT_PROXY_PASSWORD_FILE))
		return check_blame(p, OPT_PROXY_PASSWORD_FILE, err,
			"needs a user in proxy: socks5://USER@HOST");
	return true;
}

bool
check_transport(const struct profile *p, struct error *err)
{
	if (set(p, OPT_SOCKET))
		return check_socket(p, err) && check_lmtp(p, err);
	if (!set(p, OPT_HOST))
		return error_set(err, FAULT_CONFIG,
			"account %s (%s): host is missing: set it to the name of the smarthost",
			p->name, p->origin);
	return check_proxy(p, err) && check_lmtp(p, err) && check_srv(p, err) && check_dane(p, err);
}
