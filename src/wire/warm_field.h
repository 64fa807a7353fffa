/* Fields of what is said over a socket: memo_take with a check. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A number up to MAX; one that an int holds; 0 or 1. */
bool warm_take_number(const char **at, const char *end, uint64_t max, uint64_t *ret)
	__attribute__((warn_unused_result));
bool warm_take_int(const char **at, const char *end, int *ret) __attribute__((warn_unused_result));
bool
warm_take_bool(const char **at, const char *end, bool *ret) __attribute__((warn_unused_result));
/* A string on the heap, or NULL; any octets but NUL. */
bool
warm_take_string(const char **at, const char *end, char **ret) __attribute__((warn_unused_result));
