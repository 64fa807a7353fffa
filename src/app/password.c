#include "password.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "args.h"
#include "box.h"
#include "breaker.h"
#include "clock.h"
#include "error.h"
#include "io.h"
#include "probing.h"
#include "queueing.h"
#include "report.h"
#include "runner.h"
#include "salted.h"
#include "secret.h"
#include "secret_store.h"
#include "status.h"
#include "strbuf.h"
#include "submission.h"

#define INPUT_MS (10 * CLOCK_MINUTE) /* for who types it, or gets it from elsewhere */
#define STORE_MS CLOCK_MINUTE        /* a question on a screen may have to be answered */
#define TEXT_MAX 32768

/* The account, with the command line over it. */
static bool
find_account(struct submission *s, struct error *err)
{
	const struct arguments *args = s->args;
	const struct profile_sources where = submission_sources(s);
	const char *name =
		args->operand_count ? args->operands[0] : profile_text(&args->given, OPT_ACCOUNT);
	struct profile *p;

	if (args->operand_count > 1)
		return error_set(err, FAULT_USAGE, "one account at a time");
	if (!profile_load(&where, &s->accounts, err) ||
		!(p = profile_select(&s->accounts, name, NULL, err)))
		return false;
	free(s->account.name);
	free(s->account.origin);
	profile_init(&s->account, p->name, p->origin);
	profile_override(&s->account, p);
	profile_override(&s->account, &args->given);
	return profile_check(&s->account, err);
}

/* What is stored would never be asked. */
static bool
check_asked(const struct profile *p, enum secret_place *place, struct error *err)
{
	enum option_id other = profile_source(p);

	if (!profile_is_set(p, OPT_USER))
		return error_set(err, FAULT_CONFIG,
			"account %s has no user, so it does not log in by a password: set user",
			p->name);
	if (profile_is_set(p, OPT_OAUTH))
		return error_set(err, FAULT_CONFIG,
			"account %s logs in with access tokens (oauth): use sendoff login %s",
			p->name, p->name);
	if (p->password)
		return error_set(err, FAULT_CONFIG,
			"account %s has its password from %s: what is stored would never be asked",
			p->name, p->password_origin);
	if (other != OPT_COUNT)
		return error_set(err, FAULT_CONFIG,
			"account %s takes its password from %s (%s): what is stored would never "
			"be asked; remove that setting",
			p->name, options[other].name, p->settings[other].origin);
	if (profile_yes(p, OPT_KEYRING))
		return true;
	if (*place == SECRET_PLACE_KEYRING)
		return error_set(err, FAULT_CONFIG,
			"account %s has keyring = no (%s): the Secret Service would never be asked",
			p->name, p->settings[OPT_KEYRING].origin);
	if (*place == SECRET_PLACE_AUTO)
		*place = SECRET_PLACE_FILE;
	return true;
}

/* One line of standard input, to its end. */
static bool
read_input(struct strbuf *ret, struct error *err)
{
	int64_t deadline = clock_in(INPUT_MS);
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got = 1;
	char c;

	while (got > 0) {
		if (poll(&p, 1, clock_left(deadline)) <= 0)
			return error_set(
				err, FAULT_TEMPORARY, "nothing came on standard input in time");
		got = io_read(STDIN_FILENO, &c, 1);
		if (got > 0)
			strbuf_addc(ret, c);
		if (ret->full)
			break;
	}
	explicit_bzero(&c, 1);
	if (got < 0)
		return error_set(err, FAULT_NOINPUT, "standard input cannot be read");
	if (ret->full)
		return error_set(
			err, FAULT_DATA, "the password is longer than %d octets", SECRET_MAX);
	if (secret_is_line(ret, "password", err))
		return true;
	err->fault = FAULT_DATA;
	return false;
}

static bool
ask(const struct secret_name *n, struct strbuf *ret, struct error *err)
{
	ret->secret = true;
	if (!isatty(STDIN_FILENO))
		return read_input(ret, err);
	return secret_prompt(n->user, n->host, clock_in(INPUT_MS),
		"there is no terminal to ask on: give the password on standard input", ret, err);
}

/* Tries the login; what the server said goes to standard output, or into the error. */
static bool
try_login(struct submission *s, const struct strbuf *password, struct error *err)
{
	const struct probe_plan plan = { .log_in = true };
	struct profile *p = &s->account;
	struct probe probe;
	bool opened;

	profile_set_password(p, password->s, "standard input");
	opened = smarthost_open(&s->smarthost, s, p, err);
	/* what is to be tried is the password, and nothing that is there beside it */
	s->smarthost.settings.ticket = s->smarthost.settings.ticket_first = false;
	s->smarthost.settings.salted = (struct wire_salted){ .get = NULL };
	if (opened) {
		probing_run(box_steps_down(p), &s->smarthost.settings, &plan, &probe);
		if (probe.error.fault)
			*err = probe.error;
		else if (!*probe.mechanism)
			error_set(err, FAULT_CONFIG, "%s was not asked for a login (auth)",
				probe.host);
		else
			printf("%s accepted the login of %s (%s)\n", probe.host,
				profile_text(p, OPT_USER), probe.mechanism);
		probe_done(&probe);
	}
	smarthost_close(&s->smarthost);
	return !err->fault;
}

