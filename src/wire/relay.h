/* A connection to the smarthost that is driven step by step: for -bs, which passes on the verdict of
 * each command as it comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "session.h"
#include "strbuf.h"

struct address;
struct message;
struct wire_settings;

/* What MAIL is to declare. */
struct relay_mail {
	const struct address *sender;
	uint64_t size;        /* SIZE=, 0: not known */
	bool smtputf8;        /* the client asked for it */
	unsigned dsn_return;  /* enum dsn_return */
	const char *envid;    /* not xtext, or NULL */
};

/* The smarthost's own words for one command. */
struct relay_reply {
	int code;                 /* 0: there was none, the error says why */
	struct enhanced enhanced;
	struct strbuf text;       /* lines ended by LF, without codes, printable */
};

struct relay; /* at most one connection at a time; made before it is needed, connects at MAIL */

/* Nothing is connected yet. SETTINGS must outlive it. NULL with FAULT_CONFIG as tls_context_new. */
struct relay *relay_new(const struct wire_settings *settings, struct wire_report *report,
	struct error *err) __attribute__((warn_unused_result));
/* Says QUIT and closes. Accepts NULL. */
void relay_free(struct relay *r);

/* Each returns true iff the smarthost answered 2yz. *REPLY is filled with its answer, whatever it was;
 * on a lost connection, a refused login and other failures of our own it has code 0 and *ERR says
 * what happened, with verdict and in_doubt as session_deliver; the next relay_mail then connects
 * anew. relay_mail connects (host by host, address by address), logs in, and resets what an earlier
 * transaction left. */
bool relay_begin(struct relay *r, const struct relay_mail *mail, struct relay_reply *reply,
	struct error *err) __attribute__((warn_unused_result));
bool relay_recipient(struct relay *r, const struct address *to, unsigned dsn_notify,
	const char *orcpt, struct relay_reply *reply, struct error *err)
	__attribute__((warn_unused_result));
/* Sends the content to the recipients taken. Fits it to the server (8BITMIME, SMTPUTF8) first. */
bool relay_content(struct relay *r, const struct message *m, struct relay_reply *reply,
	struct error *err) __attribute__((warn_unused_result));
/* Forgets the transaction; the smarthost hears RSET with the next one. */
void relay_reset(struct relay *r);
