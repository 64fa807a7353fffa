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
	enum option_id id = profile_source(p);

	if (p->password) {
		snprintf(out, 400, "the password in %.300s", p->password_origin);
		return;
	}
	if (id != OPT_COUNT) {
		snprintf(out, 400, "%s (%.300s)", options[id].name, p->settings[id].origin);
		return;
	}
	snprintf(out, 400, "%s",
		profile_yes(p, OPT_KEYRING) ? "what is stored, or the terminal"
					    : "a stored file, or the terminal");
}

/* What helps where the source that is set does not answer. */
static void
name_remedy(const struct profile *p, bool token, char out[300])
{
	enum option_id id = profile_source(p);

	if (token)
		snprintf(out, 300, "sendoff login %.200s", p->name);
	else if (p->password || id == OPT_COUNT)
		snprintf(out, 300, "sendoff password %.200s stores one", p->name);
	else if (id == OPT_PASSWORD_FILE)
		snprintf(out, 300,
			"write the password into that file, with mode 600; or remove "
			"password-file, "
			"and sendoff password %.100s stores it",
			p->name);
	else if (id == OPT_PASSWORD_COMMAND)
		snprintf(out, 300,
			"run that command by hand, as this user: the first line that it prints is "
			"the "
			"password");
	else
		snprintf(out, 300,
			"see %s in sendoff.conf(5); or remove it, and sendoff password %.100s "
			"stores a password",
			options[id].name, p->name);
}

/* The password of the proxy is read with that of the account. */
static bool
is_about_proxy(const struct error *err)
{
	return strncmp(err->text, "proxy", 5) == 0;
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
	if (good && !h->asked && !h->settings.salted.get && !token) {
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
	name_remedy(p, token, advice);
	if (is_about_proxy(&err))
		snprintf(advice, sizeof(advice),
			"write the proxy's password into that file, with mode 600, or remove USER@ "
			"from "
			"proxy");
	check_error(c, FINDING_SECRET, false, &err, advice);
	return false;
}
