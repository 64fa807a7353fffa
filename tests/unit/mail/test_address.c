#include "address.h"

#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "tap.h"

/* Writes the mailboxes of a list as "name|local|domain", ';' between them, '-' for what is NULL. */
static void
show(struct strbuf *out, const struct address_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		strbuf_addf(out, "%s%s|%s|%s", i ? ";" : "", l->v[i].name ?: "-",
			l->v[i].local ?: "-", l->v[i].domain ?: "-");
}

static const struct {
	const char *text, *want; /* NULL: refused */
} lists[] = {
	{ "", "" },
	{ " , ,\t", "" },
	{ "bob@example.org", "-|bob|example.org" },
	{ "a@x,b@y", "-|a|x;-|b|y" },
	{ "a@x, , b@y,", "-|a|x;-|b|y" },
	{ "a@x b@y", "-|a|x;-|b|y" },
	{ "a@x\tb@y  carl", "-|a|x;-|b|y;-|carl|-" },
	{ "a@x; b@y", "-|a|x;-|b|y" },
	{ "root", "-|root|-" },
	{ "-dash@example.org", "-|-dash|example.org" },
	{ "Bob Q <a@x>", "Bob Q|a|x" },
	{ "<a@x>", "-|a|x" },
	{ "John Q. Public <j@x>", "John Q. Public|j|x" },
	{ "bob@x <bob@y>", "bob@x|bob|y" },
	{ "DOMAIN\\user <u@x>", "DOMAIN\\user|u|x" },
	{ "\"Last, First\" <bob@x>", "Last, First|bob|x" },
	{ "\"a \\\"b\\\" \\\\\" <c@x>", "a \"b\" \\|c|x" },
	{ "  Bob   \t Q  <a@x>  ", "Bob Q|a|x" },
	{ "Bob (the (very) one) Q <a@x>", "Bob Q|a|x" },
	{ "\"a\"\"b\" c<d@x>", "ab c|d|x" },
	{ "[Team \"(] Bob <b@x>", "[Team \"(] Bob|b|x" },
	{ "\"Doe, J. <x@y>\" <real@z>", "Doe, J. <x@y>|real|z" },
	{ "J\xf6rg <j@x>", "J\xf6rg|j|x" },
	{ "root (Cron Daemon)", "Cron Daemon|root|-" },
	{ "a@x (A \\) (nested)  B) b@y (B)", "A ) (nested) B|a|x;B|b|y" },
	{ "(before) a@x", "-|a|x" },
	{ "a@x () (second)", "-|a|x" },
	{ "(c, o) carl@x", "-|carl|x" },
	{ "a(c)@(d)x(e).(f)org", "-|a|x.org" },
	{ "=?utf-8?q?D=2C_E?= <dave@x>", "=?utf-8?q?D=2C_E?=|dave|x" },
	{ "friends: f1@x, F <f2@x>;", "-|f1|x;F|f2|x" },
	{ "a: b@x; , c: d@x;, e@x", "-|b|x;-|d|x;-|e|x" },
	{ "a: b@x; e@x", "-|b|x;-|e|x" },
	{ "undisclosed-recipients:;", "" },
	{ "undisclosed recipients: (none)", "" },
	{ "\"q: [\" (;) : a@x;", "-|a|x" },
	{ "<@relay:u@d>", "-|u|d" },
	{ "<@a, @[1.2.3.4],, @b.c : u@d>", "-|u|d" },
	{ "\"a b\"@example.org", "-|a b|example.org" },
	{ "\"a\\\"\\b\"@x", "-|a\"b|x" },
	{ "\"a\".b.\"c d\"@x", "-|a.b.c d|x" },
	{ "a . b @ x . org", "-|a.b|x.org" },
	{ "a..b.@x", "-|a..b.|x" },
	{ ".a@x", "-|.a|x" },
	{ "\"<>\"@x", "-|<>|x" },
	{ "a@[127.0.0.1]", "-|a|[127.0.0.1]" },
	{ "a@[ 127.0.0.1\r\n ] (x)", "x|a|[127.0.0.1]" },
	{ "a@[IPv6:::1] b@[x-y:z]", "-|a|[IPv6:::1];-|b|[x-y:z]" },
	{ "böb@bücher.example", "-|böb|bücher.example" },
	{ "a!b%c@x", "-|a!b%c|x" },
	{ "a@x,\n b@y,\r\n\tc@z", "-|a|x;-|b|y;-|c|z" },
	{ "\"a\r\n b\" <c@x>", "a b|c|x" },
	{ "a\r\n @\r\n \r\n x\r\n ", "-|a|x" },
	{ "\"Last, First\" <bob@x>, (c, o) carl@x, =?utf-8?q?D=2C_E?= <dave@x>,\n friends: f1@x, "
	  "f2@x;, undisclosed-recipients:;",
		"Last, First|bob|x;-|carl|x;=?utf-8?q?D=2C_E?=|dave|x;-|f1|x;-|f2|x" },

	{ "bob@example.org>\rRCPT TO:<evil@e", NULL },
	{ "bob@example.org>\r\nRCPT TO:<evil@e", NULL },
	{ "bob@example.org\r\nRCPT TO:", NULL },
	{ "a@x\r", NULL },
	{ "a@x\n", NULL },
	{ "a@x\r\n", NULL },
	{ "a@x\r \n b@y", NULL },
	{ "\"a\rb\"@x", NULL },
	{ "\"a\\\nb\"@x", NULL },
	{ "(\033[2J) a@x", NULL },
	{ "a\x7f@x", NULL },
	{ "\"a\tb\"@x", NULL },
	{ "a\xff@x", NULL },
	{ "a\xc2\x85@x", NULL },
	{ "a@x\xc0\xaf", NULL },
	{ "a@x\xc2\x9b", NULL },
	{ "<>", NULL },
	{ "Bob <>", NULL },
	{ "<a@x", NULL },
	{ "a@x>", NULL },
	{ "<<a@x>>", NULL },
	{ "<a@x> <b@y>", NULL },
	{ "<a@x> b@y", NULL },
	{ "<a@x>b", NULL },
	{ "<a b@x>", NULL },
	{ "<a@x, b@y>", NULL },
	{ "<a@x> SIZE=1 X=<b>", NULL },
	{ "a> SIZE=1 X=<b", NULL },
	{ "@x", NULL },
	{ "a@", NULL },
	{ "a@ , b@x", NULL },
	{ "\"\"@x", NULL },
	{ ".", NULL },
	{ "<.@x>", NULL },
	{ "a@b@c", NULL },
	{ "a@b @c", NULL },
	{ "a\"b\"@x", NULL },
	{ "a@x\"b\"@y", NULL },
	{ "a@x..y", NULL },
	{ "a@.x", NULL },
	{ "a@x.", NULL },
	{ "a@[x", NULL },
	{ "a@[]", NULL },
	{ "a@[1.2.3]", NULL },
	{ "a@[1.2.3.4]b", NULL },
	{ "a@[IPv6:1.2.3.4]", NULL },
	{ "a@\"x\"", NULL },
	{ "a\\b@x", NULL },
	{ "\"a@x", NULL },
	{ "\"a\\", NULL },
	{ "(a@x", NULL },
	{ "(a\\", NULL },
	{ "a@x (b (c)", NULL },
	{ "a) <b@x>", NULL },
	{ "[a <b@x>", NULL },
	{ "a] <b@x>", NULL },
	{ ": a@x;", NULL },
	{ "a: b: c@x;;", NULL },
	{ "a: b@x", NULL },
	{ "a@b: c@x;", NULL },
	{ "mailto:bob@x", NULL },
	{ "<@a:>", NULL },
	{ "<@a>", NULL },
	{ "<@a u@d>", NULL },
	{ "a@x\xef\xbc\x9ey", NULL }, /* U+FF1E, a '>' once mapped */
	{ "a@x\xe3\x80\x80y", NULL }, /* U+3000, a blank */
	{ "a@x\xef\xbc\xa0y", NULL }, /* U+FF20, an '@' */
	{ "a@bü..x", NULL },
	{ "good@x, bad@@x", NULL },
};

