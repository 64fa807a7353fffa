/* One connection, in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "channel.h"
#include "clock.h"
#include "error.h"
#include "serve_state.h"
#include "strbuf.h"

bool
serve_arguments(const struct serve *s, const struct service_request *r, struct arguments *ret,
	struct error *err)
{
	const char *config = profile_text(&s->args->given, OPT_CONFIG);

	*ret = (struct arguments){ .personality = r->personality,
		.mode = r->mode,
		.errors_mailed = r->errors_mailed,
		.command = *r->command ? r->command : NULL,
		.operands = xcalloc(r->count + 1, sizeof(*ret->operands)),
		.operand_count = r->count };
	if (r->count)
		memcpy(ret->operands, r->words, r->count * sizeof(*ret->operands));
	ret->program = r->personality == PERSONALITY_SENDMAIL ? "sendmail" : "sendoff";
	profile_init(&ret->given, "command line", "command line");
	profile_override(&ret->given, &r->given);
	return (!config || profile_set(&ret->given, OPT_CONFIG, config, "--config", err)) &&
	       profile_set(&ret->given, OPT_SUBMIT, "direct", "--submit", err) &&
	       (!r->verbose || profile_set(&ret->given, OPT_VERBOSE, "", "-v", err)) &&
	       (!r->debug || profile_set(&ret->given, OPT_DEBUG, "", "--debug", err));
}

/* A request that cannot be served at all. */
static void
refuse(struct serving *v, const struct error *err)
{
	/* whoever does not keep to the protocol need not be told how: but it is known */
	fprintf(stderr, "sendoff: refused a request of user %s (process %ld): %s\n", v->peer.user,
		(long)v->peer.pid, err->text);
	close(v->fd);
}

static void
serve_request(struct serving *v)
{
	struct service_request request;
	struct error err = ERROR_NONE;
	enum channel_event event;
	struct channel_parcel p;
	bool good;

	channel_parcel_init(&p, SERVICE_REQUEST);
	event = channel_receive(v->fd, &p, clock_in(SERVE_REQUEST_MS));
	service_request_init(&request);
	if (event == CHANNEL_END) {
		good = true;
	} else if (event != CHANNEL_PARCEL) {
		good = error_set(&err, FAULT_PROTOCOL, "it is none of ours, or did not come");
	} else {
		service_request_done(&request);
		good = service_take_request(p.body.s, p.body.len, &request, &err);
	}
	if (good && event == CHANNEL_PARCEL) {
		if (p.kind == SERVICE_SUBMIT && p.fd_count == 1)
			serve_submit(v, &request, p.fds[0]);
		else if (p.kind == SERVICE_SMTP && !p.fd_count)
			serve_smtp(v, &request);
		else if (p.kind == SERVICE_COMMAND && !p.fd_count)
			serve_command(v, &request);
		else
			good = error_set(&err, FAULT_PROTOCOL, "it has another form");
	}
	if (!good)
		refuse(v, &err);
	service_request_done(&request);
	channel_parcel_done(&p);
}

void
serve_child(const struct serve *s, const struct listener *l, int fd, const struct peer *peer)
{
	struct serving v = { .serve = s, .listener = l, .peer = *peer, .fd = fd };

	if (l->kind == LISTENER_SERVICE)
		serve_request(&v);
	else
		serve_listened(&v);
	fflush(NULL);
	_exit(0);
}
