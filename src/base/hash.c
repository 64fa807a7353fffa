#include "hash.h"

#include <endian.h>
#include <string.h>

#define BLOCK 32

/* The primes of the algorithm. */
static const uint64_t p1 = 0x9e3779b185ebca87u, p2 = 0xc2b2ae3d27d4eb4fu, p3 = 0x165667b19e3779f9u,
		      p4 = 0x85ebca77c2b2ae63u, p5 = 0x27d4eb2f165667c5u;

static inline uint64_t
turn(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline uint64_t
load64(const unsigned char *s)
{
	uint64_t x;

	memcpy(&x, s, sizeof(x));
	return le64toh(x);
}

static inline uint64_t
load32(const unsigned char *s)
{
	uint32_t x;

	memcpy(&x, s, sizeof(x));
	return le32toh(x);
}

static inline uint64_t
mix(uint64_t lane, uint64_t x)
{
	return turn(lane + x * p2, 31) * p1;
}

/* Takes whole blocks; returns what is behind them. */
static const unsigned char *
take_blocks(struct hash *h, const unsigned char *s, size_t blocks)
{
	uint64_t a = h->lane[0], b = h->lane[1], c = h->lane[2], d = h->lane[3];

	for (; blocks; blocks--, s += BLOCK) {
		a = mix(a, load64(s));
		b = mix(b, load64(s + 8));
		c = mix(c, load64(s + 16));
		d = mix(d, load64(s + 24));
	}
	h->lane[0] = a, h->lane[1] = b, h->lane[2] = c, h->lane[3] = d;
	return s;
}

void
hash_init(struct hash *h, uint64_t seed)
{
	*h = (struct hash){ .lane = { seed + p1 + p2, seed + p2, seed, seed - p1 }, .seed = seed };
}

void
hash_add(struct hash *h, const void *data, size_t n)
{
	size_t have = h->total % BLOCK, part;
	const unsigned char *s = data;

	h->total += n;
	if (have) {
		part = n < BLOCK - have ? n : BLOCK - have;
		memcpy(h->held + have, s, part);
		s += part, n -= part;
		if (have + part < BLOCK)
			return;
		take_blocks(h, h->held, 1);
	}
	s = take_blocks(h, s, n / BLOCK);
	if (n % BLOCK)
		memcpy(h->held, s, n % BLOCK);
}

uint64_t
hash_end(const struct hash *h)
{
	const unsigned char *s = h->held;
	size_t n = h->total % BLOCK;
	uint64_t sum;

	if (h->total < BLOCK) {
		sum = h->seed + p5;
	} else {
		sum = turn(h->lane[0], 1) + turn(h->lane[1], 7) + turn(h->lane[2], 12) +
		      turn(h->lane[3], 18);
		for (int i = 0; i < 4; i++)
			sum = (sum ^ mix(0, h->lane[i])) * p1 + p4;
	}
	sum += h->total;
	for (; n >= 8; n -= 8, s += 8)
		sum = turn(sum ^ mix(0, load64(s)), 27) * p1 + p4;
	for (; n >= 4; n -= 4, s += 4)
		sum = turn(sum ^ load32(s) * p1, 23) * p2 + p3;
	for (; n; n--, s++)
		sum = turn(sum ^ *s * p5, 11) * p1;
	sum = (sum ^ sum >> 33) * p2;
	sum = (sum ^ sum >> 29) * p3;
	return sum ^ sum >> 32;
}

uint64_t
hash_of(uint64_t seed, const void *data, size_t n)
{
	struct hash h;

	hash_init(&h, seed);
	hash_add(&h, data, n);
	return hash_end(&h);
}
