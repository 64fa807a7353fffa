#include "sandbox_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"

#if defined(__x86_64__) && defined(__LP64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#else
#define MACHINE 0 /* arguments are looked at in their low half: little-endian, 64 bits */
#endif

#define X32 0x40000000u /* the bit of the other numbers on x86-64 */
/* from here on all machines number alike, and a library that meets ENOSYS does without */
#define FIRST_COMMON 424

/* Anything that is not here is refused. Without a number on this machine it is left out. */
static const uint32_t allowed[] = {
	/* what is open */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv,
	SYS_pwritev, SYS_lseek, SYS_close, SYS_fstat, SYS_fcntl, SYS_dup, SYS_fsync, SYS_fdatasync,
	SYS_ftruncate, SYS_fallocate, SYS_flock, SYS_fchmod, SYS_getdents64, SYS_fstatfs,
	/* files, within Landlock's limits */
	SYS_openat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_readlinkat, SYS_unlinkat,
	SYS_renameat2, SYS_getcwd, SYS_umask, SYS_statfs,
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rename,
	SYS_renameat,
#endif
	/* the network */
	SYS_connect, SYS_bind, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
	SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
	SYS_shutdown, SYS_socketpair,
	/* waiting, and the time */
	SYS_ppoll, SYS_pselect6, SYS_eventfd2, SYS_pipe2, SYS_nanosleep, SYS_clock_nanosleep,
	SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_setitimer,
#ifdef SYS_poll
	SYS_poll, SYS_select, SYS_alarm, SYS_time,
#endif
	/* memory and threads */
	SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex,
	SYS_set_robust_list, SYS_set_tid_address, SYS_rseq, SYS_sched_yield, SYS_sched_getaffinity,
	SYS_membarrier, SYS_exit, SYS_exit_group, SYS_restart_syscall,
	/* signals to oneself */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_tgkill,
	/* who and what one is */
	SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getppid,
	SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_getrusage
};

#define ALLOW                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(sys)          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (sys))
#define LOAD(what)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define IS(value, yes, no)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define HAS(bit, yes, no)    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bit), (yes), (no))
#define FROM(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (value), (yes), (no))

static const struct sock_filter before[] = {
	LOAD(arch),
	IS(MACHINE, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef __x86_64__
	FROM(X32, 0, 1),
	REFUSE(ENOSYS),
#endif
	/* the kinds of socket */
	IS(SYS_socket, 0, 7),
	LOAD(args[0]),
	IS(AF_INET, 4, 0),
	IS(AF_INET6, 3, 0),
	IS(AF_UNIX, 2, 0),
	IS(AF_NETLINK, 1, 0),
	REFUSE(EAFNOSUPPORT),
	ALLOW,
	/* threads, not processes; clone3's arguments cannot be seen, and clone takes its place */
	IS(SYS_clone, 0, 4),
	LOAD(args[0]),
	HAS(CLONE_THREAD, 0, 1),
	ALLOW,
	REFUSE(EPERM),
	/* one may ask how much can be read, and whether it is a terminal */
	IS(SYS_ioctl, 0, 5),
	LOAD(args[1]),
	IS(FIONREAD, 2, 0),
	IS(TCGETS, 1, 0),
	REFUSE(ENOTTY),
	ALLOW,
	/* a limit may be asked for, not set */
	IS(SYS_prlimit64, 0, 6),
	LOAD(args[2]),
	IS(0, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + 4),
	IS(0, 0, 1),
	ALLOW,
	REFUSE(EPERM),
};
static const struct sock_filter after[] = {
	FROM(FIRST_COMMON, 0, 1),
	REFUSE(ENOSYS),
	REFUSE(EPERM),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

bool
sandbox_filter_is_possible(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return MACHINE && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool
sandbox_filter_install(struct error *err)
{
	struct sock_filter filter[COUNT(before) + 2 * COUNT(allowed) + COUNT(after)];
	struct sock_fprog program = { .filter = filter };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(before); i++)
		filter[n++] = before[i];
	for (size_t i = 0; i < COUNT(allowed); i++) {
		filter[n++] = (struct sock_filter)IS(allowed[i], 0, 1);
		filter[n++] = (struct sock_filter)ALLOW;
	}
	for (size_t i = 0; i < COUNT(after); i++)
		filter[n++] = after[i];
	program.len = (unsigned short)n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to filter system calls");
	return true;
}
