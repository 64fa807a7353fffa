/* Commands and SMTP dialogues that the service carries out: this process only passes octets on. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "error.h"
#include "io.h"
#include "service.h"
#include "strbuf.h"
#include "submission.h"

#define CONNECT_MS (30 * CLOCK_SECOND)
#define PIECE      (32 << 10)

/* One direction. */
struct pump {
	int from, to;
	bool open;
	bool shut; /* the end of the input is passed on by shutdown */
};

/* Passes on what there is; at the end, or when nobody takes it, the direction is closed. */
static void
pass(struct pump *p)
{
	char piece[PIECE];
	ssize_t n = io_read(p->from, piece, sizeof(piece));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && io_write_full(p->to, piece, (size_t)n))
		return;
	p->open = false;
	if (p->shut)
		shutdown(p->to, SHUT_WR);
}

/* Until all that comes from the service has come; what goes there may be left. */
static void
pump_all(struct pump *pumps, size_t n, size_t from_service)
{
	struct pollfd p[3];
	size_t open;

	for (;;) {
		open = 0;
		for (size_t i = 0; i < n; i++) {
			p[i] = (struct pollfd){ pumps[i].open ? pumps[i].from : -1, POLLIN, 0 };
			open += i < from_service && pumps[i].open;
		}
		if (!open)
			return;
		if (poll(p, n, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < n; i++)
			if (pumps[i].open && p[i].revents)
				pass(&pumps[i]);
	}
}

static bool
carry(int fd, enum service_kind kind, const struct channel_parcel *streams, int *ret_status,
	struct error *err)
{
	struct pump pumps[3] = { { .open = false } };
	struct channel_parcel end;
	enum channel_event event;
	bool good;

	if (kind == SERVICE_SMTP) {
		pumps[0] = (struct pump){ streams->fds[0], STDOUT_FILENO, true, false };
		pumps[1] = (struct pump){ STDIN_FILENO, streams->fds[0], true, true };
		pump_all(pumps, 2, 1);
	} else {
		pumps[0] = (struct pump){ streams->fds[0], STDOUT_FILENO, true, false };
		pumps[1] = (struct pump){ streams->fds[1], STDERR_FILENO, true, false };
		pump_all(pumps, 2, 2);
	}
	channel_parcel_init(&end, 16);
	event = channel_receive(fd, &end, clock_in(CONNECT_MS));
	good = event == CHANNEL_PARCEL && end.kind == SERVICE_END && end.body.len == 1;
	*ret_status = good ? (unsigned char)end.body.s[0] : fault_status(FAULT_TEMPORARY);
	channel_parcel_done(&end);
	return good || error_set(err, FAULT_TEMPORARY, "the service has ended");
}

/* One connection. *RET_BUSY: come again. */
static bool
converse(const struct arguments *args, enum service_kind kind, int fd, bool *ret_busy,
	int *ret_status, struct error *err)
{
	struct strbuf request = STRBUF_INIT(SERVICE_REQUEST);
	struct channel_parcel p;
	size_t wanted = kind == SERVICE_SMTP ? 1 : 2;
	bool good;

	channel_parcel_init(&p, 16);
	good = service_add_request(&request, args, kind == SERVICE_COMMAND, err) &&
	       channel_send(fd, kind, &request, NULL, 0, clock_in(CONNECT_MS), err);
	if (good && channel_receive(fd, &p, clock_in(CONNECT_MS)) != CHANNEL_PARCEL)
		good = error_set(err, FAULT_TEMPORARY, "the service does not answer");
	*ret_busy = good && p.kind == SERVICE_BUSY;
	if (good && !*ret_busy && (p.kind != SERVICE_STREAMS || p.fd_count != wanted))
		good = error_set(err, FAULT_PROTOCOL, "the service cannot be understood");
	good = good && !*ret_busy && carry(fd, kind, &p, ret_status, err);
	channel_parcel_done(&p);
	strbuf_done(&request);
	return good;
}

bool
service_talk(const struct profile *account, const struct arguments *args, enum service_kind kind,
	int *ret_status, struct error *err)
{
	const char *path = profile_text(account, OPT_SERVICE_SOCKET);
	int64_t deadline = clock_in(CONNECT_MS);
	bool absent, busy, good;
	int fd;

	do {
		fd = service_connect(path, deadline, &absent, err);
		if (fd < 0)
			return false;
		good = converse(args, kind, fd, &busy, ret_status, err);
		close(fd);
		if (busy)
			usleep(100000);
	} while (busy && clock_left(deadline));
	if (busy)
		return error_set(err, FAULT_TEMPORARY, "the service is busy");
	return good;
}

int
service_wait(const struct submission *s)
{
	const char *id = s->queue.id;
	struct arguments args = *s->args;
	struct error err = ERROR_NONE;
	int status;

	args.command = "wait";
	args.operands = &id;
	args.operand_count = 1;
	if (service_talk(&s->account, &args, SERVICE_COMMAND, &status, &err))
		return status;
	/* it is queued, whatever becomes of our waiting */
	fprintf(stderr, "%s: note: unable to wait for %s: %s\n", s->args->program, id, err.text);
	return 0;
}
