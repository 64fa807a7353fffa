#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clients.h"
#include "clock.h"
#include "error.h"
#include "heartbeat.h"
#include "network.h"
#include "privilege.h"
#include "serve_state.h"
#include "strbuf.h"

#define PATH_OCTETS 4096
#define LEAVE_MS    (10 * CLOCK_SECOND) /* for connections, once the service is to end */
#define KILL_MS     (5 * CLOCK_SECOND)  /* and then to commit what is under way */
#define REST_MS     (60 * CLOCK_SECOND) /* longest pause before a runner that died is replaced */

static bool
read_settings(struct serve *s, struct error *err)
{
	struct profile fresh;

	if (!service_settings_or_none(s->args, &fresh, err))
		return false;
	profile_done(&s->settings);
	s->settings = fresh;
	return true;
}

static bool
open_all(struct serve *s, struct error *err)
{
	spool_add_path(&s->spool_path, &s->settings);
	spool_add_heartbeat(&s->heartbeat, s->spool_path.s);
	if (s->spool_path.full || !s->spool_path.len)
		return error_set(err, FAULT_CONFIG, "there is no spool");
	if (!serve_prepare(s, err) || !serve_open_sockets(s, err))
		return false;
	/* what was opened as root stays open; nothing else of root is left behind this */
	if (geteuid() == 0 && !privilege_switch(PRIVILEGE_USER, err))
		return false;
	privilege_harden();
	network_box();
	return spool_open(&s->spool, s->spool_path.s, true, err);
}

static unsigned
children_of(const struct serve *s, uid_t uid)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->child_count; i++)
		n += s->children[i].uid == uid;
	return n;
}

/* In the child: what belongs to the process that accepts. */
static void
forget_parent(struct serve *s)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD };
	sigset_t none;

	for (size_t i = 0; i < s->listener_count; i++) {
		close(s->listeners[i].fd);
		if (s->listeners[i].lock >= 0)
			close(s->listeners[i].lock);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("NOTIFY_SOCKET");
}

static void
tell_busy(int fd)
{
	struct strbuf nothing = STRBUF_INIT(1);

	/* its buffer is empty: this does not wait */
	(void)!channel_send(fd, SERVICE_BUSY, &nothing, NULL, 0, 0, NULL);
}

static void
accept_one(struct serve *s, struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer peer;
	pid_t pid;

	if (fd < 0)
		return;
	s->last = clock_ms();
	if (l->kind == LISTENER_TCP)
		peer_of_uid(&peer, PEER_NOBODY);
	else if (!peer_of_socket(&peer, fd, NULL)) {
		close(fd);
		return;
	}
	if (peer.uid && children_of(s, peer.uid) >= SERVE_OF_A_USER) {
		if (l->kind == LISTENER_SERVICE)
			tell_busy(fd);
		close(fd);
		return;
	}
	pid = fork();
	if (pid == 0) {
		forget_parent(s);
		serve_child(s, l, fd, &peer);
	}
	if (pid > 0) {
		s->children[s->child_count].pid = pid;
		s->children[s->child_count++].uid = peer.uid;
	} else if (l->kind == LISTENER_SERVICE) {
		tell_busy(fd);
	}
	close(fd);
}

static void
start_runner(struct serve *s)
{
	s->runner = fork();
	if (s->runner == 0) {
		forget_parent(s);
		serve_run_queue(s);
	}
	if (s->runner < 0) {
		s->runner = 0;
		s->runner_at = clock_in(CLOCK_SECOND);
	}
}

/* One that dies at once is not started without end. */
static void
bury_runner(struct serve *s)
{
	int64_t rest = CLOCK_SECOND << (s->runner_deaths < 6 ? s->runner_deaths : 6);

	s->runner = 0;
	s->runner_deaths++;
	s->runner_at = clock_in(rest < REST_MS ? rest : REST_MS);
	if (!s->stop)
		fprintf(stderr, "sendoff: the runner of the queue has ended, and will be started "
				"again\n");
}

static void
reap(struct serve *s)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == s->runner) {
			bury_runner(s);
			continue;
		}
		for (size_t i = 0; i < s->child_count; i++)
			if (s->children[i].pid == pid)
				s->children[i--] = s->children[--s->child_count];
	}
}

static void
take_signal(struct serve *s, int fd)
{
	struct signalfd_siginfo info;
	struct error err = ERROR_NONE;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(s);
		} else if (info.ssi_signo == SIGHUP) {
			serve_notify("RELOADING=1");
			if (!read_settings(s, &err))
				fprintf(stderr, "sendoff: the configuration stays as it was: %s\n",
					err.text);
			if (s->runner)
				kill(s->runner, SIGHUP);
			serve_notify("READY=1");
			err = (struct error)ERROR_NONE;
		} else {
			s->stop = true;
		}
	}
}

static bool
count_name(void *ctx, const char *id)
{
	(void)id;
	*(bool *)ctx = true;
	return false;
}

