/* The PIN of a token: once, and not at all when it would be the last try. */
#include "pin.h"

#include <stdint.h>

#include "strbuf.h"
#include "tap.h"

static int asked;

static bool
ask(void *ctx, const char *label, struct strbuf *ret, struct error *err)
{
	asked++;
	if (!ctx)
		return error_set(err, FAULT_NOINPUT, "no file for %s", label);
	strbuf_adds(ret, ctx);
	return true;
}

static bool
refused(struct pin *p, bool again, bool last, enum fault fault, const char *says)
{
	char out[8];

	return !pin_give(p, "lab\033", again, last, out, sizeof(out)) && p->error.fault == fault &&
	       strstr(p->error.text, says) && !strchr(p->error.text, '\033');
}

int
main(void)
{
	struct pin p = { .ask = ask, .ctx = (void *)(uintptr_t) "1234567" };
	char out[8];

	ok(pin_give(&p, "lab", false, false, out, sizeof(out)) && !strcmp(out, "1234567"), "a PIN");
	ok(refused(&p, true, false, FAULT_PERMISSION, "wrong"), "it was wrong");
	asked = 0;
	ok(refused(&p, false, false, FAULT_PERMISSION, "wrong") && !asked, "and is given no more");
	p.error = (struct error)ERROR_NONE;
	ok(refused(&p, false, true, FAULT_PERMISSION, "lock") && !asked, "not for the last try");
	p.error = (struct error)ERROR_NONE;
	p.ctx = (void *)(uintptr_t) "12345678";
	ok(refused(&p, false, false, FAULT_PERMISSION, "no PIN"), "too long");
	p.error = (struct error)ERROR_NONE;
	p.ctx = (void *)(uintptr_t) "";
	ok(refused(&p, false, false, FAULT_PERMISSION, "no PIN"), "empty");
	p.error = (struct error)ERROR_NONE;
	p.ctx = NULL;
	ok(refused(&p, false, false, FAULT_NOINPUT, "no file"), "what the one who knows says");
	p = (struct pin){ .ask = NULL };
	ok(refused(&p, false, false, FAULT_PERMISSION, "none is set"), "nobody knows");
	return tap_done();
}
