/* Where processes that keep a connection are met: a private directory with a few sockets for each
 * connection's name, and a lock beside each. Who holds the lock of a socket may speak to the
 * process behind it, or put another in its place; one that is locked is busy. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "memo.h"

#define PLACE_SLOTS 4 /* processes for one connection's name */

struct place {
	int fd;         /* connected, or listening; non-blocking */
	int lock;       /* -1: not held */
	char path[108]; /* as a socket's address may be */
	dev_t device;   /* of a socket that listens */
	ino_t inode;
};

#define PLACE_NONE                                                                                 \
	{                                                                                          \
		.fd = -1, .lock = -1                                                               \
	}

/* Connects to a process that is not busy and belongs to our user. P holds the lock. */
bool place_reach(const struct memo_key *name, struct place *p) __attribute__((warn_unused_result));
/* Listens at a socket that no process has. The lock is free again. */
bool place_claim(const struct memo_key *name, struct place *p) __attribute__((warn_unused_result));
/* True iff the peer of FD runs as our user. */
bool place_is_ours(int fd);
/* Closes the descriptors. */
void place_leave(struct place *p);
/* Removes what place_claim made, and closes. */
void place_remove(struct place *p);
