#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "keys.h"
#include "profile.h"
#include "secret.h"
#include "tap.h"

static char folder[] = "/tmp/sendoff-secret-XXXXXX";

static const char *
file(const char *name, const void *text, size_t n, mode_t mode)
{
	static char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || !io_write_full(fd, text, n) || fchmod(fd, mode) != 0)
		abort();
	close(fd);
	return path;
}

/* What an account with one setting gives. */
struct got {
	struct error err;
	struct strbuf value;
	bool good;
	int64_t ms;
};

static struct got
get_from(enum option_id id, const char *value, const char *origin, const char *timeout)
{
	struct got g = { .err = ERROR_NONE, .value = STRBUF_INIT(SECRET_MAX) };
	struct secret s = SECRET_NONE;
	int64_t begin = clock_ms();
	struct profile p;

	profile_init(&p, "p", "test");
	if (!profile_set(&p, id, value, origin, &g.err) ||
		(timeout && !profile_set(&p, OPT_TIMEOUT, timeout, "f:2", &g.err)))
		ok(false, "%s", g.err.text);
	g.good = secret_start(&s, &p, "mail.example.org:587", "ann", &g.err) &&
		 secret_get(&s, clock_in(20 * CLOCK_SECOND), &g.value, &g.err);
	ok(g.good == !g.err.fault, "false iff the error is set");
	if (g.good)
		ok(g.value.secret && secret_get(&s, 0, &g.value, &g.err),
			"secret, and can be had again");
	secret_done(&s);
	secret_done(&s);
	profile_done(&p);
	g.ms = clock_ms() - begin;
	return g;
}

static void
gives(enum option_id id, const char *value, const char *origin, const char *want)
{
	struct got g = get_from(id, value, origin, NULL);

	same(g.value.s, g.value.len, want, value);
	if (!g.good)
		printf("# %s\n", g.err.text);
	strbuf_done(&g.value);
}

static void
fails(enum option_id id, const char *value, enum fault fault, const char *want)
{
	struct got g = get_from(id, value, "f:1", NULL);
	char text[600];

	snprintf(text, sizeof(text), "%s (f:1): %s", options[id].name, want);
	ok(!g.good && g.err.fault == fault && g.value.len == 0, "fault");
	same(g.err.text, strlen(g.err.text), text, value);
	ok(!strstr(g.err.text, "hunter2"), "the secret is not told");
	strbuf_done(&g.value);
}

static void
commands(void)
{
	struct got g;

	gives(OPT_PASSWORD_COMMAND, "echo hunter2", "f:1", "hunter2");
	gives(OPT_PASSWORD_COMMAND, "printf hunter2", "f:1", "hunter2");
	gives(OPT_PASSWORD_COMMAND, "printf 'hunter2\\r\\n'", "f:1", "hunter2");
	gives(OPT_PASSWORD_COMMAND, "printf ' hunter 2 \\303\\251 '", "f:1", " hunter 2 \303\251 ");
	setenv("SENDOFF_TEST_VALUE", "hunter2", 1);
	gives(OPT_PASSWORD_COMMAND, "printenv SENDOFF_TEST_VALUE", "f:1", "hunter2");
	fails(OPT_PASSWORD_COMMAND, "sh -c 'echo hunter2; echo no key >&2; exit 3'", FAULT_CONFIG,
		"the command: exit status 3: no key");
	fails(OPT_PASSWORD_COMMAND, "sh -c 'exit 75'", FAULT_TEMPORARY,
		"the command: exit status 75");
	fails(OPT_PASSWORD_COMMAND, "true", FAULT_CONFIG, "the password is empty");
	fails(OPT_PASSWORD_COMMAND, "echo", FAULT_CONFIG, "the password is empty");
	fails(OPT_PASSWORD_COMMAND, "printf 'hunter2\\nuser: ann\\n'", FAULT_CONFIG,
		"there is more than one line, so it is not clear what the password is");
	fails(OPT_PASSWORD_COMMAND, "printf 'hunter2\\n\\n'", FAULT_CONFIG,
		"there is more than one line, so it is not clear what the password is");
	fails(OPT_PASSWORD_COMMAND, "printf 'hun\\rter2'", FAULT_CONFIG,
		"there is more than one line, so it is not clear what the password is");
	fails(OPT_PASSWORD_COMMAND, "printf 'hunter2\\000'", FAULT_CONFIG,
		"the password holds a NUL octet");
	fails(OPT_PASSWORD_COMMAND, "head -c 8193 /dev/zero", FAULT_CONFIG,
		"the password is longer than 8192 octets");
	fails(OPT_PASSWORD_COMMAND, "head -c 100000 /dev/zero", FAULT_CONFIG,
		"the command: printed more than 8194 octets");
	fails(OPT_PASSWORD_COMMAND, "/nonexistent/pass hunter2", FAULT_CONFIG,
		"unable to run /nonexistent/pass: No such file or directory");
	g = get_from(OPT_PASSWORD_COMMAND, "sh -c 'sleep 30; echo hunter2'", "f:1", "1s");
	ok(!g.good && g.err.fault == FAULT_TEMPORARY && g.ms >= 990 && g.ms < 10000,
		"the account's timeout: %s", g.err.text);
	strbuf_done(&g.value);
	ok(waitpid(-1, NULL, WNOHANG) < 0, "no process is left");
}

