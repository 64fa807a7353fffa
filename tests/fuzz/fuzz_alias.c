/* The first octet says how to read the rest: an aliases file, a NUL, the text that :include: names
 * give, a NUL, addresses to expand. Whatever comes out must be fit for the wire, once, and what is
 * refused one printable line. */
#include "alias.h"
#include "alloc.h"
#include "error.h"
#include "fuzz.h"
#include "strbuf.h"
#include "text.h"

struct input {
	const char *include;
	size_t include_n, reads;
};

static bool
read_file(void *ctx, const char *path, struct strbuf *out, struct error *err)
{
	struct input *in = ctx;
	size_t n = strlen(path);

	check(*path == '/' && ++in->reads <= ALIAS_INCLUDES);
	if (path[n - 1] == 'x')
		return error_set(err, FAULT_CONFIG, "unable to open %s", path);
	if (path[n - 1] == 't')
		return error_set(err, FAULT_TEMPORARY, "not now");
	strbuf_add(out, in->include, in->include_n);
	return true;
}

static void
take_step(void *ctx, const char *address, const char *target, const char *file, size_t line)
{
	(void)ctx;
	check(*address && *target && *file && line);
}

static void
take_refusal(void *ctx, const char *name, const char *why)
{
	(void)ctx;
	check(*name && *why && !text_has_control(why, strlen(why)));
}

/* Each name is found as what stands there first; mistakes come by line, printable. */
static void
check_aliases(const struct aliases *a)
{
	const struct alias *found;

	for (size_t i = 0; i < a->n; i++) {
		found = aliases_find(a, a->v[i].name, false);
		check(found && found <= &a->v[i] && !strcmp(found->name, a->v[i].name));
		check(a->v[i].target_count && a->v[i].line);
		for (size_t k = 0; k < a->v[i].target_count; k++)
			check(a->v[i].targets[k].line >= a->v[i].line);
	}
	check(a->index_count <= a->n);
	for (size_t i = 0; i < a->mistake_count && i < ALIAS_MISTAKES; i++) {
		check(!text_has_control(a->mistakes[i].text, strlen(a->mistakes[i].text)));
		check(!i || a->mistakes[i - 1].line <= a->mistakes[i].line);
	}
}

static void
check_output(struct address_list *out)
{
	struct strbuf text CLEANUP(strbuf_done) = STRBUF_INIT(4096);
	struct address_list again CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	size_t n = out->n;

	for (size_t i = 0; i < n; i++) {
		strbuf_clear(&text);
		check(address_add_smtp(&text, &out->v[i], false, NULL));
		check(!text_has_control(text.s, text.len));
		address_list_truncate(&again, 0);
		check(address_list_parse(text.s, text.len, &again, NULL) && again.n == 1);
		check(address_equal(&again.v[0], &out->v[i]));
	}
	address_list_unique(out);
	check(out->n == n);
}

/* The next part of the input, up to a NUL. */
static const char *
part(const char **at, const char *end, size_t *ret_n)
{
	const char *s = *at, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	*ret_n = (size_t)((nul ? nul : end) - s);
	*at = nul ? nul + 1 : end;
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const domains[] = { "localhost", "box" };
	const char *at = (const char *)data, *end = at + size, *file, *addresses;
	struct aliases a CLEANUP(aliases_done) = ALIASES_NONE;
	struct address_list from CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address_list out CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;
	struct input in = { 0 };
	const struct alias_expansion how = {
		.aliases = &a,
		.local_domains = domains,
		.local_domain_count = 2,
		.read = read_file,
		.step = take_step,
		.refuse = take_refusal,
		.ctx = &in,
	};
	size_t file_n, n;

	file = part(&at, end, &file_n);
	in.include = part(&at, end, &in.include_n);
	addresses = part(&at, end, &n);
	aliases_parse(file, file_n, "f", &a);
	check_aliases(&a);
	if (!n)
		addresses = "root, default, a", n = strlen(addresses);
	if (!address_list_parse(addresses, n, &from, NULL))
		return 0;
	if (alias_expand(&how, &from, &out, &err))
		check(!err.fault);
	else
		check((err.fault == FAULT_DATA || err.fault == FAULT_TEMPORARY) && !out.n);
	check_output(&out);
	return 0;
}
