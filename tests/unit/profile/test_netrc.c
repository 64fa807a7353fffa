#include "netrc.h"

#include <stdlib.h>

#include "clock.h"
#include "strbuf.h"
#include "tap.h"

/* What USER at mail.example.org finds in TEXT. */
static void
finds(const char *text, const char *user, enum netrc_answer want, const char *password, size_t line)
{
	struct strbuf out = STRBUF_INIT_SECRET(9000);
	struct netrc_result r = netrc_find(text, strlen(text), "mail.example.org", user, &out);

	ok(r.answer == want && r.line == line, "answer %d, line %zu", r.answer, r.line);
	tap_show("of", text, strlen(text));
	same(out.s, out.len, password, "password");
	strbuf_done(&out);
}

#define MACHINE "machine mail.example.org "

static void
entries(void)
{
	finds(MACHINE "login ann password p", "ann", NETRC_FOUND, "p", 1);
	finds(MACHINE "password p login ann", "ann", NETRC_FOUND, "p", 1);
	finds("machine\nMAIL.example.ORG\r\n\tlogin ann\r\n\tpassword p\r\n", "ann", NETRC_FOUND,
		"p", 1);
	finds(MACHINE "password p", "ann", NETRC_FOUND, "p", 1);
	finds(MACHINE "login bob password q\n" MACHINE "login ann password p", "ann", NETRC_FOUND,
		"p", 2);
	finds(MACHINE "login ann password p\n" MACHINE "login ann password q", "ann", NETRC_FOUND,
		"p", 1);
	finds("machine x login ann password q\n" MACHINE "login ann account a password p", "ann",
		NETRC_FOUND, "p", 2);
	finds("", "ann", NETRC_NO_MACHINE, "", 0);
	finds("machine x login ann password p", "ann", NETRC_NO_MACHINE, "", 0);
	finds("machine mail.example.organ login ann password p", "ann", NETRC_NO_MACHINE, "", 0);
	finds(MACHINE "login ann", "ann", NETRC_NO_PASSWORD, "", 1);
	finds(MACHINE "login bob password q", "ann", NETRC_OTHER_LOGIN, "", 1);
	finds(MACHINE "login Ann password q", "ann", NETRC_OTHER_LOGIN, "", 1);
	finds("\n\n" MACHINE "login bob password q\n" MACHINE "login carl password r", "ann",
		NETRC_OTHER_LOGIN, "", 4);
}

static void
defaults(void)
{
	finds("default login ann password p", "ann", NETRC_FOUND, "p", 1);
	finds("default password p", "ann", NETRC_FOUND, "p", 1);
	finds("default login bob password p", "ann", NETRC_NO_MACHINE, "", 0);
	finds(MACHINE "login ann password p\ndefault login ann password q", "ann", NETRC_FOUND, "p",
		1);
	finds(MACHINE "login bob password p\ndefault login ann password q", "ann",
		NETRC_OTHER_LOGIN, "", 1);
	finds("machine default login ann password p", "ann", NETRC_NO_MACHINE, "", 0);
}

static void
words(void)
{
	finds(MACHINE "login ann password \"a b\"", "ann", NETRC_FOUND, "a b", 1);
	finds(MACHINE "login ann password \"a\\\"b\\\\c\\td\\x\"", "ann", NETRC_FOUND,
		"a\"b\\c\tdx", 1);
	finds(MACHINE "login ann password a\\b\\\\c\\\"d\\ e", "ann", NETRC_FOUND, "a\\b\\c\"d e",
		1);
	finds(MACHINE "login ann password a\"b", "ann", NETRC_FOUND, "a\"b", 1);
	finds(MACHINE "login ann password #p", "ann", NETRC_FOUND, "#p", 1);
	finds(MACHINE "login ann password\n#p", "ann", NETRC_FOUND, "#p", 1);
	finds(MACHINE "login ann password login", "ann", NETRC_FOUND, "login", 1);
	finds(MACHINE "login ann password \"\"", "ann", NETRC_FOUND, "", 1);
	finds("# machine\n  # " MACHINE "\n" MACHINE "\n# password q\nlogin ann password p", "ann",
		NETRC_FOUND, "p", 3);
	finds(MACHINE "login \"ann b\" password p", "ann b", NETRC_FOUND, "p", 1);
	finds("machine x\nmacdef init\nmachine mail.example.org login ann password q\n\n" MACHINE
	      "login ann password p",
		"ann", NETRC_FOUND, "p", 5);
	finds("macdef init\nput\n" MACHINE "login ann password q", "ann", NETRC_NO_MACHINE, "", 0);
}

static void
broken(void)
{
	finds(MACHINE "login ann password a b", "ann", NETRC_BROKEN, "", 1);
	finds(MACHINE "\nlogin ann\npassword a b\n", "ann", NETRC_BROKEN, "", 3);
	finds(MACHINE "login ann password \"a b", "ann", NETRC_BROKEN, "", 1);
	finds(MACHINE "login ann password", "ann", NETRC_BROKEN, "", 1);
	finds("machine", "ann", NETRC_NO_MACHINE, "", 0);
	finds("port 25 machine x password a b\n" MACHINE "login ann password p", "ann", NETRC_FOUND,
		"p", 2);
	finds(MACHINE "login ann \"password\" p", "ann", NETRC_BROKEN, "", 1);
}

static void
hostile(void)
{
	size_t n = NETRC_MAX;
	char *text = malloc(n);
	struct strbuf out = STRBUF_INIT_SECRET(9000);
	struct netrc_result r;
	int64_t begin = clock_ms();

	memset(text, 'a', n);
	r = netrc_find(text, n, "h", "u", &out);
	ok(r.answer == NETRC_NO_MACHINE, "one word");
	for (size_t i = 0; i + 10 <= n; i += 10)
		memcpy(text + i, "machine h\n", 10);
	r = netrc_find(text, n / 10 * 10, "h", "u", &out);
	ok(r.answer == NETRC_NO_PASSWORD && r.line == 1, "many machines");
	for (size_t i = 0; i + 2 <= n; i += 2)
		memcpy(text + i, "#\n", 2);
	r = netrc_find(text, n, "h", "u", &out);
	ok(r.answer == NETRC_NO_MACHINE, "many comments");
	r = netrc_find("machine h password a\0b", 22, "h", "u", &out);
	ok(r.answer == NETRC_BROKEN && !out.len, "a NUL");
	ok(clock_ms() - begin < 2000, "quickly");
	strbuf_done(&out);
	free(text);
}

int
main(void)
{
	entries();
	defaults();
	words();
	broken();
	hostile();
	return tap_done();
}
