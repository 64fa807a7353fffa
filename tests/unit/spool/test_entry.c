/* The file of an entry. */
#include "entry.h"

#include "room.h"

static void
try_ids(void)
{
	char a[ENTRY_ID + 1], b[ENTRY_ID + 1], c[ENTRY_ID + 1];

	entry_new_id(a, 1700000000);
	entry_new_id(b, 1700000001);
	ok(entry_is_id(a) && entry_is_id(b) && strcmp(a, b) < 0, "ids sort by time: %s %s", a, b);
	entry_new_id(b, 1700000000);
	ok(strcmp(a, b) != 0, "and are made by chance");
	entry_derive_id(b, a, "failure");
	entry_derive_id(c, a, "failure");
	ok(entry_is_id(b) && !strcmp(b, c), "derived ids are the same each time: %s", b);
	entry_derive_id(c, a, "delay");
	ok(strcmp(b, c) != 0, "and differ by purpose");
	ok(!entry_is_id("") && !entry_is_id("../../etc/passwd") &&
			!entry_is_id("ABCDEFGHIJKLMNOP") && !entry_is_id("0123456789abcdefg"),
		"what is no id");
}

int
main(void)
{
	try_ids();
	return tap_done();
}
