#include "memo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "field.h"
#include "io.h"

/* A file: the mark, its kind, the key, the time of writing, the record, a SHA-256 of all that. */
#define MARK       "sendoff memory 1\n"
#define MARK_LEN   (sizeof(MARK) - 1)
#define FILE_MAX   (MARK_LEN + MEMO_MAX + 256)
#define NAME_LEN   64
#define FUTURE     300 /* seconds by which the clock may have been set back */
#define DAY        86400
#define ORPHAN_AGE 3600 /* seconds after which a file that was never finished is removed */
#define SWEEP_MAX  1024 /* entries looked at by one sweep */
#define SWEEP_ODDS 16   /* one sweep for so many writes, on average */

static const struct {
	const char *prefix; /* of the file's name */
	time_t age_max;     /* seconds */
} kinds[] = {
	[MEMO_TICKET] = { "ticket-", DAY },
	[MEMO_SERVER] = { "server-", 60 * DAY },
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == MEMO_KIND_COUNT, "one row for each kind");

#define UNFINISHED "new-"

static void
add_time(struct strbuf *record, const struct timespec *when)
{
	field_add_number(record, (uint64_t)when->tv_sec);
	field_add_number(record, (uint64_t)when->tv_nsec);
}

void
memo_add_state(struct strbuf *record, const struct stat *st)
{
	field_add_number(record, (uint64_t)st->st_dev);
	field_add_number(record, (uint64_t)st->st_ino);
	field_add_number(record, (uint64_t)st->st_size);
	add_time(record, &st->st_mtim);
	add_time(record, &st->st_ctim);
}

void
memo_add_file(struct strbuf *record, const char *path, int fd)
{
	struct stat st;

	field_add_string(record, path);
	if (fstat(fd, &st))
		record->full = true;
	else
		memo_add_state(record, &st);
}

bool
memo_hash(struct memo_key *ret, const struct strbuf *identity)
{
	return !identity->full &&
	       gnutls_hash_fast(GNUTLS_DIG_SHA256, identity->s, identity->len, ret->octets) >= 0;
}

void
memo_print(enum memo_kind kind, const struct memo_key *key, const struct strbuf *record, time_t now,
	struct strbuf *file)
{
	struct memo_key sum;

	file->full = file->full || record->full;
	strbuf_add(file, MARK, MARK_LEN);
	field_add_string(file, kinds[kind].prefix);
	field_add(file, key->octets, sizeof(key->octets));
	field_add_number(file, (uint64_t)now);
	field_add(file, record->s, record->len);
	if (memo_hash(&sum, file))
		field_add(file, sum.octets, sizeof(sum.octets));
	else
		file->full = true;
}

/* True iff the next field of a file is what it must be. */
static bool
next_is(const char **at, const char *end, const void *data, size_t n)
{
	const char *field;
	size_t len;

	return field_take(at, end, &field, &len) && len == n && memcmp(field, data, n) == 0;
}

bool
memo_parse(enum memo_kind kind, const struct memo_key *key, const char *file, size_t n, time_t now,
	struct strbuf *ret)
{
	const char *prefix = kinds[kind].prefix, *at, *end = file + n, *record, *summed;
	uint64_t named, written;
	struct memo_key sum;
	size_t len;

	if (n < MARK_LEN || n > FILE_MAX || memcmp(file, MARK, MARK_LEN) != 0)
		return false;
	at = file + MARK_LEN;
	if (!field_take_number(&at, end, UINT64_MAX, &named) || !named ||
		!next_is(&at, end, prefix, strlen(prefix)) ||
		!next_is(&at, end, key->octets, sizeof(key->octets)) ||
		!field_take_number(&at, end, UINT64_MAX, &written) ||
		!field_take(&at, end, &record, &len))
		return false;
	summed = at;
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, file, (size_t)(summed - file), sum.octets) < 0 ||
		!next_is(&at, end, sum.octets, sizeof(sum.octets)) || at != end)
		return false;
	if (now < 0 || written > (uint64_t)now + FUTURE ||
		written + (uint64_t)kinds[kind].age_max < (uint64_t)now || len > MEMO_MAX)
		return false;
	strbuf_add(ret, record, len);
	return !ret->full;
}

/* With differing ids the environment that named the directory is somebody else's. */
static bool
is_ourselves(void)
{
	return getuid() == geteuid() && getgid() == getegid() && !getauxval(AT_SECURE);
}

static int
open_directory(const char *path)
{
	struct stat st;
	int fd;

	if (!is_ourselves()) {
		errno = EPERM;
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 ||
		(!fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & (S_IRWXG | S_IRWXO))))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static void
create(const char *directory)
{
	char parent[4096];
	const char *slash = strrchr(directory, '/');
	struct stat st;
	int fd;

	if (!slash || slash == directory || (size_t)(slash - directory) >= sizeof(parent))
		return;
	memcpy(parent, directory, (size_t)(slash - directory));
	parent[slash - directory] = '\0';
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_uid == geteuid())
		(void)!mkdirat(fd, slash + 1, S_IRWXU);
	close(fd);
}

