#include "bounce.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "bounce_private.h"
#include "digest.h"
#include "error.h"
#include "header.h"
#include "schedule.h"
#include "spool.h"

#define AGAIN    "again" /* what the second attempt with bounce-from stands for */
#define LIFETIME (5 * 86400)

bool
bounce_is_about(const struct entry *e, enum bounce_kind kind, size_t i)
{
	const struct recipient *r = &e->envelope.recipients[i];

	if (kind == BOUNCE_FAILED)
		return r->outcome == OUTCOME_PERMANENT && !r->told;
	return r->outcome == OUTCOME_PENDING || r->outcome == OUTCOME_TEMPORARY;
}

static size_t
count_about(const struct entry *e, enum bounce_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < e->envelope.count; i++)
		count += bounce_is_about(e, kind, i);
	return count;
}

/* The same recipients give the same word: whoever finishes what a crash has interrupted makes the
 * notification that was to be made. */
void
bounce_what(const struct entry *e, enum bounce_kind kind, char ret[BOUNCE_WHAT])
{
	unsigned char sum[DIGEST_SIZE];
	struct digest d;
	char number[24];

	if (kind == BOUNCE_DELAYED) {
		snprintf(ret, BOUNCE_WHAT, "delay");
		return;
	}
	digest_init(&d);
	for (size_t i = 0; i < e->envelope.count; i++)
		if (bounce_is_about(e, kind, i))
			digest_add(&d, number, (size_t)snprintf(number, sizeof(number), "%zu,", i));
	digest_end(&d, sum);
	snprintf(ret, BOUNCE_WHAT, "failure-%02x%02x%02x%02x", sum[0], sum[1], sum[2], sum[3]);
}

/* Takes apart the Message-ID of a notification: "<ID.WHAT@...". False if it cannot be one of ours.
 */
static bool
take_apart(const struct entry *e, char original[ENTRY_ID + 1], char what[BOUNCE_WHAT])
{
	struct strbuf value = STRBUF_INIT(1024);
	struct header_field f;
	size_t pos = 0, n = 0;

	if (header_find(e->message.header.s, e->message.header.len, &pos, "Message-ID", &f))
		header_add_unfolded(&value, &f);
	if (value.len > ENTRY_ID + 2 && value.s[0] == '<' && value.s[ENTRY_ID + 1] == '.')
		n = strcspn(value.s + ENTRY_ID + 2, "@");
	if (n && n < BOUNCE_WHAT) {
		memcpy(original, value.s + 1, ENTRY_ID);
		original[ENTRY_ID] = '\0';
		memcpy(what, value.s + ENTRY_ID + 2, n);
		what[n] = '\0';
	}
	strbuf_done(&value);
	return n && n < BOUNCE_WHAT && entry_is_id(original);
}

/* What an entry is to us. Anybody can write such a Message-ID, but nobody can choose such an id. */
enum own { NOT_OURS, OURS, OURS_AGAIN };

static enum own
own_notification(const struct entry *e, char original[ENTRY_ID + 1], char what[BOUNCE_WHAT])
{
	char id[ENTRY_ID + 1], again[ENTRY_ID + 1];

	if (!take_apart(e, original, what))
		return NOT_OURS;
	entry_derive_id(id, original, what);
	if (strcmp(id, e->id) == 0)
		return OURS;
	entry_derive_id(again, id, AGAIN);
	return strcmp(again, e->id) == 0 ? OURS_AGAIN : NOT_OURS;
}

/* The field NAME begins with VALUE. */
static bool
field_begins(const struct entry *e, const char *name, const char *value)
{
	struct strbuf text = STRBUF_INIT(HEADER_MAX);
	struct header_field f;
	size_t pos = 0;
	bool begins;

	if (header_find(e->message.header.s, e->message.header.len, &pos, name, &f))
		header_add_unfolded(&text, &f);
	begins = strncasecmp(text.s, value, strlen(value)) == 0;
	strbuf_done(&text);
	return begins;
}