static void
test_lists(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		const char *text = lists[i].text;
		struct error err = ERROR_NONE;
		bool good = address_list_parse(text, strlen(text), &l, &err);

		show(&out, &l);
		if (!lists[i].want) {
			ok(!good && err.fault == FAULT_DATA && err.text[0] && !l.n,
				"list %zu is refused: %s", i, err.text);
		} else {
			ok(good && !err.fault, "list %zu is taken %s", i, err.text);
			same(out.s, out.len, lists[i].want, "its mailboxes");
		}
	}
}

static void
test_nul_and_append(void)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;

	ok(address_list_parse("a@x", 3, &l, &err) && address_list_parse("b@y, c@z", 8, &l, &err) &&
			l.n == 3,
		"lists are appended");
	ok(!address_list_parse("d@x, e\0@x", 9, &l, &err) && l.n == 3, "a NUL is refused");
	ok(strstr(err.text, "e\\x00@x") && !strstr(err.text, "d@x"),
		"the message quotes the mailbox that is wrong: %s", err.text);
	error_clear(&err);
	ok(!address_list_parse("f@x, Bad <g@@x>, h@x", 20, &l, &err) && l.n == 3,
		"nothing of a bad list is appended");
	ok(strstr(err.text, "'Bad <g@@x>'"), "%s", err.text);
	ok(!address_list_parse("f@x, (", 6, &l, NULL), "no error wanted");
	address_list_truncate(&l, 1);
	ok(l.n == 1 && !strcmp(l.v[0].local, "a"), "truncated");
}

