/* What a program takes: measure TIMES FILE COMMAND [ARGUMENT]... runs COMMAND that many times with
 * FILE as its standard input, and prints for each run wall time and processor time in seconds, and
 * peak memory in KiB. Small itself: a process is never counted as smaller than the one that made
 * it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void __attribute__((noreturn)) run(const char *file, char **argv)
{
	int in = open(file, O_RDONLY), out = open("/dev/null", O_WRONLY);

	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(127);
	close(in);
	close(out);
	execvp(argv[0], argv);
	_exit(127);
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	double start, wall;
	int status;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: measure TIMES FILE COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	for (long times = strtol(argv[1], NULL, 10); times > 0; times--) {
		start = now();
		pid = fork();
		if (!pid)
			run(argv[2], argv + 3);
		if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
			return 2;
		wall = now() - start;
		if (status) {
			fprintf(stderr, "measure: %s: status %d\n", argv[3],
				WIFEXITED(status) ? WEXITSTATUS(status) : -1);
			return 1;
		}
		printf("%f %f %ld\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
			usage.ru_maxrss);
	}
	return 0;
}
