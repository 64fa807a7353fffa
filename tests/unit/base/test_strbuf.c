#include "strbuf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static void
try_appending(void)
{
	struct strbuf b = STRBUF_INIT(1 << 20);

	same(b.s, b.len, "", "empty, without memory");
	ok(!b.alloc && b.s == strbuf_empty, "a constant string");
	strbuf_clear(&b);
	strbuf_truncate(&b, 0);
	strbuf_consume(&b, 0);
	strbuf_add(&b, "", 0);
	strbuf_add(&b, NULL, 0);
	strbuf_adds(&b, "");
	strbuf_addf(&b, "%s", "");
	strbuf_insert(&b, 0, "", 0);
	ok(!b.alloc && strbuf_empty[0] == '\0', "nothing added needs no memory");
	strbuf_adds(&b, "one");
	strbuf_addc(&b, ' ');
	strbuf_add(&b, "two\0three", 9);
	ok(b.len == 13 && memcmp(b.s, "one two\0three", 14) == 0, "octets, terminated");
	strbuf_truncate(&b, 7);
	same(b.s, b.len, "one two", "truncated");
	strbuf_truncate(&b, 100);
	same(b.s, b.len, "one two", "not longer");
	strbuf_addf(&b, ": %d %s", 42, "things");
	same(b.s, b.len, "one two: 42 things", "formatted");
	strbuf_consume(&b, 4);
	same(b.s, b.len, "two: 42 things", "consumed");
	strbuf_insert(&b, 0, "<", 1);
	strbuf_insert(&b, 4, "-", 1);
	strbuf_insert(&b, b.len, ">", 1);
	same(b.s, b.len, "<two-: 42 things>", "inserted");
	strbuf_consume(&b, b.len);
	same(b.s, b.len, "", "all consumed");
	strbuf_done(&b);
	ok(!b.alloc && b.cap == 1 << 20 && b.s == strbuf_empty, "done, with its cap");
	strbuf_done(&b);
	strbuf_addc(&b, 'x');
	same(b.s, b.len, "x", "and used again");
	strbuf_done(&b);
}

static void
try_growth(void)
{
	struct strbuf b;
	bool good = true;

	strbuf_init(&b, 1 << 20);
	for (size_t i = 0; good && i < 1 << 20; i++) {
		strbuf_addc(&b, (char)('a' + i % 26));
		good = b.len == i + 1 && !b.s[b.len] && b.alloc <= b.cap + 1;
	}
	ok(good && !b.full, "grown octet by octet to its cap");
	strbuf_addc(&b, 'x');
	ok(b.full && b.len == 1 << 20, "and no further");
	for (size_t i = 0; good && i < 1 << 20; i++)
		good = b.s[i] == (char)('a' + i % 26);
	ok(good, "with the same octets");
	strbuf_done(&b);
	ok(!b.full, "done forgets the mark");
}

static void
try_cap(void)
{
	struct strbuf b = STRBUF_INIT(8), none = STRBUF_INIT(0);

	strbuf_adds(&b, "12345");
	strbuf_adds(&b, "6789");
	ok(b.full, "too much");
	same(b.s, b.len, "12345", "is left out whole");
	strbuf_adds(&b, "678");
	ok(b.full && b.len == 8, "what fits is added, the mark stays");
	strbuf_insert(&b, 2, "x", 1);
	strbuf_addf(&b, "%d", 1);
	strbuf_addc(&b, 'x');
	same(b.s, b.len, "12345678", "nothing more fits");
	strbuf_clear(&b);
	ok(!b.full && !b.len && b.alloc, "cleared, memory kept");
	ok(!strbuf_reserve(&b, 9) && b.full, "no room for nine");
	ok(!strbuf_reserve(&b, (size_t)-1) && !strbuf_reserve(&b, (size_t)-8), "nor for all");
	ok(strbuf_reserve(&b, 8) == b.s, "for eight");
	memcpy(b.s, "abcd", 4);
	strbuf_advance(&b, 4);
	same(b.s, b.len, "abcd", "set by hand");
	ok(!strbuf_reserve(&b, (size_t)-4), "lengths do not wrap");
	ok(strbuf_reserve(&b, 0) == b.s + 4, "room for nothing");
	strbuf_done(&b);
	strbuf_addc(&none, 'x');
	ok(none.full && !none.len && !none.alloc, "a cap of nothing");
	strbuf_done(&none);
}

