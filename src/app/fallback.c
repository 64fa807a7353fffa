#include "fallback.h"

#include <string.h>

#include "error.h"
#include "submission.h"

static const struct profile *
find(const struct submission *s, const char *name)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		if (strcmp(s->accounts.v[i].name, name) == 0)
			return &s->accounts.v[i];
	return NULL;
}

static bool
blame(const struct profile *p, struct error *err, const char *format, const char *what)
{
	char why[256];

	snprintf(why, sizeof(why), "%s %.150s", format, what);
	return error_set(err, FAULT_CONFIG, "account %s: fallback (%s) %s", p->name,
		p->settings[OPT_FALLBACK].origin, why);
}

bool
fallback_check(const struct submission *s, struct error *err)
{
	const char *seen[FALLBACK_MAX] = { s->account.name }, *name;
	const struct profile *p = &s->account;
	size_t n = 1;

	for (; (name = profile_unless_none(p, OPT_FALLBACK)); n++) {
		for (size_t i = 0; i < n; i++)
			if (strcmp(seen[i], name) == 0)
				return blame(p, err, "leads back to account", name);
		if (n == FALLBACK_MAX)
			return blame(p, err, "is one too many in a row:", name);
		seen[n] = name;
		if (!find(s, name))
			return blame(p, err, "names an account that does not exist:", name);
		p = find(s, name);
		if (!profile_check(p, err))
			return false;
	}
	return true;
}

/* When the message may leave is the message's, too. */
static void
take_time(struct profile *p, const struct profile *from)
{
	static const enum option_id when[] = { OPT_IN, OPT_AT, OPT_HOLD_BY };

	for (size_t i = 0; i < sizeof(when) / sizeof(*when); i++)
		if (profile_is_set(from, when[i]))
			(void)!profile_set(p, when[i], profile_text(from, when[i]),
				from->settings[when[i]].origin, NULL);
}

bool
fallback_next(const struct submission *s, const struct profile *after, struct profile *ret)
{
	const char *name = profile_unless_none(after, OPT_FALLBACK);
	const struct profile *p = name ? find(s, name) : NULL;

	if (!p)
		return false;
	profile_init(ret, p->name, p->origin);
	profile_override(ret, p);
	/* what the message asks for is asked of every server */
	profile_override_group(ret, &s->account, OPTION_GROUP_ENVELOPE);
	profile_override_group(ret, &s->account, OPTION_GROUP_CONTENT);
	take_time(ret, &s->account);
	return true;
}

bool
fallback_helps(const struct error *why)
{
	if (why->stage != STAGE_NONE)
		return why->stage <= STAGE_AUTH;
	/* local: a file, a password */
	return why->fault == FAULT_CONFIG || why->fault == FAULT_NOINPUT ||
	       why->fault == FAULT_PERMISSION || why->fault == FAULT_TEMPORARY;
}
