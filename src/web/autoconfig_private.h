/* What autoconfig.c and autoconfig_xml.c share. */
#pragma once

#include "autoconfig.h"

/* What comes of the document, in its order: the texts of an outgoingServer for SMTP, between its
 * start and its end, and those of oAuth2, without the blanks around them. */
enum autoconfig_event {
	AUTOCONFIG_SERVER_BEGINS,
	AUTOCONFIG_SERVER_HAS, /* hostname, port, socketType, username, authentication */
	AUTOCONFIG_SERVER_ENDS,
	AUTOCONFIG_OAUTH_HAS /* issuer, scope, ... */
};
typedef void
autoconfig_take(void *ctx, enum autoconfig_event event, const char *name, const char *text);

/* Reads the XML of N octets by libexpat, which is loaded for it: in a child only. FAULT_CONFIG: it
 * is not there; FAULT_PROTOCOL: no XML, of another kind, with a DOCTYPE, nested too deep. */
bool autoconfig_read(const char *text, size_t n, autoconfig_take *take, void *ctx,
	struct error *err) __attribute__((warn_unused_result));
