/* Delivery status notifications (RFC 3464): what the sender is told about recipients that were
 * given up, and, if asked, about a delay. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "entry.h"

struct error;
struct message;
struct spool;

enum bounce_kind { BOUNCE_FAILED, BOUNCE_DELAYED };

/* What the notification needs to know beside the entry. Borrowed. */
struct bounce_settings {
	const char *host;   /* this machine: Reporting-MTA, and the right side of the Message-ID */
	const char *domain; /* of mailer-daemon@ in the From field; NULL: host */
	const char *smarthost; /* Remote-MTA; NULL: left out */
	const char *
		directory; /* for temporary files; NULL: as io_temporary (bounce_make: the spool) */
	uint64_t full;     /* octets of a message that is returned whole at most; 0: 1 MiB */
	/* Turns the sender of the original into the recipients of the notification: a sender that
	 * is local through the aliases. NULL: as it is. What it leaves empty is not notified. */
	bool (*resolve)(void *ctx, const struct address *sender, struct address_list *ret,
		struct error *err);
	void *ctx;
};

/* True iff E is a notification itself (one of ours, whatever its sender; a null sender; a
 * multipart/report that says auto-replied), so that nothing may be sent in answer to it. */
bool bounce_is_notification(const struct entry *e);
/* True iff a notification of KIND is due by the rules: not for a notification, not where NOTIFY
 * leaves it out (NEVER, without FAILURE, without DELAY; without NOTIFY both are due). */
bool bounce_is_wanted(const struct entry *e, enum bounce_kind kind);

/* Composes the notification about those recipients of E that are OUTCOME_PERMANENT and not told
 * (FAILED; those accepted are not named), or that are not yet final (DELAYED). RET is uninitialised
 * before, and empty after a failure. E was read ENTRY_WHOLE. */
bool bounce_compose(const struct entry *e, enum bounce_kind kind, const struct bounce_settings *how,
	int64_t when, struct message *ret, struct error *err) __attribute__((warn_unused_result));

/* Makes the notification that is due for E, which is claimed and in failed/ (or still in the queue,
 * when others of its recipients are not decided yet): composes, commits it with its own id for E's
 * account, due at once, and notes that in E, durably. Doing it again after a crash makes no second
 * one. Where none is due that is noted too. RET_ID is the id of what was made, "" where there is
 * none. False when it could not be made or noted: E stays as it is, to be done later. */
bool bounce_make(struct spool *s, struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how, int64_t now, char ret_id[ENTRY_ID + 1],
	struct error *err) __attribute__((warn_unused_result));

/* A notification E (claimed) whose null sender the smarthost refused goes again with FROM as its
 * sender, once: commits the second, then removes the first. *RET_AGAIN is false when E is no
 * notification of ours or was such a second one: it has failed then. */
bool bounce_from(struct spool *s, struct entry *e, const struct address *from, int64_t now,
	bool *ret_again, struct error *err) __attribute__((warn_unused_result));

/* Before a notification of ours leaves: makes sure that its original knows of it, in case the
 * process that made it died in between. False when that cannot be done now (the original is
 * claimed). Does nothing for other entries. */
bool bounce_settle(struct spool *s, const struct entry *e, int64_t now, struct error *err)
	__attribute__((warn_unused_result));

/* What failed/ may hold. */
struct bounce_limits {
	int64_t age;     /* seconds; 0: 30 days */
	uint64_t octets; /* 0: 1 GiB */
};
/* Removes what failed/ has too much of, the oldest first, at most MAX entries; never one whose
 * notification is still owed unless it is twice too old. *RET_OWED (may be NULL) is how many
 * entries of failed/ are owed a notification. */
bool bounce_purge(struct spool *s, const struct bounce_limits *limits, int64_t now, unsigned max,
	unsigned *ret_owed, struct error *err) __attribute__((warn_unused_result));
