/* To be preloaded: input and output as they may be, but seldom are. FAULT chooses:
 *   short    reads and writes do 1 to 7 octets at a time, or fail with EINTR, or with EAGAIN on a
 *            socket that does not block; FAULT_SEED varies it
 *   enospc   writing to a file without a name (a temporary one) fails with ENOSPC
 *   eio      reading from such a file fails with EIO
 *   stdin    reading from standard input fails with EIO after some octets */
/* pread and pread64 must be two names here, and so on */
#undef _FILE_OFFSET_BITS

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static enum { NONE, SHORT, ENOSPC_TEMPORARY, EIO_TEMPORARY, EIO_STDIN } mode;
static uint32_t state;
static int stdin_reads;

static void __attribute__((constructor)) begin(void)
{
	static const char *const names[] = { "", "short", "enospc", "eio", "stdin" };
	const char *fault = getenv("FAULT"), *seed = getenv("FAULT_SEED");

	for (int i = 1; fault && i < 5; i++)
		if (strcmp(fault, names[i]) == 0)
			mode = i;
	state = 2463534242u + (seed ? (uint32_t)strtoul(seed, NULL, 10) * 7919u : 0);
}

static uint32_t
random_number(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static bool
is_temporary(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Fails the call (then errno is set), or shortens *N. */
static bool
disturb(int fd, bool writing, size_t *n)
{
	size_t part;

	if (mode == ENOSPC_TEMPORARY && writing && is_temporary(fd))
		return errno = ENOSPC, true;
	if (mode == EIO_TEMPORARY && !writing && is_temporary(fd))
		return errno = EIO, true;
	if (mode == EIO_STDIN && !writing && fd == STDIN_FILENO && stdin_reads++)
		return errno = EIO, true;
	if (mode != SHORT || fd == STDERR_FILENO)
		return false;
	if (random_number() % 16 == 0)
		return errno = EINTR, true;
	if (random_number() % 16 == 0 && is_socket(fd) && fcntl(fd, F_GETFL) & O_NONBLOCK)
		return errno = EAGAIN, true;
	part = 1 + random_number() % 7;
	if (n && *n > part)
		*n = part;
	return false;
}

ssize_t
read(int fd, void *buffer, size_t n)
{
	return disturb(fd, false, &n) ? -1 : syscall(SYS_read, fd, buffer, n);
}

ssize_t
pread(int fd, void *buffer, size_t n, off_t offset)
{
	return disturb(fd, false, &n) ? -1 : syscall(SYS_pread64, fd, buffer, n, offset);
}

ssize_t
pread64(int fd, void *buffer, size_t n, off64_t offset)
{
	return pread(fd, buffer, n, offset);
}

ssize_t
write(int fd, const void *buffer, size_t n)
{
	return disturb(fd, true, &n) ? -1 : syscall(SYS_write, fd, buffer, n);
}

ssize_t
pwrite(int fd, const void *buffer, size_t n, off_t offset)
{
	return disturb(fd, true, &n) ? -1 : syscall(SYS_pwrite64, fd, buffer, n, offset);
}

ssize_t
pwrite64(int fd, const void *buffer, size_t n, off64_t offset)
{
	return pwrite(fd, buffer, n, offset);
}

ssize_t
recv(int fd, void *buffer, size_t n, int flags)
{
	return disturb(fd, false, &n) ? -1
				      : syscall(SYS_recvfrom, fd, buffer, n, flags, NULL, NULL);
}

ssize_t
send(int fd, const void *buffer, size_t n, int flags)
{
	return disturb(fd, true, &n) ? -1 : syscall(SYS_sendto, fd, buffer, n, flags, NULL, 0);
}

/* What _FORTIFY_SOURCE makes of the calls above. */
ssize_t __read_chk(int fd, void *buffer, size_t n, size_t size);
ssize_t __pread_chk(int fd, void *buffer, size_t n, off_t offset, size_t size);
ssize_t __recv_chk(int fd, void *buffer, size_t n, size_t size, int flags);

ssize_t
__read_chk(int fd, void *buffer, size_t n, size_t size)
{
	return read(fd, buffer, n < size ? n : size);
}

ssize_t
__pread_chk(int fd, void *buffer, size_t n, off_t offset, size_t size)
{
	return pread(fd, buffer, n < size ? n : size, offset);
}

ssize_t
__recv_chk(int fd, void *buffer, size_t n, size_t size, int flags)
{
	return recv(fd, buffer, n < size ? n : size, flags);
}

/* The vectored calls do their first element only, which is legal. */
ssize_t
writev(int fd, const struct iovec *v, int count)
{
	if (mode == SHORT && count > 0 && v->iov_len)
		return write(fd, v->iov_base, v->iov_len);
	return disturb(fd, true, NULL) ? -1 : syscall(SYS_writev, fd, v, count);
}

ssize_t
pwritev(int fd, const struct iovec *v, int count, off_t offset)
{
	if (mode == SHORT && count > 0 && v->iov_len)
		return pwrite(fd, v->iov_base, v->iov_len, offset);
	return disturb(fd, true, NULL) ? -1 : syscall(SYS_pwritev, fd, v, count, offset, 0);
}

ssize_t
pwritev64(int fd, const struct iovec *v, int count, off64_t offset)
{
	return pwritev(fd, v, count, offset);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	for (size_t i = 0; mode == SHORT && !message->msg_controllen && i < message->msg_iovlen;
		i++)
		if (message->msg_iov[i].iov_len)
			return send(fd, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len,
				flags);
	return syscall(SYS_sendmsg, fd, message, flags);
}

int
poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (mode == SHORT && timeout && random_number() % 16 == 0) {
		errno = EINTR;
		return -1;
	}
	return (int)syscall(SYS_poll, p, n, timeout);
}
