#include <stdlib.h>

#include "error.h"
#include "import.h"
#include "import_private.h"
#include "parse.h"
#include "profile.h"
#include "strbuf.h"
#include "tap.h"

static void
guesses(void)
{
	static const struct {
		const char *path, *text;
		enum import_format format;
	} table[] = {
		{ "/home/ann/.msmtprc", "", IMPORT_MSMTP },
		{ "x", "# comment\n\naccount a\nhost b\n", IMPORT_MSMTP },
		{ "x", "\tdefaults\r\ntls on\r\n", IMPORT_MSMTP },
		{ "x", "host smtp.example.org", IMPORT_MSMTP },
		{ "x", "host = smtp.example.org\n", IMPORT_UNKNOWN },
		{ "x", "[account a]\nhost = b\n", IMPORT_UNKNOWN },
		{ "x", "account gm {\nset mta=smtp://x\n}\n", IMPORT_SNAIL },
		{ "x", "set from=a@b.c\n", IMPORT_SNAIL },
		{ "x", "MailHub = mail\nroot=postmaster\n", IMPORT_SSMTP },
		{ "/etc/ssmtp/ssmtp.conf", "", IMPORT_SSMTP },
		{ "x", "SMARTHOST mail\nAUTHPATH /etc/dma/auth.conf\n", IMPORT_DMA },
		{ "/etc/dma/dma.conf", "", IMPORT_DMA },
		{ "x", "hostname = mail:25\nusername = \"a\"\nidentity b@c\n", IMPORT_ESMTP },
		{ "/etc/nullmailer/remotes", "", IMPORT_NULLMAILER },
		{ "x", "mail.example.org smtp --port=25\n", IMPORT_NULLMAILER },
		{ "x", "mail.example.org\n", IMPORT_NULLMAILER },
		{ "x", "word\n", IMPORT_UNKNOWN },
		{ "x", "", IMPORT_UNKNOWN },
		{ "", "\n\n#\n", IMPORT_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = strlen(table[i].text);
		/* of the exact size, so that a read beyond it is seen */
		char *copy = malloc(n ? n : 1);
		enum import_format got;

		memcpy(copy, table[i].text, n);
		got = import_guess(table[i].path, copy, n);
		ok(got == table[i].format, "guess %zu: %s", i, import_format_name(got));
		free(copy);
	}
}

static void
shells(void)
{
	static const struct {
		const char *command;
		bool needs;
	} table[] = {
		{ "pass show mail/ann", false },
		{ "gpg -q -d ~/.password.gpg", false },
		{ "sh -c 'pass show mail | head -n 1'", false },
		{ "sh -c 'echo $HOME'", false },
		{ "secret-tool lookup host \"mail.example.org\" user ann", false },
		{ "cat \\$HOME", false },
		{ "echo a=b", false },
		{ "pass show mail | head", true },
		{ "cat $HOME/x", true },
		{ "cat \"$HOME/x\"", true },
		{ "cat `pwd`/x", true },
		{ "cat \"`pwd`\"", true },
		{ "cat *.password", true },
		{ "cat ~ann/x", true },
		{ "A=b cat x", true },
		{ "(cat x)", true },
		{ "cat x # comment", true },
		{ "cat 'x", true },
		{ "", true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		ok((import_needs_shell(table[i].command) != NULL) == table[i].needs, "shell: %s",
			table[i].command);
}

static void
words(void)
{
	char line[] = "one  'two three' \"fo\\\"ur\" fi\\ ve\"six\"", *rest = line;
	char open[] = "'open", plain[] = "a b", pair[] = "key  =  \"va lue\"", *key, *value;
	char host[] = "[::1]:25", host6[] = "::1", host4[] = "h:25";
	const char *port;

	same(import_quoted(&rest), 3, "one", "a word");
	same(import_quoted(&rest), 9, "two three", "single quotes");
	same(import_quoted(&rest), 5, "fo\"ur", "double quotes");
	same(import_quoted(&rest), 8, "fi vesix", "a backslash");
	ok(!import_quoted(&rest), "the end");
	rest = open;
	ok(!import_quoted(&rest), "an open quote");
	rest = plain;
	ok(strcmp(import_word(&rest), "a") == 0 && strcmp(rest, "b") == 0, "two words");
	ok(import_pair(pair, &key, &value) && strcmp(key, "key") == 0 &&
			strcmp(value, "va lue") == 0,
		"a pair");
	ok(!import_pair(plain, &key, &value), "no pair");
	import_split_host(host, &port);
	ok(strcmp(port, "25") == 0 && strcmp(host, "[::1]") == 0, "an address and a port");
	import_split_host(host6, &port);
	ok(!*port && strcmp(host6, "::1") == 0, "an address");
	import_split_host(host4, &port);
	ok(strcmp(port, "25") == 0 && strcmp(host4, "h") == 0, "a host and a port");
}

static bool
runs(void *ctx, const char *command, struct strbuf *out, struct error *err)
{
	++*(int *)ctx;
	if (strcmp(command, "false") == 0)
		return error_set(err, FAULT_CONFIG, "it failed");
	strbuf_adds(out, strcmp(command, "again") == 0 ? "eval again" : "user evaluated");
	return true;
}

static void
evals(void)
{
	static const char text[] = "account a\nhost a.example.org\nauth on\ntls on\n"
				   "eval echo user x\neval false\neval again\n";
	int count = 0;
	struct import shown = { .name = "f" };
	struct import run = { .name = "f", .eval = runs, .ctx = &count };

	import_parse(&shown, IMPORT_MSMTP, text, strlen(text));
	ok(strstr(shown.remarks.s, "f:5: eval echo user x: was not run") && *shown.wrong,
		"eval is shown");
	ok(!profile_is_set(&shown.accounts.v[0], OPT_USER), "and not run");
	import_parse(&run, IMPORT_MSMTP, text, strlen(text));
	ok(count == 3 && strcmp(profile_text(&run.accounts.v[0], OPT_USER), "evaluated") == 0,
		"eval is run once each");
	ok(strstr(run.remarks.s, "f:6: eval: it failed") != NULL, "a command that fails");
	import_done(&shown);
	import_done(&run);
}

static void
passwords(void)
{
	static const char text[] = "account a\nhost a.example.org\ntls on\nauth on\nuser a\n"
				   "password hunter2\naccount b : a\nfrom b@example.org\n";
	struct profile_list l = { NULL, 0 };
	struct strbuf out = STRBUF_INIT(65536);
	struct import i = { .name = "f" };
	struct error err = ERROR_NONE;
	struct profile p;
	bool secret = false;

	ok(import_load(text, strlen(text), "f", &l, &secret, &err) && l.n == 2 && secret, "loaded");
	ok(l.v[0].password && strcmp(l.v[0].password, "hunter2") == 0 &&
			strcmp(l.v[0].password_origin, "f:6") == 0,
		"the password");
	profile_init(&p, "p", "here");
	profile_override(&p, &l.v[1]);
	ok(p.password && strcmp(p.password, "hunter2") == 0, "goes along with an account");
	ok(profile_set(&l.v[0], OPT_PASSWORD_FILE, "/x", "--password-file", &err),
		"another source");
	profile_unset(&l.v[0], OPT_PASSWORD_FILE);
	profile_done(&p);
	profile_init(&p, "p", "here");
	ok(profile_set(&p, OPT_PASSWORD_FILE, "/x", "--password-file", &err), "an option");
	profile_override(&l.v[1], &p);
	ok(!l.v[1].password, "takes its place");
	profile_inherit(&p, &l.v[0]);
	ok(!p.password, "and is not replaced by inheritance");
	profile_done(&p);
	profile_list_done(&l);
	import_parse(&i, IMPORT_MSMTP, text, strlen(text));
	import_write(&i, &out);
	ok(!strstr(out.s, "hunter2") && !strstr(i.remarks.s, "hunter2"), "it is not written");
	ok(strstr(out.s, "#password-file = ~/.config/sendoff/a.password") != NULL, "the remedy is");
	import_done(&i);
	strbuf_done(&out);
}

/* What decides how mail goes is an error where the file is used as it is. */
static void
loads(void)
{
	static const struct {
		const char *text, *want;
	} table[] = {
		{ "account a\nhost h.example.org\nhots x\n",
			"f:3: hots: is no command of msmtp: see how it is spelled" },
		{ "account a\nhost h.example.org\naccount a\nhost h\n",
			"f:3: account a: is there already, and this one was left out: give it "
			"another name" },
		{ "account a : b\nhost h\n",
			"f:1: account b: is not known here, so nothing was taken over from it: "
			"describe it above this line" },
		{ "account a\nhost h.example.org\nlogfile_time_format x\n", NULL },
		{ "account a\nhost h.example.org\nsyslog LOG_USER\n", NULL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct profile_list l = { NULL, 0 };
		struct error err = ERROR_NONE;
		bool secret = false;
		bool good =
			import_load(table[i].text, strlen(table[i].text), "f", &l, &secret, &err);

		ok(good == !table[i].want && !secret, "load %zu", i);
		same(err.text, strlen(err.text), table[i].want ? table[i].want : "", "its error");
		ok(good == (l.n > 0), "its accounts");
		profile_list_done(&l);
	}
}

/* More than fits. */
static void
caps(void)
{
	struct strbuf text = STRBUF_INIT(1 << 20), out = STRBUF_INIT(8 << 20);
	struct import i = { .name = "f" };
	struct profile_list l = { NULL, 0 };
	struct profile defaults;

	strbuf_adds(&text, "defaults\nhost h.example.org\n");
	for (int at = 0; at < PROFILE_ACCOUNTS + 10; at++)
		strbuf_addf(&text, "account a%d\nfrom a%d@example.org\n", at, at);
	import_parse(&i, IMPORT_MSMTP, text.s, text.len);
	ok(i.accounts.n == PROFILE_ACCOUNTS && *i.wrong, "no more accounts than there may be");
	import_write(&i, &out);
	profile_init(&defaults, "defaults", "");
	ok(parse_config(out.s, out.len, "f", &l, &defaults, NULL) && l.n == PROFILE_ACCOUNTS,
		"all are written");
	profile_list_done(&l);
	profile_done(&defaults);
	import_done(&i);
	strbuf_clear(&text);
	for (int at = 0; at < 100000; at++)
		strbuf_addf(&text, "x%d\n", at);
	i = (struct import){ .name = "f" };
	import_parse(&i, IMPORT_MSMTP, text.s, text.len);
	ok(i.remarks.len <= IMPORT_REMARKS_MAX && i.left > 10000, "remarks are no more than that");
	import_done(&i);
	strbuf_done(&text);
	strbuf_done(&out);
}

int
main(void)
{
	setenv("HOME", "/home/ann", 1);
	guesses();
	shells();
	words();
	evals();
	passwords();
	loads();
	caps();
	return tap_done();
}
