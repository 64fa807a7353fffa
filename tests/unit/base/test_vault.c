#include "vault.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "strbuf.h"
#include "tap.h"

/* The flags of the mapping that P lies in, as /proc/self/smaps names them ("dd": not dumped). */
static bool
has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to, at = (unsigned long)p;
	bool inside = false, found = false;
	char line[512], *end;

	while (f && fgets(line, sizeof(line), f)) {
		from = strtoul(line, &end, 16);
		if (*end == '-') {
			to = strtoul(end + 1, NULL, 16);
			inside = at >= from && at < to;
		}
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

static void
pages(void)
{
	struct strbuf plain = STRBUF_INIT(100), b = STRBUF_INIT_SECRET(1 << 20);
	char *kept;

	ok(!vault_has(&b), "nothing is made before it is needed");
	strbuf_adds(&plain, "x");
	ok(!vault_has(plain.s), "what is no secret is elsewhere");
	strbuf_adds(&b, "hunter2");
	if (SANITIZED) {
		ok(true, "# SKIP a sanitizer's memory");
	} else {
		ok(vault_has(b.s), "a secret is there");
		ok(has_flag(b.s, " dd"), "and in no core file");
	}
	kept = b.s;
	for (int i = 0; i < 6; i++)
		strbuf_adds(&b, "0123456789");
	if (!SANITIZED)
		ok(b.s != kept && !kept[0] && !kept[6], "where it was is wiped when it grows");
	for (int i = 6; i < 1000; i++)
		strbuf_adds(&b, "0123456789");
	ok(b.len == 10007 && strncmp(b.s, "hunter20123", 11) == 0, "it grows");
	for (int i = 0; i < 10000; i++)
		strbuf_adds(&b, "0123456789");
	ok(b.len == 110007 && strncmp(b.s, "hunter20123", 11) == 0 && !vault_has(b.s),
		"out of there when it is too large");
	strbuf_done(&b);
	strbuf_adds(&b, "again");
	ok(strcmp(b.s, "again") == 0 && (SANITIZED || vault_has(b.s)), "and in again");
	strbuf_done(&b);
	strbuf_done(&plain);
}

/* The mark comes and goes while memory is held. */
static void
marks(void)
{
	struct strbuf b = STRBUF_INIT(10000), moved = STRBUF_INIT(100);

	strbuf_adds(&b, "open");
	b.secret = true;
	for (int i = 0; i < 100; i++)
		strbuf_adds(&b, "0123456789");
	ok(b.len == 1004 && (SANITIZED || vault_has(b.s)), "marked, it moves there");
	b.secret = false;
	strbuf_move(&moved, &b);
	ok(moved.len == 1004 && !b.len, "handed over");
	strbuf_done(&moved);
	strbuf_adds(&b, "x");
	ok(!vault_has(b.s), "not secret any more");
	strbuf_done(&b);
}

static void
many(void)
{
	static char *v[4000];
	static size_t size[4000];
	bool good = true;
	unsigned seed = 1;

	for (int round = 0; round < 20; round++) {
		for (size_t i = round % 3; i < 4000; i += 3) {
			if (v[i]) {
				for (size_t k = 0; k < size[i]; k++)
					good &= v[i][k] == (char)(i + k);
				vault_free(v[i], size[i]);
			}
			seed = seed * 1103515245u + 12345u;
			size[i] = (seed >> 16) % 400;
			v[i] = vault_alloc(size[i]);
			for (size_t k = 0; k < size[i]; k++)
				v[i][k] = (char)(i + k);
		}
	}
	ok(good, "nothing overlaps, full or not");
	for (size_t i = 0; i < 4000; i++)
		if (v[i])
			vault_free(v[i], size[i]);
	v[0] = vault_alloc(16 << 10);
	ok(SANITIZED || vault_has(v[0]), "all is free again");
	vault_free(v[0], 16 << 10);
}

int
main(void)
{
	pages();
	marks();
	many();
	return tap_done();
}
