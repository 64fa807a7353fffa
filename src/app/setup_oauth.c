/* Access by OAuth2: whether, as which client, and the grant itself. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "error.h"
#include "login.h"
#include "provider.h"
#include "setup_state.h"
#include "token.h"
#include "token_record.h"
#include "token_settings.h"

#define FORGET_SECONDS 20

static const struct provider_oauth *
server_of(const struct setup *s)
{
	const char *name = profile_text(&s->account, OPT_OAUTH);

	if (!name && s->provider)
		name = s->provider->oauth;
	return name ? provider_oauth_by_name(name) : NULL;
}

static bool
has_password(const struct setup *s)
{
	return s->typed.len || setup_given(s, OPT_PASSWORD_COMMAND) ||
	       setup_given(s, OPT_PASSWORD_FILE) || setup_given(s, OPT_PASSWORD_CREDENTIAL) ||
	       setup_given(s, OPT_PASSWORD_KEY) || setup_given(s, OPT_NETRC);
}

/* What a password is called there. */
static const char *
password_words(const struct setup *s)
{
	unsigned login = s->provider ? s->provider->login : 0;

	return login & PROVIDER_APP_PASSWORD ? "an app password, made for this program"
	       : login & PROVIDER_KEY        ? "a key of the provider's interface"
					     : "a password";
}

bool
setup_oauth_wanted(struct setup *s, bool *ret, struct error *err)
{
	const char *choices[] = { password_words(s),
		"OAuth2: access is granted in a browser, and renewed by itself" };
	bool known = (s->provider && s->provider->oauth) || *s->issuer;
	size_t choice = 0;

	*ret = setup_given(s, OPT_OAUTH);
	if (*ret || !known || has_password(s))
		return true;
	if (!s->password && !setup_may_ask())
		return error_set(err, FAULT_USAGE,
			"%s takes no passwords: give --oauth %s and --oauth-client-id ID",
			s->provider ? s->provider->name : s->host,
			s->provider && s->provider->oauth ? s->provider->oauth : s->issuer);
	if (!setup_may_ask())
		return true;
	if (!s->password) {
		*ret = true;
		return true;
	}
	if (!ask_choice("How do you log in there", choices, 2, 0, "--oauth or --password-file",
		    &choice, err))
		return false;
	*ret = choice == 1;
	return true;
}

static bool
take_id(void *ctx, const char *text, struct error *err)
{
	return *text ? setup_set(ctx, OPT_OAUTH_CLIENT_ID, text, err)
		     : error_set(err, FAULT_USAGE, "A client id is needed.");
}

static bool
take_secret(void *ctx, const char *text, struct error *err)
{
	return !*text || strcmp(text, "-") == 0 ||
	       setup_set(ctx, OPT_OAUTH_CLIENT_SECRET_FILE, text, err);
}

/* As which client: the provider gives that out. */
static bool
choose_client(struct setup *s, struct error *err)
{
	const struct provider_oauth *server = server_of(s);
	struct strbuf answer = STRBUF_INIT(4096);
	bool good = true;

	if (!profile_is_set(&s->account, OPT_OAUTH_CLIENT_ID)) {
		if (server && server->help)
			setup_say(SETUP_PLAIN, "client id", "%s", server->help);
		good = ask_line(
			"Client id", NULL, "--oauth-client-id ID", take_id, s, &answer, err);
	}
	strbuf_clear(&answer);
	if (good && server && server->wants_secret && setup_may_ask() &&
		!profile_is_set(&s->account, OPT_OAUTH_CLIENT_SECRET_FILE) &&
		!profile_is_set(&s->account, OPT_OAUTH_CLIENT_SECRET_COMMAND))
		good = ask_line("File with the client's secret (mode 600), - for none", "-",
			"--oauth-client-secret-file FILE", take_secret, s, &answer, err);
	strbuf_done(&answer);
	return good;
}

/* Another account may have access by the same name at the same host: that must not go with ours. */
static bool
is_granted(const struct setup *s)
{
	struct token_settings t;
	struct token_record record = TOKEN_RECORD_NONE;
	const char *where = "";
	bool known = token_settings_init(&t, &s->account, NULL) &&
		     token_look(&t, clock_in(FORGET_SECONDS * CLOCK_SECOND), &record, &where, NULL);

	token_record_done(&record);
	token_settings_done(&t);
	return !known || *where;
}

bool
setup_oauth(struct setup *s, struct error *err)
{
	enum login_way way = setup_given(s, OPT_BROWSER)  ? LOGIN_BROWSER
			     : setup_given(s, OPT_DEVICE) ? LOGIN_DEVICE
			     : setup_given(s, OPT_PASTE)  ? LOGIN_PASTE
							  : LOGIN_AUTO;
	const char *name = s->provider && s->provider->oauth ? s->provider->oauth : s->issuer;

	if (!profile_is_set(&s->account, OPT_OAUTH) && !setup_set(s, OPT_OAUTH, name, err))
		return false;
	if (!choose_client(s, err))
		return false;
	/* the client's own credentials need no person */
	if (profile_choice(&s->account, OPT_OAUTH_GRANT) == 1 || setup_given(s, OPT_NO_CHECK) ||
		setup_given(s, OPT_OFFLINE) || setup_given(s, OPT_DRY_RUN))
		return true;
	s->regranted = is_granted(s);
	s->granted = login_run(&s->account, way, err);
	return s->granted;
}

void
setup_forget_grant(const struct setup *s)
{
	struct token_settings t;
	unsigned count;

	if (token_settings_init(&t, &s->account, NULL))
		(void)!token_drop(&t, clock_in(FORGET_SECONDS * CLOCK_SECOND), &count, NULL);
	token_settings_done(&t);
}
