/* Feeds files to a fuzz target once: the corpus as an ordinary test, or a crash to look at. The
 * arguments are files and directories. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count;

static void
replay_file(const char *name)
{
	/* exactly as large as the content, so that a sanitizer sees what reads beyond it */
	FILE *f = fopen(name, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0) {
		printf("Bail out! unable to read %s\n", name);
		exit(1);
	}
	data = malloc((size_t)st.st_size ?: 1);
	if (!data)
		abort();
	n = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	printf("ok %u - %s\n", ++count, strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
}

static void
replay_directory(const char *name)
{
	struct dirent **list;
	char path[4096];
	int n = scandir(name, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			replay_file(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

int
main(int argc, char **argv)
{
	struct stat st;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("ok %u - nothing\n", ++count);
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_directory(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("1..%u\n", count);
	return 0;
}
