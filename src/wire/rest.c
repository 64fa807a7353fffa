/* An open connection while it carries nothing: what a process that keeps it does with it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "session_state.h"

/* For each reply; a server that needs longer is not asked again. */
#define PROOF_MS (30 * CLOCK_SECOND)

/* When the network takes nothing for so long, the connection has died while nobody looked. */
#define DEAD_MS (60 * CLOCK_SECOND)

bool
link_has_address(const struct wire_link *l)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(a);
	bool gone;
	int fd;

	if (getsockname(l->session.stream.fd, (struct sockaddr *)&a, &n))
		return false;
	if (a.ss_family == AF_INET)
		((struct sockaddr_in *)&a)->sin_port = 0;
	else if (a.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a)->sin6_port = 0;
	else
		return true;
	fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	gone = fd >= 0 && bind(fd, (struct sockaddr *)&a, n) &&
	       (errno == EADDRNOTAVAIL || errno == ENODEV);
	if (fd >= 0)
		close(fd);
	return !gone;
}

void
wire_link_forget(struct wire_link *l)
{
	sasl_done(&l->session.sasl);
	strbuf_done(&l->session.response);
	if (l->tls)
		tls_context_forget(l->tls);
}

const struct wire_report *
wire_link_facts(const struct wire_link *l)
{
	return &l->facts;
}

void
wire_link_cut(struct wire_link *l)
{
	shutdown(l->session.stream.fd, SHUT_RDWR);
}

/* The reply's class, 0 without one. */
static int
next_class(struct session *s, enum verb verb)
{
	return flight_reply(s, verb, clock_in(PROOF_MS), NULL) ? reply_class(&s->reply) : 0;
}

/* Should the octets be taken for a command it is QUIT, whose reply is no other's. */
static const char question[] = "BDAT 6 LAST\r\nQUIT\r\nRSET\r\n";

void
wire_link_prove(struct wire_link *l)
{
	const unsigned dead = DEAD_MS;
	struct session *s = &l->session;
	bool proven;

	(void)!setsockopt(s->stream.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof(dead));
	if (!wire_link_is_open(l) || s->known.bdat != KNOWN_NOTHING || s->settings->lmtp ||
		!s->capability.chunking || !flight_pipelines(s) ||
		s->settings->pipelining != WIRE_PIPELINING_AUTO)
		return;
	proven = stream_write(&s->stream, question, strlen(question), clock_in(PROOF_MS), NULL) &&
		 stream_flush(&s->stream, clock_in(PROOF_MS), NULL) &&
		 next_class(s, VERB_BDAT) == 5 && next_class(s, VERB_RSET) == 2 &&
		 s->reply.code != 221;
	s->stream.turns = 0;
	s->answered = clock_age_ms();
	s->known.bdat = proven ? KNOWN_IN_STEP : KNOWN_OUT_OF_STEP;
	known_note_bdat(s, s->known.bdat);
	s->greeted = proven;
	s->in_transaction = false;
}
