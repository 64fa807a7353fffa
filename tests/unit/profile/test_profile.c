#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "error.h"
#include "load.h"
#include "profile.h"
#include "strbuf.h"
#include "tap.h"

static char folder[] = "/tmp/sendoff-profile-XXXXXX";

/* Writes a file and returns its name, which stays valid until the next call with SLOT. */
static const char *
file(int slot, const char *name, const char *text)
{
	static char paths[2][200];
	FILE *f;

	snprintf(paths[slot], sizeof(paths[slot]), "%s/%s", folder, name);
	unlink(paths[slot]);
	f = fopen(paths[slot], "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	chmod(paths[slot], 0644);
	return paths[slot];
}

static void
is(const struct profile *p, enum option_id id, const char *want)
{
	const char *got = profile_text(p, id);
	char what[200];

	snprintf(what, sizeof(what), "%s: %s", p->name, options[id].name);
	if (want)
		same(got, got ? strlen(got) : 0, want, what);
	else
		ok(!got, "%s is not set (%s)", what, got ? got : "");
}

static void
text_is(const struct error *err, enum fault fault, const char *want)
{
	ok(err->fault == fault, "fault");
	same(err->text, strlen(err->text), want, want);
}

static void
setting(void)
{
	struct error err = ERROR_NONE;
	struct profile p;
	const char *const *v;
	size_t n;

	profile_init(&p, "p", "test");
	is(&p, OPT_KEYRING, "yes");
	is(&p, OPT_HOST, NULL);
	ok(profile_yes(&p, OPT_KEYRING) && !profile_yes(&p, OPT_KEEP_BCC) &&
			!profile_yes(&p, OPT_JSON),
		"defaults of yes and no");
	ok(profile_choice(&p, OPT_TLS) == -1 && profile_choice(&p, OPT_SENDER) == 0, "choices");
	ok(profile_number(&p, OPT_PORT) == 0 && profile_number(&p, OPT_TIMEOUT) == 0, "numbers");
	v = profile_list_of(&p, OPT_HOST, &n);
	ok(!v && n == 0, "an empty list");
	ok(profile_set(&p, OPT_PORT, "25", "--port", &err) &&
			profile_set(&p, OPT_PORT, "26", "--port", &err) &&
			profile_number(&p, OPT_PORT) == 26,
		"a value replaces another");
	ok(!profile_set(&p, OPT_PORT, "x", "--port", &err), "a wrong one does not");
	text_is(&err, FAULT_CONFIG,
		"--port: \"x\" is not such a number; accepted: a number from 1 to 65535");
	is(&p, OPT_PORT, "26");
	err = (struct error)ERROR_NONE;
	ok(profile_set(&p, OPT_TIMEOUT, "5m", "--timeout", &err) &&
			profile_number(&p, OPT_TIMEOUT) == 300,
		"a time");
	ok(profile_set(&p, OPT_HOST, "a,b", "--host", &err) &&
			profile_set(&p, OPT_HOST, "c", "--host", &err) &&
			profile_list_of(&p, OPT_HOST, &n) && n == 3,
		"an option that is repeated adds to the list");
	ok(!profile_set(&p, OPT_HOST, "d, e:0", "--host", &err) &&
			profile_list_of(&p, OPT_HOST, &n) && n == 3,
		"nothing of a wrong list is taken");
	ok(profile_set(&p, OPT_HOST, "z", "SENDOFF_HOST", &err) &&
			profile_list_of(&p, OPT_HOST, &n) && n == 1,
		"from elsewhere it replaces");
	ok(profile_set(&p, OPT_HEADER, "A: b, c", "--header", &err) &&
			profile_set(&p, OPT_HEADER, "D: e", "--header", &err) &&
			(v = profile_list_of(&p, OPT_HEADER, &n)) && n == 2 &&
			strcmp(v[0], "A: b, c") == 0,
		"arguments that stand for themselves");
	ok(profile_set(&p, OPT_JSON, "yes", "--json", &err) && profile_yes(&p, OPT_JSON), "a flag");
	err = (struct error)ERROR_NONE;
	ok(!profile_set(&p, OPT_FROM_NAME, "a\nBcc: b", "-F", &err) && err.fault == FAULT_DATA,
		"a control character is an error of data");
	ok(!profile_set(&p, OPT_PORT, "y", "--port", NULL), "nobody needs the message");
	profile_done(&p);
	profile_done(&p);
}

static void
special_values(void)
{
	static const struct {
		enum option_id id;
		const char *value;
		bool good;
	} rows[] = {
		{ OPT_HOST, "mail.example.org", true },
		{ OPT_HOST, "mail.example.org.", true },
		{ OPT_HOST, "mail.example.org:25", true },
		{ OPT_HOST, "192.0.2.1:25", true },
		{ OPT_HOST, "[2001:db8::1]:25", true },
		{ OPT_HOST, "[2001:db8::1]", true },
		{ OPT_HOST, "2001:db8::1", true },
		{ OPT_HOST,
			"b\xc3\xbc"
			"cher.example",
			true },
		{ OPT_HOST, "a_b", true },
		{ OPT_HOST, "mail.example.org:0", false },
		{ OPT_HOST, "mail.example.org:65536", false },
		{ OPT_HOST, "mail.example.org:", false },
		{ OPT_HOST, ":25", false },
		{ OPT_HOST, "[192.0.2.1]:25", false },
		{ OPT_HOST, "[::1]25", false },
		{ OPT_HOST, "[::1", false },
		{ OPT_HOST, "1:2:3", false },
		{ OPT_HOST, "-option", false },
		{ OPT_HOST, "a b/c", false },
		{ OPT_HOST, "https://example.org", false },
		{ OPT_HOST, "a..b", false },
		{ OPT_PROXY, "socks5://p", true },
		{ OPT_PROXY, "SOCKS5://u@p:1080", true },
		{ OPT_PROXY, "socks5://u@h@[2001:db8::1]:9", true },
		{ OPT_PROXY, "none", true },
		{ OPT_PROXY, "socks5://", false },
		{ OPT_PROXY, "socks5://@p", false },
		{ OPT_PROXY, "socks5://u:w@p", false },
		{ OPT_PROXY, "socks5://p:0", false },
		{ OPT_PROXY, "socks5://p/", false },
		{ OPT_PROXY, "socks4://p", false },
		{ OPT_PROXY, "p:1080", false },
		{ OPT_SOURCE_ADDRESS, "192.0.2.1", true },
		{ OPT_SOURCE_ADDRESS, "2001:db8::1", true },
		{ OPT_SOURCE_ADDRESS, "fe80::1%eth0", true },
		{ OPT_SOURCE_ADDRESS, "none", true },
		{ OPT_SOURCE_ADDRESS, "fe80::1%", false },
		{ OPT_SOURCE_ADDRESS, "[::1]", false },
		{ OPT_SOURCE_ADDRESS, "192.0.2", false },
		{ OPT_SOURCE_ADDRESS, "localhost", false },
		{ OPT_TLS_NAME, "mail.example.org", true },
		{ OPT_TLS_NAME, "192.0.2.1", true },
		{ OPT_TLS_NAME, "mail.example.org:25", false },
		{ OPT_TLS_NAME, "[::1]", false },
		{ OPT_TLS_PIN,
			"sha256:00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
			true },
		{ OPT_TLS_PIN, "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", true },
		{ OPT_TLS_PIN, "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU", false },
		{ OPT_TLS_PIN, "sha256//47DEQpj8HBSa", false },
		{ OPT_TLS_PIN, "sha256:00", false },
		{ OPT_TLS_PIN, "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
			false },
		{ OPT_TLS_FINGERPRINT,
			"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", true },
		{ OPT_TLS_FINGERPRINT,
			"00:112233445566778899aabbccddeeff00112233445566778899AABBCCDDEE:FF",
			true },
		{ OPT_TLS_FINGERPRINT, "00:11", false },
		{ OPT_TLS_FINGERPRINT,
			"g0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", false },
		{ OPT_FROM, "Jane <jane@example.org>", true },
		{ OPT_FROM, "jane", true },
		{ OPT_FROM, "jane@?.example.org", false },
		{ OPT_FROM, "@example.org", false },
		{ OPT_BOUNCE_FROM, "jane@example.org", true },
		{ OPT_BOUNCE_FROM, "jane doe@example.org", false },
		{ OPT_BOUNCE_FROM, "<>", false },
		{ OPT_RATE, "100/1h", true },
		{ OPT_RATE, "100", false },
		{ OPT_USER_RATE, "20/m", true },
		{ OPT_USER_RATE, "20/y", false },
		{ OPT_DEFAULT_DOMAIN, "example.org", true },
		{ OPT_DEFAULT_DOMAIN, "@example.org", false },
		{ OPT_EHLO_NAME, "[192.0.2.1]", true },
		{ OPT_EHLO_NAME, "a>b", false },
		{ OPT_AUTH, "Plain", true },
		{ OPT_AUTH, "on", false },
		{ OPT_DSN_NOTIFY, "success,FAILURE", true },
		{ OPT_DSN_NOTIFY, "sometimes", false },
		{ OPT_PASSWORD_CREDENTIAL, "smtp", true },
		{ OPT_PASSWORD_CREDENTIAL, "../smtp", false },
		{ OPT_PASSWORD_CREDENTIAL, "..", false },
		{ OPT_PASSWORD_COMMAND, "pass show x | head -1", false },
		{ OPT_PASSWORD_COMMAND, "sh -c 'pass show x | head -1'", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		struct profile p;

		profile_init(&p, "p", "test");
		ok(profile_set(&p, rows[i].id, rows[i].value, "f:1", &err) == rows[i].good &&
				err.fault == (rows[i].good ? FAULT_NONE : FAULT_CONFIG),
			"%s = %s (%s)", options[rows[i].id].name, rows[i].value, err.text);
		profile_done(&p);
	}
}

static void
paths(void)
{
	static const struct {
		const char *value, *origin, *want;
	} rows[] = {
		{ "/a/b c", "f:1", "/a/b c" },
		{ "~/x", "f:1", "/home/x/x" },
		{ "~", "f:1", "/home/x" },
		{ "$FOLDER/x", "f:1", "/folder/x" },
		{ "${FOLDER}_x", "f:1", "/folder_x" },
		{ "/$FOLDER$FOLDER", "f:1", "//folder/folder" },
		{ "/a$$b~", "f:1", "/a$b~" },
		{ "ca.pem", "--tls-crl", "ca.pem" },
		{ "ca.pem", "SENDOFF_TLS_CRL", NULL },
		{ "~other/x", "f:1", NULL },
		{ "$NOTHING/x", "f:1", NULL },
		{ "${FOLDER", "f:1", NULL },
		{ "/$", "f:1", NULL },
		{ "/$1", "f:1", NULL },
		{ "$STRANGE", "f:1", NULL },
		{ "system", "f:1", NULL },
	};
	struct error err = ERROR_NONE;
	struct profile p;

	setenv("HOME", "/home/x", 1);
	setenv("FOLDER", "/folder", 1);
	setenv("STRANGE", "/a\nb", 1);
	unsetenv("NOTHING");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		err = (struct error)ERROR_NONE;
		profile_init(&p, rows[i].value, "test");
		ok(profile_set(&p, OPT_TLS_CRL, rows[i].value, rows[i].origin, &err) ==
				!!rows[i].want,
			"%s", err.text);
		is(&p, OPT_TLS_CRL, rows[i].want);
		profile_done(&p);
	}
	profile_init(&p, "words", "test");
	ok(profile_set(&p, OPT_TLS_TRUST, "none", "f:1", NULL) &&
			profile_set(&p, OPT_LOG, "syslog", "f:1", NULL),
		"words in the place of a file");
	profile_done(&p);
}

static void
merging(void)
{
	struct error err = ERROR_NONE;
	struct profile a, b;

	profile_init(&a, "a", "test");
	profile_init(&b, "b", "test");
	ok(profile_set(&a, OPT_PORT, "1", "f:1", &err) &&
			profile_set(&a, OPT_PASSWORD_COMMAND, "x", "f:2", &err) &&
			profile_set(&b, OPT_PORT, "2", "--port", &err) &&
			profile_set(&b, OPT_HOST, "b", "--host", &err) &&
			profile_set(&b, OPT_PASSWORD_FILE, "y", "--password-file", &err) &&
			profile_set(&b, OPT_INHERIT, "c", "--x", &err) &&
			profile_set(&b, OPT_MATCH_FROM, "c", "--x", &err),
		"two accounts");
	profile_inherit(&a, &b);
	is(&a, OPT_PORT, "1");
	is(&a, OPT_HOST, "b");
	is(&a, OPT_PASSWORD_COMMAND, "x");
	is(&a, OPT_PASSWORD_FILE, NULL);
	is(&a, OPT_INHERIT, NULL);
	is(&a, OPT_MATCH_FROM, NULL);
	profile_override(&a, &b);
	is(&a, OPT_PORT, "2");
	is(&a, OPT_PASSWORD_COMMAND, NULL);
	is(&a, OPT_PASSWORD_FILE, "y");
	same(a.settings[OPT_PORT].origin, strlen(a.settings[OPT_PORT].origin), "--port", "origin");
	profile_done(&a);
	profile_done(&b);
}

static void
printing(void)
{
	static const struct {
		enum option_id id;
		const char *value, *want;
	} rows[] = {
		{ OPT_HOST, "a:25 b", "host = a:25, b\n" },
		{ OPT_USER, "a b", "user = a b\n" },
		{ OPT_TLS, "NONE", "tls = none\n" },
		{ OPT_TLS_CRL, "/a$$b", "tls-crl = /a$$b\n" },
		{ OPT_PASSWORD_COMMAND, "echo hunter2", "password-command = echo ***\n" },
		{ OPT_PASSWORD_COMMAND, "'/a b/c' hunter2", "password-command = /a b/c ***\n" },
		{ OPT_PASSWORD_COMMAND, "get", "password-command = get\n" },
		{ OPT_FROM_NAME, "", "from-name = \n" },
		{ OPT_SUBJECT, "a\x1b\nb", "subject = a\\x1b\\x0ab\n" },
		{ OPT_HEADER, "A: b", "header = A: b\n" },
		{ OPT_JSON, "", "json = yes\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct strbuf text = STRBUF_INIT(1000);
		struct profile p;

		profile_init(&p, "p", "test");
		ok(profile_set(&p, rows[i].id, rows[i].value, "f:1", NULL), "set");
		profile_add_setting(&text, &p, rows[i].id);
		same(text.s, text.len, rows[i].want, options[rows[i].id].name);
		strbuf_clear(&text);
		profile_add_setting(&text, &p, OPT_SENDER);
		if (!i)
			same(text.s, text.len, "sender = auto\n", "a default");
		strbuf_done(&text);
		profile_done(&p);
	}
}

static void
files(void)
{
	const char *paths[2];
	struct profile_list l;
	struct error err = ERROR_NONE;

	paths[0] = file(0, "user",
		"[defaults]\nport = 1\nfrom-name = User\n"
		"[account a]\ninherit = b\nhost = ua\n"
		"[account b]\ninherit = s\nport = 2\nuser = ub\n"
		"password-command = ub\n"
		"[account hidden]\nhost = uh\n");
	paths[1] = file(1, "system",
		"[account hidden]\nhost = sh\nuser = sh\n"
		"[account s]\nhost = s\npassword-file = /s\n"
		"match-from = *\n"
		"[defaults]\nuser = sd\nport = 3\ntls = none\n");
	ok(load_accounts(paths, 2, TRUSTED_CONFIG, false, false, &l, &err) && l.n == 4,
		"two files %s", err.text);
	if (l.n != 4)
		return;
	is(&l.v[0], OPT_HOST, "ua");
	is(&l.v[0], OPT_PORT, "2");
	is(&l.v[0], OPT_USER, "ub");
	is(&l.v[0], OPT_FROM_NAME, "User");
	is(&l.v[0], OPT_TLS, "none");
	is(&l.v[0], OPT_PASSWORD_COMMAND, "ub");
	is(&l.v[0], OPT_PASSWORD_FILE, NULL);
	is(&l.v[0], OPT_MATCH_FROM, NULL);
	is(&l.v[1], OPT_HOST, "s");
	is(&l.v[2], OPT_HOST, "uh");
	is(&l.v[2], OPT_PORT, "1");
	is(&l.v[2], OPT_USER, NULL);
	is(&l.v[3], OPT_PORT, "3");
	is(&l.v[3], OPT_USER, "sd");
	is(&l.v[3], OPT_MATCH_FROM, "*");
	profile_list_done(&l);
}

static void
load_fails(const char *text, const char *want)
{
	const char *path = file(0, "bad", text);
	struct profile_list l = { NULL, 0 };
	struct error err = ERROR_NONE;
	char whole[600];

	snprintf(whole, sizeof(whole), "%s%s", path, want);
	ok(!load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err) && l.n == 0 && !l.v,
		"refused");
	text_is(&err, FAULT_CONFIG, whole);
}

static void
bad_files(void)
{
	const char *path = "/nonexistent/file";
	struct strbuf text = STRBUF_INIT(10000);
	struct profile_list l;
	struct error err = ERROR_NONE;

	ok(load_accounts(&path, 1, TRUSTED_CONFIG, true, false, &l, &err) && l.n == 0,
		"a file that may be missing");
	ok(!load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err), "a file that may not");
	text_is(&err, FAULT_CONFIG, "unable to open /nonexistent/file: No such file or directory");
	load_fails("[account a]\ninherit = b\n",
		":2: inherit: there is no account b; accepted: the name of an account");
	load_fails("[account a]\ninherit = a\n",
		":2: inherit: account a inherits from itself; accepted: another account");
	load_fails("[account a]\ninherit = b\n[account b]\ninherit = c\n[account c]\ninherit = a\n",
		":2: inherit: account a inherits from itself; accepted: another account");
	load_fails("[account a]\nport = x\n",
		":2: port: \"x\" is not such a number; accepted: a number from 1 to 65535");
	strbuf_adds(&text, "[account 0]\n");
	for (int i = 1; i < PROFILE_DEPTH; i++)
		strbuf_addf(&text, "[account %d]\ninherit=%d\n", i, i - 1);
	path = file(0, "deep", text.s);
	err = (struct error)ERROR_NONE;
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err) && l.n == PROFILE_DEPTH,
		"deep");
	profile_list_done(&l);
	strbuf_addf(&text, "[account x]\ninherit=%d\n", PROFILE_DEPTH - 1);
	load_fails(text.s, ":33: inherit: too deep; accepted: 16 accounts one from another");
	path = file(0, "open", "[account a]\n");
	chmod(path, 0666);
	ok(!load_accounts(&path, 1, TRUSTED_CONFIG, true, false, &l, &err) &&
			strstr(err.text, "chmod go-w"),
		"others can write it: %s", err.text);
	strbuf_done(&text);
}

