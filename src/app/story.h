/* `sendoff log`: the life of messages, from the history in the spool. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct arguments;
struct error;
struct spool;

/* Prints the events that fit WHAT (an id, a Message-ID, an address; NULL: all), oldest first, as
 * text or as JSON objects, each on a line. With EVERYBODY false only those of UID. *RET_FOUND is
 * how many. */
bool story_tell(struct spool *s, const char *what, bool everybody, uid_t uid, bool json, FILE *out,
	unsigned long *ret_found, struct error *err) __attribute__((warn_unused_result));

/* The command; returns the exit status. */
int story_command(const struct arguments *args);
