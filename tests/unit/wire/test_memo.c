#include "field.h"
#include "memo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "tap.h"

#define DAY 86400

/* The time of the start, as files get real times from the kernel: with any other, a sweep would
 * find them too old or of the future. */
static time_t started;

static char folder[] = "/tmp/sendoff-test.XXXXXX";
static char place[200], path[600];
static struct memo_key key = { "0123456789abcdef0123456789abcde" }, other = { "other" };

static const char *
in(const char *parent, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", parent, name);
	return path;
}

static void
fill(struct strbuf *b, const char *s)
{
	*b = (struct strbuf)STRBUF_INIT(MEMO_MAX + 100);
	strbuf_adds(b, s);
}

/* What is kept under KEY. */
static void
want(enum memo_kind kind, const struct memo_key *k, const char *content, const char *what)
{
	struct strbuf got = STRBUF_INIT(MEMO_MAX);
	bool found = memo_get(place, kind, k, &got);

	if (content)
		same(found ? got.s : NULL, got.len, content, what);
	else
		ok(!found && !got.len, "%s", what);
	strbuf_done(&got);
}

static void
put(enum memo_kind kind, const struct memo_key *k, const char *content)
{
	struct strbuf record;

	fill(&record, content);
	memo_put(place, kind, k, &record);
	strbuf_done(&record);
}

/* The name of the only file, or of none. */
static const char *
only_file(unsigned *ret_count)
{
	static char name[600];
	DIR *dir = opendir(place);
	struct dirent *entry;

	*ret_count = 0;
	*name = '\0';
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			(*ret_count)++;
			snprintf(name, sizeof(name), "%s/%s", place, entry->d_name);
		}
	if (dir)
		closedir(dir);
	return name;
}

static void
empty(void)
{
	unsigned n;
	const char *name;

	while (name = only_file(&n), n)
		if (unlink(name))
			break;
}

static void
test_fields(void)
{
	struct strbuf b = STRBUF_INIT(1000), small = STRBUF_INIT(10);
	struct memo_key a, c;
	const char *at, *end, *s;
	uint64_t number;
	char four[4];
	size_t n;

	field_add(&b, "a\0b", 3);
	field_add(&b, "", 0);
	field_add_number(&b, UINT64_MAX - 1);
	field_add(&b, "four", 4);
	at = b.s;
	end = b.s + b.len;
	ok(field_take(&at, end, &s, &n) && n == 3 && !memcmp(s, "a\0b", 3), "octets");
	ok(field_take(&at, end, &s, &n) && n == 0, "none");
	ok(field_take_number(&at, end, UINT64_MAX, &number) && number == UINT64_MAX - 1,
		"a number");
	ok(field_take_octets(&at, end, four, 4) && !memcmp(four, "four", 4) && at == end, "four");
	ok(!field_take(&at, end, &s, &n), "the end");
	at = b.s;
	ok(!field_take_octets(&at, end, four, 4), "another length");
	for (size_t cut = 0; cut < 7; cut++) {
		at = b.s;
		if (field_take(&at, b.s + cut, &s, &n))
			break;
		if (cut == 6)
			ok(true, "a field that is cut off");
	}
	at = "\xff\xff\xff\xff....";
	ok(!field_take(&at, at + 8, &s, &n), "a length beyond the end");
	field_add_string(&small, "0123456789");
	ok(small.full && !memo_hash(&a, &small), "what did not fit has no key");
	strbuf_clear(&b);
	field_add_string(&b, NULL);
	ok(memo_hash(&a, &b), "a key");
	strbuf_clear(&b);
	field_add_string(&b, "");
	ok(memo_hash(&c, &b) && memcmp(&a, &c, sizeof(a)), "no text is not an empty one");
	strbuf_done(&b);
	strbuf_done(&small);
}

static bool
parses(struct strbuf *file, size_t n, time_t when)
{
	struct strbuf got = STRBUF_INIT(MEMO_MAX);
	bool good = memo_parse(MEMO_TICKET, &key, file->s, n, when, &got);

	good = good && got.len == 7 && !memcmp(got.s, "content", 7);
	strbuf_done(&got);
	return good;
}

