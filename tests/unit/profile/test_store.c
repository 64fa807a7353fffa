#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "profile.h"
#include "secret_file.h"
#include "secret_store.h"
#include "strbuf.h"
#include "tap.h"

static char top[] = "/tmp/sendoff-store-XXXXXX";
static char folder[200], path[400];

static struct secret_name
name(const char *host, const char *user)
{
	return (struct secret_name){
		.service = "smtp", .host = host, .user = user, .directory = folder
	};
}

/* As often as it is asked, the same names for the same secrets, and different ones for others. */
static void
names(void)
{
	static const struct {
		const char *host, *user, *want;
	} rows[] = {
		{ "mail.example.org", "ann@example.org", "smtp,mail.example.org,ann@example.org" },
		{ "Mail.Example.ORG", "Ann", "smtp,mail.example.org,Ann" },
		{ "a", "b,c", "smtp,a,b%2Cc" },
		{ "a", "../../etc/passwd", "smtp,a,..%2F..%2Fetc%2Fpasswd" },
		{ "a", "b%2Cc", "smtp,a,b%252Cc" },
		{ "::1", "\303\251 b\n", "smtp,%3A%3A1,%C3%A9%20b%0A" },
	};
	struct strbuf out = STRBUF_INIT(1024);
	struct error err = ERROR_NONE;
	struct secret_name n;
	char big[256] = "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		n = name(rows[i].host, rows[i].user);
		strbuf_clear(&out);
		ok(secret_file_name(&n, false, &out, &err), "a name");
		same(out.s, out.len, rows[i].want, rows[i].user);
	}
	n = name("a", "b");
	strbuf_clear(&out);
	ok(secret_file_name(&n, true, &out, &err), "a name");
	same(out.s, out.len, "smtp,a,b,sealed", "sealed");
	memset(big, 'x', 250);
	n = name("a", big);
	ok(!secret_file_name(&n, false, &out, &err) && err.fault == FAULT_CONFIG, "%s", err.text);
	strbuf_done(&out);
}

static bool
put(enum secret_place place, const char *text, enum secret_place *ret, struct strbuf *where,
	struct error *err)
{
	struct secret_name n = name("mail.example.org", "ann");
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_STORED_MAX + 1);
	bool good;

	strbuf_adds(&value, text);
	good = secret_write(&n, place, &value, clock_in(10000), ret, where, err);
	strbuf_done(&value);
	return good;
}

static void
there(enum secret_place from, enum secret_place at, const char *want, const char *what)
{
	struct secret_name n = name("mail.example.org", "ann");
	struct strbuf value = STRBUF_INIT(SECRET_STORED_MAX);
	struct error err = ERROR_NONE;
	enum secret_place got = SECRET_PLACE_AUTO;

	ok(secret_read(&n, from, clock_in(10000), &value, &got, &err) && got == at, "%s: %d %s",
		what, got, err.text);
	same(value.s, value.len, want, what);
	ok(value.secret, "secret");
	strbuf_done(&value);
}

static void
fails(enum fault fault, const char *words)
{
	struct secret_name n = name("mail.example.org", "ann");
	struct strbuf value = STRBUF_INIT(SECRET_STORED_MAX);
	struct error err = ERROR_NONE;
	enum secret_place got;

	ok(!secret_read(&n, SECRET_PLACE_AUTO, clock_in(10000), &value, &got, &err) &&
			err.fault == fault && strstr(err.text, words) && !value.len,
		"%s: %s", words, err.text);
	strbuf_done(&value);
}

