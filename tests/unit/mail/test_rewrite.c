#include "rewrite.h"

#include <stdlib.h>

#include "address.h"
#include "alloc.h"
#include "strbuf.h"
#include "tap.h"

static const struct {
	const char *block, *want;
	size_t changed;
} qualified[] = {
	{ "", "", 0 },
	{ "To: root\r\n", "To: root@d.example\r\n", 1 },
	{ "To: root@x\r\nSubject: root\r\n", "To: root@x\r\nSubject: root\r\n", 0 },
	{ "From: root (Cron Daemon)\r\n", "From: root@d.example (Cron Daemon)\r\n", 1 },
	{ "From: mdadm monitoring <root>\r\n", "From: mdadm monitoring <root@d.example>\r\n", 1 },
	{ "From:root\r\n", "From:root@d.example\r\n", 1 },
	{ "tO :\r\n\troot\r\n", "tO :\r\n\troot@d.example\r\n", 1 },
	{ "To: a, b@x,\r\n \"Last, First\" < c >, (d) e(f) (g) , h . i\r\n",
		"To: a@d.example, b@x,\r\n \"Last, First\" < c@d.example >, (d) e@d.example(f) (g) "
		", "
		"h . i@d.example\r\n",
		4 },
	{ "Cc: \"a b\", <@r:u>, c\r\n d\r\n",
		"Cc: \"a b\"@d.example, <@r:u@d.example>, c@d.example\r\n d@d.example\r\n", 4 },
	{ "To: friends: a, B <b>;, undisclosed-recipients:;\r\n",
		"To: friends: a@d.example, B <b@d.example>;, undisclosed-recipients:;\r\n", 2 },
	{ "Cc: a\r\nReply-To: b\r\nSender: c\r\nBcc: d\r\nFrom: e\r\n",
		"Cc: a@d.example\r\nReply-To: b@d.example\r\nSender: c@d.example\r\nBcc: "
		"d@d.example\r\nFrom: e@d.example\r\n",
		5 },
	{ "Resent-To: a\r\nResent-Cc: b\r\nResent-From: c\r\nResent-Sender: d\r\nResent-Bcc: e\r\n"
	  "Resent-Reply-To: f\r\n",
		"Resent-To: a@d.example\r\nResent-Cc: b@d.example\r\nResent-From: c@d.example\r\n"
		"Resent-Sender: d@d.example\r\nResent-Bcc: e@d.example\r\n"
		"Resent-Reply-To: f@d.example\r\n",
		6 },
	{ "X-To: a\r\nIn-Reply-To: b\r\nTo\r\nnonsense\r\n",
		"X-To: a\r\nIn-Reply-To: b\r\nTo\r\nnonsense\r\n", 0 },
	/* what cannot be parsed is not guessed */
	{ "To: a, b@, c\r\nCc: d\r\n", "To: a, b@, c\r\nCc: d@d.example\r\n", 1 },
	{ "To: \"a\r\nCc: (d\r\n", "To: \"a\r\nCc: (d\r\n", 0 },
	{ "To: a", "To: a@d.example", 1 },
	{ "To: b\xc3\xb6"
	  "b\r\n",
		"To: b\xc3\xb6"
		"b@d.example\r\n",
		1 },
	{ "From: J\xf6rg <j>\r\n", "From: J\xf6rg <j@d.example>\r\n", 1 },
};

static void
test_qualify(void)
{
	for (size_t i = 0; i < sizeof(qualified) / sizeof(*qualified); i++) {
		struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(4096);

		strbuf_adds(&block, qualified[i].block);
		ok(rewrite_qualify(&block, "d.example") == qualified[i].changed, "%zu changes",
			qualified[i].changed);
		same(block.s, block.len, qualified[i].want, "qualified");
		ok(rewrite_qualify(&block, "e.example") == 0, "nothing is left to do");
	}
}

static void
test_full(void)
{
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(20);
	struct address from = { .local = (char[]){ "somebody" },
		.domain = (char[]){ "d.example" } };

	strbuf_adds(&block, "To: a, b\r\n");
	ok(rewrite_qualify(&block, "example.org") == 2 && block.full, "there is no room");
	same(block.s, block.len, "To: a, b\r\n", "so nothing changes");
	strbuf_clear(&block);
	strbuf_adds(&block, "From: a\r\n");
	rewrite_from(&block, &from, false);
	ok(block.full, "no room for another address either");
	same(block.s, block.len, "From: a\r\n", "nothing changes");
}

