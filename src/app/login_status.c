#include "login_status.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "error.h"
#include "json.h"
#include "login_account.h"
#include "provider.h"
#include "status.h"
#include "strbuf.h"
#include "token.h"
#include "token_record.h"
#include "token_settings.h"

#define TOKEN_MS (60 * CLOCK_SECOND)
#define DAY      86400
#define TESTING  (7 * DAY) /* how long Google lets refresh tokens of a project in testing live */

/* One account. */
struct seen {
	struct token_settings settings;
	struct token_record record;
	const char *where;
	struct strbuf warning;
	struct error err; /* why it cannot be told, or used */
};

static void
warn(struct seen *s, const char *text)
{
	strbuf_addf(&s->warning, "%s%s", s->warning.len ? "; " : "", text);
}

static void
add_time(struct strbuf *out, int64_t when)
{
	strbuf_clear(out);
	clock_add_rfc3339(out, (time_t)when);
}

/* What a person should do something about, or know. */
static void
find_warnings(struct seen *s, bool only_end)
{
	int64_t now = clock_wall(), until;
	const struct token_record *r = &s->record;
	struct strbuf text = STRBUF_INIT(1024), when = STRBUF_INIT(64);
	bool by_use;

	until = token_end(&s->settings, r, &by_use);
	add_time(&when, until);
	if (until && until - now <= TOKEN_WARNING) {
		strbuf_addf(&text, "access ends at %s unless %s", when.s,
			by_use ? "it is used before (login --refresh-all)"
			       : "somebody logs in again");
		warn(s, text.s);
	}
	if (!only_end && !r->refresh.len && r->access.len && s->settings.grant == TOKEN_BY_PERSON)
		warn(s, "there is no refresh token: access ends with the access token");
	if (!only_end && s->settings.known && strcmp(s->settings.known->name, "google") == 0 &&
		!r->refresh_expires && r->granted && now - r->granted < TESTING)
		warn(s, "where the project's publishing status is Testing, Google ends access 7 "
			"days "
			"after the login: publish it");
	if (!only_end && *r->asked && s->settings.scope && strcmp(r->asked, s->settings.scope) != 0)
		warn(s, "oauth-scope has changed since the login: log in again");
	strbuf_done(&text);
	strbuf_done(&when);
}

static bool
look(struct seen *s, const struct profile *p)
{
	*s = (struct seen){
		.record = TOKEN_RECORD_NONE, .where = "", .warning = STRBUF_INIT(4096)
	};
	if (!token_settings_init(&s->settings, p, &s->err) || !profile_check(p, &s->err) ||
		!token_look(&s->settings, clock_in(TOKEN_MS), &s->record, &s->where, &s->err))
		return false;
	if (s->settings.grant == TOKEN_BY_PERSON && !*s->where)
		return error_set(&s->err, FAULT_PERMISSION,
			"nobody has granted access: run sendoff login %s", p->name);
	if (s->settings.grant == TOKEN_BY_PERSON && !s->record.refresh.len &&
		!token_record_is_fresh(&s->record, clock_wall(), 0))
		return error_set(&s->err, FAULT_PERMISSION,
			"access has ended: run sendoff login %s", p->name);
	find_warnings(s, false);
	return true;
}

static void
unlook(struct seen *s)
{
	token_record_done(&s->record);
	token_settings_done(&s->settings);
	strbuf_done(&s->warning);
}

static void
print_line(const char *name, int64_t when, const char *note)
{
	struct strbuf text = STRBUF_INIT(64);

	if (!when)
		return;
	clock_add_rfc5322(&text, (time_t)when);
	printf("    %-9s %s%s\n", name, text.s, note);
	strbuf_done(&text);
}

static void
print_text(const struct seen *s, const struct profile *p)
{
	static const char *const grants[] = { "a person's login", "the client's own credentials",
		"a service account" };
	bool fresh = token_record_is_fresh(&s->record, clock_wall(), 0), by_use;
	const char *user = profile_text(p, OPT_USER) ?: "";

	printf("%s: %s by %s, %s\n", p->name, user, profile_text(p, OPT_OAUTH),
		grants[s->settings.grant]);
	if (s->err.fault) {
		printf("    problem   %s\n", s->err.text);
		return;
	}
	if (*s->where)
		printf("    kept in   %s\n", s->where);
	print_line(fresh ? "access" : "expired", s->record.expires,
		s->record.refresh.len                  ? ""
		: s->settings.grant == TOKEN_BY_PERSON ? ", and no more"
						       : "");
	if (*s->record.scope)
		printf("    scope     %s\n", s->record.scope);
	print_line("granted", s->record.granted, "");
	print_line("renewed", s->record.renewed, "");
	print_line("ends", token_end(&s->settings, &s->record, &by_use),
		by_use ? ", unless it is used before" : "");
	if (s->warning.len)
		printf("    warning   %s\n", s->warning.s);
}

