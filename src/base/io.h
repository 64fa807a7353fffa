/* Reading and writing whole, and temporary files without a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* read(2) that goes on after a signal. */
ssize_t io_read(int fd, void *buffer, size_t n);
/* Reads until N octets are there or the file ends; returns how many, -1 with errno on an error. */
ssize_t io_read_full(int fd, void *buffer, size_t n);
/* The same at an offset; the file position is not touched. */
ssize_t io_pread_full(int fd, void *buffer, size_t n, uint64_t offset);
/* Writes all N octets, or returns false with errno set. */
bool io_write_full(int fd, const void *data, size_t n) __attribute__((warn_unused_result));
/* Writes all of COUNT pieces at OFFSET by as few calls as the kernel lets; the file position is not
 * touched, V is used up. False with errno set. */
struct iovec;
bool io_pwritev_full(int fd, struct iovec *v, int count, uint64_t offset)
	__attribute__((warn_unused_result));

/* Opens a file without a name, gone with the process, mode 0600, for reading and writing. Tries
 * DIRECTORY (may be NULL), $TMPDIR, /var/tmp and /tmp in this order, passing over those in memory
 * (tmpfs, ramfs) unless there is no other. Returns the descriptor, or -1 with FAULT_TEMPORARY (disk
 * full, no descriptors) or FAULT_CREATE. */
int io_temporary(const char *directory, struct error *err) __attribute__((warn_unused_result));

/* The same without complaint and on another file system than that of FD; -1 where there is none, or
 * only one in memory. */
int io_temporary_beside(int fd);

/* Makes the directories above PATH that are missing, mode MODE whatever the umask; PATH itself it
 * leaves. False with errno set, and some of them made. */
bool io_make_parents(const char *path, mode_t mode) __attribute__((warn_unused_result));

/* Makes sure that descriptors 0, 1 and 2 are open, so that no file opened later is taken for one of
 * them: where they were not they lead to /dev/null, for writing only, for nothing to read is not
 * the same as an empty message. */
void io_keep_standard(void);

/* The user's home directory: $HOME (not with differing real and effective ids), else the one of the
 * passwd database, NULL when there is neither. The string stays valid. */
const char *io_home(void);
