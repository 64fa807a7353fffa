#include "seen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "error.h"
#include "io.h"
#include "spool.h"
#include "state.h"
#include "strbuf.h"
#include "text.h"

#define DIRECTORY "seen"

/* The file is appended to: lines "WORD TIME SUM TEXT", where SUM is of the others. The newest whole
 * line counts, so that a line that was cut by the end of the machine changes nothing. */
#define LINE_MAX_ (SEEN_OUTCOME + 80)
#define FILE_MAX_ (8 * LINE_MAX_)
#define SUM       16

static void
make_name(uid_t uid, const char *key, char ret[DIGEST_HEX])
{
	char text[SEEN_KEY + 32];
	int n = snprintf(text, sizeof(text), "%lu %s", (unsigned long)uid, key);

	digest_hex(text, (size_t)n, ret);
}

/* The sum of a line without its sum. */
static void
line_sum(const char *word, const char *when, const char *text, char ret[DIGEST_HEX])
{
	char line[LINE_MAX_ + 32];
	int n = snprintf(line, sizeof(line), "%s %s %s", word, when, text);

	digest_hex(line, n > 0 && (size_t)n < sizeof(line) ? (size_t)n : 0, ret);
	ret[SUM] = '\0';
}

/* Takes in one line (a string without its end): false if it is none of ours. */
static bool
take_line(struct seen *seen, char *line, int64_t *ret_when)
{
	char sum[DIGEST_HEX], *part[4];
	uint64_t when;

	for (int i = 0; i < 4; i++) {
		part[i] = line;
		if (i == 3)
			break;
		line = strchr(line, ' ');
		if (!line)
			return false;
		*line++ = '\0';
	}
	line_sum(part[0], part[1], part[3], sum);
	if (strcmp(sum, part[2]) != 0 || !text_number(part[1], 0, INT64_MAX / 2, &when) ||
		strlen(part[3]) >= sizeof(seen->outcome) ||
		text_has_control(part[3], strlen(part[3])))
		return false;
	if (strcmp(part[0], "done") == 0)
		seen->state = SEEN_DONE;
	else if (strcmp(part[0], "note") == 0)
		seen->state = SEEN_NEW;
	else
		return false;
	memcpy(seen->outcome, part[3], strlen(part[3]) + 1);
	*ret_when = (int64_t)when;
	return true;
}

void
seen_parse(char *text, size_t n, int64_t now, struct seen *ret)
{
	char *line = text, *lf;
	int64_t when = 0;

	ret->state = SEEN_NEW;
	ret->outcome[0] = '\0';
	while ((lf = memchr(line, '\n', (size_t)(text + n - line)))) {
		*lf = '\0';
		(void)take_line(ret, line, &when);
		line = lf + 1;
	}
	if (now - when >= SEEN_AGE || when - now >= SEEN_AGE) {
		ret->state = SEEN_NEW;
		ret->outcome[0] = '\0';
	}
}

/* Reads what earlier runs left. */
static bool
take_file(struct seen *seen, int64_t now)
{
	char text[FILE_MAX_];
	ssize_t n = io_pread_full(seen->fd, text, sizeof(text), 0);

	if (n < 0)
		return false;
	seen_parse(text, (size_t)n, now, seen);
	return true;
}

static bool
key_is_good(const char *key, struct error *err)
{
	size_t n = strlen(key);

	if (!n || n > SEEN_KEY)
		return error_set(err, FAULT_USAGE, "a key has 1 to %d octets", SEEN_KEY);
	if (text_has_control(key, n))
		return error_set(err, FAULT_USAGE, "a key has no control characters");
	return true;
}

