/* A connection to the smarthost that is driven step by step: for -bs, which passes on the verdict
 * of each command as it comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "session.h"
#include "strbuf.h"

struct envelope;
struct message;
struct wire_settings;

/* What MAIL is to declare beside what stands in the envelope. */
struct relay_mail {
	uint64_t size; /* SIZE=, 0: not known */
	bool smtputf8; /* the client asked for it */
};

/* The smarthost's own words for one command. */
struct relay_reply {
	int code; /* 0: there was none, the error says why */
	struct enhanced enhanced;
	struct strbuf text; /* lines ended by LF, without codes, printable */
};
void relay_reply_init(struct relay_reply *r);
void relay_reply_done(struct relay_reply *r);

struct relay; /* at most one connection at a time; made before it is needed, connects at MAIL */

/* Nothing is connected yet. SETTINGS and REPORT must outlive it; the deadline of SETTINGS may be
 * moved between the steps, and wire_report_next called. NULL with FAULT_CONFIG as tls_context_new.
 */
struct relay *relay_new(const struct wire_settings *settings, struct wire_report *report,
	struct error *err) __attribute__((warn_unused_result));
/* Says QUIT and closes. Accepts NULL. */
void relay_free(struct relay *r);

/* Each of these returns true iff the smarthost answered 2yz. *REPLY is filled with its answer,
 * whatever it was, and *ERR is set on a refusal too. On a lost connection, a refused login and
 * other failures of our own REPLY has code 0 and *ERR says what happened, with verdict and in_doubt
 * as session_deliver. The next relay_begin connects anew where the connection is lost.
 *
 * relay_begin connects where it must (host by host, address by address), logs in, resets what an
 * earlier transaction left, and says MAIL for the sender of E with its dsn_return and envid. E must
 * live until the transaction has ended, by relay_content, relay_reset or a failure with code 0. */
bool relay_begin(struct relay *r, struct envelope *e, const struct relay_mail *mail,
	struct relay_reply *reply, struct error *err) __attribute__((warn_unused_result));
/* Offers recipient I of E, which is pending; recipients must be offered in their order. Its outcome
 * is noted when it is refused. */
bool relay_recipient(struct relay *r, size_t i, unsigned dsn_notify, struct relay_reply *reply,
	struct error *err) __attribute__((warn_unused_result));
/* Sends the content to the recipients taken, of which there is at least one, and notes their
 * outcome. Fits it to the server (8BITMIME, SMTPUTF8) first. */
bool relay_content(struct relay *r, const struct message *m, struct relay_reply *reply,
	struct error *err) __attribute__((warn_unused_result));
/* In a transaction: MAIL was accepted, and neither its end nor the loss of the connection came. */
bool relay_is_open(const struct relay *r);
/* Forgets the transaction; the smarthost hears RSET with the next one. */
void relay_reset(struct relay *r);
/* The largest message that the smarthost takes, as far as it is known; 0: not known. */
uint64_t relay_size_max(const struct relay *r);
