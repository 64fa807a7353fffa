#include "alias.h"

#include <stdlib.h>

#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "tap.h"

/* Writes aliases as "name=target,target;" in the order of the file, with a letter for the kind of
 * what is no address, and what is wrong behind them. */
static void
show(struct strbuf *out, const struct aliases *a)
{
	static const char kinds[] = "@ipf!";

	for (size_t i = 0; i < a->n; i++) {
		strbuf_addf(out, "%s=", a->v[i].name);
		for (size_t k = 0; k < a->v[i].target_count; k++) {
			const struct alias_target *t = &a->v[i].targets[k];

			if (k)
				strbuf_addc(out, ',');
			if (t->kind == ALIAS_BROKEN)
				strbuf_addc(out, '!');
			else if (t->kind != ALIAS_ADDRESS)
				strbuf_addf(out, "%c<%s>", kinds[t->kind], t->text);
			else
				alias_add_target(out, t);
		}
		strbuf_addc(out, ';');
	}
	for (size_t i = 0; i < a->mistake_count && i < ALIAS_MISTAKES; i++)
		strbuf_addf(out, "[%s]", a->mistakes[i].text);
}

#define ADDRESS_WHY(a) "unable to use the address '" a "': "

static const struct {
	const char *text, *want;
} files[] = {
	{ "", "" },
	{ "# nothing\n\n \t \n  # and nothing", "" },
	{ "root: admin@example.net", "root=admin@example.net;" },
	{ "root:admin@example.net\n", "root=admin@example.net;" },
	{ "Root : Admin\r\nPOSTMASTER:root\r\n", "root=Admin;postmaster=root;" },
	{ "root: a, b@x ,\"c d\"@x,,\n", "root=a,b@x,\"c d\"@x;" },
	{ "root: a b\n", "root=a,b;" },
	{ "root: a,\n\tb,\n\n# between\n  # too\n  c\nbob: d\n", "root=a,b,c;bob=d;" },
	{ "root:\n a\n", "root=a;" },
	{ "root:\r\n\ta,\r\n\tb\r\n", "root=a,b;" },
	{ "root: a # the boss, really\n , b #c\nbob: d#e, #f\n", "root=a,b;bob=d#e;" },
	{ "root: \"a #b\"@x, c (# d) # e\n", "root=\"a #b\"@x,c;" },
	{ "root: (the boss, or so) a@x, B. Oss <b@x>, \"Last, First\" <c@x>\n",
		"root=a@x,b@x,c@x;" },
	{ "\"Root\": a\n\"a b\": c\n\"x:y\": d\n", "root=a;a b=c;x:y=d;" },
	{ "root (me): a\n", "root=a;" },
	{ "root: \\root, \"\\bob\", \\\\carl@x\n", "root=\\root,\\bob,\\carl@x;" },
	{ "root: |/bin/prog\n", "root=p</bin/prog>;" },
	{ "root: \"|/bin/prog -a 'b, c' \\\"d\\\"\", e\n", "root=p</bin/prog -a 'b, c' \"d\">,e;" },
	{ "root: |\"/bin/prog -a, b\", e\n", "root=p</bin/prog -a, b>,e;" },
	{ "root: |exec prog (x || y), e\n", "root=p<exec prog (x || y)>,e;" },
	{ "root: | exec prog \"a, b\" c, e\n", "root=p<exec prog \"a, b\" c>,e;" },
	{ "root: /var/mail/root, \"/var/my mail\", /dev/null\n",
		"root=f</var/mail/root>,f</var/my mail>,f</dev/null>;" },
	{ "root: /C=x/S=y/@x, \"/a b\"@x\n", "root=/C=x/S=y/@x,\"/a b\"@x;" },
	{ "root: :include:/etc/list, \":Include: /my list\", :include:\"/l,2\"\n",
		"root=i</etc/list>,i</my list>,i</l,2>;" },
	{ "b\xc3\xb6"
	  "b: c@b\xc3\xbc"
	  "cher.example\n",
		"b\xc3\xb6"
		"b=c@b\xc3\xbc"
		"cher.example;" },
	{ "bob: a\nb: c\nBOB: d\nb: e\n",
		"bob=a;b=c;bob=d;b=e;[f:3: bob is an alias already, by line 1]"
		"[f:4: b is an alias already, by line 2]" },

	{ " a: b\nc: d\n", "c=d;[f:1: a line that begins with a blank continues nothing]" },
	{ "root\nbob: a\n", "bob=a;[f:1: no ':' behind a name]" },
	{ "root admin@example.net\n", "[f:1: no ':' behind a name]" },
	{ "\"root: a\nbob: b\n", "bob=b;[f:1: no ':' behind a name]" },
	{ ": a\n", "[f:1: no name before the ':']" },
	{ "\"\": a\n", "[f:1: " ADDRESS_WHY("\"\"") "a character that does not belong there]" },
	{ "a b: c\n", "[f:1: more than one name before the ':']" },
	{ "root@x: c\n", "[f:1: only a name without a domain can be an alias]" },
	{ "root:\nbob: #a\n , \n", "[f:1: nothing behind the ':'][f:2: nothing behind the ':']" },
	{ "root: a,\n\n b@,\n c\n", "root=a,!,c;[f:3: " ADDRESS_WHY("b@") "no domain behind '@']" },
	{ "root: a, \"b, c\nbob: d\n",
		"root=a,!;bob=d;[f:1: " ADDRESS_WHY("\"b") "a quote without its partner]" },
	{ "root: a, (b, c\nbob: d\n",
		"root=a,!;bob=d;[f:1: " ADDRESS_WHY("(b") "a comment without its end]" },
	{ "root: bob: a\n", "root=!;[f:1: " ADDRESS_WHY("") "a group without its ';']" },
	{ "root: none:;\n", "root=!;[f:1: a target that is no address]" },
	{ "root: :fail: gone\n",
		"root=!;[f:1: " ADDRESS_WHY(":fail: gone") "a group without a name]" },
	{ "root: :include:, |, \\\n", "root=!,!,!;[f:1: nothing behind :include: or |][f:1: "
				      "nothing behind :include: or |]"
				      "[f:1: a target that is no address]" },
	{ "root: a\rb\n", "root=!;[f:1: " ADDRESS_WHY(
				  "a\\x0db") "a line break or another control character]" },
};

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1 << 16);
		struct aliases a CLEANUP(aliases_done) = ALIASES_NONE;

		aliases_parse(files[i].text, strlen(files[i].text), "f", &a);
		show(&out, &a);
		same(out.s, out.len, files[i].want, "parse");
	}
}

