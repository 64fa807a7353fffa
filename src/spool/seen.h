/* --id KEY: what is sent with the same key by the same user is sent once. A file per key in seen/,
 * named by a digest of uid and key, locked while a run is at work. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spool;

#define SEEN_AGE     (30 * 86400) /* seconds; then a key is forgotten */
#define SEEN_KEY     1024         /* octets of a key */
#define SEEN_OUTCOME 512          /* octets of what is kept, with its NUL */

enum seen_state {
	SEEN_NEW,     /* go on; the key is ours until seen_done, seen_forget or seen_end */
	SEEN_RUNNING, /* another process is at work on it: neither send nor claim that it was sent
		       */
	SEEN_DONE     /* sent or queued before: OUTCOME says how */
};

struct seen {
	int dir, fd; /* the file, locked; -1 for none */
	char name[65];
	int64_t now;
	enum seen_state state;
	char outcome[SEEN_OUTCOME]; /* SEEN_DONE: what seen_done was told. SEEN_NEW: what seen_note
				     * was told by a run that died before it could say how it ended,
				     * else "" */
};
#define SEEN_NONE                                                                                  \
	{                                                                                          \
		.dir = -1, .fd = -1                                                                \
	}

/* Looks KEY up for UID and takes it if nobody has. FAULT_USAGE: empty, too long, or with controls;
 * FAULT_TEMPORARY: the spool cannot be written. */
bool seen_begin(struct spool *s, uid_t uid, const char *key, int64_t now, struct seen *ret,
	struct error *err) __attribute__((warn_unused_result));
/* Takes down, durably, what the next run needs to find out whether this one got through, should it
 * die now: the id of the entry, the Message-ID. Before anything is committed or sent. */
bool seen_note(struct seen *seen, const char *text, struct error *err)
	__attribute__((warn_unused_result));
/* It was sent or queued: durable. The text is one printable line ("queued as ID"). */
bool seen_done(struct seen *seen, const char *outcome, struct error *err)
	__attribute__((warn_unused_result));
/* It failed: the key is free again. */
void seen_forget(struct seen *seen);
/* Closes; a key without an outcome stays as a dead run leaves it. Accepts SEEN_NONE. */
void seen_end(struct seen *seen);

/* Removes records older than SEEN_AGE, at most MAX of them. */
void seen_purge(struct spool *s, int64_t now, unsigned max);

/* Takes in a file's N octets, changing them, for tests and fuzzers: sets state and outcome. What is
 * older than SEEN_AGE counts as nothing. */
void seen_parse(char *text, size_t n, int64_t now, struct seen *ret);
