/* A file that says: a runner serves this spool. Boot id and monotonic time, so that neither a clock
 * that jumps nor a reboot makes an old one look fresh. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define HEARTBEAT_FRESH   (3 * 3600)  /* seconds */
#define HEARTBEAT_REFRESH 3600        /* how often a runner renews it */
#define HEARTBEAT_NAME    "heartbeat" /* in a user's spool; the system's is /run/sendoff/heartbeat */

/* Writes the file at PATH, 0644, atomically. False with FAULT_TEMPORARY or FAULT_CREATE. */
bool heartbeat_write(const char *path, struct error *err) __attribute__((warn_unused_result));
/* True iff the file at PATH is of this boot and younger than HEARTBEAT_FRESH seconds of monotonic
 * time. One that is a symbolic link, no regular file, or that others than its owner may write, or
 * whose owner is neither root, nor the effective user, nor OWNER, is not believed. */
bool heartbeat_is_fresh(const char *path, uid_t owner);
/* Removes it: the runner ends for good (a timer-driven one does not). */
void heartbeat_remove(const char *path);
/* The file's text, for tests and fuzzers: true iff it is of boot BOOT; *RET_SECONDS is its time. */
bool heartbeat_parse(const char *s, size_t n, const char *boot, int64_t *ret_seconds)
	__attribute__((warn_unused_result));
