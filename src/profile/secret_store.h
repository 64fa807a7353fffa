/* Where secrets are kept that sendoff itself writes down: passwords (sendoff password, setup) and
 * tokens (sendoff login). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct profile;
struct strbuf;

#define SECRET_STORED_MAX 32768 /* octets of what is stored */

/* Where. The order is that of the option store. */
enum secret_place {
	SECRET_PLACE_AUTO,    /* the Secret Service where it can be reached and is not locked; else,
				 and    always in the system's directory, a file */
	SECRET_PLACE_KEYRING, /* the Secret Service */
	SECRET_PLACE_FILE,    /* a file, mode 0600, in a directory of mode 0700 that only its owner
				 writes */
	SECRET_PLACE_SEALED,  /* a file that systemd-creds encrypts by a key of this machine: root
				 only */
	SECRET_PLACE_NOWHERE
};

/* What it is: the attributes of an item of the Secret Service, which are msmtp's where SERVICE is
 * "smtp"; a file is called after them, see secret_file.h. */
struct secret_name {
	const char *service; /* "smtp": a password; "smtp-oauth2": tokens */
	const char *host, *user;
	const char *directory; /* for files: secret_directory(); NULL: there is none */
	const char *label;     /* what people see in their keyring's list */
};

/* The name of the secret of account P, which has a user: its first host without a port ("localhost"
 * for a socket), and the directory that goes with P: the system's for an account of the system's
 * configuration where this process may use it (root, the service), else the user's own. Needs
 * secret_name_done. */
void secret_name_of(struct secret_name *ret, const struct profile *p, const char *service);
void secret_name_done(struct secret_name *n);

/* The directory for files: ~/.local/share/sendoff (XDG_DATA_HOME) of a user, /etc/sendoff/secrets
 * of root with the system's configuration. Free it; NULL without a home. */
char *secret_directory(bool system);

/* Writes VALUE so that it is there after a power cut when this returns (files: written, flushed,
 * renamed, directory flushed), replacing what was there. *RET_PLACE (may be NULL) says where it is
 * now, WHERE_TEXT (may be NULL) gets words for people ("the Secret Service", a path). What another
 * place that is asked before that one holds under this name is removed. FAULT_TEMPORARY: locked, or
 * no answer; FAULT_CONFIG: not reachable, not installed, not root; FAULT_CREATE: no such directory,
 * no right. */
bool secret_write(const struct secret_name *n, enum secret_place place, const struct strbuf *value,
	int64_t deadline, enum secret_place *ret_place, struct strbuf *where_text,
	struct error *err) __attribute__((warn_unused_result));
/* Appends it to RET (secret). PLACE AUTO asks the file first, which costs nothing, then the sealed
 * one (root only), then the Secret Service, which counts as empty when it cannot be reached.
 * *RET_PLACE NOWHERE and true: there is none. Errors as above; of a file as trusted_read. */
bool secret_read(const struct secret_name *n, enum secret_place place, int64_t deadline,
	struct strbuf *ret, enum secret_place *ret_place, struct error *err)
	__attribute__((warn_unused_result));
/* The part of it that costs nothing: the file, and as root the sealed one. */
bool secret_read_file(const struct secret_name *n, int64_t deadline, struct strbuf *ret,
	enum secret_place *ret_place, struct error *err) __attribute__((warn_unused_result));
/* Removes it from each place that PLACE stands for (AUTO: all; a Secret Service that cannot be
 * reached is passed over, after an error the others are still done). *RET_COUNT (may be NULL): how
 * many there were; TEXT (may be NULL) gets a line for each: "the Secret Service", a path. */
bool secret_remove(const struct secret_name *n, enum secret_place place, int64_t deadline,
	unsigned *ret_count, struct strbuf *text, struct error *err)
	__attribute__((warn_unused_result));
