/* What is kept of servers between invocations: a private directory with one small file for each
 * thing that is known. Everything here is silent, and forgetting is always safe: a directory or
 * file that is not ours alone, cannot be read or written, is torn, too old, from the future or of
 * another version means that nothing is known. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "strbuf.h"

#define MEMO_KEY 32         /* octets of a key: a SHA-256 */
#define MEMO_MAX (64 << 10) /* octets of one thing */

enum memo_kind {
	MEMO_TICKET, /* a TLS session: secret */
	MEMO_SERVER, /* how a server behaves */
	MEMO_KIND_COUNT
};

struct memo_key {
	unsigned char octets[MEMO_KEY];
};

/* A record, and what a key is made of, is a row of fields (field.h). PATH, and in which state the
 * open file is: another file under that name, or other content, makes other fields. */
void memo_add_file(struct strbuf *record, const char *path, int fd);
struct stat;
void memo_add_state(struct strbuf *record, const struct stat *st); /* without the path */

/* False when IDENTITY did not hold everything that was added (its cap), or cannot be hashed. */
bool
memo_hash(struct memo_key *ret, const struct strbuf *identity) __attribute__((warn_unused_result));

/* True iff DIRECTORY is fit to be used: a directory, no link, mode 700, owned by the effective
 * user, who is also the real one. With CREATE it is made where it is missing, unless the directory
 * that it would stand in belongs to somebody else. */
bool memo_prepare(const char *directory, bool create) __attribute__((warn_unused_result));

/* Appends the record that is kept under KEY to RET. */
bool memo_get(const char *directory, enum memo_kind kind, const struct memo_key *key,
	struct strbuf *ret) __attribute__((warn_unused_result));
/* Keeps RECORD in the place of what was kept; when that fails nothing is lost. Now and then removes
 * what is too old. */
void memo_put(const char *directory, enum memo_kind kind, const struct memo_key *key,
	const struct strbuf *record);
void memo_forget(const char *directory, enum memo_kind kind, const struct memo_key *key);
/* Removes what is too old, with a bounded effort. */
void memo_sweep(const char *directory);

/* The format of a file, for memo_get and for tests. NOW is the time it is read at. */
bool memo_parse(enum memo_kind kind, const struct memo_key *key, const char *file, size_t n,
	time_t now, struct strbuf *ret) __attribute__((warn_unused_result));
void memo_print(enum memo_kind kind, const struct memo_key *key, const struct strbuf *record,
	time_t now, struct strbuf *file);