static void
files(void)
{
	const char *path = file("p", "hunter2\n", 8, 0600);

	gives(OPT_PASSWORD_FILE, path, "f:1", "hunter2");
	path = file("p", "hunter2", 7, 0440);
	gives(OPT_PASSWORD_FILE, path, "f:1", "hunter2");
	path = file("p", "hunter2", 7, 0644);
	gives(OPT_PASSWORD_FILE, path, "SENDOFF_PASSWORD_FILE", "hunter2");
	char want[500];
	snprintf(want, sizeof(want),
		"%s holds a secret but can be read by everybody (chmod o-rwx %s)", path, path);
	fails(OPT_PASSWORD_FILE, path, FAULT_CONFIG, want);
	path = file("p", "hunter2\nmore\n", 13, 0600);
	fails(OPT_PASSWORD_FILE, path, FAULT_CONFIG,
		"there is more than one line, so it is not clear what the password is");
	path = file("p", "hun\0ter2\n", 9, 0600);
	fails(OPT_PASSWORD_FILE, path, FAULT_CONFIG, "the password holds a NUL octet");
	path = file("p", "", 0, 0600);
	fails(OPT_PASSWORD_FILE, path, FAULT_CONFIG, "the password is empty");
	unlink(path);
	snprintf(want, sizeof(want), "unable to open %s: No such file or directory", path);
	fails(OPT_PASSWORD_FILE, path, FAULT_CONFIG, want);
}

static void
credentials(void)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	fails(OPT_PASSWORD_CREDENTIAL, "smtp", FAULT_CONFIG,
		"CREDENTIALS_DIRECTORY is not set: only a systemd unit with "
		"LoadCredential=smtp:FILE "
		"has this credential");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	fails(OPT_PASSWORD_CREDENTIAL, "smtp", FAULT_CONFIG,
		"the unit has no such credential (LoadCredential=smtp:FILE)");
	file("smtp", "hunter2\n", 8, 0440);
	gives(OPT_PASSWORD_CREDENTIAL, "smtp", "f:1", "hunter2");
	unlink(file("smtp", "", 0, 0440));
}

/* Nobody to ask: the texts differ by why. Run without a terminal. */
/* Keys of the kernel's, where there are any. */
static void
keys(void)
{
	struct strbuf value = STRBUF_INIT_SECRET(100);
	char name[64], want[300];

	snprintf(name, sizeof(name), "sendoff-test-%ld", (long)getpid());
	strbuf_adds(&value, "hunter2\n");
	if (!keys_write(name, &value, 60)) {
		printf("# no keyring here\n");
		return;
	}
	gives(OPT_PASSWORD_KEY, name, "f:1", "hunter2");
	strbuf_adds(&value, "x");
	ok(keys_write(name, &value, 60), "two lines");
	fails(OPT_PASSWORD_KEY, name, FAULT_CONFIG,
		"there is more than one line, so it is not clear what the password is");
	strbuf_truncate(&value, 7);
	ok(keys_write(name, &value, 1), "for a second");
	usleep(2100000);
	snprintf(want, sizeof(want), "the key has expired, give it again: keyctl padd user %s @u",
		name);
	fails(OPT_PASSWORD_KEY, name, FAULT_TEMPORARY, want);
	keys_remove(name);
	snprintf(want, sizeof(want),
		"the kernel's keyring has no key of this name; after each start of the machine it "
		"must be given again: keyctl padd user %s-none @u",
		name);
	snprintf(name + strlen(name), 8, "-none");
	fails(OPT_PASSWORD_KEY, name, FAULT_TEMPORARY, want);
	strbuf_done(&value);
}

