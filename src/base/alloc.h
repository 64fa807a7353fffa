/* Memory that is never refused: when there is none left the process ends through a handler. */
#pragma once

#include <stddef.h>

/* Registers what to do when memory runs out. The handler must not return, must not allocate, and
 * decides the exit status (app/ knows whether part of a message has been accepted already). Without
 * a handler the process aborts. */
void alloc_on_failure(void (*handler)(void));

/* As malloc, calloc, realloc, strdup, strndup; they never return NULL. Free with free(). */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xreallocarray(void *old, size_t count, size_t size)
	__attribute__((alloc_size(2, 3), returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, nonnull, returns_nonnull));
char *xstrndup(const char *s, size_t max) __attribute__((malloc, nonnull, returns_nonnull));

/* Calls the handler: for a library that reports that it found no memory. */
void alloc_failed(void) __attribute__((noreturn));

/* Runs DONE(&variable) when the variable goes out of scope. DONE must accept a zeroed object. */
#define CLEANUP(done) __attribute__((cleanup(done)))

/* For CLEANUP on a char *: frees it. */
void free_string(char **s);
