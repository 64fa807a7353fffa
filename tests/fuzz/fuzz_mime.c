/* MIME encodings: whatever is encoded comes back, whatever the pieces; what is decoded and encoded
 * again is what it was; parameters hold nothing that could start a line of its own. The first octet
 * chooses the size of the pieces. */
#include "../unit/qp.h"
#include "fuzz.h"
#include "mime.h"
#include "strbuf.h"

#define CAP (8 << 20)

static void
check_base64(const char *s, size_t n, size_t piece)
{
	struct strbuf coded = STRBUF_INIT(CAP), back = STRBUF_INIT(CAP), again = STRBUF_INIT(CAP);
	struct mime_base64 e = { .n = 0 };

	mime_add_base64(&coded, s, n);
	check(coded.len == (n + 2) / 3 * 4);
	check(mime_decode_base64(&back, coded.s, coded.len) && back.len == n);
	check(!n || !memcmp(back.s, s, n));
	strbuf_clear(&back);
	if (mime_decode_base64(&back, s, n)) {
		mime_add_base64(&again, back.s, back.len);
		check(again.len == n && (!n || !memcmp(again.s, s, n)));
	}
	/* the lines together are the whole */
	strbuf_clear(&back);
	strbuf_clear(&again);
	for (size_t at = 0; at < n; at += piece)
		mime_base64_feed(&e, &back, s + at, n - at < piece ? n - at : piece);
	mime_base64_end(&e, &back);
	for (size_t at = 0; at < back.len; at += 78) {
		size_t len = back.len - at < 78 ? back.len - at : 78;

		check(len > 2 && !memcmp(back.s + at + len - 2, "\r\n", 2));
		strbuf_add(&again, back.s + at, len - 2);
	}
	check(again.len == coded.len && !memcmp(again.s, coded.s, again.len));
	strbuf_done(&coded);
	strbuf_done(&back);
	strbuf_done(&again);
}

static void
check_qp(const char *s, size_t n, size_t piece)
{
	struct strbuf whole = STRBUF_INIT(CAP), pieces = STRBUF_INIT(CAP), back = STRBUF_INIT(CAP);
	struct mime_qp e;

	mime_qp_init(&e);
	mime_qp_feed(&e, &whole, s, n);
	mime_qp_end(&e, &whole);
	mime_qp_init(&e);
	for (size_t at = 0; at < n; at += piece)
		mime_qp_feed(&e, &pieces, s + at, n - at < piece ? n - at : piece);
	mime_qp_end(&e, &pieces);
	check(whole.len == pieces.len && !memcmp(whole.s, pieces.s, whole.len));
	check(qp_decode(&back, whole.s, whole.len));
	check(back.len == n && (!n || !memcmp(back.s, s, n)));
	strbuf_done(&whole);
	strbuf_done(&pieces);
	strbuf_done(&back);
}

/* Takes the value out of "; n=..." or of an extended value, without the fallback. */
static void
read_parameter(const char *s, bool is_extended, struct strbuf *value)
{
	if (!is_extended) {
		s += strcspn(s, "=") + 1;
		if (*s != '"') {
			strbuf_adds(value, s);
			return;
		}
		for (s++; *s && (*s != '"' || s[1]); s++) {
			if (*s == '\\')
				s++;
			strbuf_addc(value, *s);
		}
		check(*s == '"' && !s[1]);
		return;
	}
	s = strstr(strstr(s, " n*"), "''") + 2;
	while (*s) {
		if (*s == '%') {
			check(qp_hex(s[1]) >= 0 && qp_hex(s[2]) >= 0);
			strbuf_addc(value, (char)(qp_hex(s[1]) << 4 | qp_hex(s[2])));
			s += 3;
		} else if (*s == ';') {
			s += strcspn(s, "=") + 1;
		} else {
			strbuf_addc(value, *s++);
		}
	}
}

static void
check_parameter(const char *s, size_t n, bool fallback)
{
	struct strbuf out = STRBUF_INIT(CAP), value = STRBUF_INIT(CAP);
	char *text = strndup(s, n);
	bool extended = strlen(text) > 900;

	for (const char *c = text; *c; c++)
		extended |= *c < 32 || *c > 126;
	mime_add_parameter(&out, "n", text, fallback);
	for (size_t i = 0; i < out.len; i++) {
		check((out.s[i] >= 32 && out.s[i] < 127) || out.s[i] == '\r' || out.s[i] == '\n');
		check(out.s[i] != '\r' || (out.s[i + 1] == '\n' && out.s[i + 2] == ' '));
		check(out.s[i] != '\n' || out.s[i - 1] == '\r');
	}
	read_parameter(out.s, extended, &value);
	check(value.len == strlen(text) && !strcmp(value.s, text));
	check(strchr(mime_type(text), '/') != NULL);
	free(text);
	strbuf_done(&out);
	strbuf_done(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece;

	if (!size)
		return 0;
	piece = data[0] / 2 + 1u;
	check_base64((const char *)data + 1, size - 1, piece);
	check_qp((const char *)data + 1, size - 1, piece);
	check_parameter((const char *)data + 1, size - 1, data[0] & 1);
	return 0;
}