static void
environment_fails(const char *name, const char *value, const char *want)
{
	struct profile_list l = { NULL, 0 };
	struct error err = ERROR_NONE;

	setenv(name, value, 1);
	ok(!load_accounts(NULL, 0, TRUSTED_CONFIG, true, true, &l, &err) && l.n == 0, "refused: %s",
		name);
	text_is(&err, FAULT_CONFIG, want);
	unsetenv(name);
}

static void
environment(void)
{
	const char *path = file(0, "few", "[defaults]\nuser = d\n[account default]\nhost = f\n");
	struct profile_list l;
	struct error err = ERROR_NONE;

	setenv("SENDOFF_HOTS", "x", 1);
	setenv("SENDOFF_PORT", "26", 1);
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, true, true, &l, &err) && l.n == 1,
		"without a host: nothing");
	profile_list_done(&l);
	environment_fails("SENDOFF_HOST", "h",
		"SENDOFF_HOTS: is not known; accepted: SENDOFF_HOST, "
		"if that is meant");
	unsetenv("SENDOFF_HOTS");
	setenv("SENDOFF_HOST", "h i", 1);
	setenv("SENDOFF_TLS_MIN", "1.3", 1);
	setenv("SENDOFF_USER", "", 1);
	setenv("SENDOFF_CONFIG", "x", 1);
	setenv("SENDOFF_TEST_PORT", "x", 1);
	setenv("SENDOFF_IMAGE_VERSION", "x", 1);
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, true, true, &l, &err) && l.n == 2, "%s",
		err.text);
	same(l.v[0].name, strlen(l.v[0].name), "environment", "in front");
	is(&l.v[0], OPT_HOST, "h");
	is(&l.v[0], OPT_PORT, "26");
	is(&l.v[0], OPT_TLS_MIN, "1.3");
	is(&l.v[0], OPT_USER, NULL);
	same(l.v[0].settings[OPT_TLS_MIN].origin, 15, "SENDOFF_TLS_MIN", "origin");
	ok(profile_select(&l, NULL, NULL, &err) == &l.v[0], "it is the default");
	profile_list_done(&l);
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, true, false, &l, &err) && l.n == 1,
		"the environment is ignored");
	profile_list_done(&l);
	environment_fails("SENDOFF_TLS", "on",
		"SENDOFF_TLS: \"on\" is not known; accepted: implicit, starttls or none");
	environment_fails("SENDOFF_FROM_NAME", "a\r",
		"SENDOFF_FROM_NAME: \"a\\x0d\" holds a control character or is not UTF-8; "
		"accepted: "
		"one line of text");
	environment_fails("SENDOFF_PASSWORD", "hunter2",
		"SENDOFF_PASSWORD: an environment is no place for a password; accepted: "
		"SENDOFF_PASSWORD_FILE");
	unsetenv("SENDOFF_HOST");
	unsetenv("SENDOFF_PORT");
	unsetenv("SENDOFF_TLS_MIN");
	unsetenv("SENDOFF_USER");
	unsetenv("SENDOFF_CONFIG");
}

