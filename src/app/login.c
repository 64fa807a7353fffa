/* `sendoff login`, logout and token. */
#include "login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "error.h"
#include "login_account.h"
#include "login_flow.h"
#include "login_status.h"
#include "provider.h"
#include "token.h"
#include "token_record.h"
#include "token_settings.h"

#define ASK_MS   (60 * CLOCK_SECOND)
#define TOKEN_MS (120 * CLOCK_SECOND)

bool
login_load(const struct arguments *args, struct profile_list *ret, struct error *err)
{
	const struct profile *flags = &args->given;
	const struct profile_sources where = {
		.file = profile_is_set(flags, OPT_CONFIG) ? profile_text(flags, OPT_CONFIG) : NULL,
		.use_environment = getuid() == geteuid() && getgid() == getegid(),
	};

	return profile_load(&where, ret, err);
}

bool
login_account(const struct arguments *args, struct profile *ret, struct error *err)
{
	const struct profile *flags = &args->given;
	struct profile_list l = { NULL, 0 };
	const char *name = args->operand_count                  ? args->operands[0]
			   : profile_is_set(flags, OPT_ACCOUNT) ? profile_text(flags, OPT_ACCOUNT)
								: NULL;
	struct profile *found;

	profile_init(ret, "", "");
	if (args->operand_count > 1)
		return error_set(err, FAULT_USAGE, "one account at a time");
	if (!login_load(args, &l, err))
		return false;
	found = profile_select(&l, name, NULL, err);
	if (found) {
		profile_done(ret);
		profile_init(ret, found->name, found->origin);
		profile_override(ret, found);
		profile_override(ret, flags);
	}
	profile_list_done(&l);
	return found && profile_check(ret, err);
}

static bool
has_screen(void)
{
	static const char *const screens[] = { "DISPLAY", "WAYLAND_DISPLAY" };

	for (size_t i = 0; i < sizeof(screens) / sizeof(*screens); i++)
		if (getenv(screens[i]) && *getenv(screens[i]))
			return true;
	return false;
}

static bool
has_device_grant(const struct token_settings *t)
{
	return t->server.device && (!t->known || t->known->device_mail ||
					   profile_is_set(t->profile, OPT_OAUTH_DEVICE_URL));
}

static bool
ask_person(const struct token_settings *t, enum login_way way, struct oauth_grant *ret,
	struct error *err)
{
	switch (way) {
	case LOGIN_BROWSER:
		return login_by_browser(t, has_screen(), LOGIN_LISTEN, ret, err);
	case LOGIN_DEVICE:
		return login_by_device(t, ret, err);
	case LOGIN_PASTE:
		return login_by_browser(t, false, LOGIN_READ, ret, err);
	case LOGIN_AUTO:
		break;
	}
	if (has_screen())
		return login_by_browser(t, true, LOGIN_LISTEN, ret, err);
	if (has_device_grant(t))
		return login_by_device(t, ret, err);
	return login_by_browser(
		t, false, LOGIN_LISTEN | (isatty(STDIN_FILENO) ? LOGIN_READ : 0U), ret, err);
}

/* What is good to know once access is granted. */
static void
tell(const struct token_settings *t, const struct token_record *r, const char *where)
{
	struct strbuf until = STRBUF_INIT(64);

	fprintf(stderr, "Access for account %s is granted, and kept in %s.\n", t->profile->name,
		where);
	if (!r->refresh.len) {
		clock_add_rfc5322(&until, (time_t)r->expires);
		fprintf(stderr,
			"The provider gave no refresh token: access ends at %s. If the scope "
			"should have one (offline_access with some), set oauth-scope.\n",
			until.s);
	}
	strbuf_done(&until);
}

/* Nobody needs to log in: shows that it works. */
static bool
try_client(const struct profile *p, struct error *err)
{
	struct strbuf token = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX);
	bool good = token_get(p, false, clock_in(TOKEN_MS), &token, err) &&
		    (token_was_renewed() || token_get(p, true, clock_in(TOKEN_MS), &token, err));

	strbuf_done(&token);
	if (good)
		fprintf(stderr,
			"Account %s gets its access by the client's own credentials, and they "
			"work: "
			"nobody needs to log in.\n",
			p->name);
	return good;
}

bool
login_run(const struct profile *p, enum login_way way, struct error *err)
{
	struct token_record record = TOKEN_RECORD_NONE;
	struct oauth_grant grant = OAUTH_GRANT_NONE;
	struct strbuf where = STRBUF_INIT(8192);
	struct token_settings t;
	bool good;

	good = token_settings_init(&t, p, err);
	if (good && t.grant != TOKEN_BY_PERSON) {
		token_settings_done(&t);
		return try_client(p, err);
	}
	good = good && token_settings_ask(&t, true, clock_in(ASK_MS), err) &&
	       ask_person(&t, way, &grant, err) &&
	       token_keep(&t, &grant, clock_in(ASK_MS), &record, &where, err);
	if (good)
		tell(&t, &record, where.s);
	oauth_grant_done(&grant);
	token_record_done(&record);
	token_settings_done(&t);
	strbuf_done(&where);
	return good;
}

