/* What the runner has to say to a person, or to a program that reads JSON: instead of the records
 * that courier_log.h prints. */
#pragma once

#include "courier.h"

struct breaker;
struct error;
struct history_record;

/* Each prints a line, or one for each recipient, on standard output; what goes wrong on standard
 * error where HOW is COURIER_RECEIPTS. */
void courier_show_event(const struct courier *c, const struct history_record *r);
void courier_show_breaker(const struct courier *c, const struct breaker *b);
void courier_show_trouble(const struct courier *c, const struct error *err);