bool
bounce_is_notification(const struct entry *e)
{
	char original[ENTRY_ID + 1], what[BOUNCE_WHAT];

	return address_is_null(&e->envelope.sender) ||
	       own_notification(e, original, what) != NOT_OURS ||
	       (field_begins(e, "Auto-Submitted", "auto-replied") &&
		       field_begins(e, "Content-Type", "multipart/report"));
}

bool
bounce_is_wanted(const struct entry *e, enum bounce_kind kind)
{
	unsigned notify = e->envelope.dsn_notify;

	return !bounce_is_notification(e) &&
	       (!notify || (notify & (kind == BOUNCE_FAILED ? DSN_FAILURE : DSN_DELAY)));
}

/* Notes in the entry that what there was to say has been said. */
static bool
note(struct entry *e, enum bounce_kind kind, int64_t now, struct error *err)
{
	const bool warned = e->warned, bounced = e->bounced;
	const int64_t due = e->due;

	if (kind == BOUNCE_FAILED)
		e->bounced = true;
	else
		e->warned = true;
	/* from now on the time says since when it lies in failed/ */
	if (e->failed && e->due == BOUNCE_OWED)
		e->due = now;
	if (!entry_append(e, NULL, now, err)) {
		e->warned = warned;
		e->bounced = bounced;
		e->due = due;
		return false;
	}
	for (size_t i = 0; i < e->envelope.count; i++)
		if (kind == BOUNCE_FAILED && bounce_is_about(e, kind, i))
			e->envelope.recipients[i].told = true;
	return true;
}

static bool
resolve(const struct entry *e, const struct bounce_settings *how, struct envelope *ret,
	struct error *err)
{
	struct address_list to = ADDRESS_LIST_NONE;
	bool good = true;

	if (how->resolve)
		good = how->resolve(how->ctx, &e->envelope.sender, &to, err);
	else
		address_list_add(&to, &e->envelope.sender);
	if (good)
		envelope_add_recipients(ret, &to);
	address_list_done(&to);
	if (!good)
		return error_prefix(err, "unable to notify the sender of message %s", e->id);
	/* nobody tells a notification's fate: RFC 3461 6.2.7 */
	ret->sender.local = xstrdup("");
	ret->dsn_notify = DSN_NEVER;
	/* RFC 8689 section 5: as protected as the message, but not lost for want of it */
	ret->wishes.tls = e->envelope.wishes.tls == TLS_WISH_YES ? TLS_WISH_IF_OFFERED
								 : e->envelope.wishes.tls;
	return true;
}

/* Commits the notification and notes it in the original while it is claimed, so that no runner can
 * deliver it in between. */
static bool
commit_and_note(struct spool *s, struct entry *e, enum bounce_kind kind,
	const struct envelope *envelope, const struct message *m, int64_t now,
	char ret_id[ENTRY_ID + 1], struct error *err)
{
	struct entry n = ENTRY_NONE;
	char what[BOUNCE_WHAT];
	bool existed, good;

	bounce_what(e, kind, what);
	entry_derive_id(n.id, e->id, what);
	memcpy(n.account, e->account, sizeof(n.account));
	n.uid = e->uid;
	n.created = n.not_before = now;
	n.lifetime = LIFETIME;
	memcpy(ret_id, n.id, sizeof(n.id));
	good = spool_commit(s, &n, envelope, m, now, &existed, err) && note(e, kind, now, err);
	entry_done(&n);
	if (!good)
		error_prefix(err, "unable to notify the sender of message %s", e->id);
	return good;
}

bool
bounce_make(struct spool *s, struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how, int64_t now, char ret_id[ENTRY_ID + 1],
	struct error *err)
{
	struct bounce_settings here = *how;
	struct envelope envelope = ENVELOPE_NONE;
	struct message m = MESSAGE_NONE;
	bool good;

