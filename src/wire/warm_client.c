#include <string.h>

#include "clock.h"
#include "warm.h"

/* How long the process may take to take a message up, before it counts as stuck. */
#define READY_MS (5 * CLOCK_SECOND)

/* How long it may then say nothing, and what the content adds at a thousand octets in a second. It
 * holds the deadlines of SMTP itself, and its end is seen at once. */
#define SILENCE_MS  (30 * CLOCK_MINUTE)
#define OCTETS_A_MS 1

/* One message on its way. */
struct asking {
	int fd;
	const struct wire_settings *settings;
	struct envelope *envelope;
	wire_progress *progress;
	void *progress_ctx;
	struct wire_report *report;
	size_t others; /* recipients who have an outcome already, and are not accepted */
	int64_t silence;
	bool gone_ahead, accepted_by_all;
};

static void
tell(struct asking *a, enum wire_mark mark)
{
	/* the process knows of those only whom it was told */
	if (mark == WIRE_ACCEPTED_BY_ALL && a->others)
		mark = WIRE_ACCEPTED;
	if (a->progress)
		a->progress(a->progress_ctx, mark);
}

static bool
take_mark(struct asking *a, const struct strbuf *data)
{
	if (data->len != 1 || (unsigned char)data->s[0] > WIRE_ACCEPTED_BY_ALL)
		return false;
	if (data->s[0] == WIRE_SENT) {
		/* from here on nobody knows but the process */
		a->gone_ahead = true;
		tell(a, WIRE_SENT);
		return warm_say(a->fd, WARM_GO, NULL, 0, -1, clock_in(READY_MS));
	}
	if (!a->gone_ahead)
		return false;
	a->accepted_by_all = data->s[0] == WIRE_ACCEPTED_BY_ALL;
	tell(a, (enum wire_mark)data->s[0]);
	return true;
}

static bool
take_trace(struct asking *a, const struct strbuf *data)
{
	if (!data->len || (unsigned char)data->s[0] > WIRE_TRACE_NOTE || !a->settings->trace)
		return false;
	a->settings->trace(
		a->settings->trace_ctx, (enum wire_trace)data->s[0], data->s + 1, data->len - 1);
	return true;
}

/* Everything that the process says, to its end. */
static bool
listen_to(struct asking *a, struct strbuf *data)
{
	enum warm_word word;
	int64_t deadline;
	bool good = true;

	while (good) {
		deadline = clock_in(a->silence);
		if (!a->gone_ahead)
			deadline = clock_sooner(deadline, a->settings->deadline);
		if (!warm_hear(a->fd, &word, data, NULL, deadline))
			return false;
		switch (word) {
		case WARM_MARK:
			good = take_mark(a, data);
			break;
		case WARM_TRACE:
			good = take_trace(a, data);
			break;
		case WARM_END:
			return warm_take_result(data->s, data->len, a->report, a->envelope);
		case WARM_REQUEST:
		case WARM_READY:
		case WARM_GO:
		default:
			good = false;
		}
	}
	return false;
}

/* The process has gone, or talks nonsense. */
static void
lost(struct asking *a)
{
	struct error why = ERROR_NONE;
	struct recipient *r;

	if (!a->gone_ahead)
		return;
	error_at(&why, STAGE_END, FAULT_TEMPORARY,
		"the message may have been delivered: the process that kept the connection has "
		"not told the answer to it");
	why.in_doubt = true;
	for (r = a->envelope->recipients; r < a->envelope->recipients + a->envelope->count; r++) {
		if (r->outcome != OUTCOME_PENDING)
			continue;
		if (a->accepted_by_all)
			recipient_set(
				r, OUTCOME_ACCEPTED, 250, (struct enhanced){ 0, 0, 0 }, NULL, NULL);
		else
			recipient_fail(r, &why);
	}
}

/* True iff the process takes the message up. */
static bool
hand_over(
	struct asking *a, const struct memo_key *key, const struct message *m, struct strbuf *data)
{
	int64_t deadline = clock_in(READY_MS);
	enum warm_word word;

	warm_add_request(data, key, a->settings, a->envelope, m);
	return !data->full && warm_say(a->fd, WARM_REQUEST, data->s, data->len, m->fd, deadline) &&
	       warm_hear(a->fd, &word, data, NULL, deadline) && word == WARM_READY &&
	       warm_take_report(data->s, data->len, a->report);
}

void
warm_ask(int fd, const struct memo_key *key, const struct wire_settings *settings,
	struct envelope *envelope, const struct message *message, wire_progress *progress,
	void *progress_ctx, struct wire_report *report)
{
	static const char taken[] = "another process has kept a connection, and takes the message";
	struct strbuf data = STRBUF_INIT(WARM_MAX);
	size_t pending = envelope_count(envelope, OUTCOME_PENDING);
	struct asking a = { .fd = fd,
		.settings = settings,
		.envelope = envelope,
		.progress = progress,
		.progress_ctx = progress_ctx,
		.report = report,
		.silence = SILENCE_MS,
		.others = envelope->count - pending - envelope_count(envelope, OUTCOME_ACCEPTED) };
	bool good = pending && pending <= WARM_RECIPIENTS;

	a.silence += (int64_t)(message_size(message) / OCTETS_A_MS);
	good = good && hand_over(&a, key, message, &data);
	if (good && settings->trace)
		settings->trace(settings->trace_ctx, WIRE_TRACE_NOTE, taken, sizeof(taken) - 1);
	if (good && !listen_to(&a, &data))
		lost(&a);
	strbuf_done(&data);
}
