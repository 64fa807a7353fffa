#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "alloc.h"
#include "entry_private.h"
#include "error.h"
#include "hash.h"
#include "io.h"

#define PIECE (256 << 10)

static bool
cannot_write(struct error *err)
{
	return error_sys(err, FAULT_TEMPORARY, errno, "unable to write the entry");
}

/* Takes the part of the body that is in a file: summed, and copied to FD unless it is there. */
static bool
take_body(int fd, const struct message *m, uint64_t n, bool same, struct hash *h, struct error *err)
{
	char *piece = xmalloc(PIECE);
	bool good = true;
	struct iovec v;
	size_t part;
	ssize_t got;

	for (uint64_t at = 0; good && at < n; at += part) {
		part = n - at < PIECE ? (size_t)(n - at) : PIECE;
		got = io_pread_full(m->fd, piece, part, m->base + at);
		if (got != (ssize_t)part) {
			good = error_sys(err, FAULT_IO, got < 0 ? errno : EIO,
				"unable to read the temporary file");
			break;
		}
		hash_add(h, piece, part);
		v = (struct iovec){ piece, part };
		if (!same && !io_pwritev_full(fd, &v, 1, ENTRY_BLOCK + at))
			good = cannot_write(err);
	}
	free(piece);
	return good;
}

/* True iff there is more to say of it than that it is new. */
static bool
has_history(const struct entry *e, const struct envelope *v)
{
	return envelope_count(v, OUTCOME_PENDING) < v->count || e->state != ENTRY_QUEUED ||
	       e->attempts || e->doubts || e->last || e->held || e->warned || e->bounced;
}

static bool
write_trailer(struct strbuf *out, struct entry *e, const struct envelope *v, struct error *err)
{
	enum outcome *noted;
	bool good;

	if (!has_history(e, v))
		return true;
	noted = xcalloc(v->count, sizeof(*noted)); /* OUTCOME_PENDING is 0 */
	good = entry_trailer_write(out, e, v, noted, e->last ? e->last : e->created, &e->chain);
	free(noted);
	if (!good)
		return error_set(err, FAULT_TEMPORARY, "there is too much to note about it");
	return true;
}

/* Writes all but the body in the file: B tells where. */
static bool
write_rest(int fd, struct entry *e, struct entry_block *b, const struct strbuf *envelope,
	const struct envelope *v, const struct message *m, struct error *err)
{
	struct strbuf trailer = STRBUF_INIT(ENTRY_TRAILER);
	uint64_t in_file = b->body - m->memory.len;
	char block[ENTRY_BLOCK];
	bool good;

	good = entry_block_write(block, e, &m->facts, b, err);
	if (good) {
		e->chain = b->sum;
		e->print = b->print;
		good = write_trailer(&trailer, e, v, err);
	}
	if (good) {
		struct iovec rest[] = { { m->memory.s, m->memory.len },
			{ m->header.s, m->header.len }, { envelope->s, envelope->len },
			{ trailer.s, trailer.len } };
		struct iovec first = { block, sizeof(block) };

		e->begin = ENTRY_BLOCK + b->body + b->header + b->envelope;
		e->trailer = e->begin + trailer.len;
		e->size = e->trailer;
		e->octets = message_size(m);
		good = (io_pwritev_full(fd, rest, 4, ENTRY_BLOCK + in_file) &&
			       io_pwritev_full(fd, &first, 1, 0)) ||
		       cannot_write(err);
	}
	strbuf_done(&trailer);
	return good;
}

bool
entry_write(int fd, struct entry *e, const struct envelope *envelope, const struct message *m,
	bool same, struct error *err)
{
	struct strbuf text = STRBUF_INIT(ENTRY_ENVELOPE);
	struct entry_block b = { .body = m->facts.body_size, .header = (uint32_t)m->header.len };
	struct hash h;
	bool good;

	b.version = wishes_are_there(&envelope->wishes) ? ENTRY_VERSION_WISHES : ENTRY_VERSION;
	hash_init(&h, 0);
	good = entry_envelope_write(&text, envelope, err) &&
	       (b.body == m->memory.len || take_body(fd, m, b.body - m->memory.len, same, &h, err));
	if (good) {
		hash_add(&h, m->memory.s, m->memory.len);
		b.body_sum = hash_end(&h);
		b.header_sum = hash_of(0, m->header.s, m->header.len);
		b.envelope = (uint32_t)text.len;
		b.envelope_sum = hash_of(0, text.s, text.len);
		good = write_rest(fd, e, &b, &text, envelope, m, err);
	}
	strbuf_done(&text);
	return good;
}

/* Seconds as every file system can keep them, or nearly: what is beyond 2038 where that is the end
 * comes back as an earlier time, and the runner looks at not_before. */
void
entry_set_due(struct timespec times[2], int64_t due)
{
	if (due < 0)
		due = 0;
	if (due > ENTRY_TIME_MAX)
		due = ENTRY_TIME_MAX;
	times[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	times[1] = (struct timespec){ .tv_sec = (time_t)due };
}

bool
entry_append(struct entry *e, const enum outcome *noted, int64_t when, struct error *err)
{
	uint64_t used = e->trailer - e->begin, chain = e->chain;
	struct timespec times[2];
	struct strbuf out;
	struct iovec v;
	bool good;

	strbuf_init(&out, used < ENTRY_TRAILER ? (size_t)(ENTRY_TRAILER - used) : 0);
	if (noted)
		e->last = when;
	good = entry_trailer_write(&out, e, &e->envelope, noted, when, &chain);
	if (!good)
		good = error_set(
			err, FAULT_TEMPORARY, "there is no room to note what became of it");
	v = (struct iovec){ out.s, out.len };
	if (good && !io_pwritev_full(e->fd, &v, 1, e->trailer))
		good = error_sys(err, FAULT_TEMPORARY, errno, "unable to note what became of it");
	entry_set_due(times, e->due);
	(void)!futimens(e->fd, times);
	if (good && fdatasync(e->fd) != 0)
		good = error_sys(err, FAULT_IO, errno, "unable to note what became of it durably");
	if (good) {
		e->trailer += out.len;
		e->chain = chain;
		e->since = e->state == ENTRY_HELD ? when : 0;
	}
	strbuf_done(&out);
	return good;
}
