/* Fields in a row: a record in a file, what a key is made of, what one process tells another. Each
 * is a length and octets, so that any octets may stand in it. Which comes when is for whoever
 * writes and reads to know. What is taken is hostile until it was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct enhanced;
struct error;
struct strbuf;

void field_add(struct strbuf *out, const void *data, size_t n);
void field_add_text(struct strbuf *out, const char *s);
void field_add_string(struct strbuf *out, const char *s); /* NULL is another field than "" */
void field_add_number(struct strbuf *out, uint64_t n);
void field_add_enhanced(struct strbuf *out, struct enhanced code);
void field_add_error(struct strbuf *out, const struct error *err); /* may be none */

/* Taking a field moves *AT behind it. False where there is none before END, or it is no such value;
 * *AT and what was to be filled in are then of no use. */
bool field_take(const char **at, const char *end, const char **ret, size_t *ret_n)
	__attribute__((warn_unused_result));
/* Exactly N octets. */
bool field_take_octets(const char **at, const char *end, void *out, size_t n)
	__attribute__((warn_unused_result));
/* A number up to MAX; one that an int holds; 0 or 1. */
bool field_take_number(const char **at, const char *end, uint64_t max, uint64_t *ret)
	__attribute__((warn_unused_result));
bool field_take_int(const char **at, const char *end, int *ret) __attribute__((warn_unused_result));
bool
field_take_bool(const char **at, const char *end, bool *ret) __attribute__((warn_unused_result));
/* Text without controls into OUT of SIZE octets. */
bool field_take_text(const char **at, const char *end, char *out, size_t size)
	__attribute__((warn_unused_result));
/* A string on the heap, or NULL; any octets but NUL. *RET is NULL when it fails. */
bool
field_take_string(const char **at, const char *end, char **ret) __attribute__((warn_unused_result));
bool field_take_enhanced(const char **at, const char *end, struct enhanced *ret)
	__attribute__((warn_unused_result));
bool field_take_error(const char **at, const char *end, struct error *err)
	__attribute__((warn_unused_result));