static void
try_move(void)
{
	struct strbuf a = STRBUF_INIT(16), b = STRBUF_INIT(32);

	strbuf_adds(&a, "old");
	strbuf_adds(&b, "new text");
	strbuf_move(&a, &b);
	same(a.s, a.len, "new text", "moved");
	ok(a.cap == 32 && !b.len && !b.alloc && b.s == strbuf_empty, "the source is empty");
	strbuf_addc(&b, 'x');
	same(b.s, b.len, "x", "and usable");
	strbuf_move(&a, &(struct strbuf)STRBUF_INIT(4));
	ok(!a.len && !a.alloc, "an empty one moved");
	strbuf_done(&a);
	strbuf_done(&b);
}

/* Truncated, consumed and cleared octets of a secret are gone from its memory. */
static void
try_secret(void)
{
	struct strbuf b = STRBUF_INIT_SECRET(1 << 16);
	bool good = true;

	strbuf_adds(&b, "user hunter2");
	strbuf_truncate(&b, 5);
	ok(!memmem(b.s, b.alloc, "hunter2", 7), "wiped when truncated");
	strbuf_adds(&b, "hunter2");
	strbuf_consume(&b, 8);
	same(b.s, b.len, "ter2", "what is left");
	ok(!memcmp(b.s + 4, "\0\0\0\0\0\0\0\0", 8), "wiped when consumed");
	strbuf_clear(&b);
	for (size_t i = 0; i < b.alloc && i < 60; i++)
		good = good && !b.s[i];
	ok(good, "wiped when cleared");
	strbuf_adds(&b, "secret");
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&b, "0123456789");
	ok(b.len == 10006 && strncmp(b.s, "secret0123", 10) == 0 && !b.s[b.len],
		"grown by copying");
	strbuf_done(&b);
	ok(b.secret && !b.alloc, "still a secret when done");
}

/* "wiped-secret-9f3b", never in memory as a whole but where the test puts it. */
static void
add_mark(struct strbuf *b)
{
	static const char mixed[] = "vhqde,rdbsdu,8g2c";

	for (size_t i = 0; i < sizeof(mixed) - 1; i++)
		strbuf_addc(b, (char)(mixed[i] ^ 1));
}

static unsigned
marks_in(int mem, uint64_t from, uint64_t to)
{
	static const char mixed[] = "vhqde,rdbsdu,8g2c";
	unsigned found = 0;
	char block[4096 + 64];
	ssize_t got;

	for (; from < to; from += 4096) {
		got = pread(mem, block, sizeof(block), (off_t)from);
		for (ssize_t at = 0; at < 4096 && at + (ssize_t)sizeof(mixed) - 1 <= got; at++) {
			size_t i = 0;

			while (i < sizeof(mixed) - 1 && block[at + (ssize_t)i] == (mixed[i] ^ 1))
				i++;
			found += i == sizeof(mixed) - 1;
		}
	}
	return found;
}

/* How often the mark stands in this process's writable memory, freed or not, but the stack. */
static unsigned
count_marks(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned found = 0;
	char line[512], *end;
	uint64_t from, to;

	while (maps && fgets(line, sizeof(line), maps)) {
		from = strtoull(line, &end, 16);
		to = strtoull(end + 1, &end, 16);
		/* what a sanitizer reserves is too much to be read */
		if (strncmp(end, " rw", 3) == 0 && !strstr(line, "[stack]") &&
			to - from < (uint64_t)1 << 28)
			found += marks_in(mem, from, to);
	}
	if (maps)
		fclose(maps);
	close(mem);
	return found;
}

static void
fill(struct strbuf *b)
{
	for (int i = 0; i < 4; i++)
		strbuf_adds(b, "the first octets of freed memory are used at once. ");
	add_mark(b);
}

/* What a secret leaves behind when its memory is given back: nothing. */
static void
try_wiping(void)
{
	struct strbuf secret = STRBUF_INIT_SECRET(1 << 16), plain = STRBUF_INIT(1 << 16);

	fill(&secret);
	ok(count_marks() == 1, "a mark in a buffer is found");
	for (int i = 0; i < 100; i++)
		strbuf_adds(&secret, "growing until it has moved several times. ");
	ok(count_marks() == 1, "wiped where it was before it grew");
	strbuf_done(&secret);
	ok(count_marks() == 0, "wiped at the end");
	fill(&plain);
	strbuf_done(&plain);
	ok(count_marks() == 1, "in freed memory a mark would have been found");
}

int
main(void)
{
	try_appending();
	try_growth();
	try_cap();
	try_move();
	try_secret();
	try_wiping();
	return tap_done();
}
