/* A message that comes in by a descriptor. Whoever passed it can change, shorten and stall what it
 * stands for at any time: it is copied, by plain reads, before anybody looks at it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "intake.h"
#include "io.h"
#include "serve_state.h"

#define PIECE (256 << 10)
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
/* header, envelope and first block of an entry, beside the body */
#define BESIDE (ENTRY_BLOCK + ENTRY_ENVELOPE + (2 << 20))

/* True iff it is memory, a file that no file system has. */
static bool
is_memory(int fd)
{
	char path[32], target[16] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strncmp(target, "/memfd:", 7) == 0;
}

static bool
check(int fd, uint64_t most, uint64_t *ret_size, struct error *err)
{
	struct stat st;
	int seals, flags;

	if (fstat(fd, &st) != 0)
		return error_sys(err, FAULT_DATA, errno, "unable to look at the message");
	if (!S_ISREG(st.st_mode))
		return error_set(err, FAULT_DATA, "the message is not in a file");
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
		return error_set(err, FAULT_DATA, "the message cannot be read");
	if (is_memory(fd)) {
		seals = fcntl(fd, F_GET_SEALS);
		if (seals < 0 || (seals & SEALS) != SEALS)
			return error_set(
				err, FAULT_DATA, "the message is in memory that is not sealed");
	}
	if ((uint64_t)st.st_size < ENTRY_BLOCK)
		return error_set(err, FAULT_DATA, "the message is no entry of a queue");
	if ((uint64_t)st.st_size > most + BESIDE)
		return error_set(err, FAULT_DATA,
			"the message is larger than the %llu octets that the service takes (key "
			"message-octets)",
			(unsigned long long)most);
	*ret_size = (uint64_t)st.st_size;
	return true;
}

static bool
copy(int from, int to, uint64_t size, struct error *err)
{
	int64_t deadline = clock_in(SERVE_COPY_S * CLOCK_SECOND);
	char *piece = xmalloc(PIECE);
	bool good = true;
	uint64_t at = 0;
	ssize_t got;

	while (good && at < size) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		got = io_pread_full(from, piece, n, at);
		if (got < 0)
			good = error_sys(err, FAULT_DATA, errno, "unable to read the message");
		else if ((size_t)got < n)
			good = error_set(err, FAULT_DATA, "the message became shorter meanwhile");
		else if (!io_write_full(to, piece, n))
			good = error_sys(err, FAULT_TEMPORARY, errno, "unable to copy the message");
		else if (!clock_left(deadline))
			good = error_set(
				err, FAULT_TEMPORARY, "the message could not be copied in time");
		at += n;
	}
	free(piece);
	return good;
}

/* What became of it elsewhere is not to be believed. */
static void
forget_outcomes(struct entry *e)
{
	for (size_t i = 0; i < e->envelope.count; i++)
		recipient_set(&e->envelope.recipients[i], OUTCOME_PENDING, 0,
			(struct enhanced){ 0 }, NULL, NULL);
}

bool
serve_take_message(const struct serve *s, int from, uint64_t most, struct entry *e,
	struct message *m, struct error *err)
{
	char *directory = NULL;
	uint64_t size = 0;
	bool good;
	int to;

	if (!check(from, most, &size, err))
		return false;
	if (asprintf(&directory, "%s/queue", s->spool_path.s) < 0)
		alloc_failed();
	to = io_temporary(directory, err);
	/* a read that does not return: the file may be anything, on anything */
	alarm(SERVE_COPY_S + 10);
	good = to >= 0 && copy(from, to, size, err);
	alarm(0);
	if (!good && to >= 0)
		close(to);
	good = good && entry_read(to, ENTRY_WHOLE, e, err);
	if (good) {
		forget_outcomes(e);
		good = message_read_anew(&e->message, directory, ENTRY_BLOCK, m, err);
	}
	free(directory);
	return good;
}
