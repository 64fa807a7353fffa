/* What calls do to files, written down as JSON: data with its octets in hexadecimal, names with the
 * inodes of their directory and file, and what was flushed. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "killat.h"

#define PATH 4608

/* A path as a thread means it. */
struct place {
	char directory[PATH], name[256], path[PATH];
	uint64_t directory_inode, inode; /* 0 where there is none */
};

static void
read_string(pid_t pid, uint64_t address, char out[4096])
{
	struct iovec to = { out, 4095 }, from = { (void *)address, 4095 };
	ssize_t got;

	/* it may end a page before memory does */
	for (;;) {
		got = process_vm_readv(pid, &to, 1, &from, 1, 0);
		if (got > 0 || from.iov_len < 2)
			break;
		from.iov_len = to.iov_len = from.iov_len / 2;
	}
	out[got > 0 ? got : 0] = '\0';
}

static uint64_t
inode_of(const char *path, int follow)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void
find_place(pid_t pid, int64_t fd, uint64_t address, struct place *p)
{
	char path[4096], *slash;
	int n;

	read_string(pid, address, path);
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/';)
		path[--len] = '\0';
	slash = strrchr(path, '/');
	snprintf(p->name, sizeof(p->name), "%.255s", slash ? slash + 1 : path);
	if (*path == '/')
		n = 0;
	else if ((int)fd == AT_FDCWD)
		n = snprintf(p->directory, PATH, "/proc/%d/cwd/", (int)pid);
	else
		n = snprintf(p->directory, PATH, "/proc/%d/fd/%d/", (int)pid, (int)fd);
	snprintf(p->directory + n, PATH - (size_t)n, "%.*s", slash ? (int)(slash - path + 1) : 0,
		path);
	snprintf(p->path, PATH, "%.4300s%.255s", p->directory, p->name);
	p->directory_inode = inode_of(p->directory, 1);
	p->inode = inode_of(p->path, 0);
}

static void
print_hex(FILE *out, const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", s[i]);
}

static int
stat_fd(pid_t pid, int64_t fd, char path[64], struct stat *st)
{
	snprintf(path, 64, "/proc/%d/fd/%d", (int)pid, (int)fd);
	return stat(path, st);
}

/* What was written to standard output: what the command says, and so promises. */
static void
record_said(FILE *out, const struct tracee *t, int64_t n)
{
	unsigned char text[4096];
	struct iovec to = { text, sizeof(text) }, from = { (void *)t->args[1], (size_t)n };
	ssize_t got = process_vm_readv(t->pid, &to, 1, &from, 1, 0);

	fprintf(out, "{\"op\": \"say\", \"n\": %ld, \"hex\": \"", t->number);
	print_hex(out, text, got > 0 ? (size_t)got : 0);
	fputs("\"}\n", out);
}

static int64_t
position(pid_t pid, int64_t fd)
{
	char path[64], line[64];
	long long pos = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, (int)fd);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f) && !strncmp(line, "pos:", 4))
		pos = strtoll(line + 4, NULL, 10);
	if (f)
		fclose(f);
	return pos;
}

