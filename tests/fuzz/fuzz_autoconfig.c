/* Whatever a mail domain says about its servers: hosts are names, and nothing that a terminal or a
 * configuration would take for more than a value gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "autoconfig.h"
#include "error.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	struct error err = ERROR_NONE;
	struct autoconfig a;

	if (!autoconfig_parse((const char *)data, size, "ann@example.org", &a, &err)) {
		check(err.fault == FAULT_PROTOCOL && !a.n);
		return 0;
	}
	check(a.n <= AUTOCONFIG_SERVERS && !text_has_control(a.scope, strlen(a.scope)));
	check(!*a.issuer || strncasecmp(a.issuer, "https://", 8) == 0);
	for (size_t i = 0; i < a.n; i++) {
		const struct autoconfig_server *s = &a.v[i];

		check(strspn(s->host, name) == strlen(s->host) && strchr(s->host, '.') &&
			!strstr(s->host, "..") && s->port);
		check(*s->user && !text_has_control(s->user, strlen(s->user)));
	}
	return 0;
}
