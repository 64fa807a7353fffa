/* The spool: queue/, failed/, damaged/, tmp/ and the rest, all of one user, and what moves in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "entry.h"

struct error;

/* Opened directories. */
struct spool {
	char *path;
	int dir; /* the spool itself; what state/ in it holds is state.h's business */
	int queue, failed, damaged, tmp;
	int drop;     /* the in-tray that others may write, -1 when there is none */
	uid_t owner;  /* of queue/ and all entries; what root makes is given to it */
	uid_t self;   /* the effective user when it was opened */
	dev_t device; /* of queue/ */
};

#define SPOOL_NONE                                                                                 \
	{                                                                                          \
		.dir = -1, .queue = -1, .failed = -1, .damaged = -1, .tmp = -1, .drop = -1         \
	}

/* Opens the spool at PATH. With CREATE its directories are made where they are missing (0700, and
 * parents), and their making is flushed. Each directory must be the effective user's own (root may
 * use anybody's; PATH itself may be root's) and writable by nobody else; symbolic links are not
 * followed below PATH. Without CREATE a spool that does not exist is FAULT_CONFIG with sys ENOENT.
 * FAULT_TEMPORARY: no space, read-only; FAULT_CONFIG: owner or mode, the text says what helps. */
bool spool_open(struct spool *s, const char *path, bool create, struct error *err)
	__attribute__((warn_unused_result));
void spool_close(struct spool *s);

/* Removes what interrupted writers left in tmp/ (only where O_TMPFILE or /proc is missing there is
 * anything): files older than an hour that nobody has locked. For the runner's start. */
bool spool_tidy(struct spool *s, struct error *err) __attribute__((warn_unused_result));

/* Commits a message durably: after true it survives a power cut. Fills in *E (ENTRY_NONE with
 * account, uid, created, not_before, lifetime, notify_error set by the caller; id too if it is not
 * ""), which is claimed (locked) from before it can be seen until entry_done. Outcomes that are
 * known already, and state (ENTRY_HELD too), attempts, doubts, last set in *E are kept. E->envelope
 * becomes a copy; E->message a view of the file, as after spool_claim. MESSAGE stays usable, and
 * the caller's. DUE is the first attempt's time. Order: O_TMPFILE, write, block last, flock,
 * linkat, fsync(file), fsync(directory); a body that is already in an unnamed file of this file
 * system (message.directory in the spool, message.base ENTRY_BLOCK) is linked, not copied. Without
 * O_TMPFILE or /proc: a name in tmp/, then renameat2(RENAME_NOREPLACE). When the outcome is not
 * known, the entry is unlinked before failing. An id that exists already, in queue/ or failed/, is
 * success without a second entry (and without a claim: e->fd is -1) iff RET_EXISTED is not NULL.
 * FAULT_TEMPORARY when it cannot be kept, FAULT_DATA as entry_write. */
bool spool_commit(struct spool *s, struct entry *e, const struct envelope *envelope,
	const struct message *message, int64_t due, bool *ret_existed, struct error *err)
	__attribute__((warn_unused_result));

/* What a scan tells of an entry without opening it: one system call each. */
struct spool_item {
	char id[ENTRY_ID + 1];
	int64_t due;   /* mtime */
	uint64_t size; /* of the file */
	bool held;     /* the owner's execute bit */
};
/* Calls EACH for every entry of queue/ (or failed/) in directory order until it returns false;
 * memory does not grow with the number. Names that are no ids are passed over. */
bool
spool_scan(struct spool *s, bool failed, bool (*each)(void *ctx, const struct spool_item *item),
	void *ctx, struct error *err) __attribute__((warn_unused_result));

/* Names only, without a system call for each: a listing goes on with spool_look. */
bool spool_names(struct spool *s, bool failed, bool (*each)(void *ctx, const char *id), void *ctx,
	struct error *err) __attribute__((warn_unused_result));

