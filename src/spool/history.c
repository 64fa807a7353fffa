/* Writing; reading is in history_read.c. */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "entry.h"
#include "error.h"
#include "header.h"
#include "io.h"
#include "spool.h"
#include "state.h"
#include "strbuf.h"
#include "text.h"

#define VALUE_MAX 512 /* octets of one value */
#define TAIL_MAX  (3 * (VALUE_MAX + 32))

static const char *const names[] = {
	[HISTORY_QUEUED] = "queued",
	[HISTORY_ATTEMPT] = "attempt",
	[HISTORY_SENT] = "sent",
	[HISTORY_FAILED] = "failed",
	[HISTORY_HELD] = "held",
	[HISTORY_RELEASED] = "released",
	[HISTORY_REMOVED] = "removed",
	[HISTORY_RETRIED] = "retried",
	[HISTORY_BOUNCED] = "bounced",
	[HISTORY_WARNED] = "warned",
	[HISTORY_EXPIRED] = "expired",
	[HISTORY_UNCERTAIN] = "uncertain",
	[HISTORY_DROPPED] = "dropped",
	[HISTORY_DAMAGED] = "damaged",
};
_Static_assert(sizeof(names) / sizeof(*names) == HISTORY_COUNT, "one name per event");

const char *
history_name(enum history_event event)
{
	return names[event];
}

static void
add_head(struct strbuf *out, const struct history_record *r)
{
	clock_add_rfc3339(out, r->when);
	strbuf_addf(out, " event=%s", names[r->event]);
	if (r->id && *r->id)
		strbuf_addf(out, " id=%s", r->id);
	strbuf_addf(out, " uid=%lu", (unsigned long)r->uid);
	text_add_pair(out, "account", r->account, VALUE_MAX);
	text_add_pair(out, "message_id", r->message_id, VALUE_MAX);
	if (r->envelope)
		address_add_pair(out, "from", &r->envelope->sender, VALUE_MAX);
}

static void
add_recipient(struct strbuf *out, const struct recipient *r)
{
	const char *text = r->words && *r->words ? r->words : r->why ? r->why->text : NULL;
	char enhanced[16];

	address_add_pair(out, "to", &r->address, VALUE_MAX);
	strbuf_addf(out, " outcome=%s", outcome_name(r->outcome));
	if (r->code)
		strbuf_addf(out, " code=%d", r->code);
	if (*enhanced_print(r->enhanced, enhanced))
		strbuf_addf(out, " enhanced=%s", enhanced);
	if (r->outcome != OUTCOME_PENDING)
		text_add_pair(out, "text", text, VALUE_MAX);
}

static void
add_tail(struct strbuf *out, const struct history_record *r, size_t left_out)
{
	text_add_pair(out, "host", r->host, VALUE_MAX);
	text_add_pair(out, "queue_id", r->queue_id, VALUE_MAX);
	text_add_pair(out, "note", r->text, VALUE_MAX);
	if (left_out)
		strbuf_addf(out, " left_out=%zu", left_out);
	strbuf_addc(out, '\n');
}

/* Writes the lines of one event: each has all that belongs to the message. */
static bool
write_lines(int fd, const struct history_record *r)
{
	const size_t count = r->envelope ? r->envelope->count : 0;
	struct strbuf line = STRBUF_INIT(HISTORY_LINE);
	size_t i = 0, head, keep;
	bool good = true;

	add_head(&line, r);
	head = line.len;
	for (unsigned n = 0; good && (!n || i < count) && n < HISTORY_MORE; n++) {
		strbuf_truncate(&line, head);
		for (; i < count; i++) {
			keep = line.len;
			add_recipient(&line, &r->envelope->recipients[i]);
			if (line.len <= HISTORY_LINE - TAIL_MAX && !line.full)
				continue;
			strbuf_truncate(&line, keep);
			line.full = false;
			break;
		}
		add_tail(&line, r, n + 1 == HISTORY_MORE ? count - i : 0);
		good = io_write_full(fd, line.s, line.len);
	}
	strbuf_done(&line);
	return good;
}

/* Moves the files on when FD has grown too large. Readers hold a shared lock while they open them.
 */
static void
rotate(int dir, int fd)
{
	struct stat st, named;

	if (fstat(fd, &st) != 0 || st.st_size < HISTORY_SIZE || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return;
	/* somebody else may have been faster */
	if (fstatat(dir, HISTORY_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		named.st_ino == st.st_ino && named.st_dev == st.st_dev) {
		(void)renameat(dir, HISTORY_NAME ".1", dir, HISTORY_NAME ".2");
		(void)renameat(dir, HISTORY_NAME, dir, HISTORY_NAME ".1");
	}
	(void)flock(fd, LOCK_UN);
}

bool
history_add(struct spool *s, const struct history_record *r, struct error *err)
{
	int dir = state_directory(s, NULL, err), fd;
	bool good = false;

	if (dir < 0)
		return false;
	fd = state_open(dir, HISTORY_NAME, O_WRONLY | O_APPEND | O_CREAT);
	if (fd >= 0) {
		good = write_lines(fd, r);
		rotate(dir, fd);
	}
	if (!good)
		error_sys(err, FAULT_TEMPORARY, errno, "unable to write the history");
	if (fd >= 0)
		close(fd);
	close(dir);
	return good;
}

void
history_of_entry(struct history_record *r, const struct entry *e, char *id, size_t size)
{
	const struct strbuf *block = &e->message.header;
	struct strbuf value = STRBUF_INIT(4096);
	struct header_field f;
	size_t pos = 0;

	r->id = e->id;
	r->uid = e->uid;
	r->account = e->account;
	r->envelope = &e->envelope;
	r->message_id = NULL;
	if (header_find(block->s, block->len, &pos, "Message-ID", &f)) {
		header_add_unfolded(&value, &f);
		text_printable(id, size, value.s, value.len);
		r->message_id = id;
	}
	strbuf_done(&value);
}
