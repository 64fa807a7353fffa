#include "wishes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "clock.h"
#include "error.h"
#include "profile.h"
#include "settings.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

#define SECONDS_MAX 999999999 /* nine digits, RFC 2852 section 4, RFC 4865 section 4 */

/* Says where the setting stands and what is wrong with it. */
static bool
refuse(const struct profile *p, enum option_id id, const char *why, struct error *err)
{
	const char *origin = p->settings[id].origin;

	if (origin[0] == '-')
		return error_set(err, FAULT_USAGE, "%s: %s", origin, why);
	return error_set(err, FAULT_CONFIG, "%s: %s: %s", origin, options[id].name, why);
}

/* TIME[,return|notify]: a late message is delivered with a notice unless its return is asked for.
 */
static bool
fill_deliver_by(struct wishes *w, const struct profile *p, time_t now, struct error *err)
{
	const char *text = profile_text(p, OPT_DELIVER_BY), *comma;
	char span[32];
	bool returned;
	uint64_t n;

	if (!text)
		return true;
	comma = strchr(text, ',');
	snprintf(span, sizeof(span), "%.*s", comma ? (int)(comma - text) : (int)strlen(text), text);
	n = option_seconds(span);
	returned = comma && strcasecmp(comma, ",return") == 0;
	if (n && n <= SECONDS_MAX && (!comma || returned || strcasecmp(comma, ",notify") == 0)) {
		w->late = returned ? LATE_WISH_RETURN : LATE_WISH_NOTIFY;
		w->deliver_by = (int64_t)now + (int64_t)n;
		return true;
	}
	return refuse(p, OPT_DELIVER_BY,
		"is no such time; accepted: 30m, 2h or 1d, with ,return or ,notify behind it", err);
}

static bool
fill_priority(struct wishes *w, const struct profile *p, struct error *err)
{
	const char *text = profile_text(p, OPT_PRIORITY), *digits = text;
	uint64_t n;

	if (!text)
		return true;
	digits += *text == '-' || *text == '+';
	if (!text_number(digits, 0, 9, &n))
		return refuse(p, OPT_PRIORITY, "is no number from -9 to 9", err);
	w->priority_set = true;
	w->priority = *text == '-' ? -(int)n : (int)n;
	return true;
}

/* RFC 4954 section 5 has a mailbox, which is ASCII, or <>. */
static bool
fill_mail_auth(struct wishes *w, struct strbuf *held, const struct profile *p, struct error *err)
{
	const char *text = profile_text(p, OPT_MAIL_AUTH);
	struct address a = ADDRESS_NONE;
	bool good;

	if (!text)
		return true;
	strbuf_clear(held);
	if (strcmp(text, "<>") == 0) {
		strbuf_adds(held, text);
	} else {
		good = address_parse_sender(text, strlen(text), &a, NULL) && a.domain &&
		       !address_local_is_utf8(&a) && address_add_smtp(held, &a, true, NULL);
		address_done(&a);
		if (!good || held->full)
			return refuse(p, OPT_MAIL_AUTH,
				"is neither an address of ASCII with a domain nor <>", err);
	}
	w->mail_auth = held->s;
	return true;
}

bool
wishes_hold_until(const struct profile *p, time_t now, time_t *ret, struct error *err)
{
	const char *at = profile_text(p, OPT_AT);
	struct error why = ERROR_NONE;

	*ret = 0;
	if (profile_is_set(p, OPT_IN) && at)
		return refuse(p, OPT_AT, "--in says something else: keep one", err);
	if (profile_is_set(p, OPT_IN))
		*ret = now + (time_t)profile_number(p, OPT_IN);
	else if (at && !clock_parse_when(at, now, ret, &why))
		return refuse(p, OPT_AT, why.text, err);
	if (*ret - now > SECONDS_MAX)
		return refuse(p, OPT_AT, "is too far away", err);
	return true;
}

/* Only what is set says something. */
static enum tls_wish
tls_wish(const struct profile *p)
{
	if (!profile_is_set(p, OPT_REQUIRE_TLS))
		return TLS_WISH_NONE;
	return profile_yes(p, OPT_REQUIRE_TLS) ? TLS_WISH_YES : TLS_WISH_NO;
}

bool
wishes_fill(struct wishes *w, struct strbuf *mail_auth, const struct profile *p, time_t now,
	struct error *err)
{
	time_t hold_until;
	bool good;

	*w = (struct wishes){ .tls = tls_wish(p) };
	/* a mistake in one of them is no reason to forget the others */
	good = fill_deliver_by(w, p, now, err);
	good = fill_priority(w, p, err) && good;
	good = fill_mail_auth(w, mail_auth, p, err) && good;
	if (!wishes_hold_until(p, now, &hold_until, err))
		return false;
	w->hold_until = hold_until;
	if (hold_until && profile_choice(p, OPT_HOLD_BY) == HOLD_BY_QUEUE)
		return refuse(p, OPT_HOLD_BY,
			"there is no queue that could hold the message: set it to server", err);
	return good;
}

bool
wishes_take(struct submission *s, struct error *err)
{
	const time_t from = s->queue.not_before ? (time_t)s->queue.not_before : s->when;
	struct wishes *own = &s->envelope.wishes, all;
	struct wishes whole = { .tls = TLS_WISH_NONE };
	struct strbuf mail_auth = STRBUF_INIT(WISHES_MAIL_AUTH);
	struct error why = ERROR_NONE;
	bool good = wishes_fill(&all, &mail_auth, &s->account, from, &why);

	wishes_override(&all, own);
	wishes_copy(&whole, &all);
	wishes_done(own);
	*own = whole;
	strbuf_done(&mail_auth);
	/* one in a file is the account's trouble, as any other: the attempt finds it */
	if (good || why.fault != FAULT_USAGE)
		return true;
	if (err && !err->fault)
		*err = why;
	return false;
}
