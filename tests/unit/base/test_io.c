#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "tap.h"

static void
on_alarm(int sig)
{
	(void)sig;
}

/* A pipe that yields "hello " and "world" after a pause, with signals in between. */
static int
slow_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		abort();
	if (!fork()) {
		usleep(5000);
		kill(getppid(), SIGALRM);
		usleep(5000);
		if (write(ends[1], "hello ", 6) != 6)
			_exit(1);
		kill(getppid(), SIGALRM);
		usleep(10000);
		_exit(write(ends[1], "world", 5) != 5);
	}
	close(ends[1]);
	return ends[0];
}

static void
try_reading(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	char buffer[64];
	int fd;

	sigaction(SIGALRM, &act, NULL);
	fd = slow_pipe();
	ok(io_read(fd, buffer, sizeof(buffer)) == 6, "reading goes on after a signal");
	wait(NULL);
	close(fd);
	fd = slow_pipe();
	ok(io_read_full(fd, buffer, 8) == 8 && memcmp(buffer, "hello wo", 8) == 0,
		"all that is wanted");
	ok(io_read_full(fd, buffer, 8) == 3 && memcmp(buffer, "rld", 3) == 0, "less at the end");
	ok(io_read_full(fd, buffer, 8) == 0 && io_read(fd, buffer, 8) == 0, "nothing behind it");
	wait(NULL);
	close(fd);
	ok(io_read(-1, buffer, 1) == -1 && errno == EBADF, "no descriptor");
	ok(io_read_full(-1, buffer, 1) == -1 && io_pread_full(-1, buffer, 1, 0) == -1, "nor here");
	ok(io_read_full(-1, buffer, 0) == 0, "nothing wanted");
}

static void
try_writing(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	static char large[300000];
	int ends[2], fd, status;
	size_t total = 0;
	ssize_t got;
	pid_t pid;
	char buffer[70000];

	if (pipe2(ends, O_CLOEXEC))
		abort();
	pid = fork();
	if (!pid) {
		signal(SIGALRM, on_alarm);
		close(ends[0]);
		_exit(!io_write_full(ends[1], large, sizeof(large)));
	}
	close(ends[1]);
	for (;;) {
		kill(pid, SIGALRM);
		if ((got = io_read(ends[0], buffer, sizeof(buffer))) <= 0)
			break;
		total += (size_t)got;
		usleep(1000);
	}
	waitpid(pid, &status, 0);
	ok(total == sizeof(large) && WIFEXITED(status) && !WEXITSTATUS(status),
		"all is written to a pipe that is emptied slowly, signals coming");
	close(ends[0]);

	sigaction(SIGPIPE, &ignore, NULL);
	if (pipe2(ends, O_CLOEXEC))
		abort();
	close(ends[0]);
	ok(!io_write_full(ends[1], "x", 1) && errno == EPIPE, "nobody reads");
	close(ends[1]);
	fd = open("/dev/full", O_WRONLY);
	ok(!io_write_full(fd, "x", 1) && errno == ENOSPC, "no space");
	ok(io_write_full(fd, "x", 0), "nothing to write");
	close(fd);
}

/* Pieces that are empty, more than the kernel takes at once, and none. */
static void
try_pieces(void)
{
	char data[] = "0123456789", got[16] = "";
	struct iovec v[] = { { NULL, 0 }, { data, 4 }, { NULL, 0 }, { data + 4, 6 }, { NULL, 0 } };
	int fd = memfd_create("test", MFD_CLOEXEC), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ok(io_pwritev_full(fd, v, 5, 3) && pread(fd, got, 16, 0) == 13 &&
			!memcmp(got + 3, data, 10) && lseek(fd, 0, SEEK_CUR) == 0,
		"pieces at an offset");
	ok(io_pwritev_full(fd, v, 0, 0), "no pieces");
	v[1] = (struct iovec){ data, 4 };
	ok(!io_pwritev_full(full, v, 2, 0) && errno == ENOSPC, "pieces, and no space");
	close(fd);
	close(full);
}

