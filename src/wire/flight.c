#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "session_state.h"
#include "text.h"
#include "verdict.h"

/* How long the reply behind a pipelined AUTH may take before we suspect a proxy that dropped the
 * commands after it. */
#define AFTER_AUTH_MS (10 * CLOCK_SECOND)

/* How long the first reply may take on a connection that has rested, before another one is made: it
 * may lead nowhere any more. */
#define RESUMED_MS (10 * CLOCK_SECOND)

/* Commands in flight at once: their replies must fit into what the stream keeps. */
#define FLIGHT_MAX 1000

int64_t
wire_deadline(const struct wire_settings *settings)
{
	return settings->budget ? clock_sooner(settings->deadline, settings->budget)
				: settings->deadline;
}

int64_t
session_deadline(const struct session *s, int64_t ms)
{
	return clock_sooner(clock_in(ms),
		s->tx.content_begun ? s->settings->deadline : wire_deadline(s->settings));
}

void
session_trace(struct session *s, enum wire_trace kind, const char *text, size_t n)
{
	if (s->settings->trace)
		s->settings->trace(s->settings->trace_ctx, kind, text, n);
}

void
session_note(struct session *s, const char *format, ...)
{
	struct strbuf note = STRBUF_INIT(WIRE_NOTES);
	va_list ap;

	va_start(ap, format);
	strbuf_vaddf(&note, format, ap);
	va_end(ap);
	session_trace(s, WIRE_TRACE_NOTE, note.s, note.len);
	strbuf_addc(&note, '\n');
	/* a second connection or transaction has the same things to say */
	if (!strstr(s->report->notes.s, note.s))
		strbuf_add(&s->report->notes, note.s, note.len);
	strbuf_done(&note);
}

void
session_progress(struct session *s, enum wire_mark mark)
{
	if (s->progress)
		s->progress(s->progress_ctx, mark);
}

void
session_phase(struct session *s, enum wire_phase phase, int64_t *since)
{
	int64_t now = clock_ms();

	s->report->ms[phase] += now - *since;
	*since = now;
}

bool
flight_pipelines(const struct session *s)
{
	return s->capability.pipelining && !s->lockstep;
}

bool
flight_refused(struct session *s, enum verb verb, struct error *err, const char *format, ...)
{
	char what[400], words[512], code[16];
	struct error refusal = ERROR_NONE;
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	reply_words(&s->reply, words, sizeof(words));
	enhanced_print(s->reply.enhanced, code);
	error_at(&refusal, verbs[verb].stage,
		verdict(verbs[verb].stage, s->reply.code, s->reply.enhanced), "%s: %d%s%s%s%s",
		what, s->reply.code, *code ? " " : "", code, *words ? " " : "", words);
	refusal.smtp = s->reply.code;
	refusal.code = s->reply.enhanced;
	memcpy(refusal.words, words, sizeof(refusal.words));
	if (err && !err->fault)
		*err = refusal;
	return false;
}

static void
trace_reply_line(struct session *s, const char *line, size_t n)
{
	session_trace(s, WIRE_TRACE_RECEIVED, line, n);
}

/* Reads on until the reply that was begun is complete. */
static bool
finish_reply(struct session *s, enum verb verb, int64_t deadline, struct error *err)
{
	const char *line;
	bool complete = false;
	size_t n;

	while (!complete) {
		if (!stream_line(&s->stream, deadline, &line, &n, err))
			break;
		trace_reply_line(s, line, n);
		if (!reply_feed(&s->reply, line, n, &complete, err))
			break;
	}
	if (complete)
		return true;
	/* what TLS says has nothing to do with the command */
	if (err && err->stage == STAGE_TLS && err->fault == FAULT_PERMISSION)
		return false;
	if (err && err->stage == STAGE_NONE)
		err->stage = verbs[verb].stage;
	return error_prefix(err, "no reply to %s", verbs[verb].name);
}

bool
flight_reply(struct session *s, enum verb verb, int64_t deadline, struct error *err)
{
	reply_clear(&s->reply);
	return finish_reply(s, verb, deadline, err);
}

static void
queue_put(struct session *s, enum verb verb, size_t argument)
{
	struct in_flight *grown;

	if (s->queue_count == s->queue_size) {
		grown = xcalloc(s->queue_size * 2 + 16, sizeof(*grown));
		for (size_t i = 0; i < s->queue_count; i++)
			grown[i] = s->queue[(s->queue_head + i) % s->queue_size];
		free(s->queue);
		s->queue = grown;
		s->queue_size = s->queue_size * 2 + 16;
		s->queue_head = 0;
	}
	s->queue[(s->queue_head + s->queue_count++) % s->queue_size] =
		(struct in_flight){ verb, argument };
}

/* Waits for the reply to the command at the head, with the shorter patience behind AUTH and on a
 * connection that has rested. */
static bool
await(struct session *s, enum verb verb, struct error *err)
{
	int64_t deadline = session_deadline(s, verbs[verb].timeout);
	int64_t suspect = clock_in(AFTER_AUTH_MS);
	struct error late = ERROR_NONE;

	if (s->resumed && !s->tx.content_begun)
		deadline = clock_sooner(deadline, clock_in(RESUMED_MS));
	if (!s->after_auth || s->tx.content_begun || suspect >= deadline)
		return flight_reply(s, verb, deadline, err);
	if (flight_reply(s, verb, suspect, &late))
		return true;
	if (late.fault == FAULT_TEMPORARY && clock_left(suspect) == 0 && !s->stream.ended &&
		!s->stream.reset) {
		if (s->reply.lines)
			return finish_reply(s, verb, deadline, err);
		s->wants_lockstep = true;
		session_note(s, "nothing followed the reply to AUTH: trying again in lockstep");
	}
	if (err && !err->fault)
		*err = late;
	return false;
}

