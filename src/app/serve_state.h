/* What the files that make up `sendoff serve` share: serve.c (the process that accepts),
 * serve_prepare.c (directories), serve_socket.c (sockets), serve_child.c (one connection),
 * serve_message.c (a message that comes in), serve_submit.c (its delivery), serve_talk.c (dialogues
 * and commands), serve_runner.c, serve_notify.c. Nobody else includes this. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "args.h"
#include "channel.h"
#include "peer.h"
#include "profile.h"
#include "queueing.h"
#include "service.h"

#define SERVE_LISTENERS  32
#define SERVE_CHILDREN   200 /* connections at a time */
#define SERVE_OF_A_USER  64  /* those of one uid that is not root */
#define SERVE_REQUEST_MS 10000
#define SERVE_COPY_S     120 /* seconds for a message to be copied */
#define SERVE_COMMAND_S  3600
#define SERVE_SEND_MS    30000

enum listener_kind {
	LISTENER_SERVICE, /* our own protocol; root and others told apart by the kernel */
	LISTENER_SMTP,    /* SMTP, on a unix socket */
	LISTENER_TCP      /* SMTP, on a loopback port */
};

struct listener {
	int fd;
	int lock; /* of the socket's name, -1 for none */
	enum listener_kind kind;
	char name[256];
};

struct serve {
	const struct arguments *args;
	struct arguments own;    /* a copy that names the configuration */
	struct profile settings; /* of the account that is the default, or the first */
	struct listener listeners[SERVE_LISTENERS];
	size_t listener_count;
	struct spool spool;
	struct strbuf spool_path, heartbeat;
	struct serve_child {
		pid_t pid;
		uid_t uid;
	} children[SERVE_CHILDREN];
	size_t child_count;
	pid_t runner;
	int64_t runner_at; /* clock_ms: when it is started again */
	unsigned runner_deaths;
	int64_t last; /* clock_ms of the last connection */
	bool stop;
};

/* A connection in its own process. */
struct serving {
	const struct serve *serve;
	const struct listener *listener;
	struct peer peer;
	int fd;
};

/* serve_socket.c. Takes the sockets that were passed (LISTEN_FDS), or makes the service's own; and
 * makes those of `listen` that were not passed. */
bool serve_open_sockets(struct serve *s, struct error *err) __attribute__((warn_unused_result));
void serve_close_sockets(struct serve *s);
/* serve_prepare.c. What only root can do, before the service is another user: the directories of
 * the socket, of the heartbeat and of the spool. */
bool serve_prepare(struct serve *s, struct error *err) __attribute__((warn_unused_result));

/* The directory of PATH. */
void serve_directory_of(const char *path, char out[256]);

/* serve_notify.c: NOTIFY_SOCKET of systemd and others, if there is one. */
void serve_notify(const char *state);

/* serve_child.c. Does what the client asks for and ends the process. */
void serve_child(const struct serve *s, const struct listener *l, int fd, const struct peer *peer)
	__attribute__((noreturn));

/* serve_message.c. Copies the message that descriptor FROM holds into a file of our own, checks it,
 * and reads it anew: E has envelope and facts, M the message. FAULT_DATA, FAULT_TEMPORARY. */
bool serve_take_message(const struct serve *s, int from, uint64_t most, struct entry *e,
	struct message *m, struct error *err) __attribute__((warn_unused_result));

/* serve_submit.c. */
void serve_submit(struct serving *v, const struct service_request *r, int message);

/* serve_talk.c. */
void serve_smtp(struct serving *v, const struct service_request *r);
void serve_command(struct serving *v, const struct service_request *r);
void serve_listened(struct serving *v);

/* Runs a command of the queue or the log, for the client alone. Returns its exit status. */
int serve_run_command(struct serving *v, const struct arguments *args);

/* serve_runner.c. In a process of its own. */
void serve_run_queue(const struct serve *s) __attribute__((noreturn));

/* Fills in arguments as REQUEST has them, whose words they borrow, with the service's own
 * configuration. FAULT_CONFIG. */
bool serve_arguments(const struct serve *s, const struct service_request *r, struct arguments *ret,
	struct error *err) __attribute__((warn_unused_result));
