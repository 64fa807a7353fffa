/* From the settings to the places to connect to, one after another. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

struct error;

/* One place. */
struct target {
	char host[256]; /* a name or an address; "unix:/path" for a socket */
	uint16_t port;  /* 0 for a socket */
	enum wire_tls tls;
	const char *socket; /* its path; NULL for a host */
};

/* The way through the settings' places. Zero it, then set SETTINGS. */
struct route {
	const struct wire_settings *settings;
	size_t next; /* host of the settings */
};

/* Sets *RET to the next place. False when there is none: with *ERR set because one of the settings
 * leads nowhere (ask again for those behind it), without because all have been named. */
bool route_next(struct route *r, struct target *ret, struct error *err)
	__attribute__((warn_unused_result));