static void
netrcs(void)
{
	static const char text[] = "machine mail.example.org login ann password hunter2\n";
	static const char other[] = "machine mail.example.org login bob password hunter2\n";
	const char *path = file("netrc", text, sizeof(text) - 1, 0600);
	char want[400], usual[300];

	gives(OPT_NETRC, path, "f:1", "hunter2");
	path = file("netrc", text, sizeof(text) - 1, 0644);
	snprintf(want, sizeof(want),
		"%s holds a secret but can be read by everybody (chmod o-rwx %s)", path, path);
	fails(OPT_NETRC, path, FAULT_CONFIG, want);
	path = file("netrc", other, sizeof(other) - 1, 0600);
	snprintf(want, sizeof(want), "%s:1: the login for the machine mail.example.org is not ann",
		path);
	fails(OPT_NETRC, path, FAULT_PERMISSION, want);
	path = file("netrc", "machine mail.example.org password a hunter2", 43, 0600);
	snprintf(want, sizeof(want),
		"%s:1: this is no netrc: a password with blanks or quotes goes between \"...\"",
		path);
	fails(OPT_NETRC, path, FAULT_CONFIG, want);
	path = file("netrc", "", 0, 0600);
	snprintf(want, sizeof(want), "%s has no machine mail.example.org", path);
	fails(OPT_NETRC, path, FAULT_PERMISSION, want);
	fails(OPT_NETRC, "/nonexistent/netrc", FAULT_CONFIG,
		"unable to open /nonexistent/netrc: No such file or directory");
	setenv("HOME", folder, 1);
	snprintf(usual, sizeof(usual), "%s", file(".netrc", text, sizeof(text) - 1, 0600));
	gives(OPT_KEYRING, "no", "f:1", "hunter2");
	file(".netrc", text, sizeof(text) - 1, 0644);
	snprintf(want, sizeof(want), "%s holds a secret but can be read by everybody", usual);
	{
		struct got g = get_from(OPT_KEYRING, "no", "f:1", NULL);

		ok(!g.good && g.err.fault == FAULT_CONFIG &&
				strncmp(g.err.text, want, strlen(want)) == 0,
			"%s", g.err.text);
	}
	file(".netrc", text, sizeof(text) - 1, 0600);
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	gives(OPT_KEYRING, "yes", "f:1", "hunter2");
	{
		struct got g = get_from(OPT_NETRC, "none", "f:1", NULL);

		ok(!g.good && g.err.fault == FAULT_PERMISSION, "none: %s", g.err.text);
	}
	unlink(usual);
	unlink(file("netrc", "", 0, 0600));
}

static void
nobody(void)
{
	struct got g = get_from(OPT_KEYRING, "no", "f:1", NULL);

	ok(!g.good && g.err.fault == FAULT_PERMISSION, "no source at all");
	same(g.err.text, strlen(g.err.text),
		"no password is configured for ann at mail.example.org: store one with sendoff "
		"password p, or set password-file or password-command",
		"what to do about it");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	unsetenv("SECRET_BACKEND");
	setenv("XDG_RUNTIME_DIR", folder, 1);
	g = get_from(OPT_KEYRING, "yes", "f:1", NULL);
	ok(!g.good && g.err.fault == FAULT_PERMISSION &&
			strstr(g.err.text, "no password is configured for ann at mail.example.org"),
		"no keyring either: %s", g.err.text);
}

/* The terminal's side: what to do with a program that asks. */
struct dialogue {
	int master;
	pid_t pid;
};

