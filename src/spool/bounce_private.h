/* What the rooms of bounce share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bounce.h"
#include "strbuf.h"

struct recipient;

#define BOUNCE_OWED                                                                                \
	1 /* due (the file's mtime) of an entry in failed/ that is owed a notification */

/* True iff the notification of KIND is about recipient I. */
bool bounce_is_about(const struct entry *e, enum bounce_kind kind, size_t i);

/* Appends what a person is to read: lines of UTF-8 with CRLF, at most 72 columns where words allow.
 */
void bounce_add_text(struct strbuf *out, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how);
/* Appends what a program is to read: the content of a message/delivery-status, ASCII. */
void bounce_add_status(struct strbuf *out, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how);

#define BOUNCE_WHAT 32
/* What a notification is about, a word: the local part of its Message-ID is the original's id, a
 * dot, and this; its own id follows from both. */
void bounce_what(const struct entry *e, enum bounce_kind kind, char ret[BOUNCE_WHAT]);
