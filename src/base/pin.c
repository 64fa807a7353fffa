#include "pin.h"

#include <string.h>

#include "strbuf.h"
#include "text.h"

static bool
refuse(struct pin *p, const char *label, const char *why)
{
	char shown[100];

	text_printable(shown, sizeof(shown), label, strlen(label));
	return error_set(&p->error, FAULT_PERMISSION, "token \"%s\": %s", shown, why);
}

bool
pin_give(struct pin *p, const char *label, bool again, bool last, char *out, size_t size)
{
	struct strbuf given = STRBUF_INIT_SECRET(256);
	bool good;

	if (p->error.fault)
		return false;
	if (again)
		return refuse(p, label, "the PIN is wrong; it was tried once, and not again");
	if (last)
		return refuse(p, label,
			"one more wrong PIN would lock it, so none is tried: log in once with the "
			"token's own tools");
	if (!p->ask)
		return refuse(p, label, "a PIN is wanted, and none is set");
	good = p->ask(p->ctx, label, &given, &p->error);
	if (good && (given.len >= size || !given.len || memchr(given.s, '\0', given.len)))
		good = refuse(p, label, "this can be no PIN");
	else if (good)
		memcpy(out, given.s, given.len + 1);
	strbuf_done(&given);
	return good;
}
