/* What the rooms of spool share. */
#pragma once

#include "spool.h"

/* What is done without, as if the system lacked it: for tests. */
enum { SPOOL_WITHOUT_TMPFILE = 1, SPOOL_WITHOUT_PROC = 2 };
extern unsigned spool_without;

#define SPOOL_TMP_NAMES 4
#define SPOOL_TMP_NAME  (ENTRY_ID + 3)
/* The Nth name in tmp/ of what becomes entry ID. */
void spool_name_tmp(char out[SPOOL_TMP_NAME], const char *id, unsigned n);

/* Gives a file that root made to the owner of the spool. */
bool spool_give(const struct spool *s, int fd) __attribute__((warn_unused_result));
/* Opens a file without a name in DIRECTORY, or returns -1 with errno. */
int spool_open_unnamed(int directory, unsigned mode);
/* Links the unnamed file FD as NAME; false with errno (EEXIST; others: it cannot be done this way).
 */
bool spool_link(int fd, int directory, const char *name) __attribute__((warn_unused_result));
/* True iff this errno of it, or of opening an unnamed file, says that it cannot be done this way
 * here: a file system without O_TMPFILE, a system without /proc, the wrong file system. */
bool spool_link_is_impossible(int sys);
bool spool_unnamed_is_impossible(int sys);
/* A second description of the same unnamed file, which has locks of its own; -1 if there is none.
 */
int spool_open_again(int fd);
/* True iff MESSAGE's body lies in an unnamed file of OWNER's on DEVICE, where an entry has it. */
bool spool_is_in_place(const struct message *m, dev_t device, uid_t owner);

/* Fills in *E what is known once the file is written: envelope, message, FD. */
void spool_take_in(struct entry *e, int fd, const struct envelope *v, const struct message *m);

/* Moves what lies at NAME of DIRECTORY to damaged/. */
bool spool_put_away(struct spool *s, int directory, const char *name, struct error *err)
	__attribute__((warn_unused_result));

/* Calls EACH for every name in DIRECTORY but "." and ".." until it returns false. */
bool spool_each_name(int directory, bool (*each)(void *ctx, const char *name), void *ctx,
	struct error *err) __attribute__((warn_unused_result));
