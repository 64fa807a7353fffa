/* JSON objects from outside: what is asked of them, and what is none. */
#include "json.h"

#include <stdlib.h>

#include "error.h"
#include "field.h"
#include "strbuf.h"
#include "tap.h"

static const char *const keys[] = { "a", "b", "expires_in", NULL };

/* Shows the fields as [a][b][-]. */
static void
show(const struct strbuf *fields, struct strbuf *out)
{
	const char *at = fields->s, *end = at + fields->len;
	char *s;

	while (at < end) {
		if (!field_take_string(&at, end, &s)) {
			strbuf_adds(out, "(no field)");
			return;
		}
		strbuf_addf(out, s ? "[%s]" : "-", s);
		free(s);
	}
}

static void
test_fields(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ "{}", "---" },
		{ " {\"a\": \"x\", \"b\": \"\"}\r\n", "[x][]-" },
		{ "{\"expires_in\":3599,\"a\":-1,\"b\":9223372036854775807}",
			"[-1][9223372036854775807][3599]" },
		{ "{\"expires_in\":3599.7,\"a\":1e3,\"b\":-0.5}", "[1000][0][3599]" },
		{ "{\"expires_in\":1e300,\"a\":9007199254740992.0}", "---" },
		{ "{\"a\":true,\"b\":false,\"expires_in\":null}", "[true][false]-" },
		{ "{\"a\":[\"x\",\"y\"],\"b\":[],\"expires_in\":[\"x y\"]}", "[x y][]-" },
		{ "{\"a\":[1],\"b\":[\"\"],\"expires_in\":[[\"x\"]]}", "---" },
		{ "{\"a\":{\"a\":\"deep\"},\"c\":{\"b\":\"deep\"}}", "---" },
		{ "{\"a\":\"\\u00e9\\n\\\"\",\"b\":\"\xc3\xa9\"}", "[\xc3\xa9\n\"][\xc3\xa9]-" },
		{ "{\"a\":\"x\\u0000y\"}", NULL },
		{ "{\"a\\u0000\":\"x\"}", NULL },
		{ "{\"a\":1,\"a\":2}", NULL },
		{ "{\"c\":{\"d\":1,\"d\":2}}", NULL },
		{ "{\"a\":123456789012345678901234567890}", NULL },
		{ "{\"a\":1e999}", NULL },
		{ "{\"a\":\"\xff\"}", NULL },
		{ "{\"a\":\"\\ud800\"}", NULL },
		{ "{\"a\":\"x", NULL },
		{ "{\"a\":01}", NULL },
		{ "{\"a\":NaN}", NULL },
		{ "{} {}", NULL },
		{ "{}x", NULL },
		{ "[\"a\"]", NULL },
		{ "\"a\"", NULL },
		{ "", NULL },
		{ "\xef\xbb\xbf{}", NULL },
		{ "<html>secret</html>", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct strbuf fields = STRBUF_INIT(1000), shown = STRBUF_INIT(1000);
		struct error err = ERROR_NONE;
		bool good = json_fields(rows[i].text, strlen(rows[i].text), keys, &fields, &err);

		show(&fields, &shown);
		if (rows[i].want)
			same(shown.s, good ? shown.len : 0, rows[i].want, "what is asked for");
		else
			ok(!good && err.fault == FAULT_PROTOCOL && !strstr(err.text, "secret"),
				"refused: %s (%s)", rows[i].text, err.text);
		strbuf_done(&fields);
		strbuf_done(&shown);
	}
}

/* Refuses what is no object, whatever its length. */
static bool
refused(const char *text, size_t n, size_t cap)
{
	struct strbuf fields = STRBUF_INIT(cap);
	struct error err = ERROR_NONE;
	bool good = json_fields(text, n, keys, &fields, &err);

	strbuf_done(&fields);
	return !good && err.fault == FAULT_PROTOCOL;
}

static void
test_size(void)
{
	struct strbuf text = STRBUF_INIT(1 << 20);

	for (int i = 0; i < 100000; i++)
		strbuf_adds(&text, "[");
	ok(refused(text.s, text.len, 100), "nested too deep");
	strbuf_clear(&text);
	strbuf_adds(&text, "{\"a\":");
	for (int i = 0; i < 50000; i++)
		strbuf_adds(&text, "{\"a\":");
	ok(refused(text.s, text.len, 100), "objects nested too deep");
	strbuf_clear(&text);
	strbuf_adds(&text, "{\"a\":\"");
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&text, "0123456789");
	strbuf_adds(&text, "\"}");
	ok(refused(text.s, text.len, 20), "no room for all fields");
	ok(refused("{}\0{}", 5, 100), "NUL");
	ok(refused("{\"a\":\"x\0y\"}", 11, 100), "NUL in a string");
	strbuf_done(&text);
}

static void
test_writing(void)
{
	struct strbuf out = STRBUF_INIT(1000);
	json_t *o = json_object();

	json_put_text(o, "a", "x\"\xff");
	json_put_text(o, "b", "");
	json_put(o, "c", json_integer(7));
	json_add_line(&out, o);
	same(out.s, out.len, "{\"a\":\"x\\\"\\\\xff\",\"b\":null,\"c\":7}\n", "an object");
	strbuf_done(&out);
}

int
main(void)
{
	test_fields();
	test_size();
	test_writing();
	return tap_done();
}
