#include "help.h"

#include <string.h>

#include "options.h"
#include "strbuf.h"

#define COLUMN   28 /* where sentences begin */
#define LIKE_MIN 4  /* letters of a command that other words may be taken for */

const struct command commands[] = {
	{ "accounts", "Print the accounts in force, and where each setting comes from.",
		COMMAND_ACCOUNTS, "[ACCOUNT]", "sendoff" },
	{ "check",
		"Look for what is wrong with accounts, servers and queue, without sending "
		"anything.",
		COMMAND_ACCOUNTS, "[ACCOUNT]", "sendoff-check" },
	{ "help", "Print help: in short, on a command, or on all options.",
		"all|accounts|check|import|log|login|logout|password|queue|serve|setup|token",
		"[COMMAND|all]", "sendoff" },
	{ "import", "Translate the configuration of msmtp, ssmtp, nullmailer and others.", NULL,
		"[FILE]", "sendoff" },
	{ "log", "Print what became of messages: by an id, a Message-ID or an address.", NULL,
		"[WHICH]", "sendoff-queue" },
	{ "login", "Get access for an account with OAuth2; show and renew it.", COMMAND_ACCOUNTS,
		"[ACCOUNT]", "sendoff-login" },
	{ "logout", "Give the access of an account back, and forget it.", COMMAND_ACCOUNTS,
		"[ACCOUNT]", "sendoff-login" },
	{ "password", "Store the password of an account after trying it, or remove it.",
		COMMAND_ACCOUNTS, "[ACCOUNT]", "sendoff-password" },
	{ "queue",
		"List the queue; show, flush, hold, release, remove, retry what is in it; run it.",
		"list|show|flush|hold|release|remove|retry|run",
		"[list|show|flush|hold|release|remove|retry|run] [ID ...]", "sendoff-queue" },
	{ "serve", "Submit for others by a socket, and run the queue.", "client", "[client NAME]",
		"sendoff" },
	{ "setup", "Set an account up for an address: find the server, try it, write it down.",
		NULL, "[ADDRESS]", "sendoff-setup" },
	{ "token", "Print an access token of an account, for other programs.", COMMAND_ACCOUNTS,
		"[ACCOUNT]", "sendoff-login" },
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

static bool
is_one_letter_off(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	if (!*a || !*b)
		return strlen(a) + strlen(b) == 1;
	return strcmp(a + 1, b + 1) == 0 || strcmp(a + 1, b) == 0 || strcmp(a, b + 1) == 0 ||
	       (a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0);
}

const char *
help_command_like(const char *word)
{
	for (size_t i = 0; i < command_count; i++)
		if (strlen(commands[i].name) >= LIKE_MIN &&
			is_one_letter_off(word, commands[i].name))
			return commands[i].name;
	return NULL;
}

void
help_add_usage(struct strbuf *out, const struct option *o)
{
	if (!(o->where & WHERE_FLAG)) {
		strbuf_adds(out, o->name);
		return;
	}
	if (o->letter)
		strbuf_addf(out, "-%c%s", o->letter, *o->name ? ", " : "");
	if (*o->name)
		strbuf_addf(out, "--%s", o->name);
	if (o->kind == KIND_BOOL)
		strbuf_adds(out, "[=no]");
	else if (o->where & WHERE_OPTIONAL)
		strbuf_addf(out, "[=%s]", o->arg);
	else if (*o->arg)
		strbuf_addf(out, " %s", o->arg);
}

/* Appends the words of TEXT between columns INDENT and HELP_COLUMNS. The line that is being written
 * has COLUMN columns already, at most INDENT. */
static void
add_wrapped(struct strbuf *out, const char *text, size_t indent, size_t column)
{
	size_t n;

	strbuf_addf(out, "%*s", (int)(indent - column), "");
	for (column = indent; *text; text += n + strspn(text + n, " ")) {
		n = strcspn(text, " ");
		if (column > indent && column + 1 + n > HELP_COLUMNS) {
			strbuf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			strbuf_addc(out, ' ');
			column++;
		}
		strbuf_add(out, text, n);
		column += n;
	}
	strbuf_addc(out, '\n');
}

static void
add_row(struct strbuf *out, const struct option *o, const char *sentence)
{
	size_t start = out->len, column;

	strbuf_adds(out, o->letter ? "  " : "      ");
	help_add_usage(out, o);
	column = out->len - start;
	if (column + 2 > COLUMN) {
		strbuf_addc(out, '\n');
		column = 0;
	}
	add_wrapped(out, sentence, COLUMN, column);
}

/* The short page leaves out what can be set once for an account, and what only sendmail's callers
 * use. */
static bool
is_shown(const struct option *o, bool everything)
{
	return everything || o->id == OPT_QUEUE ||
	       (!(o->where & WHERE_FILE) && o->group != OPTION_GROUP_MODE &&
		       o->group != OPTION_GROUP_QUEUE && o->group != OPTION_GROUP_SERVICE &&
		       o->group != OPTION_GROUP_COMMAND && o->group != OPTION_GROUP_IGNORED);
}

static void
add_groups(struct strbuf *out, bool everything)
{
	int group = -1;
	size_t i;

	for (i = 0; i < OPT_COUNT; i++) {
		if (!is_shown(&options[i], everything))
			continue;
		if ((int)options[i].group != group) {
			group = (int)options[i].group;
			strbuf_addf(out, "\n%s:\n", option_group_titles[group]);
		}
		if (everything || options[i].id != OPT_QUEUE)
			add_row(out, &options[i], options[i].sentence);
		else
			add_row(out, &options[i], "Keep what cannot be sent now, and try again.");
	}
}

/* Whether O is one of the command's own: its sentence begins with whom it is for, "With setup and
 * password: ...". */
static bool
is_own(const struct option *o, const char *command)
{
	size_t head = strcspn(o->sentence, ":"), n = strlen(command);
	const char *at = o->sentence;

	if (!(o->where & WHERE_FLAG) || strncmp(at, "With ", 5) != 0)
		return false;
	while ((at = strstr(at, command)) && at + n <= o->sentence + head) {
		if (at[-1] == ' ' && (at[n] == ' ' || at[n] == ':' || at[n] == ','))
			return true;
		at += n;
	}
	return false;
}

void
help_add_command(struct strbuf *out, const char *name)
{
	struct strbuf usage = STRBUF_INIT(1024);
	const struct command *c = commands;
	size_t before;

	while (strcmp(c->name, name) != 0)
		c++;
	strbuf_addf(&usage, "sendoff %s [option ...] %s", name, c->operands);
	strbuf_adds(out, "usage:");
	add_wrapped(out, usage.s, 7, 6);
	strbuf_done(&usage);
	add_wrapped(out, c->sentence, 0, 0);
	before = out->len;
	for (size_t i = 0; i < OPT_COUNT; i++) {
		if (!is_own(&options[i], name))
			continue;
		if (out->len == before)
			strbuf_adds(out, "\nIts own options:\n");
		add_row(out, &options[i], options[i].sentence);
	}
	strbuf_addf(out,
		"\nThose of an account and of the output go with it: sendoff --help all.\n"
		"More in %s(1).\n",
		c->manual);
}

void
help_add(struct strbuf *out, bool everything)
{
	struct strbuf names = STRBUF_INIT(1024);
	size_t i;

	strbuf_adds(out, "usage: sendoff [option ...] [--] [recipient ...]\n");
	strbuf_adds(&names, "sendoff COMMAND [option ...] [operand ...], COMMAND being one of");
	for (i = 0; i < command_count; i++)
		strbuf_addf(&names, " %s", commands[i].name);
	add_wrapped(out, names.s, 7, 0);
	strbuf_done(&names);
	add_groups(out, everything);
	if (everything)
		strbuf_adds(out, "\nMore in sendoff(1) and sendoff.conf(5).\n");
	else
		strbuf_adds(out, "\nSettings of an account are options too: sendoff --help all. "
				 "More in sendoff(1).\n");
}
