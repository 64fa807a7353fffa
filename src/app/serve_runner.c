/* The runner of the queue as a child of the service, and the commands about it that the service
 * carries out for others. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "queue.h"
#include "queue_ask.h"
#include "serve_state.h"
#include "story.h"
#include "submission.h"

void
serve_run_queue(const struct serve *s)
{
	struct error err = ERROR_NONE;
	struct queue_left left;
	bool good;

	good = queue_run(s->args, s->spool_path.s, QUEUE_RUN_SERVE, NULL, NULL, &left, &err);
	if (!good)
		fprintf(stderr, "sendoff: unable to run the queue: %s\n", err.text);
	fflush(NULL);
	_exit(good ? 0 : fault_status(err.fault));
}

/* --wait of a client: until its message, which the service has queued, has left. */
static int
wait_for(struct serving *v, const struct arguments *args)
{
	struct queue_view view = { .everybody = v->peer.uid == 0, .uid = v->peer.uid };
	struct submission s;
	int status = 0;

	submission_init(&s, args);
	s.queue.open = args->operand_count == 1 && entry_is_id(args->operands[0]) &&
		       spool_open(&s.queue.spool, v->serve->spool_path.s, false, &s.error);
	if (s.queue.open) {
		memcpy(s.queue.id, args->operands[0], sizeof(s.queue.id));
		view.spool = &s.queue.spool;
		/* where it is not any more nobody can tell whose it was, nor learn anything */
		if (queue_is_absent(&view, s.queue.id) || queue_may_see(&view, s.queue.id))
			status = queueing_wait(&s);
	}
	submission_done(&s);
	return status;
}

int
serve_run_command(struct serving *v, const struct arguments *args)
{
	queue_ask_for(&v->peer);
	if (args->command && strcmp(args->command, "queue") == 0)
		return queue_command(args);
	if (args->command && strcmp(args->command, "log") == 0)
		return story_command(args);
	if (args->command && strcmp(args->command, "wait") == 0)
		return wait_for(v, args);
	if (!args->command && args->personality == PERSONALITY_SENDMAIL)
		return queue_as_sendmail(args);
	fprintf(stderr, "%s: the service does not know this command\n", args->program);
	return fault_status(FAULT_USAGE);
}
