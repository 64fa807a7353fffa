/* What comes behind an account that works: who tries queued mail again, and a message to see it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "child.h"
#include "clock.h"
#include "error.h"
#include "queueing_signal.h"
#include "setup_state.h"
#include "submit.h"

#define SYSTEMCTL_SECONDS 20
#define WORDS_MAX         12

/* Runs systemctl for the user, or for the machine. */
static bool
systemctl(const struct setup *s, const char *verb, const char *unit, struct error *err)
{
	char *argv[WORDS_MAX], words[][64] = { "systemctl", "--user", "", "--now", "" };
	struct strbuf out = STRBUF_INIT(64 << 10);
	struct child child = CHILD_NONE;
	size_t n = 0;
	bool good;

	argv[n++] = words[0];
	if (!s->system)
		argv[n++] = words[1];
	snprintf(words[2], sizeof(words[2]), "%s", verb);
	argv[n++] = words[2];
	if (strcmp(verb, "enable") == 0)
		argv[n++] = words[3];
	snprintf(words[4], sizeof(words[4]), "%s", unit);
	argv[n++] = words[4];
	argv[n] = NULL;
	good = child_start(&child, argv, err) &&
	       child_wait(&child, clock_in(SYSTEMCTL_SECONDS * CLOCK_SECOND), &out, NULL, err);
	child_stop(&child);
	strbuf_done(&out);
	return good;
}

static bool
enable(const struct setup *s, const char *unit, struct error *err)
{
	if (!systemctl(s, "enable", unit, err))
		return error_prefix(err, "%s", unit);
	setup_say(SETUP_GOOD, "enabled", "%s", unit);
	return true;
}

/* For machines where systemd does not run, and users whose it does not. */
static void
show_crontab(const struct setup *s)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	setup_say(SETUP_PLAIN, "queue",
		"systemd has no timer of ours here. Lines for cron, which does the same (%s):",
		s->system ? "crontab -e of root" : "crontab -e");
	fprintf(stderr, "    */15 * * * * %s queue run --once\n", n > 0 ? program : "sendoff");
	if (s->granted)
		fprintf(stderr, "    17 5 * * 1 %s login --refresh-all\n",
			n > 0 ? program : "sendoff");
}

static void
offer_timer(const struct setup *s, struct error *err)
{
	bool given = setup_given(s, OPT_TIMER), wanted = given && profile_yes(s->given, OPT_TIMER);
	struct error why = ERROR_NONE;

	if (given && !wanted)
		return;
	if (!given && (!setup_may_ask() || setup_given(s, OPT_YES)))
		return;
	/* fails where systemd does not run, too */
	if (!systemctl(s, "cat", "sendoff-queue.timer", &why)) {
		show_crontab(s);
		if (given)
			*err = why;
		return;
	}
	if (!given && !ask_yes("Shall systemd try queued mail again every 15 minutes", true,
			      "--timer", &wanted, err))
		return;
	if (!wanted || !enable(s, "sendoff-queue.timer", err))
		return;
	if (s->granted && !enable(s, "sendoff-login.timer", err))
		return;
	if (!s->system)
		setup_advise("It runs while you are logged in; for all the time: loginctl "
			     "enable-linger");
}

/* As anybody would send it. */
static int
send_test(const struct setup *s, const char *to)
{
	const char *config =
		setup_given(s, OPT_CONFIG) ? profile_text(s->given, OPT_CONFIG) : s->file.path;
	const char *argv[] = { s->args->program, "--config", config, "--account", s->account.name,
		"--queue=never", "--to", to, "--subject", "A test of sendoff", "--body",
		"This message went by the account that sendoff setup has made.\n" };
	struct arguments args;
	struct error err = ERROR_NONE;
	int status;

	if (args_parse((int)(sizeof(argv) / sizeof(*argv)), (char **)argv, &args, &err)) {
		fflush(stderr);
		status = submit(&args);
	} else {
		fprintf(stderr, "%s: %s\n", s->args->program, err.text);
		status = fault_status(err.fault);
	}
	args_done(&args);
	return status;
}

static int
offer_test(const struct setup *s, struct error *err)
{
	const char *to = profile_text(s->given, OPT_TEST_TO);
	char question[500];
	bool yes = false;

	if (!to && setup_may_ask() && !setup_given(s, OPT_YES) && !setup_given(s, OPT_OFFLINE)) {
		to = profile_text(&s->account, OPT_FROM);
		snprintf(question, sizeof(question), "Send a test message to %.400s", to);
		if (!ask_yes(question, true, "--test-to ADDRESS", &yes, err) || !yes)
			return 0;
	}
	return to && strcmp(to, "none") != 0 ? send_test(s, to) : 0;
}

int
setup_after(struct setup *s)
{
	struct error err = ERROR_NONE;
	int status = 0;

	offer_timer(s, &err);
	if (!err.fault)
		status = offer_test(s, &err);
	/* the account stands, whatever becomes of this */
	if (!signals_caught())
		setup_say(SETUP_PLAIN, "to send",
			"sendoff -a %s ADDRESS; to look at it: sendoff "
			"check %s",
			s->account.name, s->account.name);
	if (!err.fault)
		return status;
	if (!signals_caught())
		fprintf(stderr, "%s: the account is written, but: %s\n", s->args->program,
			err.text);
	return fault_status(err.fault);
}
