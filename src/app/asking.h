/* What a sandboxed process that talks to a server cannot do itself it asks for, of the process that
 * has started it: the password, what is kept in its place, a connection to a socket that not
 * everybody may use. Who answers takes each word for hostile: whatever is asked, it is about the
 * one account that its own settings are for. */
#pragma once

#include <stdbool.h>

struct channel_parcel;
struct error;
struct wire_settings;

enum asking_kind {
	ASKING_SECRET = 32, /* the password */
	ASKING_SALTED,      /* what is kept of it: a hash, the salt, the iterations */
	ASKING_KEEP,        /* the same, and what is to be kept, or nothing: drop it. No answer */
	ASKING_SOCKET,      /* a connection to the settings' socket */
	ASKING_ANSWER
};

#define ASKING_MOST 1000 /* questions about one message: who asks more has lost its mind */

/* In the sandboxed process: puts asking over *FD, which must stay where it is, into the place of
 * the SETTINGS' callbacks, as far as there are any. REACH: the socket is asked for, too. The
 * process ends when nobody is there to answer. */
void asking_fill(struct wire_settings *settings, int *fd, bool reach);

/* In the other one: answers P if it is a question, with SETTINGS' own callbacks. *RET_ASKED:
 * whether it was one. False with FAULT_PROTOCOL where it cannot be understood, FAULT_TEMPORARY
 * where nobody takes the answer. */
bool asking_answer(int fd, const struct channel_parcel *p, const struct wire_settings *settings,
	bool *ret_asked, struct error *err) __attribute__((warn_unused_result));
