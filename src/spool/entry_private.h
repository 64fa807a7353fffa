/* What the rooms of entry share, and spool's knows of it. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "entry.h"
#include "strbuf.h"

#define ENTRY_VERSION        1
#define ENTRY_VERSION_WISHES 2 /* its envelope has wishes: that of others has none */

#define ENTRY_TIME_MAX (1LL << 40) /* seconds either side of 1970 that are a time */

/* Little-endian numbers at any place. */
static inline void
put16(char *at, unsigned value)
{
	uint16_t x = htole16((uint16_t)value);

	memcpy(at, &x, sizeof(x));
}

static inline void
put32(char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static inline void
put64(char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static inline unsigned
get16(const char *at)
{
	uint16_t x;

	memcpy(&x, at, sizeof(x));
	return le16toh(x);
}

static inline uint32_t
get32(const char *at)
{
	uint32_t x;

	memcpy(&x, at, sizeof(x));
	return le32toh(x);
}

static inline uint64_t
get64(const char *at)
{
	uint64_t x;

	memcpy(&x, at, sizeof(x));
	return le64toh(x);
}

/* The block, read. */
struct entry_block {
	uint32_t version;
	uint64_t body, body_sum;
	uint32_t header, envelope;
	uint64_t header_sum, envelope_sum;
	uint64_t print; /* of body, header and envelope */
	uint64_t sum;   /* of the block itself; the trailer's chain starts here */
};

/* Writes the block of E and of MESSAGE's facts; *B has all but the sum, which is set. FAULT_DATA
 * for an account or times that cannot be. */
bool entry_block_write(char out[ENTRY_BLOCK], const struct entry *e, const struct message_facts *f,
	struct entry_block *b, struct error *err) __attribute__((warn_unused_result));
/* Reads it into *B, and what it says into *E; lengths are not compared with the file's. FAULT_DATA.
 */
bool entry_block_read(const char in[ENTRY_BLOCK], struct entry_block *b, struct entry *e,
	struct error *err) __attribute__((warn_unused_result));

/* The envelope as text, without outcomes. Both refuse with FAULT_DATA what an envelope cannot have.
 */
bool entry_envelope_write(struct strbuf *out, const struct envelope *v, struct error *err)
	__attribute__((warn_unused_result));
/* *RET is empty before. */
bool entry_envelope_read(const char *s, size_t n, struct envelope *ret, struct error *err)
	__attribute__((warn_unused_result));

/* Appends the records that entry_append describes to OUT, a trailer of ROOM octets at most, and
 * moves *CHAIN on. False if there is no room. */
bool entry_trailer_write(struct strbuf *out, const struct entry *e, const struct envelope *v,
	const enum outcome *noted, int64_t when, uint64_t *chain)
	__attribute__((warn_unused_result));
/* Takes in the records at S, of which the first goes on from CHAIN: sets what *E has from its
 * trailer, and how many octets were intact. E->envelope is there already. FAULT_DATA for an intact
 * record that says what cannot be. */
bool entry_trailer_read(struct entry *e, const char *s, size_t n, uint64_t chain, size_t *ret_used,
	struct error *err) __attribute__((warn_unused_result));

/* The times that futimens takes for an entry that is due then. */
void entry_set_due(struct timespec times[2], int64_t due);
