/* -v and --debug: the dialogue on standard error, as it happens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

struct submission;

struct trace {
	bool wanted, times;
	int64_t started;
};

void trace_init(struct trace *t, const struct submission *s);
/* A wire_settings trace callback; CTX is a struct trace. */
void trace_line(void *ctx, enum wire_trace kind, const char *text, size_t n);