static void
sources(void)
{
	struct profile_sources where = { .use_environment = true };
	struct profile_list l;
	struct error err = ERROR_NONE;
	char path[300];

	setenv("HOME", folder, 1);
	unsetenv("XDG_CONFIG_HOME");
	snprintf(path, sizeof(path), "%s/.config", folder);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/.config/sendoff", folder);
	mkdir(path, 0755);
	file(0, ".config/sendoff/config", "[account home]\n");
	snprintf(path, sizeof(path), "%s/sendoff", folder);
	mkdir(path, 0755);
	file(0, "sendoff/config", "[account xdg]\n");
	ok(profile_load(&where, &l, &err) && l.n >= 1 && strcmp(l.v[0].name, "home") == 0,
		"below the home directory");
	profile_list_done(&l);
	setenv("XDG_CONFIG_HOME", folder, 1);
	ok(profile_load(&where, &l, &err) && l.n >= 1 && strcmp(l.v[0].name, "xdg") == 0,
		"XDG_CONFIG_HOME");
	profile_list_done(&l);
	setenv("SENDOFF_CONFIG", file(0, "named", "[account named]\n"), 1);
	ok(profile_load(&where, &l, &err) && l.n == 1 && strcmp(l.v[0].name, "named") == 0,
		"SENDOFF_CONFIG");
	profile_list_done(&l);
	setenv("SENDOFF_HOST", "h", 1);
	ok(profile_load(&where, &l, &err) && l.n == 2, "and the environment's account");
	profile_list_done(&l);
	where.file = file(1, "flag", "[account flag]\n");
	ok(profile_load(&where, &l, &err) && l.n == 1 && strcmp(l.v[0].name, "flag") == 0,
		"--config alone");
	profile_list_done(&l);
	where = (struct profile_sources){ .use_environment = false };
	ok(profile_load(&where, &l, &err), "without the environment: %s", err.text);
	for (size_t i = 0; i < l.n; i++)
		ok(strcmp(l.v[i].name, "named") != 0 && strcmp(l.v[i].name, "environment") != 0 &&
				strcmp(l.v[i].name, "xdg") != 0 && strcmp(l.v[i].name, "home") != 0,
			"nothing that the environment names");
	profile_list_done(&l);
	unsetenv("SENDOFF_HOST");
	where.use_environment = true;
	setenv("SENDOFF_CONFIG", "/nonexistent", 1);
	ok(!profile_load(&where, &l, &err) && err.fault == FAULT_CONFIG && l.n == 0,
		"a named file must exist");
	unsetenv("SENDOFF_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
}

static const char *
select_for(struct profile_list *l, const char *local, const char *domain)
{
	char l_copy[100], d_copy[100];
	struct address a = ADDRESS_NONE;
	struct profile *p;

	snprintf(l_copy, sizeof(l_copy), "%s", local);
	a.local = l_copy;
	if (domain) {
		snprintf(d_copy, sizeof(d_copy), "%s", domain);
		a.domain = d_copy;
	}
	p = profile_select(l, NULL, &a, NULL);
	return p ? p->name : "";
}

static void
selecting(void)
{
	static const struct {
		const char *local, *domain, *want;
	} rows[] = {
		{ "ann", "example.org", "plain" },
		{ "ANN", "Example.Org", "plain" },
		{ "ann+tag", "example.org", "plain" },
		{ "ann+a+b", "example.org", "plain" },
		{ "+ann", "example.org", "stars" },
		{ "anna", "example.org", "stars" },
		{ "ann", "mail.example.org", "default" },
		{ "x", "a.b.example.com", "stars" },
		{ "x", "example.com", "default" },
		{ "ab1", "q.example", "marks" },
		{ "ab\xc3\xa9", "q.example", "marks" },
		{ "ab12", "q.example", "default" },
		{ "root", NULL, "marks" },
		{ "", NULL, "default" },
		{ "a b", "literal.example", "marks" },
	};
	const char *path = file(0, "select",
		"[account plain]\nmatch-from = nobody@example.net ann@example.org\n"
		"[account stars]\nmatch-from = *@example.org, *@*.example.com, "
		"*a*a*a*a*a*a*a*a*a*a*a*b\n"
		"[account default]\n"
		"[account marks]\nmatch-from = ab?@q.example\nmatch-from = root, "
		"*@literal.example\n");
	struct profile_list l;
	struct error err = ERROR_NONE;
	struct strbuf as = STRBUF_INIT(100);

	ok(load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err) && l.n == 4, "%s",
		err.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *got = select_for(&l, rows[i].local, rows[i].domain);

		ok(strcmp(got, rows[i].want) == 0, "%s@%s: %s", rows[i].local,
			rows[i].domain ? rows[i].domain : "", got);
	}
	for (int i = 0; i < 64; i++)
		strbuf_addc(&as, 'a');
	ok(strcmp(select_for(&l, as.s, as.s), "default") == 0, "many stars take no time");
	ok(profile_select(&l, "marks", NULL, &err) == &l.v[3], "by name");
	ok(!profile_select(&l, "other", NULL, &err), "by a name that is none");
	text_is(&err, FAULT_CONFIG,
		"there is no account other; there are: plain, stars, default, marks");
	profile_list_done(&l);
	err = (struct error)ERROR_NONE;
	path = file(0, "select", "[account a]\n[account b]\n");
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err), "two");
	ok(!profile_select(&l, NULL, NULL, &err), "none of two");
	text_is(&err, FAULT_CONFIG,
		"none of several accounts is meant (name one with -a, or call one default); there "
		"are: a, b");
	profile_list_done(&l);
	path = file(0, "select", "[account a]\n");
	ok(load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, NULL) &&
			profile_select(&l, NULL, NULL, NULL) == &l.v[0],
		"the only one");
	profile_list_done(&l);
	err = (struct error)ERROR_NONE;
	ok(!profile_select(&l, NULL, NULL, &err) && err.fault == FAULT_CONFIG &&
			strstr(err.text, "no account is configured"),
		"none at all");
	strbuf_done(&as);
}

