/* What the steps of `sendoff setup` share: an account on its way, and how to talk to who makes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "child.h"
#include "configure.h"
#include "probe.h"
#include "profile.h"
#include "secret_store.h"
#include "settings.h"
#include "strbuf.h"

struct error;
struct provider;

#define SETUP_LMTP_PORT 24      /* unless it is said */
#define SETUP_ORIGIN    "setup" /* of settings that were found out or asked for */

struct setup {
	const struct arguments *args;
	const struct profile *given; /* the command line's options */
	struct profile account;      /* so far: it goes into the file as it is */
	char address[400];           /* as SMTP has it, and its domain as A-labels */
	char domain[256];
	const struct provider *provider; /* NULL: unknown */
	char user[320];                  /* what the source proposes for the login, or "" */
	char issuer[256];                /* of OAuth2, by the source, or "" */
	bool password;                   /* a password will do, as far as the source says */
	char host[256];      /* where it is going to be; with srv the mail domain, "localhost" for a
				socket */
	uint16_t port;       /* 0 with srv and for a socket */
	enum wire_tls tls;   /* with srv: as the options have it */
	struct probe probe;  /* of that place, what it said last */
	struct strbuf typed; /* the password that is to be stored */
	enum secret_place stored; /* where it is: NOWHERE before the end */
	bool granted;             /* access was granted by OAuth2, and is kept */
	bool regranted;           /* ... as it was before */
	bool written;             /* the account stands in the file */
	bool system;              /* for the whole machine */
	struct configure file;
};

/* In setup_say.c. All of it goes to standard error. A mark in front of a line that says how it
 * went. */
enum setup_mark { SETUP_PLAIN, SETUP_GOOD, SETUP_WARN, SETUP_BAD };
/* One line: a word or two, and what there is to say about it; what comes from outside must be
 * printable already. */
void setup_say(enum setup_mark mark, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The beginning of a step. */
void setup_head(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Advice of several words under a line, folded. */
void setup_advise(const char *text);

/* True iff the option was given. */
bool setup_given(const struct setup *s, enum option_id id);
/* True iff questions may be asked: at a terminal. */
bool setup_may_ask(void);
/* Asks for yes or no; PRESET where nobody can be asked, or --yes was given. */
bool setup_yes(const struct setup *s, const char *question, bool preset, const char *option,
	bool *ret, struct error *err) __attribute__((warn_unused_result));
/* The unix socket that the account is for, NULL without one. */
const char *setup_socket(const struct setup *s);
/* True iff the account's host is a mail domain, whose SRV records are asked each time. */
bool setup_by_srv(const struct setup *s);
bool setup_is_lmtp(const struct setup *s);
bool setup_has_proxy(const struct setup *s);
/* True iff the smarthost is on this machine. */
bool setup_is_here(const struct setup *s);
/* How TLS begins at PORT unless the account says otherwise, as a profile without `tls` has it. */
enum wire_tls setup_usual_tls(const struct setup *s, uint16_t port);
/* HOST[:PORT] from an option or an answer: where it is going to be. CTX is a struct setup. */
bool
setup_take_host(void *ctx, const char *text, struct error *err) __attribute__((warn_unused_result));
/* Asks for another one; srv, which is for domains, goes. PROPOSAL may be NULL. */
bool setup_ask_host(struct setup *s, const char *question, const char *proposal, struct error *err)
	__attribute__((warn_unused_result));
/* Sets a value of the account. */
bool setup_set(struct setup *s, enum option_id id, const char *value, struct error *err)
	__attribute__((warn_unused_result));

/* The steps, in their order. setup_find.c: where the smarthost is. */
bool setup_find(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* setup_reach.c: whether it is there, by which port, and whether it is the right one. */
bool setup_reach(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* setup_certificate.c: shows why the certificate of PROBE does not fit, and asks what to do: other
 * settings of the account, or another host (*RET_HOST: HOST has changed). */
bool setup_certificate(struct setup *s, const struct probe *p, bool *ret_host, struct error *err)
	__attribute__((warn_unused_result));
/* setup_write.c: what the account is called, before a login speaks of it. */
bool setup_choose_name(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* setup_login.c: the login, and which senders it may use. */
bool setup_login(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* setup_oauth.c: access by OAuth2. */
bool setup_oauth_wanted(struct setup *s, bool *ret, struct error *err)
	__attribute__((warn_unused_result));
bool setup_oauth(struct setup *s, struct error *err) __attribute__((warn_unused_result));
void setup_forget_grant(const struct setup *s);
/* setup_write.c: both written, the file and the secret. */
bool setup_write(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* Chooses the file, before anything else is asked: what is wrong with it shows at once. */
bool setup_choose_file(struct setup *s, struct error *err) __attribute__((warn_unused_result));
/* Takes back what was stored for an account that is not going to be written. */
void setup_undo(struct setup *s);
/* setup_after.c: the timer, a message to try it with. Returns the exit status. */
int setup_after(struct setup *s);

/* setup_place.c: whether root sets the whole system up: then servers are asked by a process that is
 * not root (probing.h). */
bool setup_steps_down(const struct setup *s);
/* A look at HOST, PORT by TLS with the account's other settings, in a process of its
 * own that ends by itself after SETUP_SECONDS. */
#define SETUP_SECONDS 12
struct setup_look {
	const struct setup *setup;
	char host[256];
	uint16_t port;
	enum wire_tls tls;
	struct child child;
	struct probe probe; /* without the lines of EHLO */
};
/* With srv: the place among those of SETTINGS that P has reached. False: it is no longer among
 * them. */
bool setup_place_again(const struct setup *s, const struct wire_settings *settings,
	const struct probe *p, struct target *ret) __attribute__((warn_unused_result));
void setup_look_start(struct setup_look *l);
void setup_look_wait(struct setup_look *l);
