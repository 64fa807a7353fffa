/* Finds out how a server answers a BDAT that it refuses: once, as RFC 3030 section 2 wants it, or
 * taking the octets behind it for commands. Only a server of the first kind may get content before
 * it has taken a recipient. */
#include <string.h>

#include "clock.h"
#include "session_state.h"

#define LEARN_MS    (10 * CLOCK_SECOND) /* for all the replies */
#define REPLIES_MAX 6

/* Outside a transaction, so that it must be refused; the octets are a command that does nothing.
 * What follows shows where the server is then. */
#define PROBE "BDAT 6 LAST\r\nNOOP\r\nRSET\r\nQUIT\r\n"

bool
wire_link_learns(struct wire_link *l)
{
	const struct session *s = &l->session;

	return l->open && l->settings->memory && !l->settings->lmtp &&
	       l->settings->pipelining == WIRE_PIPELINING_AUTO && s->known_usable &&
	       s->known.bdat == KNOWN_NOTHING && s->capability.chunking && flight_pipelines(s) &&
	       s->transactions && !s->in_transaction && wire_link_is_open(l);
}

int
wire_link_socket(const struct wire_link *l)
{
	return l->open ? l->session.stream.fd : -1;
}

void
wire_link_abandon(struct wire_link *l)
{
	if (l->open) {
		l->session.greeted = false;
		session_end(&l->session);
	}
	l->open = false;
}

/* The codes of all replies up to that to QUIT, or to the end. Returns how many. */
static size_t
ask(struct session *s, int codes[REPLIES_MAX])
{
	int64_t deadline = clock_in(LEARN_MS);
	size_t n = 0;

	if (!stream_write(&s->stream, PROBE, strlen(PROBE), deadline, NULL) ||
		!stream_flush(&s->stream, deadline, NULL))
		return 0;
	while (n < REPLIES_MAX && flight_reply(s, VERB_QUIT, deadline, NULL)) {
		codes[n++] = s->reply.code;
		if (s->reply.code == 221)
			break;
	}
	return n;
}

void
wire_link_learn(struct wire_link *l)
{
	struct session *s = &l->session;
	int codes[REPLIES_MAX];
	size_t n;

	if (!l->open)
		return;
	n = ask(s, codes);
	known_note_bdat(s, n == 3 && codes[0] / 100 == 5 && codes[1] / 100 == 2 && codes[2] == 221
				   ? KNOWN_IN_STEP
				   : KNOWN_OUT_OF_STEP);
}