enum spool_claim {
	SPOOL_CLAIMED,
	SPOOL_BUSY,    /* another process has it */
	SPOOL_GONE,    /* delivered or removed meanwhile */
	SPOOL_DAMAGED, /* moved to damaged/ just now; err says why */
	SPOOL_ERROR    /* err says what */
};
/* Opens and locks an entry (flock, LOCK_NB), makes sure that the name is still this file's and the
 * only one, reads it WHOLE. An entry that is in queue/ and failed/ (a move was interrupted) is a
 * failed one. */
enum spool_claim spool_claim(struct spool *s, const char *id, bool failed, struct entry *ret,
	struct error *err) __attribute__((warn_unused_result));
/* Reads the facts of an entry without a lock, for listings: at most 5 system calls, without reading
 * the header. Same results but SPOOL_BUSY; a damaged one is left where it is. */
enum spool_claim spool_look(struct spool *s, const char *id, bool failed, struct entry *ret,
	struct error *err) __attribute__((warn_unused_result));

/* How many files were put aside into damaged/. */
unsigned long spool_damaged_count(const struct spool *s);

/* Each takes a claimed entry, which stays claimed. Durable when they return. */
/* Removes it: unlink, fsync(directory) (LATER: the caller flushes several removals by spool_flush).
 */
bool spool_remove(struct spool *s, struct entry *e, bool later, struct error *err)
	__attribute__((warn_unused_result));
bool spool_flush(struct spool *s, struct error *err) __attribute__((warn_unused_result));
/* Moves it to failed/ (outcomes are appended before) or back to queue/ (with DUE): linked there,
 * that directory flushed, unlinked here, this directory flushed. */
bool
spool_fail(struct spool *s, struct entry *e, struct error *err) __attribute__((warn_unused_result));
bool spool_retry(struct spool *s, struct entry *e, int64_t due, struct error *err)
	__attribute__((warn_unused_result));
/* Sets the time of the next attempt (futimens), which is not flushed: lost, it is an earlier one.
 * Set e->due before entry_append instead where there is something to append. */
bool spool_set_due(struct spool *s, struct entry *e, int64_t due, struct error *err)
	__attribute__((warn_unused_result));
/* Holds or releases: a record, which counts, and the owner's execute bit, which a scan sees. A hold
 * of one that is held, or a release of one that is not, is success. One that is kept as uncertain
 * is held, too: a release has it tried again. */
bool spool_hold(struct spool *s, struct entry *e, bool held, int64_t now, struct error *err)
	__attribute__((warn_unused_result));

/* The in-tray of a system spool (mode 3733, so that its writers cannot list, open or flush it). */
/* Puts an entry into DIRECTORY for the runner: O_TMPFILE, write, fchmod 0640, flock, linkat,
 * fsync(file), syncfs. *E as for spool_commit, and claimed as there: the runner leaves it alone
 * until entry_done. Outcomes are not carried over. */
bool spool_drop(const char *directory, struct entry *e, const struct envelope *envelope,
	const struct message *message, struct error *err) __attribute__((warn_unused_result));
/* Takes what is in the in-tray: O_NOFOLLOW, O_NONBLOCK; regular, one link, limits of the owner
 * (messages and octets waiting, by LIMITS: what is over stays there), uid from the file's owner,
 * created now; the message is read anew as if it had just come in, committed to queue/, then
 * unlinked; its id stays unless it is taken. What is no entry is moved to damaged/ (as a copy of at
 * most 1 MiB, while there are few) and unlinked. Refuses while fs.protected_hardlinks is 0
 * (FAULT_CONFIG). Calls TAKEN for each new entry, which is claimed meanwhile. False when something
 * could not be taken; the others were, if it was not the spool's fault. */
struct spool_limits {
	unsigned messages; /* of one uid in the queue; 0: no limit, as for the others */
	uint64_t octets;
	uint64_t message_octets;
	/* May the owner of E submit it? FAULT_PERMISSION and FAULT_DATA: never, it goes to
	 * damaged/; any other fault: not now, it stays. NULL: everybody may everything. */
	bool (*may)(void *ctx, const struct entry *e, struct error *err);
	void *may_ctx;
};
bool spool_take_drops(struct spool *s, const struct spool_limits *limits,
	void (*taken)(void *ctx, const struct entry *e), void *ctx, struct error *err)
	__attribute__((warn_unused_result));
