/* The PIN of a token (PKCS #11): given once, because a token locks itself after a few wrong ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct strbuf;

struct pin {
	/* Finds the PIN of the token LABEL; NULL: there is none. */
	bool (*ask)(void *ctx, const char *label, struct strbuf *ret, struct error *err);
	void *ctx;
	struct error error; /* why none was given: none is from then on */
};

/* Puts the PIN into OUT of SIZE octets. AGAIN: one was wrong before; LAST: a wrong one would lock
 * the token. False, and P->error is set (FAULT_PERMISSION, or what ASK says), if there is none, if
 * it was wrong, and for the last try. */
bool pin_give(struct pin *p, const char *label, bool again, bool last, char *out, size_t size)
	__attribute__((warn_unused_result));
