/* The login: who, by what secret, and as which senders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "alloc.h"
#include "ask.h"
#include "clock.h"
#include "error.h"
#include "identity.h"
#include "probing.h"
#include "provider.h"
#include "report.h"
#include "secret.h"
#include "setup_state.h"
#include "smarthost.h"
#include "submission.h"
#include "trusted.h"

#define LOGIN_SECONDS 60
#define TRIES         8 /* servers lock out who tries often */

static const enum option_id sources[] = { OPT_PASSWORD_COMMAND, OPT_PASSWORD_FILE,
	OPT_PASSWORD_CREDENTIAL, OPT_PASSWORD_KEY, OPT_NETRC };

/* A source that is named, and that stays. */
static bool
has_source(const struct setup *s)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (profile_is_set(&s->account, sources[i]))
			return true;
	return profile_is_set(&s->account, OPT_OAUTH);
}

/* --store with --password-file: what is in the file goes into the store. What comes through a pipe
 * can only go there. */
static bool
move_file(struct setup *s, struct error *err)
{
	const char *path = profile_text(&s->account, OPT_PASSWORD_FILE);

	if (!path || !(setup_given(s, OPT_STORE) || strncmp(path, "/dev/", 5) == 0))
		return true;
	if (!trusted_read(path, TRUSTED_SECRET, &s->typed, NULL, err) ||
		!secret_is_line(&s->typed, "password", err))
		return error_prefix(err, "--password-file");
	profile_unset(&s->account, OPT_PASSWORD_FILE);
	return true;
}

static bool
give(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	const struct setup *s = ctx;

	(void)deadline;
	(void)err;
	strbuf_add(ret, s->typed.s, s->typed.len);
	return true;
}

/* One try. FOREIGN is an address that is not the account's. */
static void
try(struct setup *s, const char *foreign)
{
	const char *others[] = { "", foreign };
	struct probe_plan plan = { .log_in = true,
		.sender = profile_text(&s->account, OPT_FROM),
		.others = others,
		.other_count = foreign ? 2 : 1 };
	struct smarthost h = SMARTHOST_NONE;
	struct error err = ERROR_NONE;
	struct submission sub;
	struct target place;
	bool good;

	submission_init(&sub, s->args);
	good = smarthost_prepare(&h, &sub, &s->account, &err);
	if (good && setup_by_srv(s) && setup_place_again(s, &h.settings, &s->probe, &place))
		plan.place = &place;
	if (good && s->typed.len) {
		good = smarthost_set_proxy(&h, &s->account, &err);
		h.settings.secret = give;
		h.settings.secret_ctx = s;
	} else if (good) {
		good = smarthost_ask(&h, &s->account, &err);
	}
	probe_done(&s->probe);
	s->probe = (struct probe){ .error = err };
	if (good) {
		h.settings.memory = NULL;
		h.settings.deadline = clock_in(LOGIN_SECONDS * CLOCK_SECOND);
		probing_run(setup_steps_down(s), &h.settings, &plan, &s->probe);
	}
	smarthost_close(&h);
	submission_done(&sub);
}

static void
show_refusal(const struct error *e)
{
	const char *advice = hint(e);

	setup_say(SETUP_BAD, "refused", "%s", e->text);
	if (*e->words && !strstr(e->text, e->words))
		setup_say(SETUP_PLAIN, "", "%s", e->words);
	if (advice)
		setup_advise(advice);
}

static bool
take_user(void *ctx, const char *text, struct error *err)
{
	struct setup *s = ctx;

	return *text ? setup_set(s, OPT_USER, text, err)
		     : error_set(err, FAULT_USAGE, "A name is needed.");
}

/* The name: the option, else what the source proposes, if nobody can be asked. */
static bool
choose_user(struct setup *s, bool again, struct error *err)
{
	const char *before = profile_text(&s->account, OPT_USER);
	const char *preset = before ? before : *s->user ? s->user : NULL;
	struct strbuf answer = STRBUF_INIT(400);
	bool good;

	if (before && !again)
		return true;
	if (!preset && !(s->provider && s->provider->login & PROVIDER_KEY))
		preset = s->address;
	if (!setup_may_ask() && preset)
		return setup_set(s, OPT_USER, preset, err);
	good = ask_line("Name for the login", preset, "--user NAME", take_user, s, &answer, err);
	strbuf_done(&answer);
	return good;
}