/* Messages that wait for this password, of whatever account, may be tried now. */
static void
release_account(const struct profile *account)
{
	struct strbuf path = STRBUF_INIT(4096);
	struct error ignored = ERROR_NONE;
	struct breaker b;
	struct spool spool;

	spool_add_path(&path, account);
	if (path.len && !path.full && spool_open(&spool, path.s, false, &ignored)) {
		breaker_read(&spool, account->name, clock_wall(), &b);
		if (b.kind == BREAKER_CREDENTIALS &&
			breaker_release(&spool, account->name, clock_wall(), &ignored))
			runner_kick(&spool);
		spool_close(&spool);
	}
	strbuf_done(&path);
}

static void
release_waiting(const struct submission *s, const struct secret_name *n)
{
	struct secret_name other;

	for (size_t i = 0; i < s->accounts.n; i++) {
		const struct profile *account = &s->accounts.v[i];

		if (!profile_is_set(account, OPT_USER))
			continue;
		secret_name_of(&other, account, "smtp");
		if (strcmp(other.host, n->host) == 0 && strcmp(other.user, n->user) == 0)
			release_account(account);
		secret_name_done(&other);
	}
}

static bool
store(struct submission *s, const struct secret_name *n, enum secret_place place, struct error *err)
{
	struct strbuf password = STRBUF_INIT_SECRET(SECRET_MAX + 2), where = STRBUF_INIT(TEXT_MAX);
	bool check = !submission_given(s, OPT_NO_CHECK), good;

	/* the password must not end in a core file */
	prctl(PR_SET_DUMPABLE, 0);
	good = check_asked(&s->account, &place, err) && ask(n, &password, err);
	if (good && check && !try_login(s, &password, err))
		good = error_prefix(err, "nothing was stored%s",
			err->fault == FAULT_PERMISSION ? ""
						       : " (--no-check does it without trying)");
	good = good && secret_write(n, place, &password, clock_in(STORE_MS), NULL, &where, err);
	if (good) {
		/* made of the old one */
		(void)salted_forget(n->host, n->user);
		release_waiting(s, n);
		printf("the password of %s at %s is stored in %s\n", n->user, n->host, where.s);
	}
	strbuf_done(&password);
	strbuf_done(&where);
	return good;
}

static bool
drop(const struct secret_name *n, enum secret_place place, struct error *err)
{
	struct strbuf text = STRBUF_INIT(TEXT_MAX);
	unsigned count = 0;
	bool good = secret_remove(n, place, clock_in(STORE_MS), &count, &text, err);

	if (salted_forget(n->host, n->user)) {
		strbuf_adds(&text, "the kernel's keyring\n");
		count++;
	}
	for (const char *at = text.s, *end; (end = strchr(at, '\n')); at = end + 1) {
		printf("the password of %s at %s was removed from ", n->user, n->host);
		fwrite(at, 1, (size_t)(end + 1 - at), stdout);
	}
	if (good && !count)
		printf("no password of %s at %s is stored\n", n->user, n->host);
	strbuf_done(&text);
	return good;
}

int
password_command(const struct arguments *args)
{
	struct submission s;
	struct secret_name n = { NULL };
	struct error err = ERROR_NONE;
	enum secret_place place = SECRET_PLACE_AUTO;
	const char *advice;

	submission_init(&s, args);
	if (find_account(&s, &err)) {
		if (profile_is_set(&args->given, OPT_STORE))
			place = (enum secret_place)profile_choice(&args->given, OPT_STORE);
		secret_name_of(&n, &s.account, "smtp");
		if (profile_is_set(&args->given, OPT_DELETE))
			(void)!drop(&n, place, &err);
		else
			(void)!store(&s, &n, place, &err);
		secret_name_done(&n);
	}
	submission_done(&s);
	if (!status_printed())
		error_set(&err, FAULT_IO, "standard output cannot be written");
	if (!err.fault)
		return 0;
	advice = hint(&err);
	fprintf(stderr, "%s: unable to %s the password: %s%s%s%s\n", args->program,
		profile_is_set(&args->given, OPT_DELETE) ? "remove" : "store", err.text,
		advice ? " (" : "", advice ? advice : "", advice ? ")" : "");
	return fault_status(err.fault);
}
