#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "entry_private.h"
#include "error.h"
#include "hash.h"
#include "io.h"

#define FIRST (16 << 10)  /* octets of the first read: most messages are in it whole */
#define PIECE (256 << 10) /* of a body */

/* A file of which the first octets are here already. */
struct source {
	int fd;
	uint64_t size;
	char *first; /* FIRST octets */
	size_t have;
};

/* Copies N octets at OFFSET, which are inside of the file as it was. */
static bool
get_octets(const struct source *f, uint64_t offset, char *out, size_t n, struct error *err)
{
	ssize_t got;

	if (offset + n <= f->have) {
		memcpy(out, f->first + offset, n);
		return true;
	}
	got = io_pread_full(f->fd, out, n, offset);
	if (got < 0)
		return error_sys(err, FAULT_IO, errno, "unable to read the entry");
	if ((size_t)got < n)
		return error_set(err, FAULT_DATA, "it became shorter while it was read");
	return true;
}

/* The sum of the N octets at OFFSET. */
static bool
sum_octets(const struct source *f, uint64_t offset, uint64_t n, uint64_t *ret, struct error *err)
{
	size_t part = n < PIECE ? (size_t)n : PIECE;
	char *piece = xmalloc(part + 1);
	bool good = true;
	struct hash h;

	hash_init(&h, 0);
	for (; good && n; offset += part, n -= part) {
		if (part > n)
			part = (size_t)n;
		good = get_octets(f, offset, piece, part, err);
		hash_add(&h, piece, part);
	}
	free(piece);
	*ret = hash_end(&h);
	return good;
}

static bool
check_sum(uint64_t got, uint64_t want, const char *what, struct error *err)
{
	if (got == want)
		return true;
	return error_set(err, FAULT_DATA, "the checksum of its %s is wrong", what);
}

/* What knows no wishes must not lose any. */
static bool
check_version(const struct entry_block *b, const struct envelope *v, struct error *err)
{
	if (wishes_are_there(&v->wishes) == (b->version == ENTRY_VERSION_WISHES))
		return true;
	return error_set(err, FAULT_DATA, "its version and its envelope do not belong together");
}

/* Envelope and trailer lie together at the end. */
static bool
read_end(const struct source *f, const struct entry_block *b, struct entry *e, struct error *err)
{
	uint64_t at = ENTRY_BLOCK + b->body + b->header, trailer = f->size - at - b->envelope;
	size_t of_trailer = trailer < ENTRY_TRAILER ? (size_t)trailer : ENTRY_TRAILER, used;
	size_t n = b->envelope + of_trailer;
	char *s = xmalloc(n + 1);
	bool good;

	good = get_octets(f, at, s, n, err) &&
	       check_sum(hash_of(0, s, b->envelope), b->envelope_sum, "envelope", err) &&
	       entry_envelope_read(s, b->envelope, &e->envelope, err) &&
	       check_version(b, &e->envelope, err) &&
	       entry_trailer_read(e, s + b->envelope, of_trailer, b->sum, &used, err);
	if (good) {
		e->begin = at + b->envelope;
		e->trailer = e->begin + used;
	}
	free(s);
	return good;
}

static bool
read_message(
	const struct source *f, const struct entry_block *b, struct message *m, struct error *err)
{
	char *room = strbuf_reserve(&m->header, b->header);
	uint64_t sum;

	if (!get_octets(f, ENTRY_BLOCK + b->body, room, b->header, err) ||
		!check_sum(hash_of(0, room, b->header), b->header_sum, "header", err))
		return false;
	strbuf_advance(&m->header, b->header);
	message_update_header_facts(m);
	return sum_octets(f, ENTRY_BLOCK, b->body, &sum, err) &&
	       check_sum(sum, b->body_sum, "body", err);
}

static bool
read_all(struct source *f, enum entry_depth what, struct entry *e, struct error *err)
{
	struct entry_block b;
	ssize_t got;

	got = io_pread_full(f->fd, f->first, f->size < FIRST ? (size_t)f->size : FIRST, 0);
	if (got < 0)
		return error_sys(err, FAULT_IO, errno, "unable to read the entry");
	f->have = (size_t)got;
	if (f->have < ENTRY_BLOCK)
		return error_set(err, FAULT_DATA, "it is too short for an entry");
	if (!entry_block_read(f->first, &b, e, err))
		return false;
	if (ENTRY_BLOCK + b.body + b.header + b.envelope > f->size)
		return error_set(err, FAULT_DATA, "it is shorter than it says");
	e->octets = b.header + 2 + b.body;
	if (!read_end(f, &b, e, err))
		return false;
	e->message.fd = f->fd;
	e->message.borrowed = true;
	e->message.base = ENTRY_BLOCK;
	return what == ENTRY_FACTS || read_message(f, &b, &e->message, err);
}

bool
entry_read(int fd, enum entry_depth what, struct entry *ret, struct error *err)
{
	struct source f = { .fd = fd };
	struct stat st;
	bool good;

	*ret = (struct entry)ENTRY_NONE;
	ret->fd = fd;
	if (fstat(fd, &st) != 0)
		return error_sys(err, FAULT_IO, errno, "unable to look at the entry");
	if (!S_ISREG(st.st_mode))
		return error_set(err, FAULT_DATA, "it is no regular file");
	f.size = ret->size = (uint64_t)st.st_size;
	ret->due = st.st_mtim.tv_sec;
	f.first = xmalloc(FIRST);
	good = read_all(&f, what, ret, err);
	free(f.first);
	return good;
}
