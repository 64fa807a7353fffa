/* Dialogues: SMTP for a client, and commands whose output goes to one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "error.h"
#include "serve_state.h"
#include "smtpd.h"
#include "strbuf.h"

static void
tell_end(struct serving *v, int status)
{
	char octet[2] = { (char)status, '\0' };
	struct strbuf body = { octet, 1, 0, 1, false, false };

	(void)!channel_send(v->fd, SERVICE_END, &body, NULL, 0, clock_in(SERVE_SEND_MS), NULL);
}

/* Makes COUNT streams and hands their other ends to the client. */
static bool
open_streams(struct serving *v, int *streams, size_t count)
{
	int pair[2], theirs[CHANNEL_FDS];
	size_t n = 0;
	bool good = true;

	for (; n < count; n++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			break;
		streams[n] = pair[0];
		theirs[n] = pair[1];
	}
	good = n == count &&
	       channel_send(v->fd, SERVICE_STREAMS, NULL, theirs, n, clock_in(SERVE_SEND_MS), NULL);
	while (n)
		close(theirs[--n]);
	return good;
}

void
serve_smtp(struct serving *v, const struct service_request *r)
{
	struct smtpd_client_of client = { .peer = &v->peer };
	struct arguments args = { .operand_count = 0 };
	struct error err = ERROR_NONE;
	int stream, status;

	if (!open_streams(v, &stream, 1))
		return;
	client.in = client.out = stream;
	fcntl(stream, F_SETFL, O_NONBLOCK);
	if (serve_arguments(v->serve, r, &args, &err))
		status = smtpd_serve(&args, &client);
	else
		status = fault_status(err.fault);
	close(stream);
	tell_end(v, status);
	args_done(&args);
}

/* Who does not take what is printed, or leaves, ends the command. */
static void
limit_command(int fd)
{
	const struct timeval tv = { 60, 0 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	alarm(SERVE_COMMAND_S);
}

void
serve_command(struct serving *v, const struct service_request *r)
{
	struct arguments args = { .operand_count = 0 };
	struct error err = ERROR_NONE;
	int streams[2], status, null;

	if (!open_streams(v, streams, 2))
		return;
	limit_command(streams[0]);
	limit_command(streams[1]);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(streams[0], STDOUT_FILENO) < 0 ||
		dup2(streams[1], STDERR_FILENO) < 0)
		return;
	close(streams[0]);
	close(streams[1]);
	signal(SIGPIPE, SIG_DFL);
	if (serve_arguments(v->serve, r, &args, &err)) {
		status = serve_run_command(v, &args);
	} else {
		fprintf(stderr, "%s: %s\n", args.program, err.text);
		status = fault_status(err.fault);
	}
	fflush(NULL);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	tell_end(v, status);
	args_done(&args);
}

void
serve_listened(struct serving *v)
{
	struct service_request none;
	struct arguments args = { .operand_count = 0 };
	struct error err = ERROR_NONE;
	const struct profile *own = &v->serve->settings;
	struct smtpd_client_of client = {
		.in = v->fd, .out = v->fd, .peer = &v->peer, .listened = true
	};

	service_request_init(&none);
	/* such clients leave no other trace */
	none.personality = PERSONALITY_SENDMAIL;
	if (v->listener->kind == LISTENER_TCP && !profile_yes(own, OPT_TRUST_LOOPBACK))
		client.password_file = profile_text(own, OPT_LISTEN_PASSWORD_FILE);
	if (serve_arguments(v->serve, &none, &args, &err))
		(void)smtpd_serve(&args, &client);
	args_done(&args);
	service_request_done(&none);
}
