/* On whose behalf the service works: what the kernel says of the process at the other end. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct address;
struct error;
struct profile;
struct spool;

#define PEER_NOBODY ((uid_t)65534) /* whom a loopback port's clients count as */

struct peer {
	uid_t uid;
	pid_t pid;
	char user[256]; /* the login name, "uid-N" where the passwd database knows none */
	bool named;     /* it knows one */
};

/* From the credentials of a unix socket. FAULT_SYSTEM. */
bool
peer_of_socket(struct peer *ret, int fd, struct error *err) __attribute__((warn_unused_result));
void peer_of_uid(struct peer *ret, uid_t uid);
/* Somebody who has logged in as NAME: the user of that name, where there is one that is not root,
 * else a name without a user. */
void peer_of_name(struct peer *ret, const char *name);

/* True iff the peer may submit a message of OCTETS (0: not known yet) by ACCOUNT with the envelope
 * sender SENDER: keys users, allow-senders, message-octets, and sender = force. Root may.
 * FAULT_PERMISSION says what is not allowed; FAULT_DATA. */
bool
peer_may_send(const struct peer *p, const struct profile *account, const struct address *sender,
	unsigned long long octets, struct error *err) __attribute__((warn_unused_result));
/* The first part of it: key users. FAULT_PERMISSION. */
bool peer_may_use(const struct peer *p, const struct profile *account, struct error *err)
	__attribute__((warn_unused_result));
/* True iff ACCOUNT may stand in for one by which the peer may send this: keys users and
 * allow-senders. FAULT_PERMISSION. */
bool peer_may_stand_in(const struct peer *p, const struct profile *account,
	const struct address *sender, struct error *err) __attribute__((warn_unused_result));

/* Takes leave for one message: key user-rate. FAULT_TEMPORARY. Where the spool cannot count there
 * is no rate. */
bool peer_take_leave(const struct peer *p, const struct profile *account, struct spool *s,
	struct error *err) __attribute__((warn_unused_result));
/* True iff one more message of OCTETS may wait in the queue: keys user-messages and user-octets. */
bool peer_may_queue(const struct peer *p, const struct profile *account, struct spool *s,
	unsigned long long octets);
