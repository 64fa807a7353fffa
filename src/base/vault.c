#include "vault.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"

/* As much as one may lock where the limit is the smallest that is usual; as a password, the
 * messages that it is sent in, and a configuration are far smaller, this is seldom full. */
#define SIZE    (64u << 10)
#define GRAIN   64u
#define GRAINS  (SIZE / GRAIN)
#define LARGEST (SIZE / 4)

static char *vault;
static bool refused;
static bool used[GRAINS];

/* Forked processes share none of it: the pages are private, and copied when written to. */
static bool
is_open(void)
{
	void *pages;

	if (vault || refused)
		return vault != NULL;
	pages = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	refused = pages == MAP_FAILED;
	if (refused)
		return false;
	(void)madvise(pages, SIZE, MADV_DONTDUMP);
	/* only what is touched, as most of it never is */
	(void)mlock2(pages, SIZE, MLOCK_ONFAULT);
	vault = pages;
	return true;
}

static size_t
grains(size_t n)
{
	return n ? (n + GRAIN - 1) / GRAIN : 1;
}

void *
vault_alloc(size_t n)
{
	size_t want = grains(n), free_run = 0;

	/* a sanitizer knows more about its own memory */
	if (SANITIZED || n > LARGEST || !is_open())
		return xmalloc(n);
	for (size_t i = 0; i < GRAINS; i++) {
		free_run = used[i] ? 0 : free_run + 1;
		if (free_run == want) {
			i = i + 1 - want;
			memset(used + i, true, want);
			return vault + i * GRAIN;
		}
	}
	return xmalloc(n);
}

bool
vault_has(const void *p)
{
	return vault && (uintptr_t)p - (uintptr_t)vault < SIZE;
}

void
vault_free(void *p, size_t n)
{
	explicit_bzero(p, n);
	if (vault_has(p))
		memset(used + ((uintptr_t)p - (uintptr_t)vault) / GRAIN, false, grains(n));
	else
		free(p);
}
