/* killat [--list FILE] [--record FILE] [--at N [--error NAME | --short]] [--] COMMAND...
 *
 * Runs COMMAND and all that it starts under ptrace and counts their system calls, over all of them,
 * from the first after the exec.
 *
 *   --list FILE    writes "N NAME" for each
 *   --record FILE  writes down what they do to files, for the replay of a power cut; a JSON object
 * a line
 *   --at N         kills all of them before the Nth call runs; status 137
 *   --error NAME   lets the Nth call fail with this errno instead
 *   --short        lets the Nth call, one that writes, write a part only
 *
 * Otherwise the status is that of COMMAND (128 + signal). */
#include "killat.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
		PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static struct tracee tracees[4096];
static size_t tracee_count;
static long calls, at;
static int error;
static bool shorten, counting;
static FILE *list, *record;

static const struct {
	uint64_t nr;
	const char *name;
} names[] = {
#define N(name)                                                                                    \
	{                                                                                          \
		SYS_##name, #name                                                                  \
	}
	N(read),
	N(write),
	N(writev),
	N(pread64),
	N(pwrite64),
	N(preadv),
	N(pwritev),
	N(openat),
	N(close),
	N(fsync),
	N(fdatasync),
	N(syncfs),
	N(linkat),
	N(unlinkat),
	N(renameat2),
	N(mkdirat),
	N(ftruncate),
	N(utimensat),
	N(fchmod),
	N(fchown),
	N(flock),
	N(fstat),
	N(newfstatat),
	N(getdents64),
	N(faccessat),
	N(copy_file_range),
	N(fallocate),
	N(getrandom),
	N(mmap),
	N(munmap),
	N(connect),
	N(sendto),
	N(sendmsg),
	N(recvfrom),
	N(exit_group),
	N(execve),
#ifdef SYS_open
	N(open),
	N(link),
	N(unlink),
	N(rename),
	N(mkdir),
	N(chmod),
#endif
#ifdef SYS_renameat
	N(renameat),
#endif
#undef N
};

const char *
call_name(uint64_t nr)
{
	static char other[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].nr == nr)
			return names[i].name;
	snprintf(other, sizeof(other), "call%llu", (unsigned long long)nr);
	return other;
}

static const struct {
	const char *name;
	int value;
} errors[] = { { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EDQUOT", EDQUOT }, { "EROFS", EROFS },
	{ "EINTR", EINTR }, { "EMFILE", EMFILE }, { "ENOMEM", ENOMEM }, { "EACCES", EACCES },
	{ "ENOENT", ENOENT }, { "EOPNOTSUPP", EOPNOTSUPP }, { "EXDEV", EXDEV }, { "EPERM", EPERM },
	{ "EEXIST", EEXIST }, { "EINVAL", EINVAL }, { "ENOSYS", ENOSYS } };

static int
error_value(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].value;
	fprintf(stderr, "killat: unknown error %s\n", name);
	exit(2);
}

static struct tracee *
find(pid_t pid)
{
	for (size_t i = 0; i < tracee_count; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	if (tracee_count == sizeof(tracees) / sizeof(*tracees)) {
		fputs("killat: too many processes\n", stderr);
		exit(2);
	}
	tracees[tracee_count] = (struct tracee){ .pid = pid };
	return &tracees[tracee_count++];
}

static void
forget(pid_t pid)
{
	for (size_t i = 0; i < tracee_count; i++)
		if (tracees[i].pid == pid)
			tracees[i] = tracees[--tracee_count];
}

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
#define SET_CALL(r, pid, value)  ((r)->orig_rax = (value))
#define SET_RESULT(r, value)     ((r)->rax = (unsigned long long)(value))
#define SET_ARGUMENT_2(r, value) ((r)->rdx = (value))
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
#define SET_CALL(r, pid, value)                                                                    \
	do {                                                                                       \
		int nr_ = (int)(value);                                                            \
		struct iovec v_ = { &nr_, sizeof(nr_) };                                           \
		ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &v_);                            \
	} while (0)
#define SET_RESULT(r, value)     ((r)->regs[0] = (unsigned long long)(value))
#define SET_ARGUMENT_2(r, value) ((r)->regs[2] = (value))
#else
#error "killat knows the registers of x86_64 and aarch64 only"
#endif

static void
get_registers(pid_t pid, registers *r)
{
	struct iovec v = { r, sizeof(*r) };

	ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v);
}

static void
set_registers(pid_t pid, registers *r)
{
	struct iovec v = { r, sizeof(*r) };

	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v);
}

/* A process that was forked just now is known by its first stop only, which may still be to come:
 * it would be waited for, and nothing would let it go on. */
