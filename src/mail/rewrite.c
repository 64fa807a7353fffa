#include "rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "alloc.h"
#include "header.h"
#include "strbuf.h"

static bool
has_mailboxes(const struct header_field *f)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc",
		"Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc",
		"Resent-Bcc" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (header_is(f, names[i]))
			return true;
	return false;
}

/* Takes NEW for the block's content, unless it did not fit. */
static void
replace(struct strbuf *block, struct strbuf *new)
{
	if (!new->full) {
		strbuf_clear(block);
		strbuf_add(block, new->s, new->len);
	}
	block->full |= new->full;
	strbuf_done(new);
}

/* Appends the field's octets with the domain where it is missing; returns how often that was. */
static size_t
add_qualified(struct strbuf *out, const struct header_field *f, const char *domain)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct address_place *places = NULL;
	size_t done = 0, changed = 0;

	strbuf_add(out, f->name, (size_t)(f->value - f->name));
	if (address_list_locate(f->value, f->value_len, &l, &places, NULL)) {
		for (size_t i = 0; i < l.n; i++) {
			if (l.v[i].domain)
				continue;
			strbuf_add(out, f->value + done, places[i].end - done);
			strbuf_addf(out, "@%s", domain);
			done = places[i].end;
			changed++;
		}
	}
	strbuf_add(out, f->value + done, f->end - f->start - (size_t)(f->value - f->name) - done);
	free(places);
	address_list_done(&l);
	return changed;
}

size_t
rewrite_qualify(struct strbuf *block, const char *domain)
{
	struct strbuf out = STRBUF_INIT(block->cap);
	struct header_field f;
	size_t pos = 0, changed = 0;

	while (header_next(block->s, block->len, &pos, &f)) {
		if (has_mailboxes(&f))
			changed += add_qualified(&out, &f, domain);
		else
			strbuf_add(&out, f.name, f.end - f.start);
	}
	if (changed)
		replace(block, &out);
	strbuf_done(&out);
	return changed;
}

/* Appends the new value for a From field that says OLD (and OLD_N octets). */
static void
add_value(struct strbuf *out, const char *old, size_t old_n, const struct address_list *l,
	const struct address_place *places, const struct address *from)
{
	const char *name = l->n ? l->v[0].name : NULL;
	struct address whole = *from;

	if (l->n == 1 && (name || !from->name)) {
		/* the name, the way it is written */
		strbuf_add(out, old, places[0].start);
		(void)!address_add_smtp(out, from, false, NULL);
		strbuf_add(out, old + places[0].end, old_n - places[0].end);
		return;
	}
	if (name)
		whole.name = (char *)name;
	strbuf_addc(out, ' ');
	address_add_header(out, &whole);
}

/* Puts the new From field, and the Reply-To field that may be needed, where the field F is. */
static void
replace_field(struct strbuf *block, const struct header_field *f, const struct address *from,
	bool keep_reply_to)
{
	struct strbuf out = STRBUF_INIT(block->cap);
	struct address_list l = ADDRESS_LIST_NONE;
	struct address_place *places = NULL;
	bool same;

	/* a field that cannot be parsed counts as one without addresses */
	(void)!address_list_locate(f->value, f->value_len, &l, &places, NULL);
	same = l.n == 1 && address_equal(&l.v[0], from);
	strbuf_add(&out, block->s, (size_t)(f->value - block->s));
	add_value(&out, f->value, f->value_len, &l, places, from);
	if (keep_reply_to && l.n && !same && !header_has(block->s, block->len, "Reply-To")) {
		strbuf_adds(&out, "\r\nReply-To:");
		strbuf_add(&out, f->value, f->value_len);
	}
	strbuf_adds(&out, "\r\n");
	strbuf_add(&out, block->s + f->end, block->len - f->end);
	replace(block, &out);
	free(places);
	address_list_done(&l);
}

/* Removes what follows the first From field under this name. */
static void
drop_second(struct strbuf *block, size_t pos)
{
	struct strbuf rest = STRBUF_INIT(block->cap);

	strbuf_add(&rest, block->s + pos, block->len - pos);
	header_drop(&rest, "From");
	strbuf_truncate(block, pos);
	strbuf_add(block, rest.s, rest.len);
	strbuf_done(&rest);
}

void
rewrite_from(struct strbuf *block, const struct address *from, bool keep_reply_to)
{
	struct header_field f;
	size_t pos = 0;

	if (!header_find(block->s, block->len, &pos, "From", &f))
		return;
	drop_second(block, pos);
	/* the block may have moved */
	pos = f.start;
	if (header_next(block->s, block->len, &pos, &f))
		replace_field(block, &f, from, keep_reply_to);
	header_drop(block, "Sender");
}
