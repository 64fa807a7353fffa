#include "token_metadata.h"

#include "error.h"
#include "token_settings.h"

bool
token_metadata(struct token_settings *t, int64_t deadline, struct error *err)
{
	(void)t;
	(void)deadline;
	return error_set(err, FAULT_CONFIG, "set oauth-token-url and oauth-authorize-url");
}
