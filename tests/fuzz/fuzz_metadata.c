/* Whatever an authorization server says about itself: what is taken is of the issuer that was
 * asked, and its endpoints are https. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "metadata.h"
#include "text.h"

#define ISSUER "https://id.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
check_url(const char *url)
{
	check(!*url ||
		(strncasecmp(url, "https://", 8) == 0 && url[8] && !strpbrk(url, " #\n") &&
			!text_has_control(url, strlen(url)) && !text_is_8bit(url, strlen(url))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_NONE;
	struct oauth_metadata m;

	if (!oauth_metadata_parse((const char *)data, size, ISSUER, &m, &err)) {
		check(err.fault == FAULT_PROTOCOL);
		return 0;
	}
	check(strcmp(m.issuer, ISSUER) == 0 && *m.token);
	check_url(m.authorize);
	check_url(m.token);
	check_url(m.device);
	check_url(m.revoke);
	check(!text_has_control(m.scopes, strlen(m.scopes)));
	return 0;
}
