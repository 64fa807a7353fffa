/* One account's section put into a file, and everything else left alone. */
#include "configure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "tap.h"

static char room[200], path[300];

static const struct row {
	const char *what, *before, *name, *after; /* AFTER NULL: refused */
} rows[] = {
	{ "an empty file", "", "a", "[account a]\nhost = h.example\n" },
	{ "behind others", "[account b]\nhost = b.example\n", "a",
		"[account b]\nhost = b.example\n\n[account a]\nhost = h.example\n" },
	{ "no line end before", "[account b]\nhost = b.example", "a",
		"[account b]\nhost = b.example\n\n[account a]\nhost = h.example\n" },
	{ "in place of the same", "# x\n[account a]\nhost = old.example\nport = 25\n", "a",
		"# x\n[account a]\nhost = h.example\n" },
	{ "between others, whose comments stay",
		"[defaults]\nport = 2465\n\n[account a]\n# inside\nhost = o.example\n\n# of b\n"
		"[account b]\nhost = b.example\n",
		"a",
		"[defaults]\nport = 2465\n\n[account a]\nhost = h.example\n\n# of b\n"
		"[account b]\nhost = b.example\n" },
	{ "spelled with blanks", "\t[ account\t a ] \r\nhost=o.example\r\n#end\r\n", "a",
		"[account a]\nhost = h.example\n#end\r\n" },
	{ "a byte order mark", "\xef\xbb\xbf[account a]\nhost = o.example\n", "a",
		"[account a]\nhost = h.example\n" },
	{ "a name that only begins so", "[account ab]\nhost = o.example\n", "a",
		"[account ab]\nhost = o.example\n\n[account a]\nhost = h.example\n" },
	{ "a name with a blank", "[account a b]\nhost = o.example\n", "a b",
		"[account a b]\nhost = h.example\n" },
	{ "a section without keys", "[account a]\n# nothing\n[account b]\nhost = b.example\n", "a",
		"[account a]\nhost = h.example\n# nothing\n[account b]\nhost = b.example\n" },
	{ "defaults that do not go with it", "[defaults]\ntls-key = /k\n", "a", NULL },
	{ "a name with a bracket", "", "a]", NULL },
	{ "a name that is taken by the environment", "", "environment", NULL },
};

static void
put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || !io_write_full(fd, text, strlen(text)) || fchmod(fd, mode) < 0)
		exit(1);
	close(fd);
}