/* Starts a process with a terminal of its own that asks for a password and tells its end by its
 * exit status: 0 for the right one, 10 and the fault for an error. */
static struct dialogue
asked(int64_t ms)
{
	struct dialogue d;

	fflush(stdout);
	d.pid = forkpty(&d.master, NULL, NULL, NULL);
	if (d.pid < 0)
		abort();
	if (!d.pid) {
		struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX);
		struct error err = ERROR_NONE;

		signal(SIGTSTP, SIG_DFL);
		if (!secret_prompt("ann\x1b", "h", clock_in(ms), "no terminal", &value, &err))
			_exit(10 + (int)err.fault);
		_exit(value.len == 7 && memcmp(value.s, "hunter2", 7) == 0 ? 0 : 1);
	}
	return d;
}

/* Reads what comes until UNTIL is in it; "" reads to the end. Keeps the last 1000 octets or so. */
static char *
read_until(struct dialogue *d, const char *until)
{
	static char text[2000];
	size_t n = 0;
	int64_t deadline = clock_in(10000);
	struct pollfd p = { .fd = d->master, .events = POLLIN };
	ssize_t got;

	text[0] = '\0';
	while (n < sizeof(text) - 1 && !(*until && strstr(text, until)) &&
		poll(&p, 1, clock_left(deadline)) > 0) {
		got = read(d->master, text + n, sizeof(text) - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
	}
	return text;
}

static bool
echoes(const struct dialogue *d)
{
	struct termios t;

	return tcgetattr(d->master, &t) == 0 && (t.c_lflag & ECHO);
}

static int
ended(struct dialogue *d)
{
	int status = 0;

	waitpid(d->pid, &status, 0);
	return status;
}

static void
prompts(void)
{
	static const char question[] = "Password for ann\\x1b at h: ";
	struct dialogue d = asked(10000);
	char *text;
	int status;

	ok(strstr(read_until(&d, question), question), "the question");
	ok(!echoes(&d), "the echo is off");
	ok(io_write_full(d.master, "hunter2\n", 8), "typed");
	text = read_until(&d, "\n");
	ok(!strstr(text, "hunter2"), "it is not shown");
	ok(ended(&d) == 0 && echoes(&d), "got it, and the echo is on again");
	close(d.master);

	d = asked(10000);
	read_until(&d, question);
	ok(io_write_full(d.master, "\n", 1), "an empty line");
	status = ended(&d);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 10 + FAULT_PERMISSION, "no password");
	close(d.master);

	d = asked(10000);
	read_until(&d, question);
	ok(io_write_full(d.master, "\x03", 1), "interrupt");
	status = ended(&d);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT && echoes(&d),
		"ended by the signal, and the echo is on again");
	close(d.master);

	d = asked(10000);
	read_until(&d, question);
	kill(d.pid, SIGTERM);
	status = ended(&d);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && echoes(&d), "the same with TERM");
	close(d.master);

	d = asked(300);
	read_until(&d, question);
	status = ended(&d);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 10 + FAULT_TEMPORARY && echoes(&d),
		"nobody typed in time");
	close(d.master);

	d = asked(10000);
	read_until(&d, question);
	ok(io_write_full(d.master, "\x04", 1), "end of file");
	status = ended(&d);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 10 + FAULT_PERMISSION && echoes(&d), "end");
	close(d.master);
}

static void
background(void)
{
	struct dialogue d;
	int status;

	fflush(stdout);
	d.pid = forkpty(&d.master, NULL, NULL, NULL);
	if (!d.pid) {
		pid_t child = fork();

		if (!child) {
			struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX);
			struct error err = ERROR_NONE;

			setpgid(0, 0);
			(void)!secret_prompt("ann", "h", clock_in(5000), "why", &value, &err);
			_exit(strcmp(err.text, "why") == 0 ? 10 + (int)err.fault : 1);
		}
		waitpid(child, &status, WUNTRACED);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	status = ended(&d);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 10 + FAULT_PERMISSION,
		"a background process does not touch the terminal");
	close(d.master);
}

