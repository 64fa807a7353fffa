/* Fields in a row: what is added is taken as the same, and nothing else is taken. (Octets, lengths
 * and ends: wire/test_memo.c.) */
#include "field.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "strbuf.h"
#include "tap.h"

static struct strbuf row = STRBUF_INIT(8192);
static const char *at;

static const char *
rewind_row(void)
{
	at = row.s;
	return row.s + row.len;
}

static void
test_numbers(void)
{
	static const struct {
		uint64_t n;
		bool as_int, as_bool;
	} numbers[] = { { 0, true, true }, { 1, true, true }, { 2, true, false },
		{ INT32_MAX, true, false }, { INT32_MAX + 1ULL, false, false },
		{ UINT64_MAX, false, false } };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const char *end;
		uint64_t n = 0, kept = 7;
		bool b;
		int k;

		strbuf_clear(&row);
		field_add_number(&row, numbers[i].n);
		end = rewind_row();
		ok(field_take_number(&at, end, numbers[i].n, &n) && n == numbers[i].n && at == end,
			"number %zu", i);
		rewind_row();
		ok(!n || (!field_take_number(&at, end, n - 1, &kept) && kept == 7),
			"number %zu, above the limit", i);
		rewind_row();
		ok(field_take_int(&at, end, &k) == numbers[i].as_int, "number %zu as int", i);
		rewind_row();
		ok(field_take_bool(&at, end, &b) == numbers[i].as_bool, "number %zu as bool", i);
	}
}

static void
test_text(void)
{
	static const char *const strings[] = { "some\n", "", NULL };
	char four[5], *s;
	const char *end;

	strbuf_clear(&row);
	field_add_text(&row, "four");
	end = rewind_row();
	ok(field_take_text(&at, end, four, 5) && strcmp(four, "four") == 0, "text");
	rewind_row();
	ok(!field_take_text(&at, end, four, 4), "text without room");
	strbuf_clear(&row);
	field_add_text(&row, "\033");
	end = rewind_row();
	ok(!field_take_text(&at, end, four, 5), "a control");
	strbuf_clear(&row);
	field_add(&row, "a\0b", 3);
	end = rewind_row();
	ok(!field_take_text(&at, end, four, 5), "a NUL in a text");
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		const char *want = strings[i];

		strbuf_clear(&row);
		field_add_string(&row, want);
		end = rewind_row();
		ok(field_take_string(&at, end, &s) && at == end &&
				(want ? s && strcmp(s, want) == 0 : !s),
			"string '%s'", want ? want : "(none)");
		free(s);
	}
	strbuf_clear(&row);
	field_add_number(&row, 0);
	field_add_text(&row, "x");
	end = rewind_row();
	ok(!field_take_string(&at, end, &s) && !s, "none that has octets");
	strbuf_clear(&row);
	field_add_number(&row, 1);
	field_add(&row, "a\0b", 3);
	end = rewind_row();
	ok(!field_take_string(&at, end, &s) && !s, "a NUL in a string");
}

static void
test_error(int sys)
{
	struct error err = ERROR_NONE, got = ERROR_NONE;
	const char *end;
	bool whole = true;

	error_at(&err, STAGE_RCPT, FAULT_NOUSER, "nobody is there");
	err.sys = sys;
	err.smtp = 550;
	err.code = (struct enhanced){ 5, 1, 999 };
	err.in_doubt = true;
	snprintf(err.words, sizeof(err.words), "no such user");
	strbuf_clear(&row);
	field_add_error(&row, &err);
	end = rewind_row();
	ok(field_take_error(&at, end, &got) && at == end && memcmp(&got, &err, sizeof(got)) == 0,
		"an error with number %d", sys);
	for (size_t n = 0; n < row.len; n++) {
		end = row.s + n;
		at = row.s;
		whole = whole && !field_take_error(&at, end, &got);
	}
	ok(whole, "not one that is cut");
	strbuf_clear(&row);
	err.stage = STAGE_COUNT;
	field_add_error(&row, &err);
	end = rewind_row();
	ok(!field_take_error(&at, end, &got), "not one of a stage that there is not");
}

int
main(void)
{
	test_numbers();
	test_text();
	test_error(ENOENT);
	test_error(-57);
	strbuf_done(&row);
	return tap_done();
}
