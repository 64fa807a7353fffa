#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "strbuf.h"
#include "tap.h"
#include "trusted.h"

#define STRANGER 54321

static char folder[] = "/tmp/sendoff-trusted-XXXXXX";

static const char *
in_folder(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *
file(const char *text, mode_t mode)
{
	const char *path = in_folder("file");
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) != 0)
		abort();
	return path;
}

/* Reads PATH; the text of the error must hold both WORDS. */
static void
fails(const char *path, enum trusted_kind kind, const char *word, const char *hint)
{
	struct strbuf out = STRBUF_INIT(100);
	struct error err = ERROR_NONE;
	bool missing = true;

	ok(!trusted_read(path, kind, &out, &missing, &err) && err.fault == FAULT_CONFIG &&
			strstr(err.text, word) && strstr(err.text, hint),
		"%s", err.text);
	ok(missing == (err.sys == ENOENT) && out.len == 0, "missing or not");
	strbuf_done(&out);
	err = (struct error)ERROR_NONE;
	ok(!trusted_check(path, kind, &err) && err.fault == FAULT_CONFIG, "the check agrees");
}

static void
good(const char *path, enum trusted_kind kind, const char *what)
{
	struct strbuf out = STRBUF_INIT(100);
	struct error err = ERROR_NONE;
	bool missing = true;

	ok(trusted_read(path, kind, &out, &missing, &err) && !missing, "%s %s", what, err.text);
	same(out.s, out.len, "content", "the content");
	strbuf_done(&out);
	ok(trusted_check(path, kind, &err), "the check agrees");
}

static void
modes(void)
{
	static const struct {
		mode_t mode;
		bool config, secret, mounted;
		const char *hint;
	} rows[] = {
		{ 0600, true, true, true, "" },
		{ 0400, true, true, true, "" },
		{ 0640, true, true, true, "" },
		{ 0644, true, false, true, "chmod o-rwx" },
		{ 0604, true, false, true, "chmod o-rwx" },
		{ 0606, false, false, false, "chmod" },
		{ 0666, false, false, false, "chmod" },
		{ 0602, false, false, false, "chmod" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *path = file("content", rows[i].mode);

		if (rows[i].config) {
			good(path, TRUSTED_CONFIG, "configuration");
			good(path, TRUSTED_PUBLIC, "public");
		} else {
			fails(path, TRUSTED_CONFIG, "written by everybody", "chmod go-w");
			fails(path, TRUSTED_PUBLIC, "written by everybody", "chmod go-w");
		}
		if (rows[i].secret)
			good(path, TRUSTED_SECRET, "secret");
		else
			fails(path, TRUSTED_SECRET, "everybody", rows[i].hint);
		if (rows[i].mounted)
			good(path, TRUSTED_MOUNTED_SECRET, "mounted secret");
		else
			fails(path, TRUSTED_MOUNTED_SECRET, "everybody", "chmod go-w");
	}
}

static void
owners(void)
{
	const char *path;

	good(file("content", 0600), TRUSTED_SECRET, "our own");
	ok(trusted_check("/etc/passwd", TRUSTED_CONFIG, NULL), "root's");
	ok(trusted_check("/etc/passwd", TRUSTED_ROOT, NULL), "root's, as must be");
	if (geteuid() != 0)
		return; /* nobody else can give files away */
	path = file("content", 0644);
	ok(chown(path, STRANGER, 0) == 0, "given away");
	fails(path, TRUSTED_CONFIG, "belongs to 54321, who could change it", "chown root");
	fails(path, TRUSTED_ROOT, "does not belong to root", "");
	fails(path, TRUSTED_SECRET, "belongs to 54321", "chown root");
	path = file("content", 0664);
	good(path, TRUSTED_CONFIG, "root's group may write");
	ok(chown(path, 0, STRANGER) == 0, "given to a group");
	fails(path, TRUSTED_CONFIG, "written by its group", "chmod g-w");
	fails(path, TRUSTED_SECRET, "written by its group", "chmod g-w");
	ok(chmod(path, 0640) == 0, "not written any more");
	good(path, TRUSTED_SECRET, "a group may read");
}

static void
kinds(void)
{
	const char *path;
	int64_t begin = clock_ms();

	fails(in_folder("missing"), TRUSTED_CONFIG, "unable to open", "No such file");
	fails(folder, TRUSTED_CONFIG, "is a directory, not a file", "");
	fails("/dev/null", TRUSTED_CONFIG, "is a device, not a file", "");
	fails("/dev/null", TRUSTED_SECRET, "is a device, not a file", "");
	path = in_folder("pipe");
	ok(mkfifo(path, 0600) == 0, "a pipe");
	fails(path, TRUSTED_CONFIG, "is a pipe, not a file", "");
	fails(path, TRUSTED_SECRET, "is a pipe, not a file", "");
	ok(clock_ms() - begin < 2000, "nothing waits for a writer");
	unlink(path);
	path = file("content", 0600);
	ok(symlink("file", in_folder("link")) == 0, "a link");
	good(in_folder("link"), TRUSTED_SECRET, "what it leads to counts");
	unlink(in_folder("link"));
	fails("", TRUSTED_CONFIG, "unable to open", "No such file");
}

static void
sizes(void)
{
	struct strbuf text = STRBUF_INIT(200), out = STRBUF_INIT(100);
	struct error err = ERROR_NONE;

	for (int i = 0; i < 100; i++)
		strbuf_addc(&text, 'x');
	ok(trusted_read(file(text.s, 0600), TRUSTED_CONFIG, &out, NULL, &err) && out.len == 100,
		"as large as may be");
	strbuf_clear(&out);
	strbuf_addc(&text, 'x');
	ok(!trusted_read(file(text.s, 0600), TRUSTED_CONFIG, &out, NULL, &err) &&
			err.fault == FAULT_CONFIG && strstr(err.text, "larger than 100 octets"),
		"larger: %s", err.text);
	strbuf_clear(&out);
	ok(trusted_read(file("", 0600), TRUSTED_CONFIG, &out, NULL, &err) && out.len == 0, "empty");
	strbuf_done(&text);
	strbuf_done(&out);
}

/* A password that comes through a pipe which somebody else fills late. */
static void
descriptors(void)
{
	struct strbuf out = STRBUF_INIT(100);
	struct error err = ERROR_NONE;
	char path[50];
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		abort();
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	fails(path, TRUSTED_CONFIG, "is a pipe", "");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		usleep(100000);
		if (write(fds[1], "con", 3) < 0)
			_exit(1);
		usleep(100000);
		_exit(write(fds[1], "tent", 4) != 4);
	}
	close(fds[1]);
	ok(trusted_read(path, TRUSTED_SECRET, &out, NULL, &err), "read %s", err.text);
	same(out.s, out.len, "content", "all of it");
	close(fds[0]);
	strbuf_done(&out);
	ok(!trusted_read("/dev/fd/1x", TRUSTED_SECRET, &out, NULL, &err), "what is none");
}

int
main(void)
{
	umask(022);
	if (!mkdtemp(folder))
		return 1;
	modes();
	owners();
	kinds();
	sizes();
	descriptors();
	unlink(in_folder("file"));
	ok(rmdir(folder) == 0, "nothing is left behind");
	return tap_done();
}
