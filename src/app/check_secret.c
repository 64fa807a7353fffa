/* The secrets of an account: which source would be used, and whether it answers. What it answers is
 * never told. */
#include <stdio.h>
#include <string.h>

#include "checkup.h"
#include "clock.h"
#include "strbuf.h"
#include "token.h"

/* The source that is asked, in the order of secret.h. */
static void
name_source(const struct profile *p, char out[400])
{
	static const enum option_id sources[] = { OPT_PASSWORD_COMMAND, OPT_PASSWORD_FILE,
		OPT_PASSWORD_CREDENTIAL, OPT_PASSWORD_KEY, OPT_NETRC };

	if (p->password) {
		snprintf(out, 400, "the password in %.300s", p->password_origin);
		return;
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (profile_is_set(p, sources[i])) {
			snprintf(out, 400, "%s (%.300s)", options[sources[i]].name,
				p->settings[sources[i]].origin);
			return;
		}
	snprintf(out, 400, "%s",
		profile_yes(p, OPT_KEYRING) ? "the keyring, or the terminal" : "the terminal");
}

static void
told(struct checkup *c, const struct profile *p, const struct smarthost *h, bool token)
{
	char source[400];

	if (token)
		check_good(c, FINDING_SECRET, "%s gives access tokens for %s",
			profile_text(p, OPT_OAUTH), h->settings.user);
	else {
		name_source(p, source);
		check_text(c, "source", source);
		check_good(
			c, FINDING_SECRET, "%s has the password of %s", source, h->settings.user);
	}
}

bool
check_secret(struct checkup *c, const struct profile *p, struct smarthost *h)
{
	struct strbuf secret = STRBUF_INIT_SECRET(SECRET_MAX + 2);
	bool token = token_is_used(p), good;
	struct error err = ERROR_NONE;
	char advice[300];

	if (token && (!check_token(c, p) || c->offline))
		return false;
	good = smarthost_ask(h, p, &err);
	if (good && !h->asked && !token) {
		check_good(c, FINDING_SECRET,
			h->settings.user ? "no password is needed for this login"
					 : "no login: no user is set");
	} else if (good) {
		h->settings.deadline = clock_in(CHECK_MS);
		good = h->settings.secret(
			h->settings.secret_ctx, h->settings.deadline, &secret, &err);
		if (good)
			told(c, p, h, token);
	}
	strbuf_done(&secret);
	if (good)
		return true;
	snprintf(advice, sizeof(advice),
		token ? "sendoff login %.200s" : "sendoff password %.200s stores one", p->name);
	check_error(c, FINDING_SECRET, false, &err, advice);
	return false;
}
