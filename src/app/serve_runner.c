/* The runner of the queue as a child of the service, and the commands about it that the service
 * carries out for others. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "queue.h"
#include "queue_ask.h"
#include "serve_state.h"

void
serve_run_queue(const struct serve *s)
{
	struct error err = ERROR_NONE;
	unsigned left;
	bool good;

	good = queue_run(
		s->args, s->spool_path.s, QUEUE_RUN_SERVE, NULL, NULL, &left, &err);
	if (!good)
		fprintf(stderr, "sendoff: unable to run the queue: %s\n", err.text);
	fflush(NULL);
	_exit(good ? 0 : fault_status(err.fault));
}

int
serve_run_command(struct serving *v, const struct arguments *args)
{
	queue_ask_for(&v->peer);
	if (args->command && strcmp(args->command, "queue") == 0)
		return queue_command(args);
	if (!args->command && args->personality == PERSONALITY_SENDMAIL)
		return queue_as_sendmail(args);
	fprintf(stderr, "%s: the service does not know this command\n", args->program);
	return fault_status(FAULT_USAGE);
}
