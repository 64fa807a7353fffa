/* Secrets in files that sendoff itself writes: mode 0600, in a directory of mode 0700. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct secret_name;
struct strbuf;

/* What the file of N is called: "smtp,mail.example.org,ann@example.org", everything but letters,
 * digits, '.', '-', '_' and '@' as %XX, the host in lower case; behind it ",sealed" if SEALED
 * holds. False (FAULT_CONFIG) when that is no file name. */
bool secret_file_name(const struct secret_name *n, bool sealed, struct strbuf *out,
	struct error *err) __attribute__((warn_unused_result));

/* Writes VALUE so that it is there after a power cut, replacing what was there at once. Makes the
 * directory. What root writes into somebody's directory (the service's) belongs to him.
 * FAULT_CREATE: no such directory, no right, one that others can write; FAULT_TEMPORARY: no room,
 * or somebody is writing there until DEADLINE. */
bool secret_file_write(const char *directory, const char *name, const struct strbuf *value,
	int64_t deadline, struct error *err) __attribute__((warn_unused_result));
/* Appends what the file holds. True with *RET_THERE false: there is none. Errors as trusted_read.
 */
bool secret_file_read(const char *directory, const char *name, struct strbuf *ret, bool *ret_there,
	struct error *err) __attribute__((warn_unused_result));
/* Removes the file, also for whoever looks after a power cut. FAULT_CREATE. */
bool secret_file_remove(const char *directory, const char *name, bool *ret_there, struct error *err)
	__attribute__((warn_unused_result));
