/* Changes a configuration file by one account's section; whatever else stands in it stays, octet
 * for octet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "options.h"
#include "profile.h"
#include "strbuf.h"

struct error;

struct configure {
	char *path;           /* the file, behind symbolic links */
	struct strbuf before; /* what it holds; may be secret */
	struct strbuf after;  /* ... and will hold */
	bool exists;
	mode_t mode;                  /* as it is */
	struct profile_list accounts; /* of this file, as they stand there */
};
#define CONFIGURE_NONE                                                                             \
	{                                                                                          \
		.before = STRBUF_INIT_SECRET(PROFILE_FILE_MAX),                                    \
		.after = STRBUF_INIT_SECRET(PROFILE_FILE_MAX)                                      \
	}

/* Reads PATH, which need not exist. FAULT_CONFIG: it cannot be trusted, has mistakes, is another
 * program's, is a link that leads nowhere, or lies in a directory where everybody may write. *C
 * needs configure_done in any case. */
bool configure_open(struct configure *c, const char *path, struct error *err)
	__attribute__((warn_unused_result));
void configure_done(struct configure *c);
/* True iff the file has an account called NAME. */
bool configure_has(const struct configure *c, const char *name);

/* Appends "key = value" with its line end, as a file has it: paths below the home by ~, whole
 * commands. Its values must have passed profile_set. */
void configure_add_setting(struct strbuf *out, enum option_id id, const struct setting *s);
/* Appends the section of P: its name and each setting that is set and may stand in a file. */
void configure_add_account(struct strbuf *out, const struct profile *p);

/* Makes AFTER of BEFORE: P's section in place of one of the same name (comments between its keys go
 * with it; those behind them stay), else at the end. Checks that the result is read as it is meant,
 * the defaults of the file included: FAULT_CONFIG otherwise. */
bool configure_put(struct configure *c, const struct profile *p, struct error *err)
	__attribute__((warn_unused_result));
/* Puts AFTER in the place of the file, at once and for good: missing directories are made, what was
 * there is kept as FILE.bak-DATE, whose name is appended to COPY (may be NULL). A file that is new
 * gets MODE, another one keeps its own, and its owner. FAULT_TEMPORARY: it is no longer what
 * configure_open has read, FAULT_CREATE: no right, no room; nothing is changed then. */
bool configure_write(struct configure *c, mode_t mode, struct strbuf *copy, struct error *err)
	__attribute__((warn_unused_result));
