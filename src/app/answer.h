/* What came of a delivery, written down for another process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct envelope;
struct queueing;
struct strbuf;
struct wire_report;

#define ANSWER_MAX (32 << 20) /* octets */

/* What is told. Borrowed; QUEUE may be NULL. */
struct answer {
	bool good, attempted;
	struct envelope *envelope; /* outcomes of its recipients */
	struct wire_report *report;
	struct error *error;
	char account[128];      /* by which it went, where that is of interest, or "" */
	struct queueing *queue; /* its results, but for kept */
	bool *kept;             /* of each recipient: it is in the queue; may be NULL */
};

void answer_add(struct strbuf *out, const struct answer *a);
/* Reads it into what A points to: as many recipients as there are (those of another number are
 * refused), a report that was just made, an error that is not set. Every text is made printable,
 * every number is one that there is. False with FAULT_PROTOCOL; what A points to is then of no use
 * but to be freed. */
bool answer_take(const char *s, size_t n, struct answer *a, struct error *err)
	__attribute__((warn_unused_result));
