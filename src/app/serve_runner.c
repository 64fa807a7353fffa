/* The runner of the queue, as a child of the service. */
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "serve_state.h"

void
serve_run_queue(const struct serve *s)
{
	(void)s;
	for (;;)
		pause();
}

int
serve_run_command(struct serving *v, const struct arguments *args)
{
	(void)v, (void)args;
	return 69;
}
