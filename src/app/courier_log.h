/* What the runner has to say: callbacks of struct runner_callbacks whose ctx is a courier. */
#pragma once

#include <stdbool.h>

struct breaker;
struct error;
struct history_record;

void courier_event(void *ctx, const struct history_record *r, bool loud);
void courier_breaker(void *ctx, const struct breaker *b);
void courier_trouble(void *ctx, const struct error *err);