static mode_t
mode_of(const char *file)
{
	struct stat st;

	return lstat(file, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
files(void)
{
	struct secret_name n = name("mail.example.org", "ann");
	struct strbuf where = STRBUF_INIT(1000);
	struct error err = ERROR_NONE;
	enum secret_place at = SECRET_PLACE_NOWHERE;
	unsigned count = 9;

	there(SECRET_PLACE_AUTO, SECRET_PLACE_NOWHERE, "", "nothing yet, not even a directory");
	ok(put(SECRET_PLACE_AUTO, "hunter2", &at, &where, &err) && at == SECRET_PLACE_FILE,
		"no Secret Service: a file %s", err.text);
	same(where.s, where.len, path, "where it is");
	ok(mode_of(path) == 0600 && mode_of(folder) == 0700, "nobody else can read it");
	there(SECRET_PLACE_AUTO, SECRET_PLACE_FILE, "hunter2", "read");
	there(SECRET_PLACE_FILE, SECRET_PLACE_FILE, "hunter2", "read as a file");
	ok(chmod(folder, 0755) == 0 && put(SECRET_PLACE_FILE, "other 2\n", NULL, NULL, &err),
		"replaced %s", err.text);
	ok(mode_of(folder) == 0700, "a directory that others could list is closed");
	there(SECRET_PLACE_AUTO, SECRET_PLACE_FILE, "other 2\n", "every octet of the new one");
	strbuf_clear(&where);
	ok(secret_remove(&n, SECRET_PLACE_AUTO, clock_in(10000), &count, &where, &err) &&
			count == 1,
		"removed %s", err.text);
	strbuf_adds(&where, "");
	ok(where.len == strlen(path) + 1 && strncmp(where.s, path, strlen(path)) == 0,
		"says what: %s", where.s);
	there(SECRET_PLACE_AUTO, SECRET_PLACE_NOWHERE, "", "gone");
	ok(secret_remove(&n, SECRET_PLACE_AUTO, clock_in(10000), &count, NULL, &err) && count == 0,
		"nothing to remove");
	strbuf_done(&where);
}

static void
left_behind(void)
{
	char stale[420];
	int fd;

	snprintf(stale, sizeof(stale), "%s/.smtp,mail.example.org,ann.new", folder);
	fd = open(stale, O_WRONLY | O_CREAT, 0644);
	ok(fd >= 0 && io_write_full(fd, "torn", 4), "what a crash has left");
	close(fd);
	ok(put(SECRET_PLACE_FILE, "hunter2", NULL, NULL, NULL), "does not get in the way");
	ok(access(stale, F_OK) != 0 && mode_of(path) == 0600, "and is gone");
	there(SECRET_PLACE_AUTO, SECRET_PLACE_FILE, "hunter2", "whole");
	ok(unlink(path) == 0 && symlink("/etc/passwd", path) == 0, "a link instead");
	fails(FAULT_CONFIG, "unable to open");
	ok(put(SECRET_PLACE_FILE, "hunter2", NULL, NULL, NULL) && mode_of(path) == 0600,
		"is replaced, not followed");
	ok(chmod(path, 0644) == 0, "others may read it");
	fails(FAULT_CONFIG, "chmod o-rwx");
	ok(unlink(path) == 0 && mkfifo(path, 0600) == 0, "a pipe instead");
	fails(FAULT_CONFIG, "is a pipe");
	ok(unlink(path) == 0, "cleared");
}

static void
directories(void)
{
	struct error err = ERROR_NONE, late = ERROR_NONE;
	struct strbuf value = STRBUF_INIT_SECRET(100);
	int fd;

	ok(chmod(folder, 0777) == 0 && !put(SECRET_PLACE_FILE, "hunter2", NULL, NULL, &err) &&
			err.fault == FAULT_CREATE && strstr(err.text, "chmod 700"),
		"%s", err.text);
	ok(!strstr(err.text, "hunter2") && access(path, F_OK) != 0, "nothing was written");
	chmod(folder, 0700);
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	flock(fd, LOCK_EX);
	strbuf_adds(&value, "hunter2");
	ok(!secret_file_write(folder, "x", &value, clock_in(200), &late) &&
			late.fault == FAULT_TEMPORARY && strstr(late.text, "another program"),
		"%s", late.text);
	close(fd);
	error_clear(&err);
	ok(!secret_file_write(NULL, "x", &value, clock_in(200), &err) && err.fault == FAULT_CREATE,
		"%s", err.text);
	error_clear(&err);
	ok(!secret_file_write("/proc/nothing/there", "x", &value, clock_in(200), &err) &&
			err.fault == FAULT_CREATE,
		"%s", err.text);
	if (geteuid() == 0) {
		error_clear(&err);
		ok(chown(folder, 65534, 65534) == 0 &&
				!put(SECRET_PLACE_FILE, "hunter2", NULL, NULL, &err) &&
				err.fault == FAULT_CREATE && strstr(err.text, "another user"),
			"%s", err.text);
		(void)!chown(folder, 0, 0);
	}
	strbuf_done(&value);
}

/* Two at a time, again and again: always one of them whole. */
static void
at_once(void)
{
	struct error err = ERROR_NONE;
	bool good = true;
	int status;

	fflush(stdout);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int k = 0; k < 20; k++)
				if (!put(SECRET_PLACE_FILE, i % 2 ? "aaaaaaaa" : "bbbb", NULL, NULL,
					    &err))
					_exit(1);
			_exit(0);
		}
	for (int i = 0; i < 4; i++)
		good &= wait(&status) > 0 && status == 0;
	ok(good, "four writers");
	ok(mode_of(path) == 0600, "one file");
	unlink(path);
}

