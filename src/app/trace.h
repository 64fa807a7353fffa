/* -v and --debug: the dialogue, as it happens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "settings.h"

struct submission;

struct trace {
	bool wanted, times;
	int64_t started;
	FILE *to;
};

void trace_init(struct trace *t, const struct submission *s);
/* A wire_settings trace callback; CTX is a struct trace. */
void trace_line(void *ctx, enum wire_trace kind, const char *text, size_t n);