static void
test_nul(void)
{
	static const char text[] = "root: |a\0b, c\0d\nx\0: e\n";
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1 << 16);
	struct aliases a CLEANUP(aliases_done) = ALIASES_NONE;

	aliases_parse(text, sizeof(text) - 1, "f", &a);
	show(&out, &a);
	ok(strncmp(out.s, "root=!,!;[", 10) == 0, "NUL octets make mistakes");
	ok(a.mistake_count == 3, "three of them");
}

static void
test_find(void)
{
	static const char text[] =
		"bob: a\nZoe: b\nanna: c\n\"a b\": d\nDefault: e\n_x: f\nbob: g\n";
	static const char *const names[] = { "bob", "Bob", "zoe", "ANNA", "a B", "default", "_X" };
	static const char *const targets[] = { "a", "a", "b", "c", "d", "e", "f" };
	struct aliases a CLEANUP(aliases_done) = ALIASES_NONE, none = ALIASES_NONE;
	const struct alias *found;

	aliases_parse(text, strlen(text), "f", &a);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		found = aliases_find(&a, names[i], false);
		ok(found && !strcmp(found->targets[0].address.local, targets[i]), "finds %s",
			names[i]);
	}
	ok(a.index_count == 6, "each name once");
	ok(!aliases_find(&a, "", false) && !aliases_find(&a, "bo", false) &&
			!aliases_find(&a, "bobo", false),
		"finds nothing else");
	found = aliases_find(&a, "other", true);
	ok(found && found == aliases_find(&a, "default", false), "default for all others");
	ok(!aliases_find(&none, "bob", true), "nothing in nothing");
}

/* A small file system for :include:. */
static const struct {
	const char *path, *text;
} included[] = {
	{ "/list", "# members\nann@x\n  bob , \"Last, First\" <carl@x>\n\n|cmd\n" },
	{ "/empty", "# nobody\n" },
	{ "/nested", ":include:/list\ndora\n" },
	{ "/self", ":include:/self, eve\n" },
	{ "/back", "loop\n" },
	{ "/broken", "a@\nb\n" },
};

struct told {
	struct strbuf steps, refusals;
	size_t reads;
};

static bool
read_file(void *ctx, const char *path, struct strbuf *out, struct error *err)
{
	struct told *told = ctx;

	told->reads++;
	for (size_t i = 0; i < sizeof(included) / sizeof(*included); i++)
		if (!strcmp(path, included[i].path)) {
			strbuf_adds(out, included[i].text);
			return true;
		}
	if (!strcmp(path, "/busy"))
		return error_set(err, FAULT_TEMPORARY, "too many open files");
	return error_set(err, FAULT_CONFIG, "unable to open %s", path);
}

static void
take_step(void *ctx, const char *address, const char *target, const char *file, size_t line)
{
	struct told *told = ctx;

	strbuf_addf(&told->steps, "%s>%s %s:%zu;", address, target, file, line);
}

