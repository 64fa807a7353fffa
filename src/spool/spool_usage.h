/* What each user has in the queue. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spool;

struct usage_row {
	uid_t uid;
	bool used;
	unsigned messages;
	uint64_t octets;
};

/* A table by uid; zeroed it is empty. */
struct usage {
	struct usage_row *rows;
	size_t room, n;
};

void usage_done(struct usage *u);
/* The row of UID, which is made if there is none; valid until the next call. */
struct usage_row *usage_of(struct usage *u, uid_t uid);
/* Counts all of queue/: three system calls for each entry. */
bool usage_count(struct usage *u, struct spool *s, struct error *err)
	__attribute__((warn_unused_result));
