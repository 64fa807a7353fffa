/* Where the tokens of an account are kept, and what goes with them: a lock for those who renew
 * them, a mark that a person has logged in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "secret_store.h"
#include "strbuf.h"

struct error;
struct profile;

#define TOKEN_SERVICE "smtp-oauth2"

struct token_store {
	bool system;             /* the service's: a file that it and root may write */
	struct strbuf directory; /* of locks and marks, and of the system's files */
	struct strbuf label;
	char host[256], base[24]; /* BASE begins the names of files */
	struct secret_name name;
	enum secret_place place; /* as it is set */
	char *files;
};

/* What belongs to P, which outlives *T. Makes no directory yet. *T needs token_store_done in any
 * case. FAULT_CONFIG: there is no directory for this user. */
bool token_store_init(struct token_store *t, const struct profile *p, struct error *err)
	__attribute__((warn_unused_result));
void token_store_done(struct token_store *t);

/* As secret_store.h: RET (secret) stays empty where nothing is kept. *RET_PLACE is where it was. */
bool token_store_read(const struct token_store *t, int64_t deadline, struct strbuf *ret,
	enum secret_place *ret_place, struct error *err) __attribute__((warn_unused_result));
/* Durable when it returns. PLACE: where it was read, or AUTO. WHERE (may be NULL) gets words for
 * people. */
bool token_store_write(const struct token_store *t, enum secret_place place,
	const struct strbuf *value, int64_t deadline, struct strbuf *where, struct error *err)
	__attribute__((warn_unused_result));
/* From everywhere. *RET_COUNT: how many there were. */
bool token_store_remove(const struct token_store *t, int64_t deadline, unsigned *ret_count,
	struct error *err) __attribute__((warn_unused_result));

/* Makes the directory of the system's accounts, for the service, if we are root. It is done without
 * where that cannot be. */
void token_store_prepare(void);

/* Takes the lock, waiting until DEADLINE. The result is closed to give it back; -1 with *ERR. */
int token_store_lock(const struct token_store *t, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
/* A person has logged in: who has given up on the account may try again. */
void token_store_mark(const struct token_store *t, const char *suffix);
#define TOKEN_MARK_LOGIN  ".login"
#define TOKEN_MARK_WARNED ".warned"
/* When that was done; 0: never. */
time_t token_store_marked(const struct token_store *t, const char *suffix);
/* Appends the path of the mark of a login. */
void token_store_add_mark(struct strbuf *out, const struct token_store *t, const char *suffix);

/* In token_file.c: the system's files, in a directory that belongs to the user of the service. Root
 * may use them too, and what root makes is the service's. */
bool
token_file_prepare(const char *directory, struct error *err) __attribute__((warn_unused_result));
bool token_file_read(const char *directory, const char *base, struct strbuf *ret, bool *ret_there,
	struct error *err) __attribute__((warn_unused_result));
bool token_file_write(const char *directory, const char *base, const struct strbuf *value,
	struct error *err) __attribute__((warn_unused_result));
bool token_file_remove(const char *directory, const char *base, bool *ret_was, struct error *err)
	__attribute__((warn_unused_result));
/* Opens BASE+SUFFIX for locking and marking; -1 with errno. */
int token_file_open(const char *directory, const char *base, const char *suffix);
