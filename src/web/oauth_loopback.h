/* The loopback redirect (RFC 8252 section 7.3): a browser on this machine brings the answer of the
 * authorization server to a port of ours. Others on this machine can knock there too: nothing they
 * send is an answer, ends the wait, or stays for long. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "strbuf.h"

struct error;

#define LOOPBACK_REQUEST 16384 /* octets of a request's head */
#define LOOPBACK_CLIENTS 8     /* connections at a time */
#define LOOPBACK_SECONDS 10    /* for a request to come in */
#define LOOPBACK_POLLS   (2 + LOOPBACK_CLIENTS)

struct loopback_client {
	int fd;
	bool answered; /* what is left is for it to close */
	int64_t deadline;
	struct strbuf in;
};

struct loopback {
	int fd[2]; /* -1: not there */
	uint16_t port;
	char redirect[64]; /* "http://127.0.0.1:PORT/" */
	uid_t uid;         /* whose browser is listened to; root's is too */
	struct loopback_client clients[LOOPBACK_CLIENTS];
	unsigned strangers; /* connections of others that were turned away */
};

/* What is made of a query: true to end the wait; *RET_GOOD says which page the browser shows. */
typedef bool loopback_judge(void *ctx, const char *query, size_t n, bool *ret_good);

/* Takes a port that the kernel gives. HOST is what the address names: "127.0.0.1", "[::1]", or
 * "localhost", for which both are listened at. LISTENS false: the port is only held, so that nobody
 * else gets it, and a browser shows that nothing is there. FAULT_TEMPORARY, FAULT_CONFIG. */
bool loopback_open(struct loopback *l, const char *host, bool listens, struct error *err)
	__attribute__((warn_unused_result));
/* For poll(2): fills V, returns how many. *DEADLINE becomes sooner where a client has one. */
size_t loopback_polls(struct loopback *l, struct pollfd v[LOOPBACK_POLLS], int64_t *deadline);
/* Does what can be done without waiting. True when JUDGE has ended the wait. */
bool loopback_serve(struct loopback *l, loopback_judge *judge, void *ctx);
/* Lets browsers read what they were sent, for a second at most, and closes everything. */
void loopback_close(struct loopback *l);