static void
checking(void)
{
	static const struct {
		const char *text, *want; /* NULL: good */
	} rows[] = {
		{ "host=h", NULL },
		{ "port=25", "(F:1): host is missing: set it to the name of the smarthost" },
		{ "host=h\nuser=u\npassword-command=x", NULL },
		{ "host=h\npassword-command=x",
			"password-command (F:3) needs user: set the name to log in with" },
		{ "host=h\npassword-command=x\nauth=NONE", NULL },
		{ "host=h\nuser=u\npassword-command=x\npassword-file=/y",
			"password-command (F:4) and password-file (F:5) are both set: keep one" },
		{ "host=h\ntls-cert=/c", "tls-cert (F:3) needs tls-key: set both or neither" },
		{ "host=h\ntls-key=/c", "tls-key (F:3) needs tls-cert: set both or neither" },
		{ "host=h\ntls-key=/c\ntls-cert=/c\nauth=external", NULL },
		{ "host=h\nauth=external", "auth (F:3) needs tls-cert and tls-key to log in by" },
		{ "host=h\nauth=plain", "auth (F:3) needs user: set the name to log in with" },
		{ "host=h\ntls-trust=none",
			"tls-trust (F:3) leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint" },
		{ "host=localhost, 127.1.2.3:25 [::1]:26\ntls-trust=none", NULL },
		{ "host=localhost, 128.0.0.1\ntls-trust=none",
			"tls-trust (F:3) leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint" },
		{ "host=localhost.example.org\ntls-trust=none",
			"tls-trust (F:3) leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint" },
		{ "host=h\ntls=none", NULL },
		{ "host=h\ntls=none\nuser=u\nauth=none", NULL },
		{ "host=h\ntls=none\nuser=u\nallow-cleartext-auth=yes",
			"tls (F:3) would send the password readable by all: set tls to implicit or "
			"starttls, or auth to none" },
		{ "host=::1\ntls=none\nuser=u",
			"tls (F:3) would log in without TLS: set allow-cleartext-auth to yes, or "
			"auth to none" },
		{ "host=::1\ntls=none\nuser=u\nallow-cleartext-auth=yes", NULL },
		{ "host=h\ntls=none\ntls-name=x", "tls-name (F:4) does nothing without TLS: remove "
						  "it, or set tls to implicit "
						  "or starttls" },
		{ "socket=/s", NULL },
		{ "socket=/s\nhost=h", "socket (F:2) and host (F:3) are both set: keep one" },
		{ "socket=/s\nport=24", "socket (F:2) and port (F:3) are both set: keep one" },
		{ "socket=/s\nsrv=yes", "socket (F:2) and srv (F:3) are both set: keep one" },
		{ "socket=/s\nsrv=no", NULL },
		{ "socket=/s\nproxy=socks5://p",
			"socket (F:2) and proxy (F:3) are both set: keep one" },
		{ "socket=/s\nproxy=none", NULL },
		{ "socket=/s\nsource-address=::1",
			"socket (F:2) and source-address (F:3) are both set: keep one" },
		{ "socket=/s\nip-version=6",
			"socket (F:2) and ip-version (F:3) are both set: keep one" },
		{ "socket=/s\ndane=required",
			"socket (F:2) and dane (F:3) are both set: keep one" },
		{ "socket=/s\nuser=u",
			"tls (F:1) would log in without TLS: set allow-cleartext-auth to yes, or "
			"auth to none" },
		{ "socket=/s\nuser=u\nallow-cleartext-auth=yes", NULL },
		{ "socket=/s\ntls=starttls",
			"tls (F:3) needs tls-name on a socket: set the name that the certificate "
			"must have" },
		{ "socket=/s\ntls=starttls\ntls-name=h", NULL },
		{ "host=h\nprotocol=lmtp\nport=25", "port (F:4) is 25, where LMTP must not be "
						    "spoken (RFC 2033): set the port of "
						    "the LMTP service" },
		{ "host=h:24 [::1]:25\nprotocol=lmtp", "host (F:2) is 25, where LMTP must not be "
						       "spoken (RFC 2033): set the port of "
						       "the LMTP service" },
		{ "host=h\nprotocol=lmtp\nsrv=yes",
			"protocol (F:3) and srv (F:4) are both set: keep one" },
		{ "host=h\nprotocol=lmtp", NULL },
		{ "host=h\nsrv=yes", NULL },
		{ "host=h\nsrv=yes\nport=465", "srv (F:3) and port (F:4) are both set: keep one" },
		{ "host=h\nsrv=yes\ntls=none", "srv (F:3) and tls (F:4) are both set: keep one" },
		{ "host=h:25\nsrv=yes",
			"host (F:2) must be a mail domain without a port, since srv is set" },
		{ "host=192.0.2.1\nsrv=yes",
			"host (F:2) must be a mail domain without a port, since srv is set" },
		{ "host=localhost\nsrv=yes\ntls-trust=none",
			"tls-trust (F:4) leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint" },
		{ "host=h\nproxy=socks5://p\nsrv=yes",
			"srv (F:4) and proxy (F:3) are both set: keep one" },
		{ "host=h\nproxy=socks5://u@p",
			"proxy (F:3) names a user and needs proxy-password-file: set it to a file "
			"with the password" },
		{ "host=h\nproxy=socks5://p\nproxy-password-file=/p",
			"proxy-password-file (F:4) needs a user in proxy: socks5://USER@HOST" },
		{ "host=h\nproxy-password-file=/p",
			"proxy-password-file (F:3) needs proxy: set it to socks5://USER@HOST" },
		{ "host=h\nproxy=socks5://u@[::1]:1080\nproxy-password-file=/p", NULL },
		{ "host=::1\ntls=none\nuser=u\nallow-cleartext-auth=yes\nproxy=socks5://p",
			"tls (F:3) would send the password readable by all: set tls to implicit or "
			"starttls, or auth to none" },
		{ "host=h\ndane=required", NULL },
		{ "host=h\ndane=required\ntls-trust=none", NULL },
		{ "host=h\ndane=opportunistic\ntls-trust=none",
			"tls-trust (F:4) leaves nothing that identifies the server: set tls-pin or "
			"tls-fingerprint" },
		{ "host=h\ndane=required\ntls=none",
			"dane (F:3) does nothing without TLS: set tls to implicit or starttls" },
		{ "host=h\ndane=required\nproxy=socks5://p",
			"dane (F:3) and proxy (F:4) are both set: keep one" },
		{ "host=192.0.2.1\ndane=required",
			"host (F:2) is an address, and dane = required needs a name" },
		{ "host=192.0.2.1\ndane=opportunistic", NULL },
		{ "host=h\nsender=force", "sender (F:3) is force and needs from: set the account's "
					  "address" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct strbuf text = STRBUF_INIT(1000);
		struct profile_list l;
		struct error err = ERROR_NONE;
		struct strbuf got = STRBUF_INIT(1000);
		char want[400];
		const char *path, *at;

		strbuf_addf(&text, "[account a]\n%s\n", rows[i].text);
		path = file(0, "F", text.s);
		if (!load_accounts(&path, 1, TRUSTED_CONFIG, false, false, &l, &err))
			ok(false, "%s", err.text);
		ok(profile_check(&l.v[0], &err) == !rows[i].want, "row %zu: %s", i, err.text);
		if (rows[i].want) {
			/* the folder's name differs in every run */
			for (at = err.text; *at;)
				if (strncmp(at, folder, strlen(folder)) == 0)
					at += strlen(folder) + 1;
				else
					strbuf_addc(&got, *at++);
			snprintf(want, sizeof(want), "account a%s%s",
				rows[i].want[0] == '(' ? " " : ": ", rows[i].want);
			same(got.s, got.len, want, want);
			ok(err.fault == FAULT_CONFIG, "fault");
		}
		profile_list_done(&l);
		strbuf_done(&text);
		strbuf_done(&got);
	}
}

static void
clean_up(void)
{
	static const char *const names[] = { "user", "system", "bad", "deep", "open", "few",
		"named", "flag", "select", "F", ".config/sendoff/config", ".config/sendoff",
		".config", "sendoff/config", "sendoff" };
	char path[300];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		remove(path);
	}
	ok(rmdir(folder) == 0, "nothing is left behind");
}

int
main(void)
{
	umask(022);
	if (!mkdtemp(folder))
		return 1;
	setting();
	special_values();
	paths();
	merging();
	printing();
	files();
	bad_files();
	environment();
	sources();
	selecting();
	checking();
	clean_up();
	return tap_done();
}
