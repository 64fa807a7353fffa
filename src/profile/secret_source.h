/* The sources of passwords that are read at once; for secret.c. Each fills s->value and sets
 * s->ready, or is false with an error that names the setting. */
#pragma once

#include <stdbool.h>

#include "options.h"

struct error;
struct secret;

/* "password-file (/etc/sendoff/config:3): ..." Returns false. */
bool source_blame(const struct secret *s, enum option_id id, struct error *err);

bool source_file(struct secret *s, struct error *err) __attribute__((warn_unused_result));
bool source_credential(struct secret *s, struct error *err) __attribute__((warn_unused_result));
bool source_key(struct secret *s, struct error *err) __attribute__((warn_unused_result));
bool source_netrc(struct secret *s, struct error *err) __attribute__((warn_unused_result));
/* Those that nobody has to name: true without s->ready when they have none. */
bool source_stored(struct secret *s, struct error *err) __attribute__((warn_unused_result));
/* ~/.netrc, then SYSCONFDIR/netrc. False also for a file that fits but is broken or open to others.
 */
bool source_usual_netrc(struct secret *s, struct error *err) __attribute__((warn_unused_result));
