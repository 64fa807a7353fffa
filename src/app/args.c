#include "args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "help.h"
#include "sendmail.h"
#include "spelling.h"
#include "strbuf.h"

static const struct command *
find_command(const char *word)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(word, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

bool
args_set(struct arguments *a, enum option_id id, const char *value, const char *written,
	struct error *err)
{
	struct error why = ERROR_NONE;

	if (profile_set(&a->given, id, value, written, &why))
		return true;
	/* sendmail's callers get their mail sent whatever they think of notifications */
	if (a->personality == PERSONALITY_SENDMAIL &&
		(id == OPT_DSN_NOTIFY || id == OPT_DSN_RETURN)) {
		snprintf(a->warning, sizeof(a->warning), "ignored: %.240s", why.text);
		return true;
	}
	/* a wrong value in a file is a configuration error, here it is a usage error */
	if (why.fault == FAULT_CONFIG)
		why.fault = FAULT_USAGE;
	if (err && !err->fault)
		*err = why;
	return false;
}

/* Takes an option, some of which do more than to be set. */
static bool
take(struct arguments *a, const struct option *o, const char *value, const char *written,
	struct error *err)
{
	if (o->id == OPT_RUN_QUEUE) {
		a->queue_forced = a->queue_forced || *value == 'f';
		return sendmail_mode(a, "q", err);
	}
	if (o->id == OPT_CHECK_ALIASES)
		return sendmail_mode(a, "i", err);
	if (o->id == OPT_MODE)
		return sendmail_mode(a, value, err);
	if (o->id == OPT_SENDMAIL_O || o->id == OPT_SENDMAIL_LONG_O || o->id == OPT_ERROR_MODE)
		return sendmail_option(a, o->id, value, err);
	return args_set(a, o->id, value, written, err);
}

static bool
usable(const struct arguments *a, const struct option *o)
{
	return o && (o->where & WHERE_FLAG) &&
	       (a->personality == PERSONALITY_SENDOFF || (o->where & WHERE_SENDMAIL));
}

static bool
unknown(const char *written, const struct option *like, struct error *err)
{
	if (like)
		return error_set(err, FAULT_USAGE,
			"unknown option %s (did you mean --%s? --help lists all)", written,
			like->name);
	return error_set(err, FAULT_USAGE, "unknown option %s (--help lists all)", written);
}

/* The value of an option that was given without one. */
static const char *
switched_on(const struct option *o)
{
	if (o->id == OPT_QUEUE)
		return "on-failure";
	if (o->id == OPT_WAIT)
		return "7d";
	return o->kind == KIND_BOOL ? "yes" : "";
}

/* "--name", "--name=value", "--name value". *AT is the index in argv. */
static bool
parse_long(struct arguments *a, int argc, char **argv, int *at, struct error *err)
{
	const char *word = argv[*at] + 2, *equals = strchr(word, '='), *value = NULL;
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	const struct option *o = option_by_name(word, n, WHERE_FLAG);
	char written[80];

	switch (spelling_long(a, argc, argv, at, err)) {
	case SPELLING_TAKEN:
		return true;
	case SPELLING_REFUSED:
		return false;
	case SPELLING_UNKNOWN:
		break;
	}
	snprintf(written, sizeof(written), "--%.*s", (int)(n > 70 ? 70 : n), word);
	if (!usable(a, o) || !n ||
		(a->personality == PERSONALITY_SENDMAIL && !(o->where & WHERE_LONG)))
		return unknown(written,
			a->personality == PERSONALITY_SENDMAIL
				? NULL
				: option_like(written + 2, WHERE_FLAG),
			err);
	if (equals && o->kind == KIND_FLAG)
		return error_set(err, FAULT_USAGE, "option %s takes no value", written);
	if (equals)
		value = equals + 1;
	else if (!option_has_argument(o))
		value = switched_on(o);
	else {
		if (*at + 1 >= argc)
			return error_set(err, FAULT_USAGE, "option %s needs a value: %s=%s",
				written, written, o->arg);
		value = argv[++*at];
	}
	return take(a, o, value, written, err);
}

/* "-x", clusters "-ti", glued "-fADDRESS", separate "-f ADDRESS". */
static bool
parse_letters(struct arguments *a, int argc, char **argv, int *at, struct error *err)
{
	const struct option *o;
	const char *value;
	char written[3] = "-?";

	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		o = option_by_letter(*letter);
		written[1] = *letter;
		if (!usable(a, o)) {
			if (spelling_letter(a, *letter, err) == SPELLING_TAKEN)
				continue;
			return unknown(written, NULL, err);
		}
		if (o->kind == KIND_GLUED)
			return take(a, o, letter + 1, written, err);
		if (!option_has_argument(o)) {
			if (!take(a, o, switched_on(o), written, err))
				return false;
			continue;
		}
		value = letter[1] ? letter + 1 : NULL;
		/* sendmail's -C takes a glued value only: a bare one means the usual configuration
		 */
		if (o->id == OPT_CONFIG && !value && a->personality == PERSONALITY_SENDMAIL)
			return true;
		if (!value && *at + 1 >= argc)
			return error_set(err, FAULT_USAGE, "option %s needs a value", written);
		return take(a, o, value ? value : argv[++*at], written, err);
	}
	return true;
}

static void
identify(struct arguments *a, const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	a->program = slash ? slash + 1 : argv0 && *argv0 ? argv0 : "sendoff";
	a->personality =
		sendmail_is_name(a->program, &a->mode) ? PERSONALITY_SENDMAIL : PERSONALITY_SENDOFF;
}

bool
args_parse(int argc, char **argv, struct arguments *ret, struct error *err)
{
	const struct command *command;
	bool options_end = false;
	int i = 1;

	*ret = (struct arguments){ 0 };
	identify(ret, argc ? argv[0] : NULL);
	profile_init(&ret->given, "command line", "command line");
	ret->operands = xcalloc((size_t)argc + 1, sizeof(*ret->operands));
	if (argc > 1 && ret->personality == PERSONALITY_SENDOFF &&
		(command = find_command(argv[1]))) {
		if (!command->sentence)
			return error_set(err, FAULT_USAGE,
				"the command \"%s\" is not in this version (for a recipient of "
				"that name write: sendoff -- %s)",
				argv[1], argv[1]);
		ret->command = argv[i++];
	}
	for (; i < argc; i++) {
		if (options_end || argv[i][0] != '-')
			ret->operands[ret->operand_count++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			options_end = true;
		else if (!argv[i][1])
			return error_set(err, FAULT_USAGE,
				ret->command
					? "\"-\" means nothing here: give a name, or a "
					  "file's path"
					: "\"-\" is no recipient (standard input is read anyway)");
		else if (!(argv[i][1] == '-' ? parse_long(ret, argc, argv, &i, err)
					     : parse_letters(ret, argc, argv, &i, err)))
			return false;
	}
	return true;
}

void
args_done(struct arguments *a)
{
	profile_done(&a->given);
	free(a->operands);
	*a = (struct arguments){ 0 };
}
