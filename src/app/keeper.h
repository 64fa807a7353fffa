/* A process that has the passwords and tokens of accounts, for one that talks to somebody and is to
 * be sandboxed: it starts the programs and opens the files that they come from, and takes what it
 * is asked for hostile. */
#pragma once

#include <stdbool.h>

struct error;
struct peer;
struct strbuf;
struct submission;

/* Forks it. It has the configuration of S, and gives out what belongs to accounts that PEER may use
 * (NULL: all); it ends when *RET_FD and its copies are closed. FAULT_TEMPORARY. */
bool keeper_start(const struct submission *s, const struct peer *peer, int *ret_fd,
	struct error *err) __attribute__((warn_unused_result));

/* Asks it for the password or token of the account NAME, as smarthost_open's settings would. What
 * can go wrong there, and FAULT_TEMPORARY when the process is gone. */
bool keeper_secret(int fd, const char *name, struct strbuf *ret, struct error *err)
	__attribute__((warn_unused_result));
/* As smarthost_renew. */
bool keeper_renew(int fd, const char *name, const struct error *why, struct error *err)
	__attribute__((warn_unused_result));
/* Has it start a process outside of the sandbox that takes the steps of network_relay.h for the
 * account NAME, in the words of network_box.h: where that is not possible inside. It lives as long
 * as *RET_FD is open, and the keeper. What can go wrong with the account's settings, and
 * FAULT_TEMPORARY. */
bool keeper_relay(int fd, const char *name, int *ret_fd, struct error *err)
	__attribute__((warn_unused_result));
