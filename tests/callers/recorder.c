/* Stands where sendmail is expected: writes down how it was called, and becomes sendoff. One file
 * for each call: "=" and $CALLER, the directory, the names of the processes that called, nothing,
 * the arguments; each ends with NUL. Changes nothing else for the program, nor for its caller. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BASE "/run/sendoff-test"

/* The name of process PID, and its parent. */
static pid_t
look(pid_t pid, char *name, size_t size)
{
	char path[64], text[512] = "", *end;
	int fd, parent = 0;
	ssize_t n;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')');
	if (end && strchr(text, '(')) {
		*end = '\0';
		snprintf(name, size, "%s", strchr(text, '(') + 1);
		parent = (int)strtol(strlen(end + 1) > 3 ? end + 4 : "", NULL, 10);
	}
	return parent;
}

static void
write_down(char **argv)
{
	char path[128], part[160], name[64], directory[4096] = "", *text = NULL;
	const char *caller = getenv("CALLER");
	struct timespec now;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	pid_t pid;
	int fd;

	if (!memory)
		return;
	if (!getcwd(directory, sizeof(directory)))
		directory[0] = '\0';
	fprintf(memory, "=%s%c%s%c", caller ? caller : "", 0, *directory ? directory : "?", 0);
	for (pid = getppid(); pid > 1;) {
		pid = look(pid, name, sizeof(name));
		fprintf(memory, "%s%c", *name ? name : "?", 0);
	}
	fputc(0, memory);
	for (; *argv; argv++)
		fprintf(memory, "%s%c", *argv, 0);
	fclose(memory);
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(path, sizeof(path), BASE "/calls/%010ld.%09ld.%d", (long)now.tv_sec, now.tv_nsec,
		(int)getpid());
	snprintf(part, sizeof(part), "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd >= 0 && write(fd, text, size) == (ssize_t)size)
		rename(part, path);
	if (fd >= 0)
		close(fd);
	free(text);
}

int
main(int argc, char **argv)
{
	(void)argc;
	write_down(argv);
	execv(BASE "/bin/sendoff", argv);
	return 71;
}
