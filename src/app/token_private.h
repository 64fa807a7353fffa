/* What the files of token.h share: token.c (getting a token), token_keep.c (logging in and out,
 * looking). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "token.h"
#include "token_record.h"
#include "token_settings.h"
#include "token_store.h"

/* One call of token_get. */
struct getting {
	struct token_settings settings;
	struct token_store store;
	struct token_record record;
	enum secret_place place; /* where the record was read; NOWHERE: it was not */
	char cache[64];          /* name of the kernel's key */
	int64_t deadline;
};

/* *G needs getting_end in any case. */
bool getting_begin(struct getting *g, const struct profile *p, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
void getting_end(struct getting *g);
/* True iff the kernel's keyring has a token that may be used; FORCED: not the one that was refused.
 */
bool getting_from_cache(struct getting *g, bool forced);
/* Reads the record. */
bool getting_from_store(struct getting *g, struct error *err) __attribute__((warn_unused_result));
/* A key for one grant: other settings do not find it. */
void
token_name_cache(const struct token_settings *t, const struct token_store *store, char out[64]);
/* True iff R was got by the settings that hold now. */
bool token_is_ours(const struct token_settings *t, const struct token_record *r);
/* Takes down what R is for. */
void token_describe(const struct token_settings *t, struct token_record *r);