static void
take_refusal(void *ctx, const char *name, const char *why)
{
	struct told *told = ctx;

	strbuf_addf(&told->refusals, "{%s}%s;", name, why);
}

static const char *const domains[] = { "localhost", "box", "box.example.net" };

static bool
expand(const char *file, const char *from, struct told *told, struct address_list *out,
	struct error *err)
{
	struct aliases a CLEANUP(aliases_done) = ALIASES_NONE;
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	const struct alias_expansion how = {
		.aliases = &a,
		.local_domains = domains,
		.local_domain_count = 3,
		.read = read_file,
		.step = take_step,
		.refuse = take_refusal,
		.ctx = told,
	};

	aliases_parse(file, strlen(file), "f", &a);
	return address_list_parse(from, strlen(from), &l, err) && alias_expand(&how, &l, out, err);
}

static const struct {
	const char *file, *from, *want, *refused;
} expansions[] = {
	{ "", "root, bob@x", "root,bob@x", "" },
	{ "root: admin@example.net\n", "root", "admin@example.net", "" },
	{ "root: admin\n", "ROOT, Root@LocalHost, root@box, root@Box.Example.NET", "admin", "" },
	{ "root: admin\n", "root@example.net, \"root\"@x", "root@example.net,root@x", "" },
	{ "root: a, b, c\na: b\nb: d@x\n", "root", "d@x,c", "" },
	{ "root: a@x\nbob: b@x\n", "root bob eve", "a@x,b@x,eve", "" },
	{ "root: admin\nadmin: bob\nbob: me@x\n", "e@y, root, me@X", "e@y,me@x", "" },
	{ "root: a@localhost\na: b@x\n", "root", "b@x", "" },
	{ "root: root\n", "root", "root", "" },
	{ "root: Root@box, admin@x\n", "root", "Root@box,admin@x", "" },
	{ "root: \\root, admin@x\n", "root", "root,admin@x", "" },
	{ "root: \\bob\nbob: c@x\n", "root", "bob", "" },
	{ "a: b, x@y\nb: a\n", "b", "x@y", "" },
	{ "a: b, x@y\nb: a\n", "a, b", "x@y", "" },
	{ "a: b\nb: a\n", "a", "", "{a}f:1: the alias a: it leads to nobody but itself;" },
	{ "a: b\nb: a\n", "b, a", "", "{b}f:2: the alias b: it leads to nobody but itself;" },
	{ "t: b, x@y\nb: c\nc: b\n", "t", "x@y",
		"{b}f:2: the alias b: it leads to nobody but itself;" },
	{ "a: c\nb: c, a\nc: d@x\n", "a, b", "d@x", "" },
	{ "default: bob\n", "root, eve@x, bob, eve", "bob,eve@x", "" },
	{ "default: root\nroot: alice\n", "eve", "alice", "" },
	{ "default: admin@x\nroot: alice\n", "root", "admin@x", "" },
	{ "default: a, b\nb: c\n", "x", "a,c", "" },
	{ "root: \\alice\ndefault: admin@x\n", "root", "alice", "" },
	{ "root: a@x, |/bin/p -x, b@x\n", "root", "a@x,b@x",
		"{root}f:1: the alias root stands for a command, and none is run: |/bin/p -x;" },
	{ "root: bob\nbob: c@x,\n /var/mail/bob\n", "root", "c@x",
		"{bob}f:3: the alias bob stands for a file, and none is written: /var/mail/bob;" },
	{ "root: a@, b@x\n", "root", "b@x",
		"{root}f:1: the alias root: " ADDRESS_WHY("a@") "no domain behind '@';" },
	{ "all: :include:/list\nbob: bob@y\n", "all", "ann@x,bob@y,carl@x",
		"{all}/list:5: the alias all stands for a command, and none is run: |cmd;" },
	{ "all: :include:/nested, :include:/list\n", "all", "ann@x,bob,carl@x,dora",
		"{all}/list:5: the alias all stands for a command, and none is run: |cmd;" },
	{ "all: :include:/self\n", "all", "eve", "" },
	{ "all: :include:/empty\n", "all", "", "" },
	{ "all: :include:/broken\n", "all", "b",
		"{all}/broken:1: the alias all: " ADDRESS_WHY("a@") "no domain behind '@';" },
	{ "loop: :include:/back, x@y\n", "loop", "x@y", "" },
	{ "all: a@x, :include:/absent\n", "all", "a@x",
		"{all}f:1: the alias all: unable to open /absent;" },
	{ "all: a@x, :include:list\n", "all", "a@x",
		"{all}f:1: the alias all: the path of :include:list does not begin with /;" },
	{ "root: |\x1b[2J\n", "root", "",
		"{root}f:1: the alias root stands for a command, and none is run: |\\x1b[2J;" },
	{ "root: a@x\n", "\"|cmd\", \":include:/list\"@box", "|cmd,\":include:/list\"@box", "" },
};

