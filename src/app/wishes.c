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
fill_deliver_by(struct wire_wishes *w, const struct profile *p, struct error *err)
{
	const char *text = profile_text(p, OPT_DELIVER_BY), *comma;
	char span[32];
	uint64_t n;

	if (!text)
		return true;
	comma = strchr(text, ',');
	snprintf(span, sizeof(span), "%.*s", comma ? (int)(comma - text) : (int)strlen(text), text);
	n = option_seconds(span);
	if (n && n <= SECONDS_MAX)
		w->deliver_by = (int64_t)n;
	else
		comma = "";
	w->deliver_by_return = comma && strcasecmp(comma, ",return") == 0;
	if (!comma || w->deliver_by_return || strcasecmp(comma, ",notify") == 0)
		return true;
	return refuse(p, OPT_DELIVER_BY,
		"is no such time; accepted: 30m, 2h or 1d, with ,return or ,notify behind it", err);
}

static bool
fill_priority(struct wire_wishes *w, const struct profile *p, struct error *err)
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
fill_mail_auth(
	struct wire_wishes *w, struct strbuf *held, const struct profile *p, struct error *err)
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

bool
wishes_fill(struct wire_wishes *w, struct strbuf *mail_auth, const struct profile *p, time_t now,
	struct error *err)
{
	time_t hold_until;

	*w = (struct wire_wishes){ .require_tls = profile_yes(p, OPT_REQUIRE_TLS) };
	if (!fill_deliver_by(w, p, err) || !fill_priority(w, p, err) ||
		!fill_mail_auth(w, mail_auth, p, err) ||
		!wishes_hold_until(p, now, &hold_until, err))
		return false;
	w->hold_until = hold_until;
	if (hold_until && profile_choice(p, OPT_HOLD_BY) == HOLD_BY_QUEUE)
		return refuse(p, OPT_HOLD_BY,
			"there is no queue that could hold the message: set it to server", err);
	return true;
}

const char *
wishes_lost(const struct submission *s)
{
	static const enum option_id wishes[] = { OPT_REQUIRE_TLS, OPT_DELIVER_BY, OPT_PRIORITY,
		OPT_MAIL_AUTH };

	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++)
		if (submission_given(s, wishes[i]))
			return options[wishes[i]].name;
	return NULL;
}