static void
try_temporary(void)
{
	struct error err = ERROR_NONE;
	struct stat st;
	char buffer[16], long_name[5000];
	int fd = io_temporary("/nonexistent", &err);

	ok(fd >= 0 && !err.fault, "another place is taken");
	ok(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 07777) == 0600 &&
			S_ISREG(st.st_mode),
		"a file without a name, mode 0600");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "closed on exec");
	ok(io_write_full(fd, "0123456789", 10) && io_pread_full(fd, buffer, 4, 3) == 4 &&
			memcmp(buffer, "3456", 4) == 0,
		"written and read at an offset");
	ok(io_pread_full(fd, buffer, 16, 8) == 2 && io_pread_full(fd, buffer, 16, 100) == 0,
		"less at the end");
	ok(io_write_full(fd, "x", 1) && lseek(fd, 0, SEEK_CUR) == 11, "the position stayed");
	close(fd);
	fd = io_temporary(NULL, &err);
	ok(fd >= 0, "no wish for a place");
	close(fd);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	fd = io_temporary(long_name, &err);
	ok(fd >= 0, "a name that is too long is passed over");
	close(fd);
}

/* No descriptor is left, in a child of its own. */
static void
try_no_descriptor(void)
{
	int status;

	if (!fork()) {
		struct error err = ERROR_NONE;

		while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
			;
		_exit(io_temporary(NULL, &err) != -1 || err.fault != FAULT_TEMPORARY ||
			err.sys != EMFILE);
	}
	wait(&status);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "without descriptors it is temporary");
}

static void
try_standard(void)
{
	int status;

	if (!fork()) {
		struct stat null, st;
		int fd;

		close(0);
		close(2);
		io_keep_standard();
		if (stat("/dev/null", &null) || fstat(0, &st) || st.st_rdev != null.st_rdev ||
			fstat(2, &st) || st.st_rdev != null.st_rdev || write(2, "", 1) != 1 ||
			read(0, &fd, 1) != -1)
			_exit(1);
		fd = open("/dev/null", O_RDONLY);
		_exit(fd <= 2);
	}
	wait(&status);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "closed standard descriptors are opened");
	fflush(stdout);
	if (!fork()) {
		int before = open("/dev/null", O_RDONLY), after;

		close(before);
		io_keep_standard();
		after = open("/dev/null", O_RDONLY);
		_exit(before != after);
	}
	wait(&status);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "and nothing is left open otherwise");
}

static void
try_parents(void)
{
	char top[] = "/tmp/io-test.XXXXXX", path[100], above[100];
	mode_t before = umask(077);
	struct stat st;

	ok(mkdtemp(top) != NULL, "a directory");
	snprintf(path, sizeof(path), "%s/a/b/c", top);
	snprintf(above, sizeof(above), "%s/a/b", top);
	ok(io_make_parents(path, 0755), "what is above is made");
	ok(stat(above, &st) == 0 && (st.st_mode & 07777) == 0755, "with its mode, whatever the umask");
	ok(access(path, F_OK) != 0, "but not the path itself");
	ok(chmod(above, 0711) == 0 && io_make_parents(path, 0700) && stat(above, &st) == 0 &&
			(st.st_mode & 07777) == 0711,
		"what is there stays as it is");
	ok(io_make_parents("name", 0700), "a name has nothing above it");
	ok(mknod(path, S_IFREG | 0600, 0) == 0, "a file");
	snprintf(path, sizeof(path), "%s/a/b/c/d/e", top);
	ok(!io_make_parents(path, 0700) && errno == ENOTDIR, "and nothing below a file");
	path[strlen(path) - strlen("/d/e")] = '\0';
	unlink(path);
	rmdir(above);
	*strrchr(above, '/') = '\0';
	rmdir(above);
	ok(rmdir(top) == 0, "nothing else was made");
	umask(before);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	try_reading();
	try_writing();
	try_pieces();
	try_temporary();
	try_no_descriptor();
	try_standard();
	try_parents();
	return tap_done();
}
