#include "route.h"

#include <stdio.h>
#include <string.h>

#include "dial.h"
#include "error.h"

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
	if (r->next >= settings->host_count)
		return false;
	return next_host(settings, settings->hosts[r->next++], ret, err);
}
