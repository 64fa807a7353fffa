/* Where a password comes from. Sources, in order: password-command, password-file,
 * password-credential, password-key, netrc; the one that is configured (only one can be) is the
 * only one asked. Where none is, one after the other: what `sendoff password` has stored in a file,
 * the Secret Service (unless keyring is no), ~/.netrc and SYSCONFDIR/netrc (unless netrc is none),
 * a prompt on the terminal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "secret_keyring.h"
#include "strbuf.h"

struct error;
struct profile;

#define SECRET_MAX     8192 /* octets of a password or token */
#define SECRET_SECONDS 60   /* for a command that an account gives no timeout */

/* A password on its way. */
struct secret {
	const struct profile *profile; /* borrowed */
	char *host, *user;             /* what it is asked for: the host without a port */
	struct child child;            /* command or keyring, running */
	struct keyring_request request;
	struct strbuf value; /* secret */
	int64_t deadline;    /* for the child */
	bool ready, keyring;
};

#define SECRET_NONE                                                                                \
	{                                                                                          \
		.child = CHILD_NONE, .value = STRBUF_INIT_SECRET(SECRET_MAX + 2)                   \
	}

/* Begins: starts the command (or the keyring's child) so that it runs while the connection is made;
 * reads a file or credential at once. Errors as each source's: FAULT_CONFIG (missing, unreadable,
 * wrong mode, command failed: its first line of error), FAULT_PERMISSION (nothing found: says how
 * to store it), FAULT_TEMPORARY (keyring locked; no answer in time; a command that exits with 75; a
 * key of the kernel's that is not there, or not any more).
 * HOST may have a port, which is no part of what is asked. *S needs secret_done in any case. */
bool secret_start(struct secret *s, const struct profile *profile, const char *host,
	const char *user, struct error *err) __attribute__((warn_unused_result));
/* Waits for the password, asking on the terminal if it comes to that (/dev/tty, echo off, restored
 * also when a signal ends the program). One trailing line end is removed; an empty password, a NUL
 * or a second line is an error. RET is made secret; once it succeeded it can be called again. */
bool secret_get(struct secret *s, int64_t deadline, struct strbuf *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Accepts SECRET_NONE. */
void secret_done(struct secret *s);

/* Takes away the line end of what a source gave, and sees to it that the rest is one line that is
 * not empty, and shorter than SECRET_MAX: FAULT_CONFIG otherwise. What it was is never told; NOUN
 * says what it should be. */
bool secret_is_line(struct strbuf *value, const char *noun, struct error *err)
	__attribute__((warn_unused_result));

/* Gets the PIN of the token called LABEL, which tls-key or tls-cert of P name by a pkcs11: URI:
 * from the URI (pin-value, where nobody else can read the file that it stands in; pin-source),
 * tls-key-pin-file, tls-key-pin-command, or from the terminal. The first that is there is the only
 * one asked. Errors as those of passwords. RET is made secret. (In secret_pin.c.) */
bool secret_pin(const struct profile *p, const char *label, int64_t deadline, struct strbuf *ret,
	struct error *err) __attribute__((warn_unused_result));
/* Appends a pkcs11: URI without pin-value and pin-source. */
void secret_pin_strip(const char *uri, struct strbuf *out);

/* Asks for something ("PIN of token x") on the terminal: as secret_prompt. */
bool secret_prompt_for(const struct strbuf *what, int64_t deadline, const char *why,
	struct strbuf *ret, struct error *err) __attribute__((warn_unused_result));
/* Asks for the password of USER at HOST on the terminal until DEADLINE. FAULT_PERMISSION with
 * nothing else in the text than WHY when there is no terminal, or only one that another process
 * group has. */
bool secret_prompt(const char *user, const char *host, int64_t deadline, const char *why,
	struct strbuf *ret, struct error *err) __attribute__((warn_unused_result));