/* A reply that ends the connection whatever the command was (RFC 5321 3.8). */
static bool
closing(struct session *s, enum verb verb, struct error *err)
{
	if (s->reply.code != 421)
		return error_at(err, verbs[verb].stage, FAULT_TEMPORARY, "%s closes the connection",
			s->host);
	return flight_refused(s, verb, err, "%s closes the connection", s->host);
}

static enum move
take_head(struct session *s, struct in_flight head, struct error *err)
{
	enum move move;

	if (s->reply.code == 421)
		s->goodbye = true;
	/* when content is in flight its reply is waited for nevertheless: should the server have
	 * taken it, a second copy must not leave */
	if (s->reply.code == 421 && !s->tx.content_sent) {
		closing(s, head.verb, err);
		return MOVE_LOST;
	}
	move = verbs[head.verb].take(s, head.argument, err);
	if (s->goodbye && ((move == MOVE_ON && !s->queue_count) ||
				  (move == MOVE_MORE && !stream_has_input(&s->stream)))) {
		closing(s, head.verb, err);
		return MOVE_LOST;
	}
	return move;
}

/* The command stays at the head: there is another reply to it. */
static void
queue_put_back(struct session *s)
{
	s->queue_head = (s->queue_head + s->queue_size - 1) % s->queue_size;
	s->queue_count++;
}

/* Takes the replies of all commands in flight. With LOST set writing has failed already: the server
 * may have said why before it closed, so only what has arrived is read. */
static bool
take_replies(struct session *s, struct error *lost, struct error *err)
{
	struct in_flight head;
	bool good;

	while (s->queue_count) {
		head = s->queue[s->queue_head];
		good = lost->fault ? flight_reply(s, head.verb, clock_ms(), NULL)
				   : await(s, head.verb, err);
		if (!good) {
			s->greeted = false;
			return false;
		}
		s->queue_head = (s->queue_head + 1) % s->queue_size;
		s->queue_count--;
		s->after_auth = s->resumed = false;
		switch (take_head(s, head, err)) {
		case MOVE_ON:
			break;
		case MOVE_MORE:
			queue_put_back(s);
			break;
		case MOVE_QUIT:
			/* QUIT is for a connection that is in step */
			s->greeted = s->greeted && !s->queue_count;
			return false;
		case MOVE_LOST:
			s->greeted = false;
			return false;
		}
	}
	return !lost->fault;
}

static bool
drain(struct session *s, struct error *lost, struct error *err)
{
	if (lost->fault)
		/* the peer cannot have got the end of what we wrote */
		s->tx.content_sent = false;
	if (take_replies(s, lost, err))
		return true;
	s->greeted = s->greeted && !lost->fault;
	if (lost->fault && !s->queue_count && s->tx.answered)
		return true; /* the server had decided before the connection broke */
	if (err && !err->fault) {
		*err = *lost;
		err->stage =
			s->queue_count ? verbs[s->queue[s->queue_head].verb].stage : STAGE_BODY;
		if (s->tx.content_begun)
			err->stage = STAGE_BODY;
	}
	return false;
}

bool
flight_drain(struct session *s, struct error *err)
{
	struct error lost = ERROR_NONE;

	(void)!stream_flush(&s->stream, session_deadline(s, 3 * CLOCK_MINUTE), &lost);
	return drain(s, &lost, err);
}

/* With nothing in flight nothing may wait to be read: it would be taken for the reply to the next
 * command. A server that gives up says so, though. */
static bool
in_step(struct session *s, enum verb verb, struct error *err)
{
	struct error broken = ERROR_NONE;

	if (s->queue_count || verb == VERB_GREETING || !stream_has_input(&s->stream))
		return true;
	s->greeted = false;
	if (!flight_reply(s, verb, clock_ms(), &broken) || reply_class(&s->reply) < 4)
		return error_at(err, verbs[verb].stage, FAULT_PROTOCOL,
			"%s spoke before it was asked", s->host);
	s->goodbye = true;
	return flight_refused(
		s, verb, err, "%s spoke before %s was sent", s->host, verbs[verb].name);
}

bool
flight_push(struct session *s, enum verb verb, size_t argument, struct error *err)
{
	struct error failed = ERROR_NONE;

	if (!in_step(s, verb, err))
		return false;
	if (!verbs[verb].write(s, argument, &failed)) {
		if (failed.fault == FAULT_TEMPORARY) {
			queue_put(s, verb, argument);
			return drain(s, &failed, err);
		}
		s->greeted = s->greeted && !s->queue_count && !s->tx.content_begun;
		if (err && !err->fault)
			*err = failed;
		return false;
	}
	queue_put(s, verb, argument);
	if ((verbs[verb].ahead || (s->early && verb <= VERB_EHLO)) && flight_pipelines(s) &&
		s->queue_count < FLIGHT_MAX)
		return true;
	return flight_drain(s, err);
}