/* The name that the store has for the password. */
static struct secret_name
store_name(const struct setup *s)
{
	return (struct secret_name){
		.service = "smtp", .host = s->host, .user = profile_text(&s->account, OPT_USER)
	};
}

/* Somebody has stored it before, with `sendoff password` or another run. */
static bool
is_stored(struct setup *s)
{
	struct secret_name n = store_name(s);
	enum secret_place place = SECRET_PLACE_NOWHERE;
	char *directory = secret_directory(s->system);
	bool found;

	n.directory = directory;
	found = secret_read(&n, SECRET_PLACE_AUTO, clock_in(LOGIN_SECONDS * CLOCK_SECOND),
			&s->typed, &place, NULL) &&
		place != SECRET_PLACE_NOWHERE && s->typed.len;
	free(directory);
	if (found)
		setup_say(SETUP_PLAIN, "password", "it is stored already");
	else
		strbuf_clear(&s->typed);
	return found;
}

static bool
ask_password(struct setup *s, struct error *err)
{
	if (!setup_may_ask())
		return is_stored(s) ||
		       error_set(err, FAULT_USAGE,
			       "the password has no answer: give --password-file FILE (with "
			       "--store "
			       "WHERE, what is in it is stored there), --password-command COMMAND, "
			       "or answer at a terminal");
	strbuf_clear(&s->typed);
	return secret_prompt(profile_text(&s->account, OPT_USER), s->host, CLOCK_NEVER,
		"there is no terminal", &s->typed, err);
}

/* What was refused is not tried again, as some servers count. */
static void
note(struct strbuf *refused, const struct setup *s)
{
	strbuf_addf(refused, "%s", profile_text(&s->account, OPT_USER));
	strbuf_addc(refused, '\0');
	strbuf_add(refused, s->typed.s, s->typed.len);
	strbuf_addc(refused, '\0');
}

static bool
is_noted(const struct strbuf *refused, const struct setup *s)
{
	struct strbuf pair = STRBUF_INIT_SECRET(SECRET_MAX * 2);
	bool found;

	note(&pair, s);
	found = refused->len >= pair.len && memmem(refused->s, refused->len, pair.s, pair.len);
	strbuf_done(&pair);
	return found;
}

/* Asks for name and password until the server takes them, or something else is wrong. */
static bool
log_in(struct setup *s, const char *foreign, struct error *err)
{
	struct strbuf refused = STRBUF_INIT_SECRET(TRIES * 2 * SECRET_MAX);
	bool kept = has_source(s) || s->typed.len, good = true, done = false;

	for (int i = 0; good && !done && i < TRIES; i++) {
		good = choose_user(s, i > 0, err) && (kept || ask_password(s, err));
		if (!good || is_noted(&refused, s)) {
			if (good)
				setup_say(SETUP_WARN, "the same", "that was refused already");
			continue;
		}
		try(s, foreign);
		if (s->probe.error.stage != STAGE_AUTH ||
			s->probe.error.fault != FAULT_PERMISSION) {
			done = true;
			continue;
		}
		note(&refused, s);
		if (kept || !setup_may_ask())
			break;
		show_refusal(&s->probe.error);
	}
	strbuf_done(&refused);
	if (good && s->probe.error.fault)
		*err = s->probe.error;
	return good && !s->probe.error.fault;
}

static bool
take_from(void *ctx, const char *text, struct error *err)
{
	return setup_set(ctx, OPT_FROM, text, err);
}

