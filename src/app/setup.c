#include "setup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "alloc.h"
#include "ask.h"
#include "clock.h"
#include "dial.h"
#include "error.h"
#include "queueing_signal.h"
#include "report.h"
#include "secret.h"
#include "setup_state.h"
#include "text.h"

bool
setup_given(const struct setup *s, enum option_id id)
{
	return profile_is_set(s->given, id);
}

bool
setup_may_ask(void)
{
	return ask_is_possible();
}

bool
setup_yes(const struct setup *s, const char *question, bool preset, const char *option, bool *ret,
	struct error *err)
{
	*ret = preset;
	return !setup_may_ask() || setup_given(s, OPT_YES) ||
	       ask_yes(question, preset, option, ret, err);
}

const char *
setup_socket(const struct setup *s)
{
	return profile_text(&s->account, OPT_SOCKET);
}

bool
setup_by_srv(const struct setup *s)
{
	return profile_yes(&s->account, OPT_SRV);
}

bool
setup_is_lmtp(const struct setup *s)
{
	return profile_choice(&s->account, OPT_PROTOCOL) == PROTOCOL_LMTP;
}

bool
setup_has_proxy(const struct setup *s)
{
	return profile_unless_none(&s->account, OPT_PROXY) != NULL;
}

bool
setup_is_here(const struct setup *s)
{
	/* what is this machine to a proxy is not known, and what srv leads to neither */
	if (setup_has_proxy(s) || setup_by_srv(s))
		return false;
	return setup_socket(s) || strcmp(s->host, "localhost") == 0 ||
	       strcmp(s->host, "::1") == 0 ||
	       (dial_is_address(s->host) && strncmp(s->host, "127.", 4) == 0);
}

/* A file's names count from the root: it is read from anywhere. */
static char *
absolute(enum option_id id, const char *value)
{
	struct strbuf path = STRBUF_INIT(8192);
	char *here;

	if (options[id].kind != KIND_PATH || strchr("/~$", *value) ||
		strncmp(value, "pkcs11:", 7) == 0 ||
		(id == OPT_TLS_TRUST && strcmp(value, "system") == 0) || strcmp(value, "none") == 0)
		return xstrdup(value);
	here = getcwd(NULL, 0);
	strbuf_addf(&path, "%s/%s", here ? here : "", value);
	free(here);
	here = xstrdup(path.s);
	strbuf_done(&path);
	return here;
}

bool
setup_set(struct setup *s, enum option_id id, const char *value, struct error *err)
{
	struct error why = ERROR_NONE;
	char *full = absolute(id, value);
	bool good;

	profile_unset(&s->account, id);
	good = profile_set(&s->account, id, full, SETUP_ORIGIN, &why);
	free(full);
	if (good)
		return true;
	/* it is an answer, or an option, that is wrong */
	why.fault = FAULT_USAGE;
	if (err && !err->fault)
		*err = why;
	return false;
}

/* What the command line says of the account goes into it as it is. */
static bool
take_options(struct setup *s, struct error *err)
{
	const char *const *v;
	size_t n;
	char *full;

	for (int id = 0; id < OPT_COUNT; id++) {
		bool good = true;

		if (!setup_given(s, (enum option_id)id) || !(options[id].where & WHERE_FILE) ||
			id == OPT_HOST || id == OPT_PORT || id == OPT_TLS)
			continue;
		v = profile_list_of(s->given, (enum option_id)id, &n);
		for (size_t i = 0; i < n && good; i++) {
			full = absolute((enum option_id)id, v[i]);
			good = profile_append(
				&s->account, (enum option_id)id, full, SETUP_ORIGIN, err);
			free(full);
		}
		if (!good)
			return false;
	}
	return true;
}

