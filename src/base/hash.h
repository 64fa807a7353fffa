/* XXH64: 64 bits that tell torn and damaged octets from whole ones. Portable and as fast as memory;
 * not a defence against somebody who makes octets that fit. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A sum under way, for octets that come in pieces. */
struct hash {
	uint64_t lane[4];
	uint64_t seed, total;
	unsigned char held[32]; /* what does not fill a block yet */
};

void hash_init(struct hash *h, uint64_t seed);
void hash_add(struct hash *h, const void *data, size_t n);
/* The sum of what was added so far; more may follow. */
uint64_t hash_end(const struct hash *h);

/* The same for octets that are all there. */
uint64_t hash_of(uint64_t seed, const void *data, size_t n);
