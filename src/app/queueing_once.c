/* --id: whatever is sent with the same key by the same user is sent once. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "history.h"
#include "queueing.h"
#include "queueing_keep.h"
#include "strbuf.h"
#include "submission.h"

static bool
stop_at_first(void *ctx, const struct history_line *line)
{
	bool *found = ctx;

	*found = *found || line->event == HISTORY_SENT || line->event == HISTORY_QUEUED;
	return !*found;
}

/* A run that died had MESSAGE_ID: did it get through? */
static bool
got_through(struct submission *s, const char *message_id)
{
	const struct history_filter filter = { .message_id = message_id, .uid = s->queue.uid };
	struct error ignored = ERROR_NONE;
	bool found = false;

	return history_read(&s->queue.spool, &filter, stop_at_first, &found, &ignored) && found;
}

/* The spool keeps the keys whatever the mode is. */
static bool
open_keys(struct submission *s, struct error *err)
{
	struct strbuf path = STRBUF_INIT(4096);

	if (!s->queue.directory) {
		spool_add_path(&path, &s->account);
		queueing_set_spool(&s->queue, path.s);
		strbuf_done(&path);
	}
	if (!s->queue.directory)
		return error_set(err, FAULT_CONFIG,
			"--id needs a directory for its keys (set "
			"queue-dir)");
	return keep_open(s, true, err);
}

bool
once_begin(struct submission *s, bool *ret_done, struct error *err)
{
	struct seen *seen = &s->queue.seen;
	const char *key;

	*ret_done = false;
	if (!submission_given(s, OPT_ID))
		return true;
	key = profile_text(&s->args->given, OPT_ID);
	if (!open_keys(s, err) ||
		!seen_begin(&s->queue.spool, s->queue.uid, key, clock_wall(), seen, err))
		return error_prefix(err, "--id");
	if (seen->state == SEEN_RUNNING)
		return error_set(
			err, FAULT_TEMPORARY, "--id: another process is sending what has this key");
	if (seen->state == SEEN_NEW && *seen->outcome && got_through(s, seen->outcome)) {
		(void)!seen_done(seen, "sent or queued by a run that did not end", err);
		*ret_done = true;
	}
	*ret_done = *ret_done || seen->state == SEEN_DONE;
	s->queue.once = *ret_done;
	return *ret_done || seen_note(seen, *s->message_id ? s->message_id : "-", err);
}

void
once_end(struct submission *s, bool good)
{
	struct error ignored = ERROR_NONE;
	char text[SEEN_OUTCOME];

	if (s->queue.seen.fd < 0 || s->queue.once)
		return;
	/* what was accepted for some must not go again */
	if (!good && !envelope_count(&s->envelope, OUTCOME_ACCEPTED) &&
		!envelope_count(&s->envelope, OUTCOME_IN_DOUBT)) {
		seen_forget(&s->queue.seen);
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s%s", *s->queue.id ? "queued " : "sent", s->queue.id,
		*s->message_id ? " as " : "", s->message_id);
	(void)!seen_done(&s->queue.seen, text, &ignored);
}