static bool
take_address(void *ctx, const char *text, struct error *err)
{
	struct setup *s = ctx;
	struct address a = ADDRESS_NONE;
	struct strbuf wire = STRBUF_INIT(sizeof(s->address) - 1);
	struct error why = ERROR_NONE;
	const char *at;
	bool good = address_parse_sender(text, strlen(text), &a, &why) && a.domain &&
		    *a.domain != '[' && address_add_smtp(&wire, &a, true, &why) && !wire.full &&
		    (at = strrchr(wire.s, '@')) && strchr(at, '.') &&
		    strlen(at + 1) < sizeof(s->domain);

	if (good) {
		snprintf(s->address, sizeof(s->address), "%s", wire.s);
		snprintf(s->domain, sizeof(s->domain), "%s", at + 1);
		for (char *c = s->domain; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	}
	strbuf_done(&wire);
	address_done(&a);
	return good || error_set(err, FAULT_USAGE,
			       "%s%sA mail address is needed, such as "
			       "ann@example.org.",
			       why.text, *why.text ? ". " : "");
}

static bool
choose_address(struct setup *s, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(sizeof(s->address));
	const char *from = profile_text(s->given, OPT_FROM);
	bool good;

	if (s->args->operand_count > 1)
		return error_set(err, FAULT_USAGE, "one address at a time");
	if (s->args->operand_count)
		return take_address(s, s->args->operands[0], err);
	if (from && !setup_may_ask())
		return take_address(s, from, err);
	good = ask_line("Your mail address", from, "ADDRESS (sendoff setup ADDRESS)", take_address,
		s, &answer, err);
	strbuf_done(&answer);
	return good;
}

/* Whether the options ask for what ID may lead to. */
static bool
says(const struct setup *s, enum option_id id)
{
	if (id == OPT_SRV)
		return profile_yes(s->given, id);
	if (id == OPT_PROXY)
		return profile_unless_none(s->given, id) != NULL;
	if (id == OPT_PROTOCOL)
		return profile_choice(s->given, id) == PROTOCOL_LMTP;
	return setup_given(s, id);
}

static bool
check_options(const struct setup *s, struct error *err)
{
	static const enum option_id apart[][2] = { { OPT_SOCKET, OPT_HOST },
		{ OPT_SOCKET, OPT_PORT }, { OPT_SOCKET, OPT_SRV }, { OPT_SOCKET, OPT_PROXY },
		{ OPT_SRV, OPT_PORT }, { OPT_SRV, OPT_PROXY }, { OPT_SRV, OPT_PROTOCOL } };

	for (size_t i = 0; i < sizeof(apart) / sizeof(*apart); i++)
		if (says(s, apart[i][0]) && says(s, apart[i][1]))
			return error_set(err, FAULT_USAGE,
				"--%s and --%s do not go together: keep one",
				options[apart[i][0]].name, options[apart[i][1]].name);
	if (says(s, OPT_SRV) && profile_choice(s->given, OPT_TLS) == WIRE_TLS_NONE)
		return error_set(err, FAULT_USAGE,
			"--srv and --tls none do not go together: SRV records lead to servers with "
			"TLS");
	return true;
}

static bool
run(struct setup *s, struct error *err)
{
	return check_options(s, err) && take_options(s, err) && choose_address(s, err) &&
	       setup_choose_file(s, err) && setup_find(s, err) && setup_reach(s, err) &&
	       setup_choose_name(s, err) && setup_login(s, err) && setup_write(s, err);
}

void
setup_undo(struct setup *s)
{
	if (s->granted && !s->regranted && !s->written)
		setup_forget_grant(s);
}

static int
fail(const struct setup *s, const struct error *err)
{
	const char *advice = hint(err);

	fprintf(stderr, "%s: unable to set the account up: %s", s->args->program, err->text);
	if (*err->words && !strstr(err->text, err->words))
		fprintf(stderr, ": %s", err->words);
	fprintf(stderr, advice ? " (%s)\n" : "\n", advice);
	return fault_status(err->fault);
}

int
setup_command(const struct arguments *args)
{
	struct setup s = { .args = args,
		.given = &args->given,
		.typed = STRBUF_INIT_SECRET(SECRET_MAX),
		.stored = SECRET_PLACE_NOWHERE,
		.password = true,
		.file = CONFIGURE_NONE };
	struct error err = ERROR_NONE;
	int status = 0, number;

	signals_catch();
	profile_init(&s.account, SETUP_ORIGIN, SETUP_ORIGIN);
	if (!run(&s, &err)) {
		clock_go_on();
		setup_undo(&s);
		if (!signals_caught())
			status = fail(&s, &err);
		else
			fprintf(stderr, "%s: interrupted: nothing was changed\n", args->program);
	}
	strbuf_done(&s.typed);
	if (s.written)
		status = setup_after(&s);
	probe_done(&s.probe);
	profile_done(&s.account);
	configure_done(&s.file);
	if ((number = signals_caught()))
		signals_die(number);
	return status;
}
