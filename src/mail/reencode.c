/* A body written as quoted-printable, where that changes nothing that somebody signed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "header.h"
#include "message.h"
#include "mime.h"
#include "text.h"

#define BLOCK (64 << 10)

/* Charsets in which CR, LF and the octets below 128 mean what they mean in ASCII, or which are
 * 7-bit and keep line ends: exact names, and starts of names. */
static const char *const charset_names[] = { "us-ascii", "ascii", "utf-8", "utf8", "utf-7", "gbk",
	"gb2312", "gb18030", "shift_jis", "shift-jis", "sjis", "macintosh", "tis-620",
	"unknown-8bit", "x-unknown", "viscii" };
static const char *const charset_starts[] = { "iso-8859-", "iso8859-", "iso_8859-", "windows-125",
	"windows-874", "cp125", "koi8-", "iso-2022-", "euc-", "big5", "ks_c_5601", "ibm437",
	"ibm85", "ibm86", "cp437", "cp85", "cp86" };

static bool
charset_is_known(const char *s)
{
	for (size_t i = 0; i < sizeof(charset_names) / sizeof(*charset_names); i++)
		if (strcasecmp(s, charset_names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(charset_starts) / sizeof(*charset_starts); i++)
		if (strncasecmp(s, charset_starts[i], strlen(charset_starts[i])) == 0)
			return true;
	return false;
}

static bool
is_token(char c)
{
	return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* Moves *S behind blanks, folding and comments. False for a comment without end. */
static bool
skip_blanks(const char **s)
{
	int depth = 0;

	for (; **s; ++*s) {
		if (**s == '(')
			depth++;
		else if (depth && **s == ')')
			depth--;
		else if (depth && **s == '\\' && (*s)[1])
			++*s;
		else if (!depth && !strchr(" \t\r\n", **s))
			break;
	}
	return !depth;
}

/* Appends a token, or a quoted-string without its quotes, and moves *S behind it and the blanks
 * that follow; false where there is neither. */
static bool
take_value(const char **s, struct strbuf *out)
{
	if (**s == '"') {
		for (++*s; **s && **s != '"'; ++*s) {
			if (**s == '\\' && (*s)[1])
				++*s;
			strbuf_addc(out, **s);
		}
		if (!**s)
			return false;
		++*s;
		return skip_blanks(s);
	}
	if (!is_token(**s))
		return false;
	for (; is_token(**s); ++*s)
		strbuf_addc(out, **s);
	return skip_blanks(s);
}

/* Reads one parameter. *RET is false only if it is the charset and not one that we know. */
static bool
take_parameter(const char **s, struct strbuf *name, struct strbuf *value, bool *ret)
{
	strbuf_clear(name);
	strbuf_clear(value);
	if (!skip_blanks(s))
		return false;
	if (!**s) { /* a semicolon at the end */
		*ret = true;
		return true;
	}
	if (!take_value(s, name) || *(*s)++ != '=' || !skip_blanks(s) || !take_value(s, value))
		return false;
	*ret = true;
	if (strcasecmp(name->s, "charset") == 0)
		*ret = charset_is_known(value->s);
	else if (strncasecmp(name->s, "charset*", 8) == 0) /* RFC 2231 */
		*ret = false;
	return true;
}

/* NULL iff the Content-Type is that of a text that may be re-encoded, else why not. */
static const char *
refuse_type(const char *s)
{
	struct strbuf word = STRBUF_INIT(HEADER_MAX), value = STRBUF_INIT(HEADER_MAX);
	const char *why = NULL;
	bool known;

	if (!skip_blanks(&s) || !take_value(&s, &word) || *s != '/')
		why = "its Content-Type cannot be read";
	else if (strcasecmp(word.s, "text") != 0)
		why = "it is not a single text part";
	else if (s++, !skip_blanks(&s) || !take_value(&s, &word))
		why = "its Content-Type cannot be read";
	while (!why && *s) {
		if (*s++ != ';' || !take_parameter(&s, &word, &value, &known))
			why = "its Content-Type cannot be read";
		else if (!known)
			why = "its character set is not known";
	}
	strbuf_done(&word);
	strbuf_done(&value);
	return why;
}

static const char *
refuse_encoding(const char *s)
{
	struct strbuf word = STRBUF_INIT(HEADER_MAX);
	const char *why = NULL;

	if (!skip_blanks(&s) || !take_value(&s, &word) || *s ||
		(strcasecmp(word.s, "7bit") != 0 && strcasecmp(word.s, "8bit") != 0))
		why = "it has a Content-Transfer-Encoding already";
	strbuf_done(&word);
	return why;
}

bool
message_can_reencode(const struct message *m, const char **ret_why)
{
	static const char *const signatures[] = { "DKIM-Signature", "DomainKey-Signature",
		"ARC-Seal", "ARC-Message-Signature" };
	struct strbuf value = STRBUF_INIT(HEADER_MAX);
	const char *why = NULL;
	struct header_field f;
	unsigned types = 0, encodings = 0;

	for (size_t pos = 0; !why && header_next(m->header.s, m->header.len, &pos, &f);) {
		strbuf_clear(&value);
		header_add_unfolded(&value, &f);
		for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++)
			if (header_is(&f, signatures[i]))
				why = "it is signed";
		if (header_is(&f, "Content-Type"))
			why = types++ ? "it has two Content-Type fields" : refuse_type(value.s);
		else if (header_is(&f, "Content-Transfer-Encoding"))
			why = encodings++ ? "it has two Content-Transfer-Encoding fields"
					  : refuse_encoding(value.s);
	}
	strbuf_done(&value);
	if (why)
		*ret_why = why;
	return !why;
}

/* Calls TAKE for all of the body. */
static bool
each_block(const struct message *m,
	bool (*take)(void *ctx, const char *s, size_t n, struct error *err), void *ctx,
	struct error *err)
{
	struct message_reader r = { m, m->header.len + 2 };
	char *block = xmalloc(BLOCK);
	bool good = true;
	ssize_t got;

	while (good && (got = message_reader_get(&r, block, BLOCK, err)) != 0)
		good = got > 0 && take(ctx, block, (size_t)got, err);
	free(block);
	return good;
}

static bool
take_utf8(void *ctx, const char *s, size_t n, struct error *err)
{
	(void)err;
	text_utf8_feed(ctx, s, n);
	return true;
}

bool
message_body_is_utf8(const struct message *m, bool *ret, struct error *err)
{
	struct text_utf8 check = { 0 };

	*ret = true;
	if (!m->facts.body_8bit)
		return true;
	if (!each_block(m, take_utf8, &check, err))
		return false;
	text_utf8_end(&check);
	*ret = !check.bad;
	return true;
}

struct writing {
	struct message *to;
	struct mime_qp qp;
	struct strbuf out;
};

static bool
take_qp(void *ctx, const char *s, size_t n, struct error *err)
{
	struct writing *w = ctx;

	strbuf_clear(&w->out);
	mime_qp_feed(&w->qp, &w->out, s, n);
	return message_add_body(w->to, w->out.s, w->out.len, err);
}

static bool
write_header(const struct message *m, struct message *to, struct error *err)
{
	struct strbuf *block = &to->header;
	bool utf8;

	if (!message_body_is_utf8(m, &utf8, err))
		return false;
	strbuf_add(block, m->header.s, m->header.len);
	header_drop(block, "Content-Transfer-Encoding");
	if (!header_has(block->s, block->len, "MIME-Version"))
		header_append(block, "MIME-Version", "1.0");
	if (!header_has(block->s, block->len, "Content-Type"))
		header_append(block, "Content-Type",
			!m->facts.body_8bit ? "text/plain; charset=us-ascii"
			: utf8              ? "text/plain; charset=utf-8"
					    : "text/plain; charset=unknown-8bit");
	header_append(block, "Content-Transfer-Encoding", "quoted-printable");
	if (block->full)
		return error_set(err, FAULT_DATA, "the header of the message is too large");
	return true;
}

bool
message_reencode(const struct message *m, struct message *ret, struct error *err)
{
	struct writing w = { .to = ret, .out = STRBUF_INIT(8 * BLOCK) };
	bool good;

	message_init(ret);
	ret->directory = m->directory;
	mime_qp_init(&w.qp);
	good = write_header(m, ret, err) && each_block(m, take_qp, &w, err);
	if (good) {
		strbuf_clear(&w.out);
		mime_qp_end(&w.qp, &w.out);
		good = message_add_body(ret, w.out.s, w.out.len, err);
	}
	strbuf_done(&w.out);
	ret->facts.nul_removed = m->facts.nul_removed;
	ret->facts.cr_changed = m->facts.cr_changed;
	ret->facts.empty_input = m->facts.empty_input;
	ret->facts.headerless = m->facts.headerless;
	message_update_header_facts(ret);
	if (!good)
		message_done(ret);
	return good;
}
