/* A submission as the service takes it: an entry in a file that nobody can change meanwhile, for
 * those recipients that are to be tried. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "entry.h"
#include "envelope.h"

struct error;
struct submission;

struct service_entry {
	struct envelope envelope; /* the pending recipients; outcomes come in here */
	size_t *places;           /* of each, in the submission's envelope */
	bool *kept;               /* of each: it is in the service's queue */
	struct entry entry;
	int fd; /* the file */
};

#define SERVICE_ENTRY_NONE                                                                         \
	{                                                                                          \
		.envelope = ENVELOPE_NONE, .entry = ENTRY_NONE, .fd = -1                           \
	}

bool service_entry_make(struct service_entry *e, struct submission *s, struct error *err)
	__attribute__((warn_unused_result));
void service_entry_done(struct service_entry *e);
/* Puts the outcomes, and who is queued, into the submission. */
void service_entry_return(struct service_entry *e, struct submission *s);
/* All are queued. */
void service_entry_keep(struct service_entry *e, struct submission *s);