/* Local parts and domains of N octets. */
static void
test_limits(void)
{
	static const struct {
		size_t local, label, labels;
		bool good;
	} t[] = { { 255, 3, 1, true }, { 256, 3, 1, false }, { 5000, 3, 1, false },
		{ 1, 63, 1, true }, { 1, 64, 1, false }, { 1, 50, 5, true }, { 1, 51, 5, false },
		{ 1, 63, 500, false } };

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
		struct strbuf s CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);

		for (size_t k = 0; k < t[i].local; k++)
			strbuf_addc(&s, 'l');
		for (size_t k = 0; k < t[i].labels; k++) {
			strbuf_addc(&s, k ? '.' : '@');
			for (size_t m = 0; m < t[i].label; m++)
				strbuf_addc(&s, 'd');
		}
		ok(address_list_parse(s.s, s.len, &l, NULL) == t[i].good,
			"%zu octets @ %zu labels of %zu", t[i].local, t[i].labels, t[i].label);
	}
}

static void
test_sender(void)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "-||-" },
		{ "<>", "-||-" },
		{ " <> ", "-||-" },
		{ "root", "-|root|-" },
		{ "<x@example.net>", "-|x|example.net" },
		{ "X <x@example.net>", "X|x|example.net" },
		{ "-x@example.net", "-|-x|example.net" },
		{ "\"x y\"@[1.2.3.4]", "-|x y|[1.2.3.4]" },
		{ "x@e (c)", "c|x|e" },
		{ "x>\r\nRCPT TO:<evil@e", NULL },
		{ "x@e\r\n ", NULL },
		{ "x@e\t", NULL },
		{ "X\n <x@e>", NULL },
		{ "a> SIZE=1 X=<b", NULL },
		{ "a@x, b@x", NULL },
		{ "a@x b@x", NULL },
		{ "a@x,", NULL },
		{ "g: a@x;", NULL },
		{ "(only a comment)", NULL },
		{ "X <>", NULL },
		{ "x\xff@e", NULL },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		struct error err = ERROR_NONE;
		struct address a CLEANUP(address_done);
		struct address_list l = { &a, 1 };
		bool good = address_parse_sender(t[i].text, strlen(t[i].text), &a, &err);

		show(&out, &l);
		if (t[i].want)
			ok(good && !strcmp(out.s, t[i].want), "sender %zu: %s", i, out.s);
		else
			ok(!good && err.fault == FAULT_DATA && !a.local, "sender %zu refused: %s",
				i, err.text);
	}
}

