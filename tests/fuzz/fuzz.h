/* What every fuzz target shares. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, whatever came in. */
static inline void
check(bool good)
{
	if (!good)
		abort();
}

static inline void
check_printable(const char *s)
{
	check(s && !text_has_control(s, strlen(s)));
}