static void
test_expand(void)
{
	for (size_t i = 0; i < sizeof(expansions) / sizeof(*expansions); i++) {
		struct told told = { STRBUF_INIT(1 << 16), STRBUF_INIT(1 << 16), 0 };
		struct strbuf got CLEANUP(strbuf_done) = STRBUF_INIT(1 << 16);
		struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
		struct error err = ERROR_NONE;

		ok(expand(expansions[i].file, expansions[i].from, &told, &out, &err), "expands");
		for (size_t k = 0; k < out.n; k++) {
			strbuf_adds(&got, k ? "," : "");
			(void)!address_add_smtp(&got, &out.v[k], false, NULL);
		}
		same(got.s, got.len, expansions[i].want, expansions[i].from);
		same(told.refusals.s, told.refusals.len, expansions[i].refused, "refused");
		strbuf_done(&told.steps);
		strbuf_done(&told.refusals);
	}
}

static void
test_steps(void)
{
	struct told told = { STRBUF_INIT(4096), STRBUF_INIT(4096), 0 };
	struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;

	ok(expand("root: ops, \\root\n\nops: :include:/nested, |cmd\n", "root", &told, &out, &err),
		"expands");
	same(told.steps.s, told.steps.len,
		"root>ops f:1;ops>:include:/nested f:3;ops>:include:/list /nested:1;"
		"ops>ann@x /list:2;ops>bob /list:3;ops>carl@x /list:3;ops>|cmd /list:5;"
		"ops>dora /nested:2;ops>|cmd f:3;root>\\root f:1;",
		"each step is told");
	ok(told.reads == 2, "each file is read once");
	strbuf_done(&told.steps);
	strbuf_done(&told.refusals);
}

static void
test_failure(void)
{
	struct told told = { STRBUF_INIT(4096), STRBUF_INIT(4096), 0 };
	struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address first = { .local = xstrdup("first") };
	struct error err = ERROR_NONE;

	address_list_take(&out, &first);
	ok(!expand("all: a@x, :include:/busy, b@x\n", "all", &told, &out, &err), "not now");
	ok(err.fault == FAULT_TEMPORARY && !strcmp(err.text, "too many open files"), "and why");
	ok(out.n == 1 && !told.refusals.len, "nothing is added or refused");
	strbuf_done(&told.steps);
	strbuf_done(&told.refusals);
}

/* A file of N entries, each made from a format with its number twice. */
static void
test_depth(void)
{
	struct strbuf file CLEANUP(strbuf_done) = STRBUF_INIT(ALIAS_FILE_MAX);
	struct told told = { STRBUF_INIT(1 << 20), STRBUF_INIT(1 << 20), 0 };
	struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;

	for (int i = 0; i < 100; i++)
		strbuf_addf(&file, "a%d: a%d, x%d\n", i, i + 1, i);
	ok(expand(file.s, "a70", &told, &out, &err) && out.n == 31 && !told.refusals.len,
		"30 aliases one in another");
	ok(expand(file.s, "a0", &told, &out, &err) && strstr(told.refusals.s, "nested too deep"),
		"but not 100");
	strbuf_done(&told.steps);
	strbuf_done(&told.refusals);
}

static void
test_size(void)
{
	struct strbuf file CLEANUP(strbuf_done) = STRBUF_INIT(1 << 26);
	struct told told = { STRBUF_INIT(64), STRBUF_INIT(4096), 0 };
	struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct aliases a CLEANUP(aliases_done) = ALIASES_NONE;
	struct error err = ERROR_NONE;

	strbuf_adds(&file, "all: a0");
	for (int i = 1; i < ALIAS_TARGETS; i++)
		strbuf_addf(&file, ",a%d", i);
	strbuf_adds(&file, "\nmore: all, one\n");
	ok(expand(file.s, "all", &told, &out, &err) && out.n == ALIAS_TARGETS, "many addresses");
	address_list_truncate(&out, 0);
	ok(!expand(file.s, "more", &told, &out, &err) && err.fault == FAULT_DATA && !out.n,
		"but not any number");
	strbuf_clear(&file);
	for (int i = 0; i <= ALIAS_ENTRIES; i++)
		strbuf_adds(&file, i % 1000 ? ",a" : "\nx:a");
	aliases_parse(file.s, file.len, "f", &a);
	ok(a.mistake_count > 1000 && a.index_count == 1, "targets of a file are limited");
	strbuf_done(&told.steps);
	strbuf_done(&told.refusals);
}

int
main(void)
{
	test_parse();
	test_nul();
	test_find();
	test_expand();
	test_steps();
	test_failure();
	test_depth();
	test_size();
	return tap_done();
}
