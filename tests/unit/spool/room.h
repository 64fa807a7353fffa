/* A room for a test: a directory of its own on a file system that lasts, and messages to keep. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "entry.h"
#include "error.h"
#include "spool.h"
#include "tap.h"

static void
room_empty(int at)
{
	DIR *d = fdopendir(at);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(at, entry->d_name, 0) == 0)
			continue;
		room_empty(openat(at, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
		unlinkat(at, entry->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

/* Held by the processes of a test: whoever reads from the other end learns that all have ended. */
static int room_gate = -1;

static void
room_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd >= 0) {
		room_empty(fd);
		rmdir(path);
	}
	if (room_gate >= 0)
		close(room_gate);
	room_gate = -1;
}

/* Leaves a process behind that removes PATH when the test has ended without doing so: by abort, by
 * a signal, or because it took too long. */
static void
room_guard(const char *path)
{
	int gate[2], null;
	pid_t pid;
	char c;

	fflush(stdout);
	if (pipe2(gate, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		abort();
	if (!pid) {
		close(gate[1]);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		/* nobody's child, and out of reach of what is sent to the test's group */
		if (fork() == 0 && setsid() > 0 && read(gate[0], &c, 1) == 0)
			room_remove(path);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(gate[0]);
	room_gate = gate[1];
}

/* Makes a directory in WHERE, or where that cannot be in /var/tmp; its path goes to OUT. */
static void __attribute__((unused)) room_make(char out[64], const char *where)
{
	snprintf(out, 64, "%s/sendoff-test-XXXXXX", where);
	if (!mkdtemp(out)) {
		snprintf(out, 64, "/var/tmp/sendoff-test-XXXXXX");
		if (!mkdtemp(out))
			abort();
	}
	room_guard(out);
}

/* How many names DIRECTORY has. */
static unsigned __attribute__((unused)) room_count(int directory)
{
	DIR *d = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d)))
		n += *entry->d_name != '.';
	closedir(d);
	return n;
}

static void __attribute__((unused))
envelope_make(struct envelope *v, const char *sender, const char *recipients)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;

	*v = (struct envelope)ENVELOPE_NONE;
	if (!address_parse_sender(sender, strlen(sender), &v->sender, &err) ||
		!address_list_parse(recipients, strlen(recipients), &l, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	envelope_add_recipients(v, &l);
	address_list_done(&l);
}

/* A message of BODY octets in lines; with DIRECTORY a large body is kept there, as one that may be
 * queued. */
static void __attribute__((unused))
message_make(struct message *m, const char *directory, size_t body)
{
	static const char line[] =
		"a line of 64 octets with its end, over and over again, to the end"
		"\r\n";
	struct error err = ERROR_NONE;
	size_t n;

	message_init(m);
	m->directory = directory;
	m->base = ENTRY_BLOCK;
	strbuf_adds(&m->header, "Subject: kept\r\nTo: bob@example.org\r\n");
	message_update_header_facts(m);
	for (; body; body -= n) {
		n = sizeof(line) - 1;
		if (n > body)
			n = body;
		if (!message_add_body(m, line + sizeof(line) - 1 - n, n, &err))
			abort();
	}
}

/* Both give the same octets. */
static bool __attribute__((unused)) message_same(const struct message *a, const struct message *b)
{
	struct message_reader x, y;
	char of_a[4096], of_b[4096];
	struct error err = ERROR_NONE;
	ssize_t n;

	message_reader_init(&x, a);
	message_reader_init(&y, b);
	do {
		n = message_reader_get(&x, of_a, sizeof(of_a), &err);
		if (n < 0 || message_reader_get(&y, of_b, sizeof(of_b), &err) != n ||
			memcmp(of_a, of_b, (size_t)n) != 0)
			return false;
	} while (n);
	return true;
}