static void
put_time(json_t *o, const char *key, int64_t when)
{
	struct strbuf text = STRBUF_INIT(64);

	if (when)
		clock_add_rfc3339(&text, (time_t)when);
	json_put_text(o, key, text.s);
	strbuf_done(&text);
}

static json_t *
json_of(const struct seen *s, const struct profile *p)
{
	static const char *const grants[] = { "person", "client", "service-account" };
	json_t *o = json_object();
	bool by_use;

	json_put_text(o, "account", p->name);
	json_put_text(o, "user", profile_text(p, OPT_USER));
	json_put_text(o, "provider", profile_text(p, OPT_OAUTH));
	json_put_text(o, "grant", grants[s->settings.grant]);
	json_put(o, "access", json_boolean(token_record_is_fresh(&s->record, clock_wall(), 0)));
	json_put(o, "refresh", json_boolean(s->record.refresh.len > 0));
	json_put_text(o, "kept", s->where);
	json_put_text(o, "scope", s->record.scope);
	put_time(o, "expires", s->record.expires);
	put_time(o, "granted", s->record.granted);
	put_time(o, "renewed", s->record.renewed);
	put_time(o, "ends", token_end(&s->settings, &s->record, &by_use));
	json_put_text(o, "warning", s->warning.s);
	json_put_text(o, "problem", s->err.text);
	return o;
}

/* Renews the access of P. Prints what a person must do. */
static int
renew(const struct arguments *args, const struct profile *p)
{
	struct strbuf token = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX);
	struct error err = ERROR_NONE;
	struct seen s;
	int status = 0;

	/* a token that is kept is not renewed by the first, and by the second in any case */
	if (!profile_check(p, &err) || !token_get(p, false, clock_in(TOKEN_MS), &token, &err) ||
		(!token_was_renewed() && !token_get(p, true, clock_in(TOKEN_MS), &token, &err))) {
		fprintf(stderr, "%s: %s\n", args->program, err.text);
		status = fault_status(err.fault);
	} else {
		(void)!look(&s, p);
		strbuf_clear(&s.warning);
		find_warnings(&s, true);
		if (s.warning.len)
			fprintf(stderr, "%s: account %s: %s: run sendoff login %s\n", args->program,
				p->name, s.warning.s, p->name);
		unlook(&s);
	}
	strbuf_done(&token);
	return status;
}

static int
show(const struct arguments *args, const struct profile *p, json_t *list)
{
	struct seen s;
	int status;

	(void)!look(&s, p);
	status = fault_status(s.err.fault);
	if (list) {
		if (json_array_append_new(list, json_of(&s, p)) != 0)
			status = fault_status(FAULT_SOFTWARE);
	} else if (!profile_is_set(&args->given, OPT_QUIET)) {
		print_text(&s, p);
	}
	unlook(&s);
	return status;
}

/* One status for all: what a person must do outweighs what time may mend. */
static int
worse(int a, int b)
{
	return a > b ? a : b;
}

static int
each(const struct arguments *args, struct profile_list *l)
{
	bool refreshes = profile_is_set(&args->given, OPT_REFRESH_ALL);
	bool json = profile_is_set(&args->given, OPT_JSON);
	json_t *list = json && !refreshes ? json_array() : NULL;
	struct strbuf out = STRBUF_INIT(1 << 20);
	unsigned count = 0;
	int status = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct profile *p = &l->v[i];

		if (!token_is_used(p) ||
			(args->operand_count && strcmp(args->operands[0], p->name) != 0))
			continue;
		count++;
		status = worse(status, refreshes ? renew(args, p) : show(args, p, list));
	}
	if (list) {
		json_add_line(&out, list);
		fputs(out.s, stdout);
	} else if (!count && !refreshes && !args->operand_count) {
		fprintf(stderr, "%s: no account has oauth\n", args->program);
	}
	strbuf_done(&out);
	if (!count && args->operand_count) {
		fprintf(stderr, "%s: there is no account \"%.100s\" with oauth\n", args->program,
			args->operands[0]);
		return fault_status(FAULT_CONFIG);
	}
	return status_printed() ? status : fault_status(FAULT_IO);
}

int
login_overview(const struct arguments *args)
{
	struct profile_list l = { NULL, 0 };
	struct error err = ERROR_NONE;
	int status;

	if (args->operand_count > 1)
		error_set(&err, FAULT_USAGE, "one account at a time");
	if (err.fault || !login_load(args, &l, &err)) {
		fprintf(stderr, "%s: unable to look at the accounts: %s\n", args->program,
			err.text);
		return fault_status(err.fault);
	}
	status = each(args, &l);
	profile_list_done(&l);
	return status;
}
