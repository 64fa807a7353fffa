/* The envelope: sender, recipients, each recipient with an outcome of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "error.h"

/* What became of a recipient. */
enum outcome {
	OUTCOME_PENDING,   /* nothing final yet */
	OUTCOME_ACCEPTED,  /* a 2yz to the end of data covers it */
	OUTCOME_TEMPORARY, /* refused, trying again may help */
	OUTCOME_PERMANENT, /* refused for good */
	OUTCOME_IN_DOUBT,  /* end of data sent, no answer: may have been delivered */
	OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome); /* "accepted", ... for JSON and logs */

struct recipient {
	struct address address;
	char *orcpt; /* RFC 3461 4.2: the original address, not yet xtext, or NULL */
	enum outcome outcome;
	int code; /* of the reply that decided, 0 without one */
	struct enhanced enhanced;
	char *words;       /* the server's text of that reply, printable, or NULL */
	struct error *why; /* set when not accepted; owned */
	bool told;         /* the sender knows already that it failed (in a spool) */
};

enum dsn_return { DSN_RETURN_NONE, DSN_RETURN_FULL, DSN_RETURN_HEADERS };
enum dsn_notify { /* a set of bits; 0: not asked for */
	DSN_NEVER = 1,
	DSN_SUCCESS = 2,
	DSN_FAILURE = 4,
	DSN_DELAY = 8
};

/* TLS that is verified on the whole way (RFC 8689). */
enum tls_wish {
	TLS_WISH_NONE, /* nothing is said about it */
	TLS_WISH_NO,
	TLS_WISH_IF_OFFERED, /* better without than lost: a notification about a message that
			      * demanded it
			      */
	TLS_WISH_YES
};
/* What becomes of a message that is late (RFC 2852). */
enum late_wish {
	LATE_WISH_NONE,   /* it cannot be late */
	LATE_WISH_NOTIFY, /* it is delivered all the same, and its sender is told */
	LATE_WISH_RETURN  /* it is returned instead */
};
/* What a message asks of every server on its way, beyond delivery; zeroed: nothing. */
struct wishes {
	enum tls_wish tls;
	enum late_wish late;
	int64_t deliver_by; /* seconds since 1970: late from then on */
	bool priority_set;
	int priority;       /* PRIORITY_LEAST to PRIORITY_MOST, RFC 6710 */
	int64_t hold_until; /* seconds since 1970, RFC 4865: by the server; 0: not asked for */
	char *mail_auth;    /* AUTH= of MAIL, RFC 4954 section 5: an address, "<>"; NULL: none */
};
#define PRIORITY_LEAST (-9)
#define PRIORITY_MOST  9

struct envelope {
	struct address sender; /* may be the null sender */
	struct recipient *recipients;
	size_t count;
	enum dsn_return dsn_return;
	unsigned dsn_notify;
	char *envid; /* not yet xtext, or NULL */
	struct wishes wishes;
};

#define ENVELOPE_NONE                                                                              \
	{                                                                                          \
		.count = 0                                                                         \
	}

void envelope_done(struct envelope *e);
/* Makes *TO, which is freed first, a deep copy of *FROM, outcomes included. */
void envelope_copy(struct envelope *to, const struct envelope *from);
/* Takes the addresses of L (copied) that are not among the recipients already, each once, all
 * OUTCOME_PENDING. */
void envelope_add_recipients(struct envelope *e, const struct address_list *l);

/* Adds a recipient that was refused before anything was sent, even if the address is there already.
 */
void envelope_add_refused(struct envelope *e, const struct address *a, const struct error *why);
/* Appends one recipient, whether it is there already or not; returns its index. */
size_t envelope_add_recipient(struct envelope *e, const struct address *a);

/* Notes the outcome of one recipient; earlier words and error are freed. WHY may be NULL for
 * OUTCOME_ACCEPTED and is copied. */
void recipient_set(struct recipient *r, enum outcome outcome, int code, struct enhanced enhanced,
	const char *words, const struct error *why);
/* OUTCOME_TEMPORARY or OUTCOME_PERMANENT by the fault, IN_DOUBT when err->in_doubt. */
void recipient_fail(struct recipient *r, const struct error *why);
/* The same for everybody about whom nothing is decided. */
void envelope_fail_pending(struct envelope *e, const struct error *why);
/* Takes everybody in doubt as accepted (uncertain = drop), and says so in their words. True iff
 * there was anybody. */
bool envelope_drop_doubts(struct envelope *e);

/* Takes out the recipients that KEPT (one for each) is false for. */
void envelope_keep(struct envelope *e, const bool *kept);
/* How many recipients have OUTCOME. */
size_t envelope_count(const struct envelope *e, enum outcome outcome);

/* The exit status of a finished submission, as a fault: all accepted FAULT_NONE; none accepted and
 * any temporary, pending or in doubt FAULT_TEMPORARY; else the worst of the permanent ones (the
 * highest status first). Once somebody was accepted it is never
 * FAULT_TEMPORARY: temporary and in-doubt recipients alone are FAULT_UNAVAILABLE then. An empty
 * envelope is FAULT_SOFTWARE. */
enum fault envelope_fault(const struct envelope *e);

/* True iff sender or a recipient has a local part that is not ASCII. */
bool envelope_needs_utf8(const struct envelope *e);

/* What stands in envelopes is owned by them; elsewhere mail_auth may be borrowed. */
void wishes_done(struct wishes *w);
/* Makes *TO, which is freed first, a copy of *FROM. */
void wishes_copy(struct wishes *to, const struct wishes *from);
/* Sets in *W what *OVER says something about; mail_auth is borrowed from there. */
void wishes_override(struct wishes *w, const struct wishes *over);
/* True iff anything is said. */
bool wishes_are_there(const struct wishes *w);
/* True iff the message is to be returned, and no more to be tried, at NOW. */
bool wishes_are_over(const struct wishes *w, int64_t now);
/* DUE, or the time from which on the message is late where that comes between NOW and DUE:
 * something is to be done then. */
int64_t wishes_sooner(const struct wishes *w, int64_t now, int64_t due);

/* Parses "success,failure,delay" or "never" (any case, RFC 3461 4.1); FAULT_USAGE otherwise. Blanks
 * around the commas are allowed. */
bool dsn_notify_parse(const char *s, unsigned *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Parses "full", "hdrs" or "headers" (any case); FAULT_USAGE otherwise. */
bool dsn_return_parse(const char *s, enum dsn_return *ret, struct error *err)
	__attribute__((warn_unused_result));
struct strbuf;
/* Appends S as xtext (RFC 3461 section 4). */
void dsn_add_xtext(struct strbuf *out, const char *s);
/* Appends what N octets of xtext stand for. FAULT_DATA for what is no xtext, or stands for controls
 * or octets above 127. */
bool dsn_parse_xtext(const char *s, size_t n, struct strbuf *out, struct error *err)
	__attribute__((warn_unused_result));
/* The same for an address of the type utf-8 (RFC 6533 section 3): UTF-8 and \x{HEX}. */
bool dsn_parse_utf8(const char *s, size_t n, struct strbuf *out, struct error *err)
	__attribute__((warn_unused_result));
