#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "args.h"
#include "check.h"
#include "error.h"
#include "help.h"
#include "importing.h"
#include "io.h"
#include "login.h"
#include "password.h"
#include "queue.h"
#include "sendmail.h"
#include "serve.h"
#include "setup.h"
#include "status.h"
#include "story.h"
#include "strbuf.h"
#include "submission.h"
#include "submit.h"

static int
print(void (*add)(struct strbuf *out))
{
	struct strbuf text = STRBUF_INIT(1 << 20);

	add(&text);
	fputs(text.s, stdout);
	strbuf_done(&text);
	return status_printed() ? 0 : fault_status(FAULT_IO);
}

static void
add_help(struct strbuf *out)
{
	help_add(out, false);
}

static void
add_all_help(struct strbuf *out)
{
	help_add(out, true);
}

static bool
wants_all(const struct arguments *args)
{
	return args->operand_count == 1 && strcmp(args->operands[0], "all") == 0;
}

static int
print_command_help(const char *command)
{
	struct strbuf text = STRBUF_INIT(1 << 16);

	help_add_command(&text, command);
	fputs(text.s, stdout);
	strbuf_done(&text);
	return status_printed() ? 0 : fault_status(FAULT_IO);
}

/* --help: of the program, of all its options, or of a command. */
static int
help(const struct arguments *args)
{
	if (args->command)
		return print_command_help(args->command);
	return print(wants_all(args) ? add_all_help : add_help);
}

/* "sendoff help [COMMAND|all]": the same pages. */
static int
help_command(const struct arguments *args)
{
	const char *what = args->operand_count ? args->operands[0] : "";

	for (size_t i = 0; i < command_count; i++)
		if (args->operand_count == 1 && strcmp(commands[i].name, what) == 0)
			return print_command_help(what);
	if (!args->operand_count || wants_all(args))
		return print(args->operand_count ? add_all_help : add_help);
	fprintf(stderr,
		"%s: unable to understand the command line: there is no help on \"%s\" (%s --help "
		"names the commands)\n",
		args->program, what, args->program);
	return fault_status(FAULT_USAGE);
}

static int
refuse(const struct arguments *args, const struct error *err)
{
	struct submission nothing = { .args = args };

	/* the caller may be writing a message: it must see this, not a broken pipe */
	if (!args->command && args->mode == MODE_SUBMIT)
		input_drain(&nothing);
	if (args->errors_quiet)
		return fault_status(err->fault);
	fprintf(stderr, "%s: unable to %s: %s\n", args->program,
		err->fault == FAULT_DATA && !args->command ? "send the message"
							   : "understand the command line",
		err->text);
	return fault_status(err->fault);
}

static int
list_accounts(const struct arguments *args)
{
	struct error err = ERROR_NONE;

	if (accounts(args, &err) && !status_printed())
		error_set(&err, FAULT_IO, "standard output cannot be written");
	if (!err.fault)
		return 0;
	fprintf(stderr, "%s: unable to list the accounts: %s\n", args->program, err.text);
	return fault_status(err.fault);
}

static const struct {
	const char *name;
	int (*run)(const struct arguments *args);
} runs[] = {
	{ "accounts", list_accounts },
	{ "check", check_command },
	{ "help", help_command },
	{ "import", importing },
	{ "log", story_command },
	{ "login", login_command },
	{ "logout", logout_command },
	{ "password", password_command },
	{ "queue", queue_command },
	{ "serve", serve },
	{ "setup", setup_command },
	{ "token", token_command },
};

/* args_parse has accepted commands that stand here only. */
static int
run_command(const struct arguments *args)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++)
		if (strcmp(args->command, runs[i].name) == 0)
			return runs[i].run(args);
	abort();
}

/* A person may have meant a command. The word stays a recipient, for scripts and for a user of such
 * a name. */
static void
suspect_command(const struct arguments *args)
{
	const char *word = args->operand_count ? args->operands[0] : "", *like;

	if (args->personality != PERSONALITY_SENDOFF || profile_is_set(&args->given, OPT_QUIET) ||
		!(like = help_command_like(word)))
		return;
	if (isatty(STDERR_FILENO) || isatty(STDIN_FILENO))
		fprintf(stderr,
			"%s: note: \"%s\" is taken for a recipient; the command is %s %s\n",
			args->program, word, args->program, like);
}

int
main(int argc, char **argv)
{
	struct arguments args;
	struct error err = ERROR_NONE;
	bool understood;
	int status;

	io_keep_standard();
	status_init();
	understood = args_parse(argc, argv, &args, &err);
	if (understood && *args.warning && !args.errors_quiet)
		fprintf(stderr, "%s: %s\n", args.program, args.warning);
	if (!understood)
		status = refuse(&args, &err);
	else if (profile_is_set(&args.given, OPT_HELP))
		status = help(&args);
	else if (profile_is_set(&args.given, OPT_VERSION))
		status = print(version_add);
	else if (args.command)
		status = run_command(&args);
	else if (args.mode == MODE_SUBMIT) {
		suspect_command(&args);
		status = submit(&args);
	} else {
		status = sendmail_run(&args);
	}
	args_done(&args);
	return status;
}
