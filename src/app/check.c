#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "ask.h"
#include "checkup.h"
#include "probe.h"
#include "queue_ask.h"
#include "smarthost.h"

/* Behind the settings: everything that takes secrets or the network. */
static void
check_way(struct checkup *c, const struct profile *p, bool files_told)
{
	struct target places[PROBE_PLACES];
	struct smarthost h;
	struct probe_own own;
	struct error err = ERROR_NONE;
	bool secret, refused = false;
	size_t n = 0;

	if (!smarthost_prepare(&h, &c->line, p, &err)) {
		/* a file that cannot be used was told already */
		if (!files_told)
			check_error(c, FINDING_SETTINGS, false, &err,
				"change the setting that is named");
		smarthost_close(&h);
		return;
	}
	check_root(c, p, &h.settings);
	if (!c->offline)
		n = check_dns(c, p, &h.settings, places);
	secret = check_secret(c, p, &h);
	if (check_own_load(c, &h.settings, &own)) {
		if (!c->offline)
			refused = check_servers(c, p, &h, secret, places, n);
		check_own(c, &own, refused);
	}
	smarthost_close(&h);
}

static void
check_account(struct checkup *c, const struct profile *p)
{
	bool service = profile_choice(p, OPT_SUBMIT) == 1;
	unsigned failures;

	check_turn(c, p->name);
	if (!check_settings(c, p))
		return;
	if (service)
		check_service(c, p);
	/* what the service uses is for its eyes only */
	if (service && !queue_may_look(p))
		return;
	check_fallback(c, p);
	failures = c->counts[CHECK_FAILURE];
	check_named_files(c, p);
	check_way(c, p, c->counts[CHECK_FAILURE] > failures);
	check_breaker(c, p);
}

static bool
names_place(const struct arguments *args)
{
	return profile_is_set(&args->given, OPT_HOST) || profile_is_set(&args->given, OPT_SOCKET);
}

/* The settings of the command line go over those of the account. */
static void
check_with_flags(struct checkup *c, const struct profile *p)
{
	struct profile account;

	profile_init(&account, p->name, p->origin);
	profile_override(&account, p);
	if (p != &c->args->given)
		profile_override(&account, &c->args->given);
	check_account(c, &account);
	check_turn(c, "");
	profile_done(&account);
}

static void
check_accounts(struct checkup *c, struct profile_list *l, const char *name)
{
	const struct profile *one = name ? profile_select(l, name, NULL, NULL) : NULL;

	c->accounts = l;
	for (size_t i = 0; i < l->n; i++)
		if (!one || one == &l->v[i])
			check_with_flags(c, &l->v[i]);
	check_queues(c, l);
}

static bool
run(struct checkup *c, struct error *err)
{
	const char *name = c->args->operand_count ? c->args->operands[0] : NULL;
	struct profile_list l = { NULL, 0 };

	if (!name && profile_is_set(&c->args->given, OPT_ACCOUNT))
		name = profile_text(&c->args->given, OPT_ACCOUNT);
	if (names_place(c->args) && !name)
		check_with_flags(c, &c->args->given);
	else if (check_configuration(c, name, &l, err))
		check_accounts(c, &l, name);
	if (!err->fault)
		check_machine(c);
	profile_list_done(&l);
	return !err->fault;
}

static bool
understand(struct checkup *c, struct error *err)
{
	const struct profile *given = &c->args->given;
	const char *const *to;
	struct address address;
	size_t n;

	if (c->args->operand_count > 1)
		return error_set(
			err, FAULT_USAGE, "one account at a time (%s)", c->args->operands[1]);
	to = profile_list_of(given, OPT_TO, &n);
	if (n > 1)
		return error_set(err, FAULT_USAGE, "--to: one address is enough (%s)", to[1]);
	if (!n)
		return true;
	c->to = to[0];
	/* which is a sender, but no recipient */
	if (!*c->to)
		return error_set(err, FAULT_USAGE, "--to: an address is wanted");
	if (!address_parse_sender(c->to, strlen(c->to), &address, err))
		return error_prefix(err, "--to");
	address_done(&address);
	return true;
}

int
check_command(const struct arguments *args)
{
	struct checkup c = { .args = args, .account = "" };
	struct error err = ERROR_NONE;
	int status;

	submission_init(&c.line, args);
	c.json = profile_is_set(&args->given, OPT_JSON);
	c.offline = profile_is_set(&args->given, OPT_OFFLINE);
	c.colour = !c.json && ask_has_colours(STDOUT_FILENO);
	if (c.json)
		c.findings = json_array();
	if (understand(&c, &err) && run(&c, &err)) {
		status = check_conclude(&c);
	} else {
		fprintf(stderr, "%s: unable to check: %s\n", args->program, err.text);
		status = fault_status(err.fault);
		json_decref(c.findings);
		json_decref(c.data);
	}
	submission_done(&c.line);
	return status;
}
