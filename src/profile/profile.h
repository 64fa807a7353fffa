/* What the user configured: accounts, their settings, where each came from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"

struct address;
struct error;

#define PROFILE_FILE_MAX (1 << 20) /* octets of one configuration file */
#define PROFILE_ACCOUNTS 1000
#define PROFILE_DEPTH    16 /* accounts inheriting from one another */

/* The values of one option. One value, but several for LIST and MANY. */
struct setting {
	char **v;
	size_t n;
	char *origin; /* "/etc/sendoff/config:12", "--port", "SENDOFF_PORT"; NULL while not set */
};

/* One account. */
struct profile {
	char *name;
	char *origin; /* where it begins: "file:line", "environment", "command line" */
	struct setting settings[OPT_COUNT];
	/* One that stands in clear in another program's configuration, which is its origin; NULL
	 * for none. No key of ours sets it, nothing prints it, and it is wiped. It counts as a
	 * source. */
	char *password, *password_origin;
	/* Why an account of another program's configuration cannot be used here, with the place;
	 * NULL for nothing. Its settings are incomplete then. */
	char *wrong;
};

/* All accounts, in order: those of the user's file before those of the system's. */
struct profile_list {
	struct profile *v;
	size_t n;
};

/* Where to look. */
struct profile_sources {
	const char *file;     /* --config: this file only, and no other account source */
	bool use_environment; /* false with differing real and effective ids */
	bool root_only;       /* FILE must be root's own */
};

/* Reads the configuration: FILE; else $SENDOFF_CONFIG; else $XDG_CONFIG_HOME/sendoff/config (or
 * ~/.config/sendoff/config) over SYSCONFDIR/sendoff/config, where files that do not exist are
 * passed over; and the account `environment` when $SENDOFF_HOST or $SENDOFF_SOCKET is set. HOME is
 * the one of the passwd database where the variable is unset. An account of the user's file hides
 * one of the same name in the system's. [defaults] holds for the accounts of its own file.
 * Inheritance is resolved. Every mistake is FAULT_CONFIG: "FILE:LINE: key: what is wrong; what
 * would be accepted". An empty list is no error. */
bool profile_load(const struct profile_sources *where, struct profile_list *ret, struct error *err)
	__attribute__((warn_unused_result));
void profile_list_done(struct profile_list *l);
/* Calls EACH for the files that profile_load reads, whether they exist or not. */
void profile_each_file(
	const struct profile_sources *where, void (*each)(void *ctx, const char *path), void *ctx);
/* Appends an empty account; the result is valid until the next one is added. */
struct profile *profile_list_add(struct profile_list *l, const char *name, const char *origin);

/* Chooses: NAME; else the first account with a match-from pattern that fits SENDER (NULL or null
 * sender: none fits; without regard to case; a+tag@d also tried as a@d); else `environment`; else
 * `default`; else the only one. NULL with FAULT_CONFIG that lists what there is. */
struct profile *profile_select(struct profile_list *l, const char *name,
	const struct address *sender, struct error *err) __attribute__((warn_unused_result));
/* True iff TEXT fits PATTERN, where `*` is any text and `?` any character, without regard to the
 * case of ASCII letters. */
bool profile_fits(const char *pattern, const char *text);
/* Checks what belongs together once everything is set: a host; a password source needs a user;
 * tls-key and tls-cert come together; trust "none" needs a pin or fingerprint unless the host is
 * loopback; tls none with a user needs allow-cleartext-auth; and so on. FAULT_CONFIG. */
bool profile_check(const struct profile *p, struct error *err) __attribute__((warn_unused_result));

/* True iff the account stands in the system's configuration. (In load.c.) */
bool profile_is_system(const struct profile *p);
/* True iff the account is to talk without TLS: where tls is not set that is a unix socket, and LMTP
 * on this machine. */
bool profile_is_clear(const struct profile *p);
enum { PROTOCOL_SMTP, PROTOCOL_LMTP }; /* profile_choice of OPT_PROTOCOL */

void profile_init(struct profile *p, const char *name, const char *origin);
void profile_done(struct profile *p);
/* Sets one value (replacing, or appending for LIST and MANY if ORIGIN is the one it has already)
 * after all checks that one value allows. LIST values are split here, PATH values expanded
 * (relative ones are accepted when ORIGIN is an option, "-..."), ENUM, BOOL and auth get the
 * table's spelling. The error has ORIGIN in front, and the key if ORIGIN is a line of a file.
 * FAULT_DATA for a control character, else FAULT_CONFIG. Nothing changes on failure. */
bool profile_set(struct profile *p, enum option_id id, const char *value, const char *origin,
	struct error *err) __attribute__((warn_unused_result));
/* Adds values to what is there, wherever that is from: a key that is repeated in a file. */
bool profile_append(struct profile *p, enum option_id id, const char *value, const char *origin,
	struct error *err) __attribute__((warn_unused_result));
/* Copies every setting of FROM that is set: the command line over an account. A password source
 * replaces all of them, host and socket each other. */
void profile_override(struct profile *p, const struct profile *from);
/* The same for the options of one group. */
void profile_override_group(struct profile *p, const struct profile *from, enum option_group group);
/* Copies every setting of FROM that is not set in P: inheritance and defaults. Not inherit and
 * match-from, which belong to one account, no password source when P has one, neither host nor
 * socket when P has one of them, and not P itself as its fallback. */
void profile_inherit(struct profile *p, const struct profile *from);

/* The keys that name the source of a password, in the order of secret.h; only one of them can hold.
 */
#define PROFILE_SOURCES 5
extern const enum option_id profile_sources[PROFILE_SOURCES];
/* The one that is set, with "none" as if it were not; OPT_COUNT: none is. */
enum option_id profile_source(const struct profile *p);
/* Sets the password itself: see there. */
void profile_set_password(struct profile *p, const char *password, const char *origin);
/* Says that there is one at ORIGIN, which is not known here. */
void profile_miss_password(struct profile *p, const char *origin);

bool profile_is_set(const struct profile *p, enum option_id id);
/* Makes it as if the option had never been set. */
void profile_unset(struct profile *p, enum option_id id);
/* The value, or the table's default; NULL when there is neither. */
const char *profile_text(const struct profile *p, enum option_id id);
/* The same, but NULL for "none", which takes back what an inherited setting says. */
const char *profile_unless_none(const struct profile *p, enum option_id id);
bool profile_yes(const struct profile *p, enum option_id id);
/* -1: no value, no default. */
int profile_choice(const struct profile *p, enum option_id id);
/* NUMBER, and the seconds of a TIME; 0: not set. */
uint64_t profile_number(const struct profile *p, enum option_id id);
/* The values of a LIST or MANY; *RET_N may be 0. */
const char *const *profile_list_of(const struct profile *p, enum option_id id, size_t *ret_n);
/* Appends one line "key = value" as a file would have it, the default if nothing is set; of a
 * command (WHERE_MASK) the first word only. OUT should have room for it. */
struct strbuf;
void profile_add_setting(struct strbuf *out, const struct profile *p, enum option_id id);
