/* A host, a NUL, a user, a NUL, and a netrc. What is found is a word of the file; an entry for us
 * in front of all others is what is found, whatever they hold. */
#include "fuzz.h"
#include "netrc.h"
#include "strbuf.h"

static bool
is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || strchr("\"\\#", *s))
			return false;
	return true;
}

/* With an entry of USER in front, and one that what begins the file may belong to. */
static struct netrc_result
with(const char *host, const char *user, const char *s, size_t n, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT(NETRC_MAX * 2);
	struct netrc_result r;

	strbuf_addf(&text, "machine %s login %s password p\nmachine another\n", host, user);
	strbuf_add(&text, s, n);
	r = netrc_find(text.s, text.len, host, user, out);
	strbuf_done(&text);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data, *host = s, *user;
	struct strbuf out = STRBUF_INIT_SECRET(9000), again = STRBUF_INIT_SECRET(9000);
	const char *end = memchr(s, '\0', size), *text;
	struct netrc_result r, more;
	size_t n;

	if (!end)
		return 0;
	user = end + 1;
	end = memchr(user, '\0', size - (size_t)(user - s));
	if (!end)
		return 0;
	text = end + 1;
	n = size - (size_t)(text - s);
	r = netrc_find(text, n, host, user, &out);
	check(r.answer == NETRC_FOUND || !out.len);
	check(r.answer != NETRC_FOUND || (r.line && out.len <= n));
	check((r.answer == NETRC_NO_MACHINE) == !r.line);
	check(r.answer != NETRC_OTHER_LOGIN || r.logins);
	if (*host && *user && is_plain(host) && is_plain(user)) {
		more = with(host, user, text, n, &again);
		check(more.answer == NETRC_FOUND && more.line == 1 && strcmp(again.s, "p") == 0);
	}
	strbuf_done(&out);
	strbuf_done(&again);
	return 0;
}
