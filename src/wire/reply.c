#include "reply.h"

#include <string.h>

#include "text.h"

void
reply_init(struct reply *r)
{
	*r = (struct reply){ .text = STRBUF_INIT(REPLY_TEXT) };
}

void
reply_done(struct reply *r)
{
	strbuf_done(&r->text);
}

void
reply_clear(struct reply *r)
{
	strbuf_clear(&r->text);
	r->code = 0;
	r->enhanced = (struct enhanced){ 0, 0, 0 };
	r->lines = 0;
}

int
reply_class(const struct reply *r)
{
	return r->code / 100;
}

static bool
malformed(struct error *err, const char *line, size_t n)
{
	char shown[100];

	text_printable(shown, sizeof(shown), line, n);
	return error_set(err, FAULT_PROTOCOL, "this is no SMTP reply: \"%s\"", shown);
}

bool
reply_feed(struct reply *r, const char *line, size_t n, bool *ret_complete, struct error *err)
{
	struct enhanced enhanced;
	int code;

	*ret_complete = false;
	if (n < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '9' ||
		line[2] < '0' || line[2] > '9' || (n > 3 && line[3] != ' ' && line[3] != '-') ||
		memchr(line, '\0', n))
		return malformed(err, line, n);
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	if (r->lines && code != r->code)
		return error_set(err, FAULT_PROTOCOL,
			"the lines of one reply have the codes %d and %d", r->code, code);
	if (++r->lines > REPLY_LINES)
		return error_set(
			err, FAULT_PROTOCOL, "a reply has more than %d lines", REPLY_LINES);
	r->code = code;
	*ret_complete = n == 3 || line[3] == ' ';
	line += n == 3 ? 3 : 4;
	n -= n == 3 ? 3 : 4;
	if (!r->enhanced.class && enhanced_parse(line, n, &enhanced) &&
		enhanced.class == code / 100)
		r->enhanced = enhanced;
	strbuf_add(&r->text, line, n);
	strbuf_addc(&r->text, '\n');
	if (r->text.full)
		return error_set(
			err, FAULT_PROTOCOL, "a reply is longer than %d octets", REPLY_TEXT);
	return true;
}

void
reply_words(const struct reply *r, char *out, size_t size)
{
	struct strbuf words = STRBUF_INIT(REPLY_TEXT);
	const char *at = r->text.s, *end = at + r->text.len, *stop;
	struct enhanced code;
	size_t n;

	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			break;
		n = enhanced_parse(at, (size_t)(stop - at), &code);
		/* the reply's own code is told apart; another one is the server's words */
		if (n && code.class == r->enhanced.class && code.subject == r->enhanced.subject &&
			code.detail == r->enhanced.detail)
			at += n;
		while (at < stop && *at == ' ')
			at++;
		if (at == stop)
			continue;
		if (words.len)
			strbuf_addc(&words, ' ');
		strbuf_add(&words, at, (size_t)(stop - at));
	}
	text_printable(out, size, words.s, words.len);
	strbuf_done(&words);
}
