/* Messages from and to strings, for tests. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "intake.h"
#include "message.h"
#include "strbuf.h"

static const struct message_reading as_it_is;

/* Fills M (uninitialised before). */
static void __attribute__((unused)) message_from(struct message *m, const char *s, size_t n)
{
	struct intake in;
	struct error err = ERROR_NONE;

	message_init(m);
	intake_init(&in, m, &as_it_is);
	if (!intake_feed(&in, s, n, &err) || !intake_finish(&in, &err))
		abort();
	intake_done(&in);
}

/* OUT becomes the whole message. */
static void __attribute__((unused)) message_to(const struct message *m, struct strbuf *out)
{
	struct message_reader r;
	struct error err = ERROR_NONE;
	ssize_t got;

	strbuf_clear(out);
	message_reader_init(&r, m);
	while ((got = message_reader_get(&r, strbuf_reserve(out, 65536), 65536, &err)) > 0)
		strbuf_advance(out, (size_t)got);
	if (got < 0)
		abort();
}
