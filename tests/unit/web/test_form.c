#include "http.h"
#include "tap.h"

static void
add_all(struct strbuf *out)
{
	http_add_parameter(out, "grant_type", "refresh_token");
	http_add_parameter(out, "none", NULL);
	http_add_parameter(out, "empty", "");
	http_add_parameter(out, "a b", "x&y=z+\xc3\xa9~%\n");
}

int
main(void)
{
	static const char form[] =
		"grant_type=refresh_token&empty=&a%20b=x%26y%3Dz%2B%C3%A9~%25%0A";
	struct strbuf out = STRBUF_INIT(1024), query = STRBUF_INIT(1024);

	add_all(&out);
	same(out.s, out.len, form, "a form");
	strbuf_adds(&query, "https://x/?");
	add_all(&query);
	ok(query.len == 11 + out.len && strcmp(query.s + 11, form) == 0, "a query");
	strbuf_done(&out);
	strbuf_done(&query);
	return tap_done();
}