static void
try_pin_strip(void)
{
	static const char *const uris[][2] = {
		{ "pkcs11:token=a;object=b", "pkcs11:token=a;object=b" },
		{ "pkcs11:token=a?pin-value=1", "pkcs11:token=a" },
		{ "pkcs11:token=a?pin-source=file:/p", "pkcs11:token=a" },
		{ "pkcs11:token=a?pin-value=1&module-name=x", "pkcs11:token=a?module-name=x" },
		{ "pkcs11:token=a?module-name=x&pin-value=1&y=z",
			"pkcs11:token=a?module-name=x&y=z" },
		{ "pkcs11:token=a?pin-value=1&pin-source=2", "pkcs11:token=a" },
		{ "pkcs11:token=a?xpin-value=1", "pkcs11:token=a?xpin-value=1" },
		{ "pkcs11:pin-value=1", "pkcs11:pin-value=1" },
		{ "pkcs11:?", "pkcs11:" },
		{ "pkcs11:a?&&b", "pkcs11:a?&&b" },
	};

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		struct strbuf out = STRBUF_INIT(200);

		secret_pin_strip(uris[i][0], &out);
		same(out.s, out.len, uris[i][1], uris[i][0]);
		strbuf_done(&out);
	}
}

/* What stands in an account, and the PIN that comes of it, NULL for none. */
static const struct {
	const char *key, *pin, *why;
} pins[] = {
	{ "pkcs11:token=a?pin-value=12%2034%25", "12 34%", "" },
	{ "pkcs11:token=a?pin-value=abc&x=y", "abc", "" },
	{ "pkcs11:token=a?x=y&pin-value=%41", "A", "" },
	{ "pkcs11:token=a?pin-value=%4", NULL, "percent-encoded" },
	{ "pkcs11:token=a?pin-value=%", NULL, "percent-encoded" },
	{ "pkcs11:token=a?pin-value=%zz", NULL, "percent-encoded" },
	{ "pkcs11:token=a?pin-value=%+1", NULL, "percent-encoded" },
	{ "pkcs11:token=a?pin-value=a%00b", NULL, "percent-encoded" },
	{ "pkcs11:token=a?pin-source=pin", NULL, "absolute name" },
	{ "pkcs11:token=a?pin-source=%7C/bin/cat", NULL, "absolute name" },
	{ "pkcs11:token=a?pin-source=file:/nonexistent/pin", NULL, "/nonexistent/pin" },
	{ "pkcs11:token=a?pin-source=file:///nonexistent/pin", NULL, " /nonexistent/pin" },
};

static void
try_pins(void)
{
	char name[] = "/tmp/pin.XXXXXX", origin[64];
	int fd = mkstemp(name);

	snprintf(origin, sizeof(origin), "%s:3", name);
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		struct strbuf ret = STRBUF_INIT_SECRET(SECRET_MAX);
		struct error err = ERROR_NONE;
		struct profile p;
		bool good;

		profile_init(&p, "a", "test");
		ok(profile_set(&p, OPT_TLS_KEY, pins[i].key, origin, &err), "%s", pins[i].key);
		good = secret_pin(&p, "a", clock_in(1000), &ret, &err);
		ok(good == (pins[i].pin != NULL), "%s: %s", pins[i].key, err.text);
		if (good)
			same(ret.s, ret.len, pins[i].pin, pins[i].key);
		else
			ok(strstr(err.text, pins[i].why) && err.fault == FAULT_CONFIG, "%s",
				pins[i].why);
		strbuf_done(&ret);
		profile_done(&p);
	}
	if (fd >= 0)
		close(fd);
	unlink(name);
}

int
main(void)
{
	int status;
	pid_t pid;

	/* away from the terminal of whoever runs this, which the leader of a group cannot leave */
	if (getpid() == getpgrp() && (pid = fork()) != 0) {
		waitpid(pid, &status, 0);
		return status != 0;
	}
	setsid();
	if (!mkdtemp(folder))
		return 1;
	umask(022);
	commands();
	files();
	credentials();
	keys();
	netrcs();
	nobody();
	prompts();
	background();
	ok(rmdir(folder) == 0, "nothing is left behind");
	try_pin_strip();
	try_pins();
	return tap_done();
}