/* What came of the senders that were tried. */
static bool
settle_senders(struct setup *s, bool *ret_again, struct error *err)
{
	const char *from = profile_text(&s->account, OPT_FROM);
	const struct probe *p = &s->probe;
	struct strbuf answer = STRBUF_INIT(400);
	bool force = false, good = true;

	if (!p->sender_good) {
		show_refusal(&p->sender_error);
		if (!setup_may_ask() || setup_given(s, OPT_FROM)) {
			*err = p->sender_error;
			return error_set(err, FAULT_PERMISSION, "%s may not send", from);
		}
		*ret_again = true;
		good = ask_line(
			"Address to send as", NULL, "--from ADDRESS", take_from, s, &answer, err);
		strbuf_done(&answer);
		return good;
	}
	setup_say(SETUP_GOOD, "sender", "%s may send", from);
	if (p->others[0].asked && !p->others[0].good) {
		setup_say(SETUP_WARN, "null sender",
			"refused, so that notifications about queued mail come from %s", from);
		good = setup_set(s, OPT_BOUNCE_FROM, from, err);
	}
	if (!good || !p->others[1].asked || p->others[1].good || setup_given(s, OPT_SENDER))
		return good;
	setup_say(SETUP_WARN, "other senders", "the server takes the account's own only");
	return setup_yes(s, "Send as the account's address whatever a program asks for", true,
		       "--sender force", &force, err) &&
	       (!force || setup_set(s, OPT_SENDER, "force", err));
}

static bool
take_name(void *ctx, const char *text, struct error *err)
{
	return !*text || strcmp(text, "-") == 0 || setup_set(ctx, OPT_FROM_NAME, text, err);
}

static bool
ask_name(struct setup *s, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(400);
	const char *preset = geteuid() ? identity_full_name() : "";
	bool good;

	if (setup_given(s, OPT_FROM_NAME) || !setup_may_ask() || setup_given(s, OPT_YES))
		return true;
	good = ask_line("Name that recipients see, - for none", *preset ? preset : "-",
		"--from-name NAME", take_name, s, &answer, err);
	strbuf_done(&answer);
	return good;
}

/* No login: the server wants none, or nobody wants one, as with LMTP, unless a name is given. */
static bool
is_open(const struct setup *s)
{
	return strcmp(profile_text(&s->account, OPT_AUTH), "none") == 0 ||
	       (setup_is_lmtp(s) && !setup_given(s, OPT_USER)) ||
	       (!setup_given(s, OPT_OFFLINE) && !s->probe.capability.auth &&
		       !setup_given(s, OPT_USER));
}

static bool
prepare(struct setup *s, struct error *err)
{
	bool oauth = false;

	if (!profile_is_set(&s->account, OPT_FROM) && !setup_set(s, OPT_FROM, s->address, err))
		return false;
	if (is_open(s)) {
		setup_say(SETUP_PLAIN, "login", "none");
		return setup_set(s, OPT_AUTH, "none", err);
	}
	if (s->provider && s->provider->help)
		setup_say(SETUP_PLAIN, s->provider->name, "%s", s->provider->help);
	if (s->tls == WIRE_TLS_NONE && !setup_set(s, OPT_ALLOW_CLEARTEXT_AUTH, "yes", err))
		return false;
	return move_file(s, err) && setup_oauth_wanted(s, &oauth, err) &&
	       (!oauth || (choose_user(s, false, err) && setup_oauth(s, err)));
}

/* Without a server to try it at. */
static bool
blind(struct setup *s, struct error *err)
{
	if (strcmp(profile_text(&s->account, OPT_AUTH), "none") == 0)
		return true;
	return choose_user(s, false, err) && (setup_given(s, OPT_DRY_RUN) || has_source(s) ||
						     s->typed.len || ask_password(s, err));
}

bool
setup_login(struct setup *s, struct error *err)
{
	char foreign[300];
	bool again = true, tries = !setup_given(s, OPT_NO_CHECK) && !setup_given(s, OPT_OFFLINE) &&
				   !setup_given(s, OPT_DRY_RUN);

	setup_head("Who may send there?");
	if (!prepare(s, err))
		return false;
	snprintf(foreign, sizeof(foreign), "nobody@%s", s->domain);
	while (tries && again) {
		again = false;
		if (strcmp(profile_text(&s->account, OPT_AUTH), "none") == 0)
			try(s, foreign);
		if (strcmp(profile_text(&s->account, OPT_AUTH), "none") != 0 &&
			!log_in(s, foreign, err))
			return false;
		if (s->probe.error.fault) {
			*err = s->probe.error;
			return false;
		}
		if (*s->probe.mechanism)
			setup_say(SETUP_GOOD, "login", "%s, by %s",
				profile_text(&s->account, OPT_USER), s->probe.mechanism);
		if (!settle_senders(s, &again, err))
			return false;
	}
	return (tries || blind(s, err)) && ask_name(s, err);
}
