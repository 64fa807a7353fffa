#include <stdlib.h>

#include "alloc.h"
#include "intake.h"
#include "message.h"

#define PIECE (64 << 10)

bool
message_read_anew(const struct message *m, const char *directory, uint64_t base,
	struct message *ret, struct error *err)
{
	const struct message_reading how = { .directory = directory };
	struct message_reader r;
	struct intake in;
	char *piece = xmalloc(PIECE);
	ssize_t got;
	bool good;

	ret->base = base;
	intake_init(&in, ret, &how);
	message_reader_init(&r, m);
	do {
		got = message_reader_get(&r, piece, PIECE, err);
		good = got >= 0 && intake_feed(&in, piece, (size_t)got, err);
	} while (good && got);
	good = good && intake_finish(&in, err);
	intake_done(&in);
	free(piece);
	ret->facts.headerless = m->facts.headerless;
	ret->facts.empty_input = m->facts.empty_input;
	ret->facts.nul_removed += m->facts.nul_removed;
	ret->facts.cr_changed += m->facts.cr_changed;
	/* it was the caller's, who may not outlive the message */
	ret->directory = NULL;
	return good;
}