/* An address of constants; what gets one only reads it. */
struct constant {
	const char *name, *local, *domain;
};

static struct address
as_address(struct constant c)
{
	return (struct address){ (char *)c.name, (char *)c.local, (char *)c.domain };
}

static const struct {
	struct constant a;
	const char *smtp, *ascii, *header; /* ascii NULL: refused */
} printed[] = {
	{ { NULL, "bob", "x" }, "bob@x", "bob@x", "bob@x" },
	{ { NULL, "", NULL }, "", "", "<>" },
	{ { NULL, "root", NULL }, "root", "root", "root" },
	{ { "Bob", "root", NULL }, "root", "root", "Bob <root>" },
	{ { NULL, "a b", "example.org" }, "\"a b\"@example.org", "\"a b\"@example.org",
		"\"a b\"@example.org" },
	{ { NULL, "a..b", "x" }, "\"a..b\"@x", "\"a..b\"@x", "\"a..b\"@x" },
	{ { NULL, "a.", "x" }, "\"a.\"@x", "\"a.\"@x", "\"a.\"@x" },
	{ { NULL, "a\"\\", "x" }, "\"a\\\"\\\\\"@x", "\"a\\\"\\\\\"@x", "\"a\\\"\\\\\"@x" },
	{ { NULL, "böb", "x" }, "böb@x", "böb@x", "böb@x" },
	{ { NULL, "a", "Bücher.Example" }, "a@Bücher.Example", "a@xn--bcher-kva.example",
		"a@Bücher.Example" },
	{ { NULL, "a", "faß.de" }, "a@faß.de", "a@xn--fa-hia.de", "a@faß.de" },
	{ { NULL, "a", "i❤.ws" }, "a@i❤.ws", "a@xn--i-7iq.ws", "a@i❤.ws" },
	{ { NULL, "a", "x\xef\xbc\x9ey" }, "a@x\xef\xbc\x9ey", NULL, "a@x\xef\xbc\x9ey" },
	{ { NULL, "a", "\xff" }, "a@\xff", NULL, "a@\xff" },
	{ { NULL, "a", "[1.2.3.4]" }, "a@[1.2.3.4]", "a@[1.2.3.4]", "a@[1.2.3.4]" },
	{ { "Doe, J.", "j", "x" }, "j@x", "j@x", "\"Doe, J.\" <j@x>" },
	{ { "Jörg", "j", "x" }, "j@x", "j@x", "=?utf-8?b?SsO2cmc=?= <j@x>" },
	{ { "=?utf-8?q?D=2C_E?=", "d", "x" }, "d@x", "d@x", "=?utf-8?q?D=2C_E?= <d@x>" },
};

static void
test_shown(void)
{
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
	struct address unset = ADDRESS_NONE, null = { NULL, (char *)"", NULL },
		       odd = { NULL, (char *)"a\x1b[b", (char *)"x" };

	address_add_pair(&out, "from", &unset, 100);
	ok(!out.len, "no pair for an address that is not set");
	address_add_pair(&out, "from", &null, 100);
	address_add_pair(&out, "to", &odd, 100);
	same(out.s, out.len, " from=\"\" to=\"\\\"a\\x1b[b\\\"@x\"", "pairs");
	strbuf_clear(&out);
	address_add_printable(&out, &odd, 100);
	same(out.s, out.len, "\"a\\x1b[b\"@x", "printable");
}

