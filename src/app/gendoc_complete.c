#include "gendoc.h"

#include <ctype.h>
#include <string.h>

#include "help.h"
#include "options.h"
#include "strbuf.h"

/* What completes the argument of an option. */
enum completion {
	COMPLETION_NONE,     /* nothing is known about it */
	COMPLETION_WORDS,    /* one of some words */
	COMPLETION_LIST,     /* several of them, separated by commas */
	COMPLETION_FILES,    /* a file, or one of some words */
	COMPLETION_AT_FILES, /* text, or @ and a file */
	COMPLETION_PROGRAMS, /* a program to be found in PATH */
	COMPLETION_ACCOUNTS, /* what `sendoff accounts --quiet` prints */
	COMPLETION_COUNT
};

struct argument {
	enum completion completion;
	const char *words; /* separated by | */
};

/* What the kind of an option does not say. */
static const struct {
	enum option_id id;
	struct argument argument;
} specials[] = {
	{ OPT_ACCOUNT, { COMPLETION_ACCOUNTS, "" } },
	{ OPT_BODY, { COMPLETION_AT_FILES, "" } },
	{ OPT_HTML, { COMPLETION_AT_FILES, "" } },
	{ OPT_ATTACH, { COMPLETION_FILES, "" } },
	{ OPT_DSN_NOTIFY, { COMPLETION_LIST, "never|success|failure|delay" } },
	{ OPT_TLS_TRUST, { COMPLETION_FILES, "system|none" } },
	{ OPT_ALIASES, { COMPLETION_FILES, "none" } },
	{ OPT_LOG, { COMPLETION_FILES, "syslog|none" } },
	{ OPT_AUTH,
		{ COMPLETION_WORDS,
			"auto|none|SCRAM-SHA-256-PLUS|SCRAM-SHA-1-PLUS|SCRAM-SHA-256|SCRAM-SHA-1|"
			"PLAIN|LOGIN|CRAM-MD5|EXTERNAL|GSSAPI|OAUTHBEARER|XOAUTH2|DIGEST-MD5|"
			"NTLM" } },
};

static struct argument
argument_of(const struct option *o)
{
	size_t i;

	for (i = 0; i < sizeof(specials) / sizeof(*specials); i++)
		if (specials[i].id == o->id)
			return specials[i].argument;
	if (o->kind == KIND_BOOL)
		return (struct argument){ COMPLETION_WORDS, "yes|no" };
	if (o->kind == KIND_ENUM)
		return (struct argument){ COMPLETION_WORDS, o->values };
	if (o->kind == KIND_PATH)
		return (struct argument){ COMPLETION_FILES, "" };
	if (o->kind == KIND_COMMAND)
		return (struct argument){ COMPLETION_PROGRAMS, "" };
	return (struct argument){ COMPLETION_NONE, "" };
}

/* What changes nothing is not offered, but its argument is known to be one. */
static bool
is_offered(const struct option *o)
{
	return (o->where & WHERE_FLAG) && o->group != OPTION_GROUP_IGNORED;
}

static bool
must_have_argument(const struct option *o)
{
	return *o->arg && o->kind != KIND_BOOL && o->kind != KIND_FLAG &&
	       !(o->where & WHERE_OPTIONAL);
}

/* It may have one, behind = only. */
static bool
may_have_argument(const struct option *o)
{
	return o->kind == KIND_BOOL || (o->where & WHERE_OPTIONAL);
}

/* Appends S with every octet of ESCAPED behind ESCAPE, up to its final full stop. */
static void
add_escaped(struct strbuf *out, const char *s, const char *escaped, const char *escape)
{
	for (; *s && strcmp(s, ".") != 0; s++) {
		if (strchr(escaped, *s))
			strbuf_adds(out, escape);
		strbuf_addc(out, *s);
	}
}

static void
add_words(struct strbuf *out, const char *words)
{
	for (; *words; words++)
		strbuf_addc(out, *words == '|' ? ' ' : *words);
}