static int
fail(const struct arguments *args, const char *what, const struct error *err)
{
	fprintf(stderr, "%s: unable to %s: %s\n", args->program, what, err->text);
	return fault_status(err->fault);
}

static bool
choose_way(const struct arguments *args, enum login_way *ret, struct error *err)
{
	static const struct {
		enum option_id id;
		enum login_way way;
	} ways[] = { { OPT_BROWSER, LOGIN_BROWSER }, { OPT_DEVICE, LOGIN_DEVICE },
		{ OPT_PASTE, LOGIN_PASTE } };
	unsigned n = 0;

	*ret = LOGIN_AUTO;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (profile_is_set(&args->given, ways[i].id)) {
			*ret = ways[i].way;
			n++;
		}
	return n < 2 ||
	       error_set(err, FAULT_USAGE, "--browser, --device and --paste exclude each other");
}

int
login_command(const struct arguments *args)
{
	struct error err = ERROR_NONE;
	enum login_way way;
	struct profile p;
	int status = 0;

	if (profile_is_set(&args->given, OPT_STATUS) ||
		profile_is_set(&args->given, OPT_REFRESH_ALL))
		return login_overview(args);
	if (!choose_way(args, &way, &err))
		return fail(args, "log in", &err);
	if (!login_account(args, &p, &err) || !login_run(&p, way, &err))
		status = fail(args, "log in", &err);
	profile_done(&p);
	return status;
}

/* The grant outlives what is kept here, and only a person can end it. */
static void
tell_grant_lives(const struct arguments *args, const struct token_settings *t, const char *why)
{
	fprintf(stderr, "%s: note: %s%sthe grant lives on at the provider: end it at %s%s\n",
		args->program, why, *why ? ": " : "",
		t->known && t->known->grants ? t->known->grants : t->provider,
		t->known && t->known->grants ? "" : ", in the settings of the account");
}

/* RFC 7009. What cannot be reached now is told, and hinders nothing here. */
static int
give_back(const struct arguments *args, struct token_settings *t, const struct token_record *r)
{
	struct error err = ERROR_NONE;

	if (!r->refresh.len && !r->access.len)
		return 0;
	if (!t->server.revoke && *r->revoke_url)
		t->server.revoke = r->revoke_url;
	if (!token_settings_find_revoke(t, clock_in(ASK_MS), &err)) {
		tell_grant_lives(args, t, err.text);
		/* an issuer that does not describe itself */
		return err.fault == FAULT_CONFIG ? 0 : fault_status(err.fault);
	}
	if (!t->server.revoke) {
		tell_grant_lives(args, t, "the provider takes no access back by itself");
		return 0;
	}
	if (!t->server.token)
		t->server.token = *r->token_url ? r->token_url : NULL;
	if (token_settings_ask(t, false, clock_in(ASK_MS), &err) &&
		oauth_revoke(&t->server, &t->client, r->refresh.len ? r->refresh.s : r->access.s,
			clock_in(ASK_MS), &err))
		return 0;
	tell_grant_lives(args, t, err.text);
	return fault_status(err.fault);
}

static bool
log_out(const struct arguments *args, const struct profile *p, int *ret_status, struct error *err)
{
	struct token_record record = TOKEN_RECORD_NONE;
	struct token_settings t;
	unsigned count = 0;
	const char *where;
	bool good;

	good = token_settings_init(&t, p, err);
	/* what cannot be read can be removed still */
	if (good && token_look(&t, clock_in(ASK_MS), &record, &where, NULL) && *where &&
		t.grant == TOKEN_BY_PERSON)
		*ret_status = give_back(args, &t, &record);
	good = good && token_drop(&t, clock_in(ASK_MS), &count, err);
	if (good && !profile_is_set(&args->given, OPT_QUIET))
		fprintf(stderr, "%s\n",
			count ? "The access that was kept has been removed."
			      : "No access was kept.");
	token_record_done(&record);
	token_settings_done(&t);
	return good;
}

int
logout_command(const struct arguments *args)
{
	struct error err = ERROR_NONE;
	struct profile p;
	int status = 0;

	if (!login_account(args, &p, &err) || !log_out(args, &p, &status, &err))
		status = fail(args, "log out", &err);
	profile_done(&p);
	return status;
}

int
token_command(const struct arguments *args)
{
	struct strbuf token = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX);
	struct error err = ERROR_NONE;
	struct profile p;
	int status = 0;

	if (!login_account(args, &p, &err) ||
		!token_get(&p, false, clock_in(TOKEN_MS), &token, &err)) {
		status = fail(args, "get an access token", &err);
	} else {
		/* one write, and no copy in a buffer of stdio */
		strbuf_addc(&token, '\n');
		if (write(STDOUT_FILENO, token.s, token.len) != (ssize_t)token.len) {
			error_set(&err, FAULT_IO, "standard output cannot be written");
			status = fail(args, "print the access token", &err);
		}
	}
	strbuf_done(&token);
	profile_done(&p);
	return status;
}