/* The octets are read back from the file. */
static void
record_data(FILE *out, const struct tracee *t, int64_t offset, int64_t n)
{
	char path[64];
	struct stat st;
	unsigned char *s;
	int fd;

	if (t->args[0] == STDOUT_FILENO && t->nr == SYS_write) {
		record_said(out, t, n);
		return;
	}
	if (stat_fd(t->pid, (int64_t)t->args[0], path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	s = malloc((size_t)n + 1);
	if (fd < 0 || !s || pread(fd, s, (size_t)n, offset) != n)
		fprintf(stderr, "killat: cannot read back what was written\n");
	fprintf(out, "{\"op\": \"data\", \"n\": %ld, \"inode\": %ju, \"at\": %jd, \"hex\": \"",
		t->number, (uintmax_t)st.st_ino, (intmax_t)offset);
	print_hex(out, s, (size_t)n);
	fputs("\"}\n", out);
	free(s);
	close(fd);
}

static void
record_name(FILE *out, const struct tracee *t, const char *op, const struct place *p)
{
	fprintf(out,
		"{\"op\": \"%s\", \"n\": %ld, \"directory\": %ju, \"name\": \"%s\", \"inode\": "
		"%ju}\n",
		op, t->number, (uintmax_t)p->directory_inode, p->name, (uintmax_t)p->inode);
}

static void
record_rename(FILE *out, const struct tracee *t, const struct place *from, const struct place *to)
{
	fprintf(out,
		"{\"op\": \"rename\", \"n\": %ld, \"directory\": %ju, \"name\": \"%s\", "
		"\"to\": %ju, \"to_name\": \"%s\", \"inode\": %ju}\n",
		t->number, (uintmax_t)from->directory_inode, from->name,
		(uintmax_t)to->directory_inode, to->name, (uintmax_t)to->inode);
}

static void
record_flush(FILE *out, const struct tracee *t, const char *op)
{
	char path[64];
	struct stat st;

	if (stat_fd(t->pid, (int64_t)t->args[0], path, &st) == 0)
		fprintf(out, "{\"op\": \"%s\", \"n\": %ld, \"inode\": %ju}\n", op, t->number,
			(uintmax_t)st.st_ino);
}

void
record_entry(FILE *out, struct tracee *t)
{
	struct place p;

	(void)out;
	t->moved = 0;
	if (t->nr == SYS_openat && t->args[2] & O_CREAT) {
		find_place(t->pid, (int64_t)t->args[0], t->args[1], &p);
		t->moved = p.inode;
	}
}

static void
record_names(FILE *out, struct tracee *t)
{
	struct place p, q;

	switch (t->nr) {
	case SYS_openat:
		if (!(t->args[2] & O_CREAT) || t->moved)
			return;
		find_place(t->pid, (int64_t)t->args[0], t->args[1], &p);
		record_name(out, t, "link", &p);
		break;
	case SYS_linkat:
		find_place(t->pid, (int64_t)t->args[2], t->args[3], &p);
		record_name(out, t, "link", &p);
		break;
	case SYS_mkdirat:
		find_place(t->pid, (int64_t)t->args[0], t->args[1], &p);
		record_name(out, t, "mkdir", &p);
		break;
	case SYS_unlinkat:
		find_place(t->pid, (int64_t)t->args[0], t->args[1], &p);
		record_name(out, t, "unlink", &p);
		break;
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
		find_place(t->pid, (int64_t)t->args[0], t->args[1], &p);
		find_place(t->pid, (int64_t)t->args[2], t->args[3], &q);
		record_rename(out, t, &p, &q);
		break;
#ifdef SYS_unlink
	case SYS_unlink:
		find_place(t->pid, AT_FDCWD, t->args[0], &p);
		record_name(out, t, "unlink", &p);
		break;
	case SYS_mkdir:
		find_place(t->pid, AT_FDCWD, t->args[0], &p);
		record_name(out, t, "mkdir", &p);
		break;
	case SYS_link:
		find_place(t->pid, AT_FDCWD, t->args[1], &p);
		record_name(out, t, "link", &p);
		break;
	case SYS_rename:
		find_place(t->pid, AT_FDCWD, t->args[0], &p);
		find_place(t->pid, AT_FDCWD, t->args[1], &q);
		record_rename(out, t, &p, &q);
		break;
#endif
	}
}

void
record_exit(FILE *out, struct tracee *t, int64_t ret)
{
	char path[64];
	struct stat st;

	switch (t->nr) {
	case SYS_write:
	case SYS_writev:
		record_data(out, t, position(t->pid, (int64_t)t->args[0]) - ret, ret);
		break;
	case SYS_pwrite64:
	case SYS_pwritev:
		record_data(out, t, (int64_t)t->args[3], ret);
		break;
	case SYS_ftruncate:
		if (stat_fd(t->pid, (int64_t)t->args[0], path, &st) == 0)
			fprintf(out,
				"{\"op\": \"truncate\", \"n\": %ld, \"inode\": %ju, \"size\": "
				"%ju}\n",
				t->number, (uintmax_t)st.st_ino, (uintmax_t)t->args[1]);
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		record_flush(out, t, "flush");
		break;
	case SYS_syncfs:
		fprintf(out, "{\"op\": \"flush-all\", \"n\": %ld}\n", t->number);
		break;
	default:
		record_names(out, t);
	}
}
