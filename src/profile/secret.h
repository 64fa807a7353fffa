/* Where a password comes from. Sources, in order: password-command, password-file,
 * password-credential, the Secret Service, a prompt on the terminal; the first that is configured is
 * the only one asked, the last two only when none is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "strbuf.h"

struct error;
struct profile;

#define SECRET_MAX     8192 /* octets of a password or token */
#define SECRET_SECONDS 60   /* for a command that an account gives no timeout */

/* A password on its way. */
struct secret {
	const struct profile *profile; /* borrowed */
	const char *host, *user;       /* borrowed; what it is asked for */
	struct child child;            /* command or keyring, running */
	struct strbuf value;           /* secret */
	bool ready, keyring;
};

/* Begins: starts the command (or the keyring's child) so that it runs while the connection is made;
 * reads a file or credential at once. Errors as each source's: FAULT_CONFIG (missing, unreadable,
 * wrong mode, command failed: its first line of error), FAULT_PERMISSION (nothing found: says how to
 * store it), FAULT_TEMPORARY (keyring locked; no answer in time). */
bool secret_start(struct secret *s, const struct profile *profile, const char *host,
	const char *user, struct error *err) __attribute__((warn_unused_result));
/* Waits for the password, asking on the terminal if it comes to that (/dev/tty, echo off, restored
 * also when a signal ends the program). One trailing line end is removed; an empty password, a NUL
 * or a second line is an error. */
bool secret_get(struct secret *s, int64_t deadline, struct strbuf *ret, struct error *err)
	__attribute__((warn_unused_result));
void secret_done(struct secret *s);

/* The sources that run as a child of their own; each in its file. Returns an exit status. */
int secret_keyring_run(void *ctx, int out, int error); /* ctx: struct secret * */
/* Exit statuses of secret_keyring_run. */
enum {
	KEYRING_FOUND,
	KEYRING_MISSING,     /* reached and unlocked, nothing stored for this host and user */
	KEYRING_LOCKED,      /* an item fits but is locked */
	KEYRING_UNREACHABLE, /* no bus, no service */
	KEYRING_ABSENT       /* built without, or the library is not installed */
};