/* Opens the file and locks it. *RET_HELD: another process has it. */
static bool
open_locked(struct seen *seen, bool *ret_held)
{
	struct stat st;

	*ret_held = false;
	for (int i = 0; i < 100; i++) {
		seen->fd = state_open(seen->dir, seen->name, O_RDWR | O_CREAT | O_APPEND);
		if (seen->fd < 0)
			return false;
		if (flock(seen->fd, LOCK_EX | LOCK_NB) != 0) {
			*ret_held = errno == EWOULDBLOCK;
			return *ret_held;
		}
		/* a run that failed has removed it meanwhile */
		if (fstat(seen->fd, &st) == 0 && st.st_nlink == 1)
			return true;
		close(seen->fd);
		seen->fd = -1;
	}
	errno = EBUSY;
	return false;
}

bool
seen_begin(struct spool *s, uid_t uid, const char *key, int64_t now, struct seen *ret,
	struct error *err)
{
	bool held, good;

	*ret = (struct seen)SEEN_NONE;
	if (!key_is_good(key, err))
		return false;
	ret->dir = state_directory(s, DIRECTORY, err);
	if (ret->dir < 0)
		return false;
	ret->now = now;
	make_name(uid, key, ret->name);
	good = open_locked(ret, &held) && take_file(ret, now);
	if (!good)
		error_sys(err, FAULT_TEMPORARY, errno, "unable to use the key \"%s\"", key);
	else if (held && ret->state != SEEN_DONE)
		ret->state = SEEN_RUNNING;
	if (!good || held || ret->state == SEEN_DONE)
		seen_end(ret);
	return good;
}

static bool
add_line(struct seen *seen, const char *word, const char *text, struct error *err)
{
	char line[LINE_MAX_], when[24], sum[DIGEST_HEX], shown[SEEN_OUTCOME];
	struct stat st;
	int n;

	text_printable(shown, sizeof(shown), text, strlen(text));
	snprintf(when, sizeof(when), "%lld", (long long)seen->now);
	line_sum(word, when, shown, sum);
	/* an own line, whatever the last run left unfinished */
	n = snprintf(line, sizeof(line), "%s %s %s %s\n", word, when, sum, shown);
	/* many runs that died make no endless file; the note is lost with a power cut only right
	 * here */
	if (fstat(seen->fd, &st) == 0 && st.st_size > FILE_MAX_ - 2 * LINE_MAX_ &&
		ftruncate(seen->fd, 0) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to note the key");
	if (st.st_size > 0 && !io_write_full(seen->fd, "\n", 1))
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to note the key");
	if (!io_write_full(seen->fd, line, (size_t)n) || fsync(seen->fd) != 0 ||
		fsync(seen->dir) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to note the key");
	return true;
}

bool
seen_note(struct seen *seen, const char *text, struct error *err)
{
	return add_line(seen, "note", text, err);
}

bool
seen_done(struct seen *seen, const char *outcome, struct error *err)
{
	if (!add_line(seen, "done", outcome, err))
		return false;
	seen->state = SEEN_DONE;
	return true;
}

void
seen_forget(struct seen *seen)
{
	if (seen->fd >= 0)
		(void)unlinkat(seen->dir, seen->name, 0);
	seen_end(seen);
}

void
seen_end(struct seen *seen)
{
	if (seen->fd >= 0)
		close(seen->fd);
	if (seen->dir >= 0)
		close(seen->dir);
	seen->fd = seen->dir = -1;
}

/* Removes one record if it is old and nobody is at work on it. */
static bool
purge_one(int dir, const char *name, int64_t now)
{
	struct stat st;
	bool removed = false;
	int fd;

	if (strlen(name) != DIGEST_HEX - 1 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(st.st_mode) || now - st.st_mtime < SEEN_AGE)
		return false;
	fd = state_open(dir, name, O_RDWR);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
		now - st.st_mtime >= SEEN_AGE)
		removed = unlinkat(dir, name, 0) == 0;
	close(fd);
	return removed;
}

void
seen_purge(struct spool *s, int64_t now, unsigned max)
{
	int fd = state_directory(s, DIRECTORY, NULL);
	struct dirent *entry;
	DIR *d;

	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while (max && (entry = readdir(d)))
		max -= purge_one(fd, entry->d_name, now);
	closedir(d);
}
