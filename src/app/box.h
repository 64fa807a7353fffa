/* A process that talks to a server in place of this one: it has nothing of ours but a socket, is
 * sandboxed as far as the kernel can, and what it says is not trusted. For root it is also the
 * service's user, or at least has none of root's capabilities. What is said between the two, in
 * parcels, is its user's business, but for what each such process may say: lines of the dialogue,
 * and the questions of asking.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "channel.h"
#include "error.h"
#include "settings.h"

struct profile;

#define BOX_TRACE   24         /* one octet, a wire_trace, and the line */
#define BOX_PARCEL  (48 << 20) /* octets of one at most */
#define BOX_SEND_MS (60 * 1000)

/* How the process gives up what it does not need. */
struct box_rules {
	bool down;     /* root's privileges too */
	bool remember; /* it may keep what it learns of servers, as the user that it becomes */
	bool open;     /* nothing at all, for what is not possible in a sandbox; DOWN is not set */
};

struct box {
	pid_t pid; /* 0 for none, and for one that another process has started */
	int fd;    /* to it, -1 for none */
};
#define BOX_NONE                                                                                   \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* True iff the settings allow a sandbox: tokens and tickets (PKCS#11, GSSAPI) want files and
 * programs that nobody can list. */
bool box_is_possible(const struct wire_settings *settings);
/* True iff this is root, and ACCOUNT what the whole system has set up: for root to parse what its
 * servers say there is no reason. */
bool box_steps_down(const struct profile *account);

/* Forks it: RUN gets its end of the socket, and never returns. It dies with this process. What
 * stands in buffers of stdio stays there, as it ends by _exit. FAULT_TEMPORARY. */
typedef void box_run(void *ctx, int fd);
bool box_start(struct box *b, box_run *run, void *ctx, struct error *err)
	__attribute__((warn_unused_result));
/* Ends it, gently by closing the socket, else by force. Returns what wait(2) says of it. */
int box_end(struct box *b, bool gently);
/* Gently, and the lines that it has still to say (its QUIT) go to the trace of SETTINGS. For one of
 * another process this waits for its end. */
void box_hear_out(struct box *b, const struct wire_settings *settings);
/* Closes our end, after a fork: the process is another one's. */
void box_abandon(struct box *b);

/* The next parcel that is more than what each such process may say at any time, which is taken, and
 * answered by SETTINGS: *ASKED counts the questions of one job. *P is initialised, and empty. False
 * when the process has ended, or does not keep to the rules. */
bool box_hear(const struct box *b, const struct wire_settings *settings, struct channel_parcel *p,
	unsigned *asked, struct error *err) __attribute__((warn_unused_result));
/* It is lost, for *WHY, and its job with it: ends it, and says so in *WHY, which is FAULT_TEMPORARY
 * then. */
void box_lost(struct box *b, struct error *why);

/* The rest is for the process itself (box_inside.c). */
struct boxed {
	int fd;
	struct wire_settings settings; /* a copy: what they call is asked over FD */
	/* what was not there when it was to be opened, or the sandbox that there should be */
	struct error broken;
};
/* *B must stay where it is. */
void boxed_init(struct boxed *b, int fd, const struct wire_settings *settings);
/* Everything is open: gives up the rest. False with b->broken set. */
bool boxed_shut(struct boxed *b, const struct box_rules *rules) __attribute__((warn_unused_result));
/* Ends the process when nobody hears it. Allocates nothing. */
void boxed_tell(const struct boxed *b, unsigned kind, const struct strbuf *body);