static void
test_printing(void)
{
	for (size_t i = 0; i < sizeof(printed) / sizeof(*printed); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		struct address a = as_address(printed[i].a);
		struct error err = ERROR_NONE;
		bool good;

		ok(address_add_smtp(&out, &a, false, &err) && !err.fault, "printed %zu", i);
		same(out.s, out.len, printed[i].smtp, "for SMTP");
		strbuf_clear(&out);
		good = address_add_smtp(&out, &a, true, &err);
		ok(good == (printed[i].ascii != NULL) && good == !err.fault, "%s", err.text);
		same(out.s, out.len, printed[i].ascii ?: "", "for SMTP in ASCII");
		strbuf_clear(&out);
		address_add_header(&out, &a);
		same(out.s, out.len, printed[i].header, "for a header field");
	}
	test_shown();
}

static void
test_predicates(void)
{
	static const char *const good[] = { "x", "example.org", "a_b.c", "[1.2.3.4]", "[IPv6:::1]",
		"[ipv6:fe80::1]", "[tag:any]", "bücher.example", "bü\xe3\x80\x82jp" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a b", "a<b", "a>", "a@b",
		"a\tb", "a\r\nb", "a\x7f", "[", "[]", "]", "[1.2.3.4", "[1.2.3.4]x", "[1.2.3.400]",
		"[IPv6:]", "[IPv6:g]", "[:x]", "[a-:x]", "[a_b:x]", "[a:]", "[a:b c]", "[a:b[]",
		"[a:>]", "[a:<b]", "[a:\"]", "[a:(]", "[a:ü]", "\xff", "a\xc2\x85", "bü b",
		"-bü-" };
	struct address null = ADDRESS_NONE, a = { NULL, NULL, NULL };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(address_domain_is_valid(good[i]), "valid domain %zu", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!address_domain_is_valid(bad[i]), "invalid domain %zu", i);

	ok(address_is_null(&null), "nothing is the null sender");
	address_qualify(&null, "x");
	ok(!null.domain, "the null sender is not qualified");
	a.local = xstrdup("root");
	ok(!address_is_null(&a), "a name is not");
	ok(!address_local_is_utf8(&a) && !address_domain_is_utf8(&a), "it is ASCII");
	address_qualify(&a, "x");
	address_qualify(&a, "y");
	ok(a.domain && !strcmp(a.domain, "x"), "an unqualified address is qualified once");
	address_done(&a);
	ok(!a.local && !a.domain, "done leaves nothing");
	a = as_address((struct constant){ NULL, "ö", "ö" });
	ok(address_local_is_utf8(&a) && address_domain_is_utf8(&a), "it is not ASCII");
}

