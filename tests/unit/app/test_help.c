#include <string.h>

#include "help.h"
#include "options.h"
#include "strbuf.h"
#include "tap.h"

/* The longest line of TEXT, and how many lines there are. */
static size_t
measure(const char *text, size_t *ret_lines)
{
	size_t longest = 0, n;

	for (*ret_lines = 0; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n > longest)
			longest = n;
		++*ret_lines;
	}
	return longest;
}

static void
test_page(bool everything, size_t most_lines)
{
	struct strbuf out = STRBUF_INIT(1 << 20);
	size_t lines;

	help_add(&out, everything);
	ok(measure(out.s, &lines) <= HELP_COLUMNS, "no line is longer than a terminal is wide");
	ok(lines <= most_lines, everything ? "all of it is readable" : "the page fits a screen");
	ok(out.len && out.s[out.len - 1] == '\n', "it ends with a line end");
	ok(!strstr(out.s, " \n"), "no line ends in a blank");
	ok(!out.full, "all of it fits");
	strbuf_done(&out);
}

/* Finds a row: what names the option, at the beginning of a line. */
static bool
has_row(const char *page, const struct option *o)
{
	struct strbuf row = STRBUF_INIT(1024);
	bool found;

	strbuf_adds(&row, o->letter ? "\n  " : "\n      ");
	help_add_usage(&row, o);
	found = strstr(page, row.s) != NULL;
	strbuf_done(&row);
	return found;
}

static void
test_rows(void)
{
	struct strbuf all = STRBUF_INIT(1 << 20), page = STRBUF_INIT(1 << 20);
	const struct option *o;

	help_add(&all, true);
	help_add(&page, false);
	for (o = options; o < options + OPT_COUNT; o++) {
		if (!has_row(all.s, o))
			ok(false, "%s", o->name);
		if (has_row(page.s, o) !=
			(o->id == OPT_QUEUE ||
				(!(o->where & WHERE_FILE) && o->group != OPTION_GROUP_MODE &&
					o->group != OPTION_GROUP_COMMAND &&
					o->group != OPTION_GROUP_QUEUE &&
					o->group != OPTION_GROUP_SERVICE &&
					o->group != OPTION_GROUP_IGNORED)))
			ok(false, "%s", o->name);
	}
	ok(true, "every option is in the long page, those that are no settings in the short one");
	strbuf_done(&all);
	strbuf_done(&page);
}

static void
test_usage(void)
{
	static const struct {
		enum option_id id;
		const char *want;
	} cases[] = {
		{ OPT_TO, "--to ADDRESS" },
		{ OPT_ENVELOPE_FROM, "-f, --envelope-from ADDRESS" },
		{ OPT_READ_RECIPIENTS, "-t, --read-recipients" },
		{ OPT_KEEP_BCC, "--keep-bcc[=no]" },
		{ OPT_NO_ALIASES, "-n" },
		{ OPT_MODE, "-b m" },
		{ OPT_INHERIT, "inherit" },
	};
	struct strbuf out = STRBUF_INIT(1024);
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		strbuf_clear(&out);
		help_add_usage(&out, &options[cases[i].id]);
		same(out.s, out.len, cases[i].want, cases[i].want);
	}
	strbuf_done(&out);
}

static void
test_commands(void)
{
	struct strbuf page = STRBUF_INIT(1 << 20), call = STRBUF_INIT(256);
	char *line;

	help_add(&page, false);
	/* the lines behind the first name them */
	line = strchr(page.s, '\n');
	*strstr(line, "\n\n") = '\0';
	for (char *at = line; *at; at++)
		*at = (char)(*at == '\n' ? ' ' : *at);
	strbuf_truncate(&page, strlen(page.s));
	strbuf_addc(&page, ' ');
	line = strchr(page.s, ']');
	for (size_t i = 0; i < command_count; i++) {
		strbuf_clear(&call);
		strbuf_addf(&call, " %s ", commands[i].name);
		ok(strstr(line, call.s) != NULL, "%s is shown", commands[i].name);
	}
	strbuf_done(&page);
	strbuf_done(&call);
}

