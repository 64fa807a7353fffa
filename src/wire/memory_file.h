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

#define MEMORY_KEY 32         /* octets of a key: a SHA-256 */
#define MEMORY_MAX (64 << 10) /* octets of one thing */

enum memory_kind {
	MEMORY_TICKET, /* a TLS session: secret */
	MEMORY_SERVER, /* how a server behaves */
	MEMORY_KIND_COUNT
};

struct memory_key {
	unsigned char octets[MEMORY_KEY];
};

/* A record, and what a key is made of, is a row of fields that may hold any octets. Taking a field
 * moves *AT behind it; false where there is none. */
void memory_add(struct strbuf *record, const void *data, size_t n);
void memory_adds(struct strbuf *record, const char *s); /* NULL is another field than "" */
void memory_add_number(struct strbuf *record, uint64_t n);
/* PATH, and in which state the open file is: another file under that name, or other content, makes
 * other fields. */
void memory_add_file(struct strbuf *record, const char *path, int fd);
bool memory_take(const char **at, const char *end, const char **ret, size_t *ret_n)
	__attribute__((warn_unused_result));
bool memory_take_octets(const char **at, const char *end, void *out, size_t n)
	__attribute__((warn_unused_result)); /* a field of exactly N octets */
bool memory_take_number(const char **at, const char *end, uint64_t *ret)
	__attribute__((warn_unused_result));

/* False when IDENTITY did not hold everything that was added (its cap), or cannot be hashed. */
bool memory_hash(struct memory_key *ret, const struct strbuf *identity)
	__attribute__((warn_unused_result));

/* True iff DIRECTORY is fit to be used: a directory, no link, mode 700, owned by the effective
 * user, who is also the real one. With CREATE it is made where it is missing, unless the directory
 * that it would stand in belongs to somebody else. */
bool memory_prepare(const char *directory, bool create) __attribute__((warn_unused_result));

/* Appends the record that is kept under KEY to RET. */
bool memory_get(const char *directory, enum memory_kind kind, const struct memory_key *key,
	struct strbuf *ret) __attribute__((warn_unused_result));
/* Keeps RECORD in the place of what was kept; when that fails nothing is lost. Now and then removes
 * what is too old. */
void memory_put(const char *directory, enum memory_kind kind, const struct memory_key *key,
	const struct strbuf *record);
void memory_forget(const char *directory, enum memory_kind kind, const struct memory_key *key);
/* Removes what is too old, with a bounded effort. */
void memory_sweep(const char *directory);

/* The format of a file, for memory_get and for tests. NOW is the time it is read at. */
bool memory_parse(enum memory_kind kind, const struct memory_key *key, const char *file, size_t n,
	time_t now, struct strbuf *ret) __attribute__((warn_unused_result));
void memory_print(enum memory_kind kind, const struct memory_key *key, const struct strbuf *record,
	time_t now, struct strbuf *file);
