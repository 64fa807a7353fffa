/* Small files that the processes of a spool share, below state/ in it: what is known of accounts,
 * keys that were seen, the history. They are a help; losing them loses no mail. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spool;

#define STATE_NAME 256 /* octets of a file's name with its NUL */

/* Opens state/NAME, or state/ itself for NULL; directories that are missing are made (0700).
 * Symbolic links are not followed. -1 with FAULT_TEMPORARY. Close it. */
int state_directory(struct spool *s, const char *name, struct error *err)
	__attribute__((warn_unused_result));

/* The name of a file about ACCOUNT: of letters, digits, '-', '_', '.' and '%' only, never too long,
 * different for different accounts; then '.' and SUFFIX (short). Never hidden. */
void state_name(const char *account, const char *suffix, char ret[STATE_NAME]);

/* openat with O_NOFOLLOW, O_CLOEXEC, O_NOCTTY, O_NONBLOCK and mode 0600, of regular files with one
 * name only; -1 with errno (ELOOP, EINVAL for others). */
int state_open(int dir, const char *name, int flags) __attribute__((warn_unused_result));
/* Reads all of a file, of at most SIZE - 1 octets, and puts a NUL behind. -1 with errno; EFBIG. */
ssize_t state_read(int dir, const char *name, char *ret, size_t size);
/* Replaces a file by N octets, atomically: NAME.new and a rename. Whoever may do it at the same
 * time must hold a lock. FLUSH: durable when it returns. FAULT_TEMPORARY. */
bool state_replace(int dir, const char *name, const void *data, size_t n, bool flush,
	struct error *err) __attribute__((warn_unused_result));

/* Opens and locks (flock, exclusively) a file that is made where it is missing. Waits until
 * DEADLINE (clock_ms), 0: not at all. -1 with FAULT_TEMPORARY; *RET_BUSY (may be NULL) says that
 * another process has it. Closing it unlocks. */
int state_lock(int dir, const char *name, int64_t deadline, bool *ret_busy, struct error *err)
	__attribute__((warn_unused_result));

/* Sleeps between attempts to get a lock: short in the first rounds, then longer; not the same for
 * two processes that began together; never past DEADLINE. */
void state_rest(unsigned round, int64_t deadline);

/* A line at the end of a small text file that holds a checksum of what stands before it. Appends it
 * to the LEN octets of TEXT (SIZE there); returns the new length, 0 where there is no room. */
size_t state_seal(char *text, size_t len, size_t size);
/* True iff TEXT ends in such a line that is right; *RET is the length without it. */
bool state_sealed(const char *text, size_t len, size_t *ret) __attribute__((warn_unused_result));
