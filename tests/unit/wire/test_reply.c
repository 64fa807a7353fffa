#include "reply.h"

#include "error.h"
#include "tap.h"

struct outcome {
	const char *what, *lines; /* lines end in LF */
	int code;                 /* 0: must be refused */
	const char *words, *enhanced;
	size_t used; /* lines until complete; 0: never */
};

static const struct outcome cases[] = {
	{ "one line", "250 ok\n", 250, "ok", "", 1 },
	{ "code alone", "250\n", 250, "", "", 1 },
	{ "code and blank", "250 \n", 250, "", "", 1 },
	{ "enhanced code", "550 5.1.1 no such user\n", 550, "no such user", "5.1.1", 1 },
	{ "enhanced code alone", "250 2.0.0\n", 250, "", "2.0.0", 1 },
	{ "several lines", "250-a\n250-b\n250 c\n250 d\n", 250, "a b c", "", 3 },
	{ "enhanced code on each line", "550-5.7.1 a\n550 5.7.1 b\n", 550, "a b", "5.7.1", 2 },
	{ "enhanced code on the second line", "550-a\n550 5.7.1 b\n", 550, "a b", "5.7.1", 2 },
	{ "the first enhanced code counts", "550-5.7.1 a\n550 5.1.1 b\n", 550, "a 5.1.1 b", "5.7.1",
		2 },
	{ "enhanced code of another class", "550 4.7.1 a\n", 550, "4.7.1 a", "", 1 },
	{ "enhanced class 2 at 354", "354 2.0.0 go\n", 354, "2.0.0 go", "", 1 },
	{ "looks like an enhanced code", "550 5.1.1.1 a\n", 550, "5.1.1.1 a", "", 1 },
	{ "leading zero", "550 5.01.1 a\n", 550, "5.01.1 a", "", 1 },
	{ "four digits", "550 5.1000.1 a\n", 550, "5.1000.1 a", "", 1 },
	{ "continued code alone", "250-\n250 x\n", 250, "x", "", 2 },
	{ "controls", "550 a\x1b[31mb\x07\n", 550, "a\\x1b[31mb\\x07", "", 1 },
	{ "carriage return inside", "550 a\rb\n", 550, "a\\x0db", "", 1 },
	{ "C1 as UTF-8",
		"550 \xc2\x9b"
		"31m\n",
		550, "\\u{9b}31m", "", 1 },
	{ "bidirectional override",
		"550 \xe2\x80\xae"
		"x\n",
		550, "\\u{202e}x", "", 1 },
	{ "no UTF-8", "550 \xff\n", 550, "\\xff", "", 1 },
	{ "UTF-8", "550 gr\xc3\xbc\xc3\x9f\n", 550, "gr\xc3\xbc\xc3\x9f", "", 1 },
	{ "lowest", "200 x\n", 200, "x", "", 1 },
	{ "highest", "599 x\n", 599, "x", "", 1 },
	{ "class 1", "199 x\n", 0, NULL, NULL, 0 },
	{ "class 6", "600 x\n", 0, NULL, NULL, 0 },
	{ "two digits", "25 ok\n", 0, NULL, NULL, 0 },
	{ "four digits of code", "2500 ok\n", 0, NULL, NULL, 0 },
	{ "tab", "250\tok\n", 0, NULL, NULL, 0 },
	{ "blank in front", " 250 ok\n", 0, NULL, NULL, 0 },
	{ "empty line", "\n", 0, NULL, NULL, 0 },
	{ "letters", "OK\n", 0, NULL, NULL, 0 },
	{ "letters in the code", "2x0 ok\n", 0, NULL, NULL, 0 },
	{ "high octets",
		"2\xb5"
		"0 ok\n",
		0, NULL, NULL, 0 },
	{ "another protocol", "HTTP/1.1 400 Bad Request\n", 0, NULL, NULL, 0 },
	{ "codes differ", "250-a\n251 b\n", 0, NULL, NULL, 0 },
	{ "classes differ", "250-a\n550 b\n", 0, NULL, NULL, 0 },
};

/* Feeds the lines until one completes the reply; -1 when refused, else how many it took. */
static int
feed(struct reply *r, const char *lines, struct error *err)
{
	const char *end;
	bool complete;
	int used = 0;

	for (; *lines; lines = end + 1) {
		end = strchr(lines, '\n');
		if (!reply_feed(r, lines, (size_t)(end - lines), &complete, err))
			return -1;
		used++;
		if (complete)
			return used;
	}
	return 0;
}

static void
check(const struct outcome *c)
{
	struct error err = ERROR_NONE;
	struct reply r;
	char words[200], code[16];
	int used;

	reply_init(&r);
	used = feed(&r, c->lines, &err);
	if (!c->code) {
		ok(used == -1 && err.fault == FAULT_PROTOCOL && *err.text, "%s: refused", c->what);
		reply_done(&r);
		return;
	}
	ok(used == (int)c->used && r.code == c->code && reply_class(&r) == c->code / 100,
		"%s: code %d after %d lines", c->what, r.code, used);
	reply_words(&r, words, sizeof(words));
	same(words, strlen(words), c->words, c->what);
	enhanced_print(r.enhanced, code);
	same(code, strlen(code), c->enhanced, c->what);
	reply_clear(&r);
	ok(!r.code && !r.lines && !r.text.len && !r.enhanced.class, "%s: cleared", c->what);
	reply_done(&r);
}

static void
check_limits(void)
{
	static char line[REPLY_TEXT + 10];
	struct error err = ERROR_NONE;
	struct reply r;
	char words[8];
	bool complete, good = true;
	int i;

	reply_init(&r);
	for (i = 0; i < REPLY_LINES && good; i++)
		good = reply_feed(&r, "250-x", 5, &complete, &err) && !complete;
	ok(good, "%d lines are taken", REPLY_LINES);
	ok(!reply_feed(&r, "250 x", 5, &complete, &err) && !complete && err.fault == FAULT_PROTOCOL,
		"one more is not");
	reply_clear(&r);
	error_clear(&err);

	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	for (i = 0, good = true; good && i < 10; i++)
		good = reply_feed(&r, line, 15000, &complete, &err);
	ok(!good && i == 5 && err.fault == FAULT_PROTOCOL, "text has a limit");
	reply_clear(&r);
	error_clear(&err);

	ok(!reply_feed(&r, "250 a\0b", 7, &complete, &err) && err.fault == FAULT_PROTOCOL, "NUL");
	error_clear(&err);
	ok(!reply_feed(&r, "\x1b]0;x\x07", 7, &complete, &err) && !strchr(err.text, 0x1b),
		"a complaint is printable");
	reply_clear(&r);
	error_clear(&err);
	good = reply_feed(&r, "550 0123456789", 14, &complete, &err);
	reply_words(&r, words, sizeof(words));
	ok(good && strlen(words) == 7 && strcmp(words + 4, "...") == 0, "words are cut to fit");
	reply_done(&r);
	reply_done(&r);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(&cases[i]);
	check_limits();
	return tap_done();
}