static void
test_format(void)
{
	struct strbuf file = STRBUF_INIT(MEMO_MAX + 1000), record, got = STRBUF_INIT(MEMO_MAX),
		      little = STRBUF_INIT(3);
	size_t bad = 0;

	fill(&record, "content");
	memo_print(MEMO_TICKET, &key, &record, started, &file);
	ok(parses(&file, file.len, started), "read as it was written");
	ok(parses(&file, file.len, started + DAY), "a day later");
	ok(!parses(&file, file.len, started + DAY + 1), "not later");
	ok(parses(&file, file.len, started - 300), "the clock was set back a little");
	ok(!parses(&file, file.len, started - 301), "from the future");
	ok(!parses(&file, file.len, -1), "before all time");
	for (size_t i = 0; i < file.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			file.s[i] = (char)(file.s[i] ^ 1 << bit);
			bad += parses(&file, file.len, started);
			file.s[i] = (char)(file.s[i] ^ 1 << bit);
		}
	ok(!bad, "any bit that is not as it was");
	for (size_t n = 0; n < file.len; n++)
		bad += parses(&file, n, started);
	ok(!bad, "any end that is missing");
	ok(!memo_parse(MEMO_SERVER, &key, file.s, file.len, started, &got) && !got.len,
		"another kind");
	ok(!memo_parse(MEMO_TICKET, &other, file.s, file.len, started, &got) && !got.len,
		"another key");
	ok(!memo_parse(MEMO_TICKET, &key, file.s, file.len, started, &little), "no room for it");
	strbuf_addc(&file, 'x');
	ok(!parses(&file, file.len, started), "something behind the end");
	strbuf_done(&file);
	strbuf_done(&record);
	strbuf_done(&got);
}

/* As a program with somebody else's rights would run; in a child. */
static void
test_ids(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		chmod(folder, 0755);
		if (chown(place, 12345, 0) || setresuid(54321, 12345, 12345))
			_exit(2);
		_exit(memo_prepare(place, true));
	}
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"not with the rights of another user");
	ok(!chown(place, 0, 0) && memo_prepare(place, false), "but with one's own");
}

static void
test_directory(void)
{
	struct stat st;

	ok(!memo_prepare(place, false), "there is none");
	ok(memo_prepare(place, true) && !stat(place, &st) && (st.st_mode & 07777) == 0700,
		"made with mode 700");
	ok(memo_prepare(place, false), "there it is");
	chmod(place, 0750);
	ok(!memo_prepare(place, true), "not when others can read it");
	put(MEMO_TICKET, &key, "content");
	chmod(place, 0700);
	want(MEMO_TICKET, &key, NULL, "and nothing was written there");
	ok(!symlink(place, in(folder, "link")) && !memo_prepare(in(folder, "link"), true),
		"no link to one");
	ok(!symlink("nowhere", in(folder, "dangling")) &&
			!memo_prepare(in(folder, "dangling"), true),
		"no link to nowhere");
	ok(!memo_prepare(in(folder, "a/b"), true), "only one level is made");
	ok(!memo_prepare("relative", true) && !memo_prepare("/", true) && !memo_prepare("", true),
		"no path");
	unlink(in(folder, "link"));
	unlink(in(folder, "dangling"));
	if (geteuid()) {
		ok(!memo_prepare("/tmp/sendoff-foreign", true), "not below what is not ours");
		return;
	}
	ok(!mkdir(in(folder, "foreign"), 0700) && !chown(path, 12345, 12345) &&
			!memo_prepare(path, true),
		"not somebody else's");
	ok(!memo_prepare(in(folder, "foreign/new"), true) && stat(path, &st) && errno == ENOENT,
		"and nothing is made in it");
	rmdir(in(folder, "foreign"));
	test_ids();
}

static void
test_keeping(void)
{
	struct strbuf record = STRBUF_INIT(MEMO_MAX + 100);
	struct stat st;
	unsigned n;
	char *long_one;

	want(MEMO_TICKET, &key, NULL, "nothing is kept");
	put(MEMO_TICKET, &key, "first");
	want(MEMO_TICKET, &key, "first", "kept");
	ok(!stat(only_file(&n), &st) && n == 1 && (st.st_mode & 07777) == 0600, "mode 600");
	put(MEMO_TICKET, &key, "second");
	want(MEMO_TICKET, &key, "second", "replaced");
	ok(only_file(&n) && n == 1, "nothing else is left");
	want(MEMO_SERVER, &key, NULL, "another kind");
	want(MEMO_TICKET, &other, NULL, "another key");
	put(MEMO_SERVER, &key, "server");
	want(MEMO_TICKET, &key, "second", "the two do not meet");
	long_one = strbuf_reserve(&record, MEMO_MAX + 1);
	memset(long_one, 'x', MEMO_MAX + 1);
	strbuf_advance(&record, MEMO_MAX + 1);
	memo_put(place, MEMO_TICKET, &key, &record);
	want(MEMO_TICKET, &key, "second", "what is too large is not kept");
	strbuf_truncate(&record, MEMO_MAX);
	memo_put(place, MEMO_TICKET, &key, &record);
	want(MEMO_TICKET, &key, record.s, "the largest is");
	memo_forget(place, MEMO_TICKET, &key);
	memo_forget(place, MEMO_TICKET, &key);
	want(MEMO_TICKET, &key, NULL, "forgotten");
	want(MEMO_SERVER, &key, "server", "alone");
	strbuf_done(&record);
	empty();
}