static void
sealed(void)
{
	struct error err = ERROR_NONE;
	struct strbuf raw = STRBUF_INIT(10000);
	struct secret_name n = name("mail.example.org", "ann");
	enum secret_place at;
	char *copy = strdup(path), other[440];
	unsigned count;
	bool found;

	if (!put(SECRET_PLACE_SEALED, "hunter2", &at, NULL, &err)) {
		ok(err.fault == FAULT_CONFIG, "skipped: %s", err.text);
		free(copy);
		return;
	}
	ok(at == SECRET_PLACE_SEALED, "sealed");
	snprintf(path + strlen(path), 20, ",sealed");
	ok(secret_file_read(folder, strrchr(path, '/') + 1, &raw, &found, &err) && found &&
			raw.len > 40 && !strstr(raw.s, "hunter2"),
		"not readable");
	there(SECRET_PLACE_AUTO, SECRET_PLACE_SEALED, "hunter2", "opened");
	snprintf(other, sizeof(other), "%s/smtp,mail.example.org,bob,sealed", folder);
	ok(link(path, other) == 0, "under another name");
	n.user = "bob";
	strbuf_clear(&raw);
	ok(!secret_read(&n, SECRET_PLACE_AUTO, clock_in(10000), &raw, &at, &err) && !raw.len,
		"it is another user's: %s", err.text);
	unlink(other);
	ok(put(SECRET_PLACE_FILE, "plain", &at, NULL, NULL) && access(path, F_OK) != 0,
		"a plain file takes its place");
	ok(put(SECRET_PLACE_SEALED, "again", &at, NULL, NULL) && access(copy, F_OK) != 0,
		"and the other way round");
	n.user = "ann";
	ok(secret_remove(&n, SECRET_PLACE_SEALED, clock_in(10000), &count, NULL, NULL) &&
			count == 1 && access(path, F_OK) != 0,
		"removed");
	strbuf_done(&raw);
	free(copy);
}

static void
accounts(void)
{
	struct secret_name n;
	struct profile p;
	char *home;

	profile_init(&p, "work", "/home/ann/.config/sendoff/config:3");
	ok(profile_set(&p, OPT_HOST, "mail.example.org:587, b.example.org", "f:1", NULL) &&
			profile_set(&p, OPT_USER, "ann", "f:2", NULL),
		"an account");
	secret_name_of(&n, &p, "smtp");
	same(n.host, strlen(n.host), "mail.example.org", "the first host without a port");
	same(n.user, strlen(n.user), "ann", "the user");
	ok(strcmp(n.service, "smtp") == 0 && strstr(n.label, "ann at mail.example.org"), "%s",
		n.label);
	home = secret_directory(false);
	ok(home && n.directory && strcmp(n.directory, home) == 0, "a directory at home: %s", home);
	free(home);
	setenv("XDG_DATA_HOME", "/data", 1);
	home = secret_directory(false);
	same(home, strlen(home), "/data/sendoff", "XDG_DATA_HOME");
	free(home);
	secret_name_done(&n);
	profile_done(&p);
	profile_init(&p, "system", SYSCONFDIR "/sendoff/config:1");
	secret_name_of(&n, &p, "smtp");
	ok(strcmp(n.host, "localhost") == 0 && !*n.user, "without host and user");
	if (geteuid() == 0)
		same(n.directory, strlen(n.directory), SYSCONFDIR "/sendoff/secrets",
			"an account of the system's");
	secret_name_done(&n);
	profile_done(&p);
}

int
main(void)
{
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(top))
		return 1;
	/* no Secret Service, whatever the environment says */
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	setenv("HOME", top, 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("SECRET_BACKEND");
	snprintf(folder, sizeof(folder), "%s/.local/share/sendoff", top);
	snprintf(path, sizeof(path), "%s/smtp,mail.example.org,ann", folder);
	names();
	files();
	left_behind();
	directories();
	at_once();
	sealed();
	accounts();
	failed = tap_done();
	fflush(stdout);
	snprintf(path, sizeof(path), "rm -rf %s; exit %d", top, failed);
	execl("/bin/sh", "sh", "-c", path, NULL);
	return 1;
}
