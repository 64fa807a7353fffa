#include "entry.h"

#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "entry_private.h"
#include "error.h"
#include "hash.h"
#include "text.h"

#define MAGIC     "sendoff\n"
#define DERIVED   'z' /* in place of the first random character */
#define TIME_PART 7   /* characters: enough for 2,400 years */

/* Where things stand in the block; what is between and behind them is zero. */
enum {
	AT_VERSION = 8,
	AT_FLAGS = 12,
	AT_BODY = 16,
	AT_HEADER = 24,
	AT_ENVELOPE = 28,
	AT_CREATED = 32,
	AT_NOT_BEFORE = 40,
	AT_LIFETIME = 48,
	AT_UID = 56,
	AT_BODY_SUM = 64,
	AT_HEADER_SUM = 72,
	AT_ENVELOPE_SUM = 80,
	AT_LONGEST_LINE = 88,
	AT_NUL_REMOVED = 96,
	AT_CR_CHANGED = 104,
	AT_ACCOUNT = 128,
	AT_END = AT_ACCOUNT + ENTRY_ACCOUNT,
	AT_SUM = ENTRY_BLOCK - 8
};

enum { FLAG_NOTIFY_ERROR = 1, FLAG_8BIT = 2, FLAG_HEADERLESS = 4, FLAG_EMPTY = 8, FLAGS = 15 };

void
entry_done(struct entry *e)
{
	envelope_done(&e->envelope);
	message_done(&e->message);
	if (e->fd >= 0)
		close(e->fd);
	*e = (struct entry)ENTRY_NONE;
}

static void
put_base36(char *at, size_t n, uint64_t value)
{
	while (n--) {
		at[n] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
		value /= 36;
	}
}

void
entry_new_id(char id[ENTRY_ID + 1], int64_t when)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint64_t)clock_ms() << 20 ^ (uint64_t)getpid();
	put_base36(id, TIME_PART, when > 0 ? (uint64_t)when : 0);
	put_base36(id + TIME_PART, ENTRY_ID - TIME_PART, random);
	if (id[TIME_PART] == DERIVED)
		id[TIME_PART] = 'y';
	id[ENTRY_ID] = '\0';
}

void
entry_derive_id(char id[ENTRY_ID + 1], const char *from, const char *purpose)
{
	uint64_t sum = hash_of(hash_of(0, purpose, strlen(purpose)), from, strlen(from));

	put_base36(id + TIME_PART, ENTRY_ID - TIME_PART, sum);
	if (entry_is_id(from))
		memcpy(id, from, TIME_PART);
	else
		put_base36(id, TIME_PART, sum >> 32);
	id[TIME_PART] = DERIVED;
	id[ENTRY_ID] = '\0';
}

bool
entry_is_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");

	return n == ENTRY_ID && !s[n];
}

bool
entry_is_derived(const char *id)
{
	return entry_is_id(id) && id[TIME_PART] == DERIVED;
}

static bool
is_time(int64_t t)
{
	return t >= -ENTRY_TIME_MAX && t <= ENTRY_TIME_MAX;
}

static bool
check_meta(const struct entry *e, struct error *err)
{
	size_t n = strnlen(e->account, ENTRY_ACCOUNT);

	if (n == ENTRY_ACCOUNT || text_has_control(e->account, n))
		return error_set(err, FAULT_DATA, "the account's name is malformed");
	if (!is_time(e->created) || !is_time(e->not_before) || e->lifetime < 0 ||
		!is_time(e->lifetime))
		return error_set(err, FAULT_DATA, "the times cannot be");
	return true;
}