static void
test_equal(void)
{
	static const struct {
		struct constant a, b;
		bool equal;
	} t[] = {
		{ { "A", "a", "X.org" }, { "B", "a", "x.ORG" }, true },
		{ { NULL, "A", "x" }, { NULL, "a", "x" }, false },
		{ { NULL, "a", NULL }, { NULL, "a", "x" }, false },
		{ { NULL, "a", NULL }, { NULL, "a", NULL }, true },
		{ { NULL, "", NULL }, { NULL, NULL, NULL }, true },
		{ { NULL, "a", "BÜcher.example" }, { NULL, "a", "xn--bcher-KVA.example" }, true },
		{ { NULL, "a", "bücher.example" },
			{ NULL, "a",
				"bu\xcc\x88"
				"cher.example" },
			true },
		{ { NULL, "a", "\xff" }, { NULL, "a", "\xff" }, true },
		{ { NULL, "a", "\xff" }, { NULL, "a", "\xfe" }, false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct address a = as_address(t[i].a), b = as_address(t[i].b);

		ok(address_equal(&a, &b) == t[i].equal && address_equal(&b, &a) == t[i].equal,
			"equal %zu", i);
	}
}

static void
test_unique(void)
{
	static const char text[] = "N <b@x>, a@x, b@X, a, a@büc.de, A@x, a@xn--bc-xka.de, b@x, a";
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(4096);

	address_list_unique(&l);
	ok(!l.n, "an empty list stays so");
	ok(address_list_parse(text, strlen(text), &l, NULL), "parsed");
	address_list_unique(&l);
	show(&out, &l);
	same(out.s, out.len, "N|b|x;-|a|x;-|a|-;-|a|büc.de;-|A|x", "each once, the first stays");
	address_list_add(&l, &l.v[0]);
	address_list_unique(&l);
	ok(l.n == 5, "a copy is removed again");
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* N addresses written by FORMAT (with one number), half of them double. */
static void
check_many(const char *what, size_t n, const char *format, size_t want)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct strbuf s CLEANUP(strbuf_done) = STRBUF_INIT(ADDRESS_TEXT_MAX);
	char piece[64];
	double start;
	bool good;

	for (size_t i = 0; i < n; i++) {
		strbuf_adds(&s, format);
		snprintf(piece, sizeof(piece), "%zu", i / 2);
		strbuf_adds(&s, piece);
		strbuf_adds(&s, "@example.org");
		strbuf_adds(&s, *format ? ">,\r\n " : " ");
	}
	start = seconds();
	good = address_list_parse(s.s, s.len, &l, NULL);
	address_list_unique(&l);
	printf("# %s: %.3f s\n", what, seconds() - start);
	ok(good == (want > 0) && l.n == want && !s.full, "%s: %zu of %zu", what, l.n, n);
	/* generous: a sanitizer or a loaded machine must not fail it, quadratic time must */
	ok(seconds() - start < 5, "in time");
}

/* Shapes that would take quadratic time if something were looked at again and again. */
static void
check_deep(const char *piece, const char *what)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct strbuf s CLEANUP(strbuf_done) = STRBUF_INIT(ADDRESS_TEXT_MAX);
	double start;

	while (!s.full)
		strbuf_adds(&s, piece);
	start = seconds();
	ok(!address_list_parse(s.s, s.len, &l, NULL) && !l.n, "%s are refused", what);
	ok(seconds() - start < 5, "in time");
}

static void
test_locate(void)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "" },
		{ "root", "[root]" },
		{ " root (Cron)\r\n , B <b@x> (y)", "[root][b@x]" },
		{ "<@r1,@r2: u @ d >, g: \"a b\" (c) . d;, e f@[1.2.3.4]",
			"[u @ d][\"a b\" (c) . d][e][f@[1.2.3.4]]" },
		{ "a (b) @ (c) x . org (d) e", "[a (b) @ (c) x . org][e]" },
	};
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address_place *places;
	struct error err = ERROR_NONE;
	size_t before;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1024);

		before = l.n;
		ok(address_list_locate(t[i].text, strlen(t[i].text), &l, &places, NULL), "parses");
		for (size_t k = 0; k < l.n - before; k++)
			strbuf_addf(&out, "[%.*s]", (int)(places[k].end - places[k].start),
				t[i].text + places[k].start);
		same(out.s, out.len, t[i].want, "places");
		free(places);
	}
	before = l.n;
	ok(!address_list_locate("a, b@", 5, &l, &places, &err) && !places && l.n == before,
		"no places of what is no list");
}

int
main(void)
{
	test_locate();
	test_lists();
	test_nul_and_append();
	test_limits();
	test_sender();
	test_printing();
	test_predicates();
	test_equal();
	test_unique();
	check_many("with names", ADDRESS_LIST_MAX, "\"Last, First\" <user", ADDRESS_LIST_MAX / 2);
	check_many("bare", ADDRESS_LIST_MAX, "", ADDRESS_LIST_MAX / 2);
	check_many("too many", ADDRESS_LIST_MAX + 1, "", 0);
	check_deep("(", "opening comments");
	check_deep("(()", "comments in comments");
	check_deep("<", "brackets");
	check_deep("[", "square brackets");
	check_deep("\"a", "quotes");
	check_deep("a:", "groups");
	check_deep("a@", "parts");
	check_deep("\\", "backslashes");
	check_deep("<@a,", "routes");
	check_deep("a ", "words");
	return tap_done();
}
