/* In the sandbox what is allowed works, and the rest is refused: each attempt in a process of its
 * own. */
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "tap.h"

static char directory[] = "/tmp/sandbox-XXXXXX";
static char allowed[64], other[64], inside[64];

static int
try_allowed_file(void)
{
	return open(allowed, O_RDONLY) < 0 ? errno : 0;
}

static int
try_other_file(void)
{
	return open(other, O_RDONLY) < 0 ? errno : 0;
}

static int
try_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int
try_writing_allowed(void)
{
	return open(allowed, O_WRONLY) < 0 ? errno : 0;
}

static int
try_making(void)
{
	int fd = open(inside, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	return fd < 0 || write(fd, "x", 1) != 1 || unlink(inside) != 0 ? errno : 0;
}

static int
try_making_elsewhere(void)
{
	return open("/tmp/sandbox-elsewhere", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
}

static int
try_execve(void)
{
	char *argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return errno;
}

static int
try_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 ? errno : 0;
}

static int
try_kill(void)
{
	return kill(getppid(), 0) != 0 ? errno : 0;
}

static int
try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int
try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int
try_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return listen(fd, 1) != 0 ? errno : 0;
}

/* As source-address wants it. */
static int
try_bind(uint16_t port)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&from, sizeof(from)) != 0
		       ? errno
		       : 0;
}

static int
try_bind_any(void)
{
	return try_bind(0);
}

static int
try_bind_port(void)
{
	return try_bind(50000);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
try_thread(void)
{
	pthread_t thread;
	int sys = pthread_create(&thread, NULL, nothing, NULL);

	return sys ? sys : pthread_join(thread, NULL);
}

static int
try_chmod(void)
{
	return chmod(allowed, 0777) != 0 ? errno : 0;
}

/* What comes of it in the sandbox: an errno, 0, or -1 for a process that did not end by itself. */
static int
within(int (*attempt)(void))
{
	const char *read[] = { allowed, "/usr", "/lib", "/lib64", "/nowhere", NULL };
	const char *write[] = { directory, NULL };
	const struct sandbox rules = { read, write };
	struct sandbox_state state;
	struct error err = ERROR_NONE;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(sandbox_enter(&rules, &state, &err) ? attempt() : 255);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
main(void)
{
	struct sandbox_state kernel;
	bool files, calls;

	sandbox_probe(&kernel);
	files = kernel.landlock && !SANITIZED;
	calls = kernel.seccomp && !SANITIZED;
	printf("# Landlock ABI %d, seccomp %d, sanitizer %d\n", kernel.landlock, kernel.seccomp,
		SANITIZED);
	ok(mkdtemp(directory) != NULL, "a directory");
	snprintf(inside, sizeof(inside), "%s/new", directory);
	snprintf(allowed, sizeof(allowed), "%s.read", directory);
	snprintf(other, sizeof(other), "%s.other", directory);
	close(open(allowed, O_CREAT | O_WRONLY, 0600));
	close(open(other, O_CREAT | O_WRONLY, 0600));

	ok(within(try_allowed_file) == 0, "a file that may be read");
	ok(within(try_making) == 0, "a file in a directory that may be written");
	ok(within(try_inet) == 0, "an inet socket");
	ok(within(try_thread) == 0, "a thread");
	ok(!files || within(try_other_file) == EACCES, "no other file");
	ok(!files || within(try_passwd) == EACCES, "not even a public one");
	ok(!files || within(try_writing_allowed) == EACCES, "nothing written that may be read");
	ok(!files || within(try_making_elsewhere) == EACCES, "nothing made elsewhere");
	ok(!calls || within(try_execve) == EPERM, "no program");
	ok(!calls || within(try_fork) == EPERM || within(try_fork) == ENOSYS, "no process");
	ok(!calls || within(try_ptrace) == EPERM, "nothing traced");
	ok(!calls || within(try_kill) == EPERM, "no signal to others");
	ok(!calls || within(try_packet) == EAFNOSUPPORT, "no raw packets");
	ok(!calls || within(try_listen) == EPERM, "nothing listens");
	ok(within(try_bind_any) == 0, "an address of one's own");
	ok(!files || kernel.landlock < 4 || within(try_bind_port) == EACCES, "but no port");
	ok(!calls || within(try_chmod) == EPERM, "no mode is changed");
	unlink(allowed);
	unlink(other);
	rmdir(directory);
	return tap_done();
}
