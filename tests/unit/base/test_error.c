#include "error.h"

#include <errno.h>

#include "tap.h"

static void
try_set(void)
{
	struct error err = ERROR_NONE;
	char text[1200];

	ok(!error_set(&err, FAULT_DATA, "unable to %s %d", "count", 3), "false is returned");
	same(err.text, strlen(err.text), "unable to count 3", "the text");
	ok(err.fault == FAULT_DATA && err.stage == STAGE_NONE && !err.sys && !err.smtp &&
			!err.in_doubt,
		"and the rest");
	ok(!error_sys(&err, FAULT_IO, EIO, "second") && err.fault == FAULT_DATA && !err.sys,
		"the first error wins");
	ok(!error_at(&err, STAGE_TLS, FAULT_IO, "third") && err.stage == STAGE_NONE, "over all");
	ok(!error_prefix(&err, "account %s", "work"), "a prefix");
	same(err.text, strlen(err.text), "account work: unable to count 3", "is in front");
	error_clear(&err);
	ok(!err.fault && !err.text[0], "forgotten");
	ok(!error_prefix(&err, "x") && !err.text[0], "no prefix without an error");

	error_sys(&err, FAULT_IO, ENOSPC, "unable to write");
	same(err.text, strlen(err.text), "unable to write: No space left on device", "errno");
	ok(err.sys == ENOSPC, "is kept");
	error_clear(&err);
	error_sys(&err, FAULT_IO, 99999, "x");
	same(err.text, strlen(err.text), "x: unknown error", "no such errno");
	error_clear(&err);
	error_at(&err, STAGE_RCPT, FAULT_NOUSER, "x");
	ok(err.stage == STAGE_RCPT, "the stage");
	ok(!error_set(NULL, FAULT_IO, "x") && !error_prefix(NULL, "x"), "nobody wants to know");

	error_clear(&err);
	error_set(&err, FAULT_DATA, "%s", "a\r\nb\x1b[31m\xff \xc3\xa9");
	same(err.text, strlen(err.text), "a\\x0d\\x0ab\\x1b[31m\\xff \xc3\xa9",
		"controls are escaped");
	error_prefix(&err, "\n");
	same(err.text, strlen(err.text), "\\x0a: a\\x0d\\x0ab\\x1b[31m\\xff \xc3\xa9", "once");

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_clear(&err);
	error_set(&err, FAULT_DATA, "%s", text);
	ok(strlen(err.text) < sizeof(err.text) && strlen(err.text) > 500 &&
			strcmp(err.text + strlen(err.text) - 3, "...") == 0,
		"a long text is cut");
	error_prefix(&err, "prefix");
	ok(strlen(err.text) < sizeof(err.text) && strncmp(err.text, "prefix: \\x0a", 12) == 0,
		"a prefix pushes the end out");
	error_prefix(&err, "%s", text);
	ok(strlen(err.text) < sizeof(err.text), "a long prefix is cut");
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	error_clear(&err);
	error_set(&err, FAULT_DATA, "x%s", text);
	error_prefix(&err, "y");
	ok(strncmp(err.text, "y: x\xc3\xa9", 6) == 0 && strlen(err.text) < sizeof(err.text),
		"characters of several octets");
}

static void
try_tables(void)
{
	static const struct {
		enum fault fault;
		int status;
		const char *name;
	} rows[] = {
		{ FAULT_NONE, 0, "EX_OK" },
		{ FAULT_USAGE, 64, "EX_USAGE" },
		{ FAULT_DATA, 65, "EX_DATAERR" },
		{ FAULT_NOINPUT, 66, "EX_NOINPUT" },
		{ FAULT_NOUSER, 67, "EX_NOUSER" },
		{ FAULT_NOHOST, 68, "EX_NOHOST" },
		{ FAULT_UNAVAILABLE, 69, "EX_UNAVAILABLE" },
		{ FAULT_SOFTWARE, 70, "EX_SOFTWARE" },
		{ FAULT_SYSTEM, 71, "EX_OSERR" },
		{ FAULT_CREATE, 73, "EX_CANTCREAT" },
		{ FAULT_IO, 74, "EX_IOERR" },
		{ FAULT_TEMPORARY, 75, "EX_TEMPFAIL" },
		{ FAULT_PROTOCOL, 76, "EX_PROTOCOL" },
		{ FAULT_PERMISSION, 77, "EX_NOPERM" },
		{ FAULT_CONFIG, 78, "EX_CONFIG" },
	};

	ok(sizeof(rows) / sizeof(*rows) == FAULT_COUNT, "all faults are in the table");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(fault_status(rows[i].fault) == rows[i].status &&
				strcmp(fault_name(rows[i].fault), rows[i].name) == 0 &&
				strlen(fault_phrase(rows[i].fault)) > 10,
			"%s", rows[i].name);
	for (int s = 0; s < STAGE_COUNT; s++)
		ok(stage_name((enum stage)s)[strspn(
			   stage_name((enum stage)s), "abcdefghijklmnopqrstuvwxyz")] == '\0',
			"stage %s", stage_name((enum stage)s));
	same(stage_name(STAGE_END), 3, "end", "the last stage");
}

static void
try_enhanced(void)
{
	static const struct {
		const char *text;
		size_t length;
		const char *printed;
	} rows[] = {
		{ "2.0.0 Ok", 5, "2.0.0" },
		{ "5.7.8", 5, "5.7.8" },
		{ "4.7.500 x", 7, "4.7.500" },
		{ "5.123.999\tx", 9, "5.123.999" },
		{ "2.0.0.0", 0, "" },
		{ "2.0.0x", 0, "" },
		{ "3.0.0 x", 0, "" },
		{ "0.0.0 x", 0, "" },
		{ "22.0.0 x", 0, "" },
		{ "2.0 x", 0, "" },
		{ "2.0. x", 0, "" },
		{ "2..0 x", 0, "" },
		{ "2.00.0 x", 0, "" },
		{ "2.0.01 x", 0, "" },
		{ "2.1000.0 x", 0, "" },
		{ "2.0.1000 x", 0, "" },
		{ " 2.0.0", 0, "" },
		{ "2,0,0 x", 0, "" },
		{ "", 0, "" },
		{ "2.0", 0, "" },
		{ "2.100", 0, "" },
	};
	char out[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct enhanced code = { 0, 0, 0 };
		size_t n = enhanced_parse(rows[i].text, strlen(rows[i].text), &code);

		ok(n == rows[i].length && strcmp(enhanced_print(code, out), rows[i].printed) == 0,
			"'%s' gives '%s'", rows[i].text, out);
	}
	ok(enhanced_parse("5.7.89", 5, &(struct enhanced){ 0 }) == 5, "not beyond the end");
	ok(strlen(enhanced_print((struct enhanced){ 65535, 65535, 65535 }, out)) < 16,
		"never too long");
}

int
main(void)
{
	try_set();
	try_tables();
	try_enhanced();
	return tap_done();
}