static void
kill_all(void)
{
	int status;
	pid_t pid;

	for (size_t i = 0; i < tracee_count; i++)
		kill(tracees[i].pid, SIGKILL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0 && WIFSTOPPED(status))
			kill(pid, SIGKILL);
	exit(137);
}

/* Halves what the call is to write. */
static void
make_short(struct tracee *t)
{
	registers r;

	if (t->nr == SYS_write || t->nr == SYS_pwrite64) {
		if (t->args[2] < 2)
			return;
		get_registers(t->pid, &r);
		SET_ARGUMENT_2(&r, t->args[2] / 2);
		set_registers(t->pid, &r);
	} else if ((t->nr == SYS_writev || t->nr == SYS_pwritev) && t->args[2]) {
		t->piece = t->args[1] + offsetof(struct iovec, iov_len);
		t->len = (uint64_t)ptrace(PTRACE_PEEKDATA, t->pid, (void *)t->piece, NULL);
		ptrace(PTRACE_POKEDATA, t->pid, (void *)t->piece, (void *)(t->len / 2));
		get_registers(t->pid, &r);
		SET_ARGUMENT_2(&r, 1);
		set_registers(t->pid, &r);
	}
}

static void
on_entry(struct tracee *t, const struct ptrace_syscall_info *info)
{
	registers r;

	t->nr = info->entry.nr;
	memcpy(t->args, info->entry.args, sizeof(t->args));
	t->fail = 0;
	t->piece = 0;
	if (!counting)
		return;
	t->number = ++calls;
	if (list)
		fprintf(list, "%ld %s\n", calls, call_name(t->nr));
	if (record)
		record_entry(record, t);
	if (calls != at)
		return;
	if (shorten) {
		make_short(t);
	} else if (error) {
		t->fail = error;
		get_registers(t->pid, &r);
		SET_CALL(&r, t->pid, (unsigned long long)-1);
		set_registers(t->pid, &r);
	} else {
		kill_all();
	}
}

static void
on_exit_of_call(struct tracee *t, const struct ptrace_syscall_info *info)
{
	registers r;

	if (t->fail) {
		get_registers(t->pid, &r);
		SET_RESULT(&r, -(long long)t->fail);
		set_registers(t->pid, &r);
	} else if (t->piece) {
		ptrace(PTRACE_POKEDATA, t->pid, (void *)t->piece, (void *)t->len);
	}
	if (record && !t->fail && info->exit.rval >= 0)
		record_exit(record, t, info->exit.rval);
	t->fail = 0;
	t->piece = 0;
}

static void
on_call(pid_t pid)
{
	struct ptrace_syscall_info info;
	struct tracee *t = find(pid);

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(t, &info);
}

/* Goes on after a stop; signals are handed on. */
static void
on_stop(pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status), pass = 0;

	find(pid);
	if (sig == (SIGTRAP | 0x80))
		on_call(pid);
	else if (event == PTRACE_EVENT_EXEC)
		counting = true;
	else if (event == PTRACE_EVENT_STOP &&
		 (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	} else if (!event)
		pass = sig;
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)pass);
}

static pid_t
start(char **command)
{
	int gate[2];
	char c;
	pid_t pid;

	if (pipe(gate))
		exit(2);
	pid = fork();
	if (pid < 0)
		exit(2);
	if (!pid) {
		close(gate[1]);
		if (read(gate[0], &c, 1) != 1)
			_exit(2);
		close(gate[0]);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(gate[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) != 0) {
		perror("killat: ptrace");
		kill(pid, SIGKILL);
		exit(2);
	}
	/* from the exec on it stops at calls */
	find(pid);
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	if (write(gate[1], "", 1) != 1)
		exit(2);
	close(gate[1]);
	return pid;
}

static FILE *
open_output(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f) {
		perror(path);
		exit(2);
	}
	return f;
}

static char **
parse(char **argv)
{
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--")) {
			argv++;
			break;
		}
		if (!strcmp(*argv, "--short")) {
			shorten = true;
		} else if (!argv[1]) {
			break;
		} else if (!strcmp(*argv, "--list")) {
			list = open_output(*++argv);
		} else if (!strcmp(*argv, "--record")) {
			record = open_output(*++argv);
		} else if (!strcmp(*argv, "--at")) {
			at = strtol(*++argv, NULL, 10);
		} else if (!strcmp(*argv, "--error")) {
			error = error_value(*++argv);
		} else {
			break;
		}
	}
	if (*argv && **argv != '-')
		return argv;
	fputs("usage: killat [--list FILE] [--record FILE] [--at N [--error NAME | --short]] [--] "
	      "COMMAND...\n",
		stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	int status, result = 2;
	pid_t first, pid;

	(void)argc;
	argv = parse(argv);
	first = start(argv);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid <= 0)
			continue;
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		forget(pid);
		if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	if (list)
		fclose(list);
	if (record)
		fclose(record);
	return result;
}