bool
memo_prepare(const char *directory, bool make)
{
	int fd = open_directory(directory);

	if (fd < 0 && errno == ENOENT && make) {
		create(directory);
		fd = open_directory(directory);
	}
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void
name_file(char out[NAME_LEN], const char *prefix, const unsigned char *octets, size_t n)
{
	size_t at = (size_t)snprintf(out, NAME_LEN, "%s", prefix);

	for (size_t i = 0; i < n && at + 2 < NAME_LEN; i++)
		at += (size_t)snprintf(out + at, NAME_LEN - at, "%02x", octets[i]);
}

/* The whole key stands in the file; half of it makes a name that no other key has. */
static void
name_key(char out[NAME_LEN], enum memo_kind kind, const struct memo_key *key)
{
	name_file(out, kinds[kind].prefix, key->octets, MEMO_KEY / 2);
}

/* How long the file is; 0 unless only we can have written it. */
static size_t
size_if_ours(int fd)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & (S_IRWXG | S_IRWXO)) || st.st_nlink != 1 || st.st_size <= 0 ||
		(size_t)st.st_size > FILE_MAX)
		return 0;
	return (size_t)st.st_size;
}

bool
memo_get(const char *directory, enum memo_kind kind, const struct memo_key *key, struct strbuf *ret)
{
	struct strbuf file = STRBUF_INIT_SECRET(FILE_MAX);
	int at = open_directory(directory), fd = -1;
	char name[NAME_LEN], *room;
	ssize_t got = -1;
	size_t size;
	bool good;

	if (at < 0)
		return false;
	name_key(name, kind, key);
	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	close(at);
	if (fd < 0)
		return false;
	if ((size = size_if_ours(fd)) && (room = strbuf_reserve(&file, size)))
		got = io_read_full(fd, room, size);
	close(fd);
	if (got > 0)
		strbuf_advance(&file, (size_t)got);
	good = got > 0 && memo_parse(kind, key, file.s, file.len, clock_wall(), ret);
	strbuf_done(&file);
	return good;
}

/* A write beyond the limit would end the process by SIGXFSZ. */
static bool
may_write(size_t n)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) &&
	       (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= n);
}

/* A new file without a name that anybody waits for becomes the file. */
static void
replace(int at, const char *name, const struct strbuf *content)
{
	unsigned char random[8];
	char fresh[NAME_LEN];
	bool good;
	int fd;

	if (!may_write(content->len) ||
		getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return;
	name_file(fresh, UNFINISHED, random, sizeof(random));
	fd = openat(
		at, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return;
	good = io_write_full(fd, content->s, content->len);
	good = !close(fd) && good;
	if (!good || renameat(at, fresh, at, name))
		unlinkat(at, fresh, 0);
}

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* How old a file of this name may be; 0: it is none of ours. */
static time_t
life_of(const char *name)
{
	for (size_t i = 0; i < MEMO_KIND_COUNT; i++)
		if (starts_with(name, kinds[i].prefix))
			return kinds[i].age_max;
	return starts_with(name, UNFINISHED) ? ORPHAN_AGE : 0;
}

static void
sweep(int at)
{
	int copy = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	time_t now = clock_wall(), life;
	struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	for (int i = 0; i < SWEEP_MAX && (entry = readdir(dir)); i++)
		if ((life = life_of(entry->d_name)) &&
			!fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
			(st.st_mtime + life < now || st.st_mtime > now + life))
			unlinkat(at, entry->d_name, 0);
	closedir(dir);
}

void
memo_sweep(const char *directory)
{
	int at = open_directory(directory);

	if (at < 0)
		return;
	sweep(at);
	close(at);
}

void
memo_put(const char *directory, enum memo_kind kind, const struct memo_key *key,
	const struct strbuf *record)
{
	struct strbuf file = STRBUF_INIT_SECRET(FILE_MAX);
	int at = open_directory(directory);
	unsigned char dice = 0;
	char name[NAME_LEN];

	if (at < 0)
		return;
	memo_print(kind, key, record, clock_wall(), &file);
	name_key(name, kind, key);
	if (!file.full && record->len <= MEMO_MAX)
		replace(at, name, &file);
	if (getrandom(&dice, 1, GRND_NONBLOCK) == 1 && dice % SWEEP_ODDS == 0)
		sweep(at);
	close(at);
	strbuf_done(&file);
}

void
memo_forget(const char *directory, enum memo_kind kind, const struct memo_key *key)
{
	int at = open_directory(directory);
	char name[NAME_LEN];

	if (at < 0)
		return;
	name_key(name, kind, key);
	unlinkat(at, name, 0);
	close(at);
}
