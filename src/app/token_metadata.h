/* What an issuer says about itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct token_settings;

/* Asks the issuer for its endpoints, and fills in those that the settings leave open. */
bool token_metadata(struct token_settings *t, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