static void
get(const char *file, char *out, size_t size)
{
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : io_read_full(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static bool
holds(const char *file, const char *want)
{
	char got[4096];

	get(file, got, sizeof(got));
	return strcmp(got, want) == 0;
}

static unsigned
files(void)
{
	DIR *d = opendir(room);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void
make(struct profile *p, const char *name)
{
	profile_init(p, name, "test");
	(void)!profile_set(p, OPT_HOST, "h.example", "test", NULL);
}

static void
run(const struct row *r)
{
	struct configure c = CONFIGURE_NONE;
	struct error err = ERROR_NONE;
	struct profile p;
	bool good;

	put(r->before, 0600);
	make(&p, r->name);
	good = configure_open(&c, path, &err) && configure_put(&c, &p, &err);
	if (!r->after)
		ok(!good && err.fault, "%s: refused", r->what);
	else if (ok(good, "%s", r->what))
		same(c.after.s, c.after.len, r->after, r->what);
	else
		printf("# %s\n", err.text);
	ok(good == !err.fault && holds(path, r->before), "%s: nothing written", r->what);
	configure_done(&c);
	profile_done(&p);
}

static void
values(void)
{
	struct strbuf out = STRBUF_INIT(4096);
	struct profile p;

	setenv("HOME", "/home/ann", 1);
	make(&p, "a");
	(void)!profile_set(&p, OPT_PASSWORD_COMMAND, "pass show 'my mail'", "test", NULL);
	(void)!profile_set(&p, OPT_TLS_TRUST, "/home/ann/$$x.pem", "test", NULL);
	(void)!profile_set(&p, OPT_TLS_PIN,
		"sha256:0000000000000000000000000000000000000000000000000000000000000001", "test",
		NULL);
	(void)!profile_set(&p, OPT_SUBJECT, "no key", "test", NULL);
	configure_add_account(&out, &p);
	same(out.s, out.len,
		"[account a]\nhost = h.example\ntls-trust = ~/$$x.pem\ntls-pin = "
		"sha256:0000000000000000000000000000000000000000000000000000000000000001\n"
		"password-command = pass show 'my mail'\n",
		"values as a file has them");
	profile_done(&p);
	strbuf_done(&out);
}

static bool
opened(struct configure *c, struct error *err)
{
	struct profile p;
	bool good;

	*c = (struct configure)CONFIGURE_NONE;
	*err = (struct error)ERROR_NONE;
	make(&p, "a");
	good = configure_open(c, path, err) && configure_put(c, &p, err);
	profile_done(&p);
	return good;
}

static void
writing(void)
{
	struct strbuf copy = STRBUF_INIT(500), again = STRBUF_INIT(500);
	char deep[400];
	struct configure c;
	struct error err;
	struct stat st;

	clock_pretend(1795000000);
	unlink(path);
	ok(opened(&c, &err) && !c.exists && configure_write(&c, 0600, &copy, &err), "a new file");
	ok(!copy.len && stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "its mode");
	ok(holds(path, "[account a]\nhost = h.example\n") && files() == 1, "its content");
	configure_done(&c);

	put("[account b]\nhost = b.example\n", 0640);
	ok(opened(&c, &err) && configure_write(&c, 0600, &copy, &err), "over one that was there");
	ok(copy.len && holds(copy.s, "[account b]\nhost = b.example\n"), "the copy");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640, "the mode stays");
	configure_done(&c);
	ok(opened(&c, &err) && configure_write(&c, 0600, &again, &err) && again.len &&
			strcmp(copy.s, again.s) != 0 && files() == 3,
		"two copies in one second");
	unlink(again.s);
	configure_done(&c);

	ok(opened(&c, &err), "opened");
	put("# edited meanwhile\n", 0600);
	ok(!configure_write(&c, 0600, NULL, &err) && err.fault == FAULT_TEMPORARY &&
			holds(path, "# edited meanwhile\n") && files() == 2,
		"edited meanwhile: %s", err.text);
	configure_done(&c);
	unlink(path);
	ok(opened(&c, &err), "opened");
	put("# new\n", 0600);
	ok(!configure_write(&c, 0600, NULL, &err) && holds(path, "# new\n"), "made meanwhile");
	configure_done(&c);

	ok(opened(&c, &err), "opened");
	int fd = open(room, O_RDONLY | O_DIRECTORY);
	ok(flock(fd, LOCK_EX) == 0 && !configure_write(&c, 0600, NULL, &err) &&
			err.fault == FAULT_TEMPORARY && files() == 2,
		"locked: %s", err.text);
	close(fd);
	configure_done(&c);
	unlink(copy.s);

	unlink(path);
	snprintf(path, sizeof(path), "%.100s/one/two/config", room);
	ok(opened(&c, &err) && configure_write(&c, 0600, NULL, &err), "directories are made");
	snprintf(deep, sizeof(deep), "%.100s/one", room);
	ok(stat(deep, &st) == 0 && (st.st_mode & 07777) == 0700, "their mode");
	configure_done(&c);
	unlink(path);
	snprintf(deep, sizeof(deep), "%.100s/one/two", room);
	rmdir(deep);
	snprintf(deep, sizeof(deep), "%.100s/one", room);
	rmdir(deep);
	snprintf(path, sizeof(path), "%.100s/config", room);
	strbuf_done(&copy);
	strbuf_done(&again);
}

static void
refused(void)
{
	struct configure c;
	struct error err;
	char real[300];
	struct stat st;

	put("[account b]\nhots = x\n", 0600);
	ok(!opened(&c, &err) && err.fault == FAULT_CONFIG && strstr(err.text, ":2: hots"),
		"mistakes: %s", err.text);
	configure_done(&c);
	put("account x\nhost h.example\n", 0600);
	ok(!opened(&c, &err) && err.fault == FAULT_CONFIG && strstr(err.text, "msmtp"), "%s",
		err.text);
	configure_done(&c);
	put("", 0602);
	ok(!opened(&c, &err) && err.fault == FAULT_CONFIG, "%s", err.text);
	configure_done(&c);
	unlink(path);
	chmod(room, 0777);
	ok(!opened(&c, &err) && err.fault == FAULT_CONFIG, "%s", err.text);
	configure_done(&c);
	chmod(room, 0700);
	ok(symlink("nowhere", path) == 0 && !opened(&c, &err) && err.fault == FAULT_CONFIG, "%s",
		err.text);
	configure_done(&c);
	unlink(path);
	snprintf(real, sizeof(real), "%.100s/real", room);
	ok(symlink("real", path) == 0 && close(open(real, O_CREAT | O_WRONLY, 0600)) == 0 &&
			opened(&c, &err) && configure_write(&c, 0600, NULL, &err) &&
			lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
			holds(real, "[account a]\nhost = h.example\n"),
		"behind a link, which stays");
	configure_done(&c);
}

int
main(void)
{
	char command[300];

	snprintf(room, sizeof(room), "%s/configure.XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(room))
		return 1;
	snprintf(path, sizeof(path), "%.100s/config", room);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run(&rows[i]);
	values();
	writing();
	refused();
	for (DIR *d = opendir(room); d;) {
		struct dirent *e = readdir(d);

		if (!e) {
			closedir(d);
			break;
		}
		snprintf(command, sizeof(command), "%.100s/%.150s", room, e->d_name);
		unlink(command);
	}
	rmdir(room);
	return tap_done();
}
