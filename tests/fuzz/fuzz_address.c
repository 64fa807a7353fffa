/* Whatever is taken for an address must be harmless on the wire and survive being written and read
 * again. */
#include "address.h"
#include "alloc.h"
#include "error.h"
#include "fuzz.h"
#include "strbuf.h"
#include "text.h"

/* What stands between < and > must not be able to end it. */
static void
check_wire(const char *s, size_t n)
{
	bool quoted = false;

	check(!text_has_control(s, n));
	for (size_t i = 0; i < n; i++) {
		if (quoted && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else
			check(quoted || !strchr(" <>,;()\\", s[i]));
	}
	check(!quoted);
}

static bool
is_plain(const char *s)
{
	if (strlen(s) > 400)
		return false;
	for (; *s; s++)
		if (*s < 32 || *s > 126)
			return false;
	return true;
}

/* Reads TEXT, which must be one mailbox equal to *A. */
static void
check_again(const char *text, size_t n, const struct address *a, bool name)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;

	check(address_list_parse(text, n, &l, NULL) && l.n == 1 && address_equal(&l.v[0], a));
	if (name && a->name)
		check(l.v[0].name && !strcmp(l.v[0].name, a->name));
	else if (name)
		check(!l.v[0].name);
}

static void
check_address(const struct address *a)
{
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(1 << 24);
	struct error err = ERROR_NONE;

	check(a->local && *a->local && strlen(a->local) <= ADDRESS_LOCAL_MAX);
	check(!a->domain || address_domain_is_valid(a->domain));
	check(!a->name || *a->name);
	for (int ascii = 0; ascii < 2; ascii++) {
		strbuf_clear(&out);
		strbuf_addc(&out, '<');
		check(address_add_smtp(&out, a, ascii, &err) && !err.fault);
		check_wire(out.s + 1, out.len - 1);
		check(!ascii || address_local_is_utf8(a) || !text_is_8bit(out.s, out.len));
		strbuf_addc(&out, '>');
		check_again(out.s, out.len, a, false);
	}
	strbuf_clear(&out);
	address_add_header(&out, a);
	check_again(out.s, out.len, a, !a->name || is_plain(a->name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address sender CLEANUP(address_done);
	struct strbuf all CLEANUP(strbuf_done) = STRBUF_INIT(1 << 26);
	struct error err = ERROR_NONE;
	size_t n;

	if (address_list_parse(text, size, &l, &err)) {
		check(!err.fault);
		for (size_t i = 0; i < l.n; i++) {
			check_address(&l.v[i]);
			if (i)
				strbuf_adds(&all, ",\r\n ");
			address_add_header(&all, &l.v[i]);
		}
		n = l.n;
		check(address_list_parse(all.s, all.len, &l, NULL) && l.n == 2 * n);
		address_list_unique(&l);
		check(l.n <= n);
		n = l.n;
		address_list_unique(&l);
		check(l.n == n);
	} else {
		check(err.fault == FAULT_DATA && !l.n &&
			!text_has_control(err.text, strlen(err.text)));
	}
	error_clear(&err);
	if (address_parse_sender(text, size, &sender, &err)) {
		if (!address_is_null(&sender))
			check_address(&sender);
	} else {
		check(err.fault == FAULT_DATA && !sender.local);
	}
	return 0;
}