	ret_id[0] = '\0';
	if (!count_about(e, kind) || !bounce_is_wanted(e, kind))
		return note(e, kind, now, err);
	good = resolve(e, how, &envelope, err);
	if (good && !envelope.count) {
		good = note(e, kind, now, err);
	} else if (good) {
		here.directory = s->path;
		good = bounce_compose(e, kind, &here, now, &m, err) &&
		       commit_and_note(s, e, kind, &envelope, &m, now, ret_id, err);
	}
	if (!good)
		ret_id[0] = '\0';
	message_done(&m);
	envelope_done(&envelope);
	return good;
}

bool
bounce_from(struct spool *s, struct entry *e, const struct address *from, int64_t now,
	bool *ret_again, struct error *err)
{
	char original[ENTRY_ID + 1], what[BOUNCE_WHAT];
	struct envelope envelope = ENVELOPE_NONE;
	struct address_list sender = ADDRESS_LIST_NONE;
	struct entry n = ENTRY_NONE;
	bool existed, good;

	*ret_again = false;
	if (own_notification(e, original, what) != OURS)
		return true;
	envelope_copy(&envelope, &e->envelope);
	for (size_t i = 0; i < envelope.count; i++)
		recipient_set(&envelope.recipients[i], OUTCOME_PENDING, 0, (struct enhanced){ 0 },
			NULL, NULL);
	address_list_add(&sender, from);
	address_done(&envelope.sender);
	envelope.sender = sender.v[0];
	sender.v[0] = (struct address)ADDRESS_NONE;
	address_list_done(&sender);

	entry_derive_id(n.id, e->id, AGAIN);
	memcpy(n.account, e->account, sizeof(n.account));
	n.uid = e->uid;
	n.created = n.not_before = now;
	n.lifetime = e->lifetime;
	good = spool_commit(s, &n, &envelope, &e->message, now, &existed, err) &&
	       spool_remove(s, e, false, err);
	entry_done(&n);
	envelope_done(&envelope);
	*ret_again = good;
	return good;
}

/* True iff ORIGINAL does not say yet that its notification WHAT was made. */
static bool
is_to_be_noted(const struct entry *original, enum bounce_kind kind, const char *what)
{
	char owed[BOUNCE_WHAT];

	bounce_what(original, kind, owed);
	return strcmp(owed, what) == 0 &&
	       !(kind == BOUNCE_FAILED ? original->bounced : original->warned);
}

bool
bounce_settle(struct spool *s, const struct entry *e, int64_t now, struct error *err)
{
	char id[ENTRY_ID + 1], what[BOUNCE_WHAT];
	struct entry original = ENTRY_NONE;
	enum bounce_kind kind;
	enum spool_claim got;
	bool good = true, known;

	if (own_notification(e, id, what) == NOT_OURS)
		return true;
	kind = strcmp(what, "delay") == 0 ? BOUNCE_DELAYED : BOUNCE_FAILED;
	/* whoever made it may be busy with the original still, and has noted it first */
	got = spool_look(s, id, true, &original, NULL);
	if (got == SPOOL_GONE)
		got = spool_look(s, id, false, &original, NULL);
	known = got == SPOOL_CLAIMED && !is_to_be_noted(&original, kind, what);
	entry_done(&original);
	if (known)
		return true;
	got = spool_claim(s, id, true, &original, err);
	if (got == SPOOL_GONE)
		got = spool_claim(s, id, false, &original, err);
	/* one that is damaged, or gone by now, makes no second notification */
	if (got == SPOOL_BUSY)
		good = error_set(err, FAULT_TEMPORARY, "message %s is claimed", id);
	else if (got == SPOOL_ERROR)
		good = false;
	else if (err)
		error_clear(err);
	if (got == SPOOL_CLAIMED && is_to_be_noted(&original, kind, what))
		good = note(&original, kind, now, err);
	entry_done(&original);
	return good;
}