void
bash_add_arguments(struct strbuf *out)
{
	static const char *const functions[] = {
		[COMPLETION_NONE] = ":",
		[COMPLETION_WORDS] = "_sendoff_words",
		[COMPLETION_LIST] = "_sendoff_list",
		[COMPLETION_FILES] = "_sendoff_files",
		[COMPLETION_AT_FILES] = "_sendoff_at_files",
		[COMPLETION_PROGRAMS] = "_sendoff_programs",
		[COMPLETION_ACCOUNTS] = "_sendoff_accounts",
	};
	_Static_assert(sizeof(functions) / sizeof(*functions) == COMPLETION_COUNT, "all of them");
	struct argument argument;
	const struct option *o;

	for (o = options; o < options + OPT_COUNT; o++) {
		if (!(o->where & WHERE_FLAG) || o->kind == KIND_FLAG)
			continue;
		argument = argument_of(o);
		strbuf_adds(out, "\t");
		if (o->letter)
			strbuf_addf(out, "-%c%s", o->letter, *o->name ? " | " : "");
		if (*o->name && !may_have_argument(o))
			strbuf_addf(out, "--%s | ", o->name);
		if (*o->name)
			strbuf_addf(out, "--%s=", o->name);
		strbuf_addf(
			out, ") %s%s", functions[argument.completion], *argument.words ? " " : "");
		add_words(out, argument.words);
		strbuf_adds(out, " ;;\n");
	}
}

void
bash_add_options(struct strbuf *out)
{
	const struct option *o;

	for (o = options; o < options + OPT_COUNT; o++) {
		if (!is_offered(o))
			continue;
		if (o->letter)
			strbuf_addf(out, "\t-%c\n", o->letter);
		if (*o->name)
			strbuf_addf(out, "\t--%s\n", o->name);
	}
}

void
bash_add_commands(struct strbuf *out)
{
	size_t i;

	for (i = 0; i < command_count; i++)
		strbuf_addf(out, "\t%s\n", commands[i].name);
}

void
bash_add_words(struct strbuf *out)
{
	for (size_t i = 0; i < command_count; i++) {
		if (!commands[i].words)
			continue;
		strbuf_addf(out, "\t%s) ", commands[i].name);
		if (strcmp(commands[i].words, COMMAND_ACCOUNTS) == 0) {
			strbuf_adds(out, "_sendoff_accounts ;;\n");
			continue;
		}
		strbuf_adds(out, "_sendoff_words ");
		add_words(out, commands[i].words);
		strbuf_adds(out, " ;;\n");
	}
}

void
zsh_add_words(struct strbuf *out)
{
	for (size_t i = 0; i < command_count; i++) {
		if (!commands[i].words)
			continue;
		strbuf_addf(out, "\t%s) ", commands[i].name);
		if (strcmp(commands[i].words, COMMAND_ACCOUNTS) == 0) {
			strbuf_adds(out, "_sendoff_accounts ;;\n");
			continue;
		}
		strbuf_adds(out, "compadd ");
		add_words(out, commands[i].words);
		strbuf_adds(out, " ;;\n");
	}
}

/* The part of a specification behind the option: "[what it does]:argument:what completes it". */
static void
zsh_add_argument(struct strbuf *out, const struct option *o)
{
	static const char *const functions[] = {
		[COMPLETION_NONE] = " ",
		[COMPLETION_WORDS] = "(",
		[COMPLETION_LIST] = " _values -s , word ",
		[COMPLETION_FILES] = " _sendoff_files ",
		[COMPLETION_AT_FILES] = " _sendoff_at_files",
		[COMPLETION_PROGRAMS] = " _command_names",
		[COMPLETION_ACCOUNTS] = " _sendoff_accounts",
	};
	_Static_assert(sizeof(functions) / sizeof(*functions) == COMPLETION_COUNT, "all of them");
	struct argument argument = argument_of(o);
	const char *at;

	strbuf_addc(out, '[');
	for (at = o->sentence; *at && strcmp(at, ".") != 0; at++)
		if (*at == '\'')
			strbuf_adds(out, "'\\''");
		else
			strbuf_addf(out, "%s%c", strchr("[]:\\", *at) ? "\\" : "", *at);
	strbuf_addc(out, ']');
	if (o->kind == KIND_BOOL)
		strbuf_adds(out, "::yes or no:");
	else if (may_have_argument(o))
		strbuf_adds(out, "::");
	else if (must_have_argument(o))
		strbuf_addc(out, ':');
	else
		return;
	if (o->kind != KIND_BOOL) {
		for (at = o->arg; *at; at++)
			strbuf_addf(
				out, "%s%c", *at == ':' ? "\\" : "", tolower((unsigned char)*at));
		strbuf_addc(out, ':');
	}
	if (argument.completion == COMPLETION_FILES && !*argument.words)
		strbuf_adds(out, "_files");
	else
		strbuf_adds(out, functions[argument.completion]);
	add_words(out, argument.words);
	strbuf_adds(out, argument.completion == COMPLETION_WORDS ? ")" : "");
}

