/* A changed header must have its fields in their places, and every address that can be read a
 * domain. */
#include "address.h"
#include "alloc.h"
#include "fuzz.h"
#include "header.h"
#include "rewrite.h"
#include "strbuf.h"

/* The parts of two lists are the same, but that all in L have a domain. */
static void
check_lists(const struct address_list *before, const struct address_list *after)
{
	check(before->n == after->n);
	for (size_t i = 0; i < after->n; i++) {
		const struct address *a = &before->v[i], *b = &after->v[i];

		check(!strcmp(a->local, b->local) && !strcmp(a->domain ?: "d.example", b->domain));
		check(!a->name == !b->name && (!a->name || !strcmp(a->name, b->name)));
	}
}

static void
check_qualified(const struct strbuf *was, const struct strbuf *is)
{
	struct header_field f, g;
	size_t pos = 0, at = 0;

	while (header_next(was->s, was->len, &pos, &f)) {
		struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
		struct address_list m CLEANUP(address_list_done) = ADDRESS_LIST_NONE;

		check(header_next(is->s, is->len, &at, &g) && g.name_len == f.name_len);
		check(!memcmp(f.name, g.name, f.name_len));
		if (!header_is(&f, "To") && !header_is(&f, "From"))
			continue;
		if (!address_list_parse(f.value, f.value_len, &l, NULL))
			continue;
		check(address_list_parse(g.value, g.value_len, &m, NULL));
		check_lists(&l, &m);
	}
	check(at == is->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf was CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct strbuf is CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	const struct address from = { .name = (char[]){ "M. E." },
		.local = (char[]){ "me" },
		.domain = (char[]){ "d.example" } };
	struct header_field f;
	size_t pos = 0;

	strbuf_add(&was, data, size);
	strbuf_add(&is, data, size);
	rewrite_qualify(&is, "d.example");
	check_qualified(&was, &is);
	check(!rewrite_qualify(&is, "e.example"));
	rewrite_from(&is, &from, size % 2);
	if (!header_find(is.s, is.len, &pos, "From", &f))
		return 0;
	check(address_list_parse(f.value, f.value_len, &l, NULL) && l.n == 1);
	check(address_equal(&l.v[0], &from) && l.v[0].name);
	check(!header_find(is.s, is.len, &pos, "From", &f) && !header_has(is.s, is.len, "Sender"));
	return 0;
}
