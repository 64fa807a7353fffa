/* Committing what is left of a submission; queueing_deliver's other half. Nobody else includes
 * this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct entry;
struct error;
struct recipient;
struct submission;

/* What a recipient's outcome means for the queue. */
enum fate {
	FATE_SENT,
	FATE_LATER,   /* tried again: refused for now, or in doubt, or nothing was tried */
	FATE_LASTING, /* the account cannot be used until somebody does something */
	FATE_REFUSED
};
enum fate fate_of(const struct recipient *r);

/* Opens the spool if it is not open. With CREATE it is made. */
bool
keep_open(struct submission *s, bool create, struct error *err) __attribute__((warn_unused_result));

/* Commits the recipients that are to be kept, because of WHY (FAULT_NONE: it was asked for). False
 * when that cannot be done, or nobody is to be kept. With *ENTRY the entry stays claimed. */
bool keep_rest(struct submission *s, const struct error *why, struct entry *entry,
	struct error *err) __attribute__((warn_unused_result));
/* As sendmail: puts what was refused for good into failed/. What goes wrong is not told: the exit
 * status tells of the refusal. */
void keep_refused(struct submission *s);

/* An attempt on entry E, which holds all recipients of S, is over (mode first). */
bool keep_settle(struct submission *s, struct entry *e, const struct error *why, struct error *err)
	__attribute__((warn_unused_result));

/* uncertain = drop: who may have got the message is taken as having got it. */
void keep_drops(struct submission *s);

/* Takes down in the history what was accepted at once, or taken so. */
void keep_history_sent(struct submission *s);
/* Takes down in the account's breaker how an attempt went. */
void keep_breaker(struct submission *s, bool good, const struct error *why);