static void
zsh_add_option(struct strbuf *out, const struct option *o, const char *spelling, const char *glue)
{
	strbuf_adds(out, "\t'");
	if (o->kind == KIND_MANY || o->kind == KIND_LIST)
		strbuf_addc(out, '*');
	else if (o->letter && *o->name)
		strbuf_addf(out, "(-%c --%s)", o->letter, o->name);
	strbuf_adds(out, spelling);
	if (must_have_argument(o) || may_have_argument(o))
		strbuf_adds(out, glue);
	zsh_add_argument(out, o);
	strbuf_adds(out, "'\n");
}

void
zsh_add_options(struct strbuf *out)
{
	struct strbuf spelling = STRBUF_INIT(256);
	const struct option *o;

	for (o = options; o < options + OPT_COUNT; o++) {
		if (!is_offered(o))
			continue;
		if (o->letter) {
			strbuf_clear(&spelling);
			strbuf_addf(&spelling, "-%c", o->letter);
			zsh_add_option(out, o, spelling.s, "+");
		}
		if (*o->name) {
			strbuf_clear(&spelling);
			strbuf_addf(&spelling, "--%s", o->name);
			zsh_add_option(out, o, spelling.s, may_have_argument(o) ? "=-" : "=");
		}
	}
	strbuf_done(&spelling);
}

void
zsh_add_commands(struct strbuf *out)
{
	size_t i;

	for (i = 0; i < command_count; i++) {
		strbuf_addf(out, "\t'%s:", commands[i].name);
		add_escaped(out, commands[i].sentence, "'", "'\\'");
		strbuf_adds(out, "'\n");
	}
}

static void
fish_add_argument(struct strbuf *out, const struct option *o)
{
	struct argument argument = argument_of(o);

	if (must_have_argument(o))
		strbuf_adds(out, argument.completion == COMPLETION_FILES ? " -r -F" : " -x");
	if (argument.completion == COMPLETION_LIST)
		strbuf_adds(out, " -a '(__fish_append , ");
	else if (argument.completion == COMPLETION_AT_FILES)
		strbuf_adds(out, " -a '(__sendoff_at_files)'");
	else if (argument.completion == COMPLETION_PROGRAMS)
		strbuf_adds(out, " -a '(__fish_complete_command)'");
	else if (argument.completion == COMPLETION_ACCOUNTS)
		strbuf_adds(out, " -a '(__sendoff_accounts)'");
	else if (*argument.words)
		strbuf_adds(out, " -a '");
	add_words(out, argument.words);
	if (*argument.words)
		strbuf_adds(out, argument.completion == COMPLETION_LIST ? ")'" : "'");
}

void
fish_add_options(struct strbuf *out)
{
	const struct option *o;

	for (o = options; o < options + OPT_COUNT; o++) {
		if (!is_offered(o))
			continue;
		strbuf_adds(out, "complete -c sendoff");
		if (o->letter)
			strbuf_addf(out, " -s %c", o->letter);
		if (*o->name)
			strbuf_addf(out, " -l %s", o->name);
		fish_add_argument(out, o);
		strbuf_adds(out, " -d '");
		add_escaped(out, o->sentence, "'\\", "\\");
		strbuf_adds(out, "'\n");
	}
}

void
fish_add_commands(struct strbuf *out)
{
	size_t i;

	for (i = 0; i < command_count; i++) {
		strbuf_addf(out, "complete -c sendoff -n __sendoff_is_first -a %s -d '",
			commands[i].name);
		add_escaped(out, commands[i].sentence, "'\\", "\\");
		strbuf_adds(out, "'\n");
		if (!commands[i].words)
			continue;
		strbuf_addf(out, "complete -c sendoff -n '__sendoff_follows %s' -a '",
			commands[i].name);
		if (strcmp(commands[i].words, COMMAND_ACCOUNTS) == 0)
			strbuf_adds(out, "(__sendoff_accounts)");
		else
			add_words(out, commands[i].words);
		strbuf_adds(out, "'\n");
	}
}
