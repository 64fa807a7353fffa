/* Memory for secrets: pages of their own, that go into no core file and, where RLIMIT_MEMLOCK
 * allows it, not into the swap space. Made when the first secret is held: who holds none pays
 * nothing. Threads (which only resolve names) must hold none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* N octets; never NULL. What does not fit in there any more is ordinary memory. */
void *vault_alloc(size_t n) __attribute__((malloc, returns_nonnull));
/* Wipes and frees the N octets at P, which vault_alloc or xmalloc gave. */
void vault_free(void *p, size_t n);
/* True iff P lies in there. */
bool vault_has(const void *p);