/* Files that are not, or not only, ours. */
static void
test_faults(void)
{
	char name[600], elsewhere[600];
	unsigned n;
	int fd;

	put(MEMO_TICKET, &key, "content");
	snprintf(name, sizeof(name), "%s", only_file(&n));
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	chmod(name, 0640);
	want(MEMO_TICKET, &key, NULL, "readable by others");
	chmod(name, 0600);
	want(MEMO_TICKET, &key, "content", "by us alone");
	ok(!link(name, elsewhere), "a second name");
	want(MEMO_TICKET, &key, NULL, "makes it useless");
	unlink(name);
	ok(!symlink(elsewhere, name), "a link in its place");
	want(MEMO_TICKET, &key, NULL, "is not followed");
	put(MEMO_TICKET, &key, "new");
	want(MEMO_TICKET, &key, "new", "but replaced");
	unlink(elsewhere);
	unlink(name);
	ok(!mkfifo(name, 0600), "a pipe in its place");
	want(MEMO_TICKET, &key, NULL, "is not waited for");
	unlink(name);
	ok(!mkdir(name, 0700), "a directory in its place");
	put(MEMO_TICKET, &key, "new");
	want(MEMO_TICKET, &key, NULL, "stays");
	ok(only_file(&n) && n == 1, "and nothing is left beside it");
	rmdir(name);
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	ok(fd >= 0 && !ftruncate(fd, (off_t)1 << 40) && !close(fd), "a file of a terabyte");
	want(MEMO_TICKET, &key, NULL, "is not read");
	unlink(name);
	if (!geteuid()) {
		put(MEMO_TICKET, &key, "content");
		ok(!chown(name, 12345, 12345), "somebody else's");
		want(MEMO_TICKET, &key, NULL, "is not believed");
	}
	empty();
}

/* In a child, since a limit stays. */
static void
test_full(void)
{
	struct rlimit limit = { 100, 100 };
	int status = -1;
	unsigned n;
	pid_t pid;

	put(MEMO_TICKET, &key, "content");
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_FSIZE, &limit);
		put(MEMO_TICKET, &key, "new");
		put(MEMO_SERVER, &key, "new");
		_exit(7);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7,
		"a limit for files does no harm");
	want(MEMO_TICKET, &key, "content", "what was there stays");
	ok(only_file(&n) && n == 1, "and nothing new");
	empty();
}

static void
test_many(void)
{
	struct strbuf got = STRBUF_INIT(MEMO_MAX);
	unsigned bad = 0, n;
	pid_t pid[4];

	for (int i = 0; i < 4; i++)
		if (!(pid[i] = fork())) {
			char text[300];

			memset(text, 'a' + i, sizeof(text) - 1);
			text[100 + i * 50] = '\0';
			for (int j = 0; j < 200; j++)
				put(MEMO_TICKET, &key, text);
			_exit(0);
		}
	for (int i = 0; i < 500; i++) {
		strbuf_clear(&got);
		if (memo_get(place, MEMO_TICKET, &key, &got))
			bad += strspn(got.s, (char[]){ got.s[0], 0 }) !=
			       100 + (size_t)(got.s[0] - 'a') * 50;
	}
	for (int i = 0; i < 4; i++)
		waitpid(pid[i], NULL, 0);
	ok(!bad, "several that write at once: never half a record");
	ok(only_file(&n) && n == 1, "one file is left");
	strbuf_done(&got);
	empty();
}

static void
age(const char *name, time_t by)
{
	struct timespec both[2] = { { .tv_sec = started - by }, { .tv_sec = started - by } };
	int fd = open(in(place, name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || futimens(fd, both) || close(fd))
		printf("Bail out! %s\n", name);
}

static void
test_sweep(void)
{
	static const struct {
		const char *name;
		time_t age;
		bool stays;
	} files[] = {
		{ "ticket-00", 0, true },
		{ "ticket-01", DAY - 10, true },
		{ "ticket-02", DAY + 10, false },
		{ "server-00", 59 * DAY, true },
		{ "server-01", 61 * DAY, false },
		{ "server-02", -61 * DAY, false },
		{ "new-00", 10, true },
		{ "new-01", 3700, false },
		{ "something", 1000 * DAY, true },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		age(files[i].name, files[i].age);
	memo_sweep(place);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		ok(!access(in(place, files[i].name), F_OK) == files[i].stays, "%s %s",
			files[i].name, files[i].stays ? "stays" : "goes");
	/* a few writes sweep too, sooner or later */
	age("ticket-02", DAY + 10);
	for (int i = 0; i < 1000 && !access(in(place, "ticket-02"), F_OK); i++)
		put(MEMO_SERVER, &key, "x");
	ok(access(in(place, "ticket-02"), F_OK), "now and then without being asked");
	empty();
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 99;
	started = time(NULL);
	clock_pretend(started);
	snprintf(place, sizeof(place), "%s/place", folder);
	test_fields();
	test_format();
	test_directory();
	test_keeping();
	test_faults();
	test_full();
	test_many();
	test_sweep();
	rmdir(place);
	ok(!rmdir(folder), "nothing is left");
	return tap_done();
}