static void
test_many(void)
{
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(16 << 20);

	strbuf_adds(&block, "To: a");
	for (int i = 0; i < 99999; i++)
		strbuf_adds(&block, ",\r\n a");
	strbuf_adds(&block, "\r\n");
	ok(rewrite_qualify(&block, "d.example") == 100000, "many mailboxes");
}

static const struct {
	const char *block, *name;
	bool keep;
	const char *want;
} froms[] = {
	{ "To: a@x\r\n", NULL, true, "To: a@x\r\n" },
	{ "A: b\r\nFrom: root\r\nC: d\r\n", NULL, false, "A: b\r\nFrom: me@d.example\r\nC: d\r\n" },
	{ "From: root@box (Cron Daemon)\r\n", "Me", false, "From: me@d.example (Cron Daemon)\r\n" },
	{ "From: \"Last, F\" <a@x>\r\n", "Me", false, "From: \"Last, F\" <me@d.example>\r\n" },
	{ "From: =?utf-8?q?J=C3=B6?=\r\n <a@x>\r\n", "Me", false,
		"From: =?utf-8?q?J=C3=B6?=\r\n <me@d.example>\r\n" },
	{ "From: a@x\r\n", "Me M.", false, "From: \"Me M.\" <me@d.example>\r\n" },
	{ "From: <a@x>\r\n", NULL, false, "From: <me@d.example>\r\n" },
	{ "From: a@x, b@x\r\n", "Me", false, "From: Me <me@d.example>\r\n" },
	{ "From: A <a@x>, B <b@x>\r\n", "Me", false, "From: A <me@d.example>\r\n" },
	{ "From: a@\r\n", "Me", false, "From: Me <me@d.example>\r\n" },
	{ "From:\r\n", NULL, true, "From: me@d.example\r\n" },
	{ "From: a@\r\n", NULL, true, "From: me@d.example\r\n" },
	{ "From: A <a@x>\r\nTo: b@x\r\n", NULL, true,
		"From: A <me@d.example>\r\nReply-To: A <a@x>\r\nTo: b@x\r\n" },
	{ "From: a@x,\r\n b@x\r\n", NULL, true,
		"From: me@d.example\r\nReply-To: a@x,\r\n b@x\r\n" },
	{ "From: a@x\r\nreply-to: c@x\r\n", NULL, true, "From: me@d.example\r\nreply-to: c@x\r\n" },
	{ "From: A <me@D.example>\r\n", "Me", true, "From: A <me@d.example>\r\n" },
	{ "From: a@x\r\nSender: root\r\nfrom: b@x\r\nTo: c@x\r\n", NULL, false,
		"From: me@d.example\r\nTo: c@x\r\n" },
	{ "From: a@x", NULL, true, "From: me@d.example\r\nReply-To: a@x\r\n" },
};

static void
test_from(void)
{
	for (size_t i = 0; i < sizeof(froms) / sizeof(*froms); i++) {
		struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(4096);
		struct address from = { .name = (char *)froms[i].name,
			.local = (char[]){ "me" },
			.domain = (char[]){ "d.example" } };

		strbuf_adds(&block, froms[i].block);
		rewrite_from(&block, &from, froms[i].keep);
		same(block.s, block.len, froms[i].want, "another From");
	}
}

static void
test_quoted(void)
{
	struct strbuf block CLEANUP(strbuf_done) = STRBUF_INIT(4096);
	struct address from = { .local = (char[]){ "a \"b" }, .domain = (char[]){ "x" } };

	strbuf_adds(&block, "From: Me <root>\r\n");
	rewrite_from(&block, &from, false);
	same(block.s, block.len, "From: Me <\"a \\\"b\"@x>\r\n", "quoted where it must be");
}

int
main(void)
{
	test_qualify();
	test_full();
	test_many();
	test_from();
	test_quoted();
	return tap_done();
}
