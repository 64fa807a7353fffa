#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "tap.h"

static char folder[] = "/tmp/sendoff-test.XXXXXX";
static char content[1 << 20];

static const char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(content, 1, sizeof(content) - 1, f) : 0;

	content[n] = '\0';
	if (f)
		fclose(f);
	return content;
}

static void
try_file(const char *path)
{
	struct log l = LOG_NONE;
	struct error err = ERROR_NONE;
	struct stat st;

	ok(log_open(&l, path, "test", &err) && l.sink == LOG_SINK_FILE, "opened %s", err.text);
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "made with mode 0600");
	ok(fcntl(l.fd, F_GETFD) & FD_CLOEXEC, "closed on exec");
	ok(log_write(&l, false, "first=1", &err) && log_write(&l, true, "", &err), "two records");
	log_close(&l);
	ok(l.sink == LOG_SINK_NONE && l.fd == -1, "closed");
	log_close(&l);
	ok(log_open(&l, path, "test", &err) && log_write(&l, false, "third", &err), "opened again");
	log_close(&l);
	read_file(path);
	same(content, strlen(content),
		"2026-11-24T11:05:09Z first=1\n2026-11-24T11:05:09Z \n2026-11-24T11:05:09Z third\n",
		"records with the time, appended");
	unlink(path);
}

/* Records of several processes stay whole. */
static void
try_processes(const char *path)
{
	struct error err = ERROR_NONE;
	char line[3000];
	bool good = true;
	unsigned count = 0;

	fflush(stdout);
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		struct log l = LOG_NONE;

		memset(line, 'a' + p, sizeof(line) - 1);
		line[sizeof(line) - 1] = '\0';
		if (!log_open(&l, path, "test", &err))
			_exit(1);
		for (int i = 0; i < 50; i++)
			if (!log_write(&l, false, line, &err))
				_exit(1);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	read_file(path);
	for (char *s = content, *end; good && (end = strchr(s, '\n')); s = end + 1, count++)
		good = end - s == 21 + (long)sizeof(line) - 1 && s[20] == ' ' &&
		       strspn(s + 21, (char[]){ s[21], 0 }) == sizeof(line) - 1;
	ok(good && count == 200, "200 records of four processes are whole");
	unlink(path);
}

static void
try_others(const char *path)
{
	struct log l = LOG_NONE;
	struct error err = ERROR_NONE;

	ok(log_open(&l, "none", "test", &err) && l.sink == LOG_SINK_NONE, "no log");
	ok(log_write(&l, true, "x", &err), "takes all");
	log_close(&l);
	ok(log_open(&l, "syslog", "test", &err) && l.sink == LOG_SINK_SYSLOG, "syslog");
	ok(log_write(&l, false, "100%s %n", &err), "formats nothing");
	log_close(&l);
	ok(l.sink == LOG_SINK_NONE, "closed");

	ok(!log_open(&l, "/nonexistent/log", "test", &err) && err.fault == FAULT_CREATE &&
			err.sys == ENOENT && l.sink == LOG_SINK_NONE && l.fd == -1,
		"%s", err.text);
	ok(log_write(&l, false, "x", &err), "which leaves no log");
	error_clear(&err);
	ok(!log_open(&l, folder, "test", &err) && err.fault == FAULT_CREATE, "%s", err.text);
	error_clear(&err);
	ok(log_open(&l, "/dev/full", "test", &err) && !log_write(&l, false, "x", &err) &&
			err.fault == FAULT_IO && err.sys == ENOSPC,
		"%s", err.text);
	log_close(&l);
	error_clear(&err);
	if (mkfifo(path, 0600))
		abort();
	ok(!log_open(&l, path, "test", &err) && err.fault == FAULT_CREATE,
		"a FIFO that nobody reads is not waited for: %s", err.text);
	unlink(path);
}

int
main(void)
{
	char path[64];

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/log", folder);
	clock_pretend(1795518309);
	try_file(path);
	try_processes(path);
	try_others(path);
	rmdir(folder);
	return tap_done();
}