bool
entry_block_write(char out[ENTRY_BLOCK], const struct entry *e, const struct message_facts *f,
	struct entry_block *b, struct error *err)
{
	if (!check_meta(e, err))
		return false;
	memset(out, 0, ENTRY_BLOCK);
	memcpy(out, MAGIC, sizeof(MAGIC) - 1);
	put32(out + AT_VERSION, b->version);
	put32(out + AT_FLAGS, (e->notify_error ? FLAG_NOTIFY_ERROR : 0u) |
				      (f->body_8bit ? FLAG_8BIT : 0u) |
				      (f->headerless ? FLAG_HEADERLESS : 0u) |
				      (f->empty_input ? FLAG_EMPTY : 0u));
	put64(out + AT_BODY, b->body);
	put32(out + AT_HEADER, b->header);
	put32(out + AT_ENVELOPE, b->envelope);
	put64(out + AT_CREATED, (uint64_t)e->created);
	put64(out + AT_NOT_BEFORE, (uint64_t)e->not_before);
	put64(out + AT_LIFETIME, (uint64_t)e->lifetime);
	put32(out + AT_UID, e->uid);
	put64(out + AT_BODY_SUM, b->body_sum);
	put64(out + AT_HEADER_SUM, b->header_sum);
	put64(out + AT_ENVELOPE_SUM, b->envelope_sum);
	put64(out + AT_LONGEST_LINE, f->longest_line);
	put64(out + AT_NUL_REMOVED, f->nul_removed);
	put64(out + AT_CR_CHANGED, f->cr_changed);
	memcpy(out + AT_ACCOUNT, e->account, strlen(e->account));
	b->sum = hash_of(0, out, AT_SUM);
	b->print = hash_of(0, out + AT_BODY_SUM, AT_LONGEST_LINE - AT_BODY_SUM);
	put64(out + AT_SUM, b->sum);
	return true;
}

static bool
all_zero(const char *s, const char *end)
{
	while (s < end && !*s)
		s++;
	return s == end;
}

/* What no writer of this version leaves. */
static bool
check_block(const char *in, const struct entry_block *b, const struct entry *e, uint32_t flags,
	struct error *err)
{
	if (flags & ~(uint32_t)FLAGS || !all_zero(in + AT_UID + 4, in + AT_BODY_SUM) ||
		!all_zero(in + AT_CR_CHANGED + 8, in + AT_ACCOUNT) ||
		!all_zero(in + AT_ACCOUNT + strnlen(e->account, ENTRY_ACCOUNT), in + AT_SUM))
		return error_set(
			err, FAULT_DATA, "there is something that this version cannot read");
	if (b->body > INT64_MAX / 2 || b->header > e->message.header.cap ||
		b->envelope > ENTRY_ENVELOPE || e->message.facts.longest_line > b->body)
		return error_set(err, FAULT_DATA, "the lengths cannot be");
	return check_meta(e, err);
}

bool
entry_block_read(
	const char in[ENTRY_BLOCK], struct entry_block *b, struct entry *e, struct error *err)
{
	struct message_facts *f = &e->message.facts;
	uint32_t flags = get32(in + AT_FLAGS);

	if (memcmp(in, MAGIC, sizeof(MAGIC) - 1) != 0)
		return error_set(err, FAULT_DATA, "it is no entry of a spool");
	b->sum = get64(in + AT_SUM);
	if (hash_of(0, in, AT_SUM) != b->sum)
		return error_set(err, FAULT_DATA, "the checksum of its first block is wrong");
	b->version = get32(in + AT_VERSION);
	if (b->version != ENTRY_VERSION && b->version != ENTRY_VERSION_WISHES)
		return error_set(
			err, FAULT_DATA, "it has version %u, which is not known", b->version);
	b->body = get64(in + AT_BODY);
	b->header = get32(in + AT_HEADER);
	b->envelope = get32(in + AT_ENVELOPE);
	b->body_sum = get64(in + AT_BODY_SUM);
	b->header_sum = get64(in + AT_HEADER_SUM);
	b->envelope_sum = get64(in + AT_ENVELOPE_SUM);
	e->created = (int64_t)get64(in + AT_CREATED);
	e->not_before = (int64_t)get64(in + AT_NOT_BEFORE);
	e->lifetime = (int64_t)get64(in + AT_LIFETIME);
	e->uid = get32(in + AT_UID);
	memcpy(e->account, in + AT_ACCOUNT, ENTRY_ACCOUNT);
	e->print = b->print = hash_of(0, in + AT_BODY_SUM, AT_LONGEST_LINE - AT_BODY_SUM);
	e->notify_error = flags & FLAG_NOTIFY_ERROR;
	f->body_8bit = flags & FLAG_8BIT;
	f->headerless = flags & FLAG_HEADERLESS;
	f->empty_input = flags & FLAG_EMPTY;
	f->body_size = b->body;
	f->longest_line = get64(in + AT_LONGEST_LINE);
	f->nul_removed = get64(in + AT_NUL_REMOVED);
	f->cr_changed = get64(in + AT_CR_CHANGED);
	return check_block(in, b, e, flags, err);
}