/* The words that may follow it are the commands, and "all". */
static bool
are_help_words(void)
{
	struct strbuf want = STRBUF_INIT(1024);
	const char *words = NULL;
	bool same;

	strbuf_adds(&want, "all");
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, "help") == 0)
			words = commands[i].words;
		else
			strbuf_addf(&want, "|%s", commands[i].name);
	}
	same = words && strcmp(words, want.s) == 0;
	strbuf_done(&want);
	return same;
}

/* Each option of the group is told by the commands that its sentence names, by no others. */
static void
test_command_pages(void)
{
	static const struct {
		const char *command, *own, *not_own, *usage, *manual;
	} cases[] = {
		{ "accounts", NULL, "--", "usage: sendoff accounts [option ...] [ACCOUNT]\n",
			"sendoff(1)" },
		{ "check", "--offline", "--yes", "sendoff check [option ...] [ACCOUNT]",
			"-check(1)" },
		{ "help", NULL, "--", "[COMMAND|all]", "sendoff(1)" },
		{ "import", "--run-eval", "--store", "[FILE]", "sendoff(1)" },
		{ "log", NULL, "--log", "[WHICH]", "sendoff-queue(1)" },
		{ "login", "--refresh-all", "--store", "[ACCOUNT]", "sendoff-login(1)" },
		{ "logout", NULL, "--device", "[ACCOUNT]", "sendoff-login(1)" },
		{ "password", "--no-check", "--timer", "[ACCOUNT]", "sendoff-password(1)" },
		{ "queue", "--once", "--wait", "[list|show|", "sendoff-queue(1)" },
		{ "serve", "--idle", "--once", "[client NAME]", "sendoff(1)" },
		{ "setup", "--timer", "--delete", "[ADDRESS]", "sendoff-setup(1)" },
		{ "token", NULL, "--store", "[ACCOUNT]", "sendoff-login(1)" },
	};
	size_t lines;

	ok(sizeof(cases) / sizeof(*cases) == command_count, "every command has a case");
	ok(are_help_words(), "help offers all the others");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strbuf page = STRBUF_INIT(1 << 16);

		help_add_command(&page, cases[i].command);
		ok(measure(page.s, &lines) <= HELP_COLUMNS && lines <= 40 && !page.full,
			"%s: a page that fits", cases[i].command);
		ok(strstr(page.s, cases[i].usage) && strstr(page.s, cases[i].manual),
			"%s: usage and manual", cases[i].command);
		ok((!cases[i].own || strstr(page.s, cases[i].own)) &&
				!strstr(strstr(page.s, "\n") + 1,
					strcmp(cases[i].not_own, "--") == 0 ? "      --"
									    : cases[i].not_own),
			"%s: its own options only", cases[i].command);
		strbuf_done(&page);
	}
}

static void
test_like(void)
{
	static const struct {
		const char *word, *like;
	} cases[] = {
		{ "chekc", "check" },
		{ "chck", "check" },
		{ "heck", "check" },
		{ "checkk", "check" },
		{ "chack", "check" },
		{ "quue", "queue" },
		{ "etup", "setup" },
		{ "setu", "setup" },
		{ "stepu", NULL },
		{ "check", NULL },
		{ "", NULL },
		{ "c", NULL },
		{ "lug", NULL }, /* short words are near to everything */
		{ "ckehc", NULL },
		{ "check@example.org", NULL },
	};
	const char *like;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		like = help_command_like(cases[i].word);
		ok(cases[i].like ? like && strcmp(like, cases[i].like) == 0 : !like,
			"\"%s\" is like %s", cases[i].word,
			cases[i].like ? cases[i].like : "none");
	}
}

int
main(void)
{
	test_like();
	test_command_pages();
	test_page(false, 40);
	test_page(true, 390);
	test_rows();
	test_usage();
	test_commands();
	return tap_done();
}
