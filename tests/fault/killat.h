/* What killat's parts share. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* A traced thread, and the call it is in. */
struct tracee {
	pid_t pid;
	uint64_t nr, args[6];
	long number;    /* of the call, counted over all */
	int fail;       /* the errno that it is to end with */
	uint64_t piece; /* where the length of the first piece stands that was made shorter */
	uint64_t len;   /* and what it was */
	uint64_t moved; /* the inode that a rename is about to move, or that a path names before it
			 */
};

const char *call_name(uint64_t nr);

/* Before a call runs, and when it has ended well with RET: writes down what it did to files. */
void record_entry(FILE *out, struct tracee *t);
void record_exit(FILE *out, struct tracee *t, int64_t ret);
