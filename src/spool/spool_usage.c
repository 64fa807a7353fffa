#include "spool_usage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "entry_private.h"
#include "io.h"
#include "spool.h"

void
usage_done(struct usage *u)
{
	free(u->rows);
	*u = (struct usage){ .n = 0 };
}

/* Where UID is, or could be put. ROOM is a power of two and never full. */
static struct usage_row *
find(struct usage_row *rows, size_t room, uid_t uid)
{
	size_t i = (uid * 0x9e3779b1u) & (room - 1);

	while (rows[i].used && rows[i].uid != uid)
		i = (i + 1) & (room - 1);
	return &rows[i];
}

static void
grow(struct usage *u)
{
	size_t room = u->room ? u->room * 2 : 16;
	struct usage_row *rows = xcalloc(room, sizeof(*rows));

	for (size_t i = 0; i < u->room; i++)
		if (u->rows[i].used)
			*find(rows, room, u->rows[i].uid) = u->rows[i];
	free(u->rows);
	u->rows = rows;
	u->room = room;
}

struct usage_row *
usage_of(struct usage *u, uid_t uid)
{
	struct usage_row *row;

	if (u->n * 2 >= u->room)
		grow(u);
	row = find(u->rows, u->room, uid);
	if (!row->used) {
		*row = (struct usage_row){ .uid = uid, .used = true };
		u->n++;
	}
	return row;
}

struct counting {
	struct usage *u;
	struct spool *s;
};

static bool
count_entry(void *ctx, const char *id)
{
	struct counting *c = ctx;
	int fd = openat(c->s->queue, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct entry e = ENTRY_NONE;
	struct entry_block b;
	char block[ENTRY_BLOCK];
	struct usage_row *row;

	if (fd < 0)
		return true;
	if (io_pread_full(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) &&
		entry_block_read(block, &b, &e, NULL)) {
		row = usage_of(c->u, e.uid);
		row->messages++;
		row->octets += b.body + b.header;
	}
	close(fd);
	return true;
}

bool
usage_count(struct usage *u, struct spool *s, struct error *err)
{
	struct counting c = { u, s };

	return spool_names(s, false, count_entry, &c, err);
}
