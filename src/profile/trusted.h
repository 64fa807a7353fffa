/* Files whose content decides whom we trust: opened only when nobody else could have written them
 *. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct strbuf;

enum trusted_kind {
	TRUSTED_CONFIG,        /* may be read by all, written by the owner only */
	TRUSTED_ROOT,          /* the same, and it must be root's own */
	TRUSTED_PUBLIC,        /* certificates: as configuration */
	TRUSTED_SECRET,        /* must not be readable by others either, group read is fine */
	TRUSTED_STORED,        /* the same for what sendoff itself wrote: no symbolic link */
	TRUSTED_MOUNTED_SECRET /* named by the environment or below /run/secrets: may be readable */
};

/* Reads PATH whole into OUT (its cap is the limit; larger is an error). A regular file owned by
 * root or the effective user (below /etc/sendoff/secrets also by the user sendoff), not writable by
 * group (unless its group is root's or the user's own with the same name) or others, and for a
 * secret not readable by others; checked on the open descriptor. FIFOs and devices are refused,
 * except /dev/stdin and /dev/fd/N for secrets. False: FAULT_CONFIG (mode, owner, kind; the text
 * says which chmod or chown helps), FAULT_CONFIG for a file that does not exist, FAULT_NOINPUT for
 * a read error. *RET_MISSING (may be NULL) is set when it does not exist. */
bool trusted_read(const char *path, enum trusted_kind kind, struct strbuf *out, bool *ret_missing,
	struct error *err) __attribute__((warn_unused_result));
/* True iff who owns PATH is root, the effective user, or below /etc/sendoff/secrets the user
 * sendoff. */
bool trusted_is_owner(const char *path, uid_t owner);
/* The same checks for a file that a library opens by itself. */
bool trusted_check(const char *path, enum trusted_kind kind, struct error *err)
	__attribute__((warn_unused_result));
