/* SHA-256 (FIPS 180-4): names for files that are made of words from outside, checksums of small
 * files, and ids that follow from others. The spool has no secrets: nothing here is keyed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX  65 /* octets of the text with its NUL */

struct digest {
	uint32_t state[8];
	uint64_t size; /* octets so far */
	unsigned char block[64];
};
void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t n);
void digest_end(struct digest *d, unsigned char ret[DIGEST_SIZE]);

/* Of N octets, as lower-case hexadecimal text. */
void digest_hex(const void *data, size_t n, char ret[DIGEST_HEX]);