/* True iff nobody has called for so long, and nobody waits for anything. */
static bool
is_idle(struct serve *s)
{
	int64_t idle = (int64_t)profile_number(&s->args->given, OPT_IDLE) * CLOCK_SECOND;
	bool any = false;

	if (!idle || s->child_count || clock_ms() < s->last + idle)
		return false;
	return spool_names(&s->spool, false, count_name, &any, NULL) && !any;
}

static int64_t
next_event(const struct serve *s)
{
	int64_t idle = (int64_t)profile_number(&s->args->given, OPT_IDLE) * CLOCK_SECOND, at;

	at = s->runner ? CLOCK_NEVER : s->runner_at;
	if (idle)
		at = clock_sooner(
			at, s->last + idle > clock_ms() ? s->last + idle : clock_in(idle));
	return at;
}

static void
loop(struct serve *s, int signals)
{
	struct pollfd p[SERVE_LISTENERS + 1];

	while (!s->stop) {
		if (!s->runner && clock_ms() >= s->runner_at)
			start_runner(s);
		p[0] = (struct pollfd){ signals, POLLIN, 0 };
		/* who comes when all are at work waits in the kernel */
		for (size_t i = 0; i < s->listener_count; i++)
			p[i + 1] = (struct pollfd){
				s->child_count < SERVE_CHILDREN ? s->listeners[i].fd : -1, POLLIN, 0
			};
		if (poll(p, s->listener_count + 1, clock_left(next_event(s))) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			take_signal(s, signals);
		for (size_t i = 0; i < s->listener_count && !s->stop; i++)
			if (p[i + 1].revents && s->child_count < SERVE_CHILDREN)
				accept_one(s, &s->listeners[i]);
		if (is_idle(s))
			s->stop = true;
	}
}

static void
wait_for_children(struct serve *s, int signals, int64_t deadline)
{
	struct pollfd p = { signals, POLLIN, 0 };

	while ((s->child_count || s->runner) && clock_left(deadline))
		if (poll(&p, 1, clock_left(deadline)) > 0)
			take_signal(s, signals);
}

/* No new connections; those that there are get some time, and then some to keep what they have. */
static void
leave(struct serve *s, int signals)
{
	serve_notify("STOPPING=1");
	serve_close_sockets(s);
	if (s->runner)
		kill(s->runner, SIGTERM);
	wait_for_children(s, signals, clock_in(LEAVE_MS));
	for (size_t i = 0; i < s->child_count; i++)
		kill(s->children[i].pid, SIGTERM);
	wait_for_children(s, signals, clock_in(KILL_MS));
	heartbeat_remove(s->heartbeat.s);
}

static int
catch_signals(void)
{
	sigset_t all;

	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGCHLD);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A service of the system reads the system's configuration, whatever its user has at home. */
static bool
use_system_configuration(struct serve *s, struct error *err)
{
	struct passwd *user = getpwnam(PRIVILEGE_USER);

	s->own = *s->args;
	profile_init(&s->own.given, s->args->given.name, s->args->given.origin);
	profile_override(&s->own.given, &s->args->given);
	s->args = &s->own;
	if (profile_is_set(&s->own.given, OPT_CONFIG) ||
		(geteuid() != 0 && !(user && user->pw_uid == geteuid())))
		return true;
	return profile_set(
		&s->own.given, OPT_CONFIG, SYSCONFDIR "/sendoff/config", "--config", err);
}

int
serve(const struct arguments *args)
{
	struct serve *s;
	struct error err = ERROR_NONE;
	int status = 0, signals;

	if (args->operand_count && strcmp(args->operands[0], "client") == 0)
		return clients_command(args);
	if (args->operand_count) {
		fprintf(stderr,
			"%s: unable to understand the command line: serve has no \"%.40s\" (serve, or "
			"serve client NAME)\n",
			args->program, args->operands[0]);
		return fault_status(FAULT_USAGE);
	}
	s = xcalloc(1, sizeof(*s));
	signals = catch_signals();
	s->args = args;
	s->spool = (struct spool)SPOOL_NONE;
	strbuf_init(&s->spool_path, PATH_OCTETS);
	strbuf_init(&s->heartbeat, PATH_OCTETS);
	profile_init(&s->settings, "", "");
	s->last = clock_ms();
	if (signals >= 0 && use_system_configuration(s, &err) && read_settings(s, &err) &&
		open_all(s, &err)) {
		start_runner(s);
		serve_notify("READY=1");
		loop(s, signals);
		leave(s, signals);
	} else {
		fprintf(stderr, "sendoff: unable to serve: %s\n",
			err.fault ? err.text : "no descriptor is left");
		status = fault_status(err.fault ? err.fault : FAULT_TEMPORARY);
		serve_close_sockets(s);
	}
	spool_close(&s->spool);
	strbuf_done(&s->spool_path);
	strbuf_done(&s->heartbeat);
	profile_done(&s->settings);
	profile_done(&s->own.given);
	free(s);
	return status;
}
