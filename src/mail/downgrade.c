/* Header fields made fit for servers: 8-bit text as RFC 2047 and RFC 2231, long lines folded. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "alloc.h"
#include "error.h"
#include "header.h"
#include "message.h"
#include "mime.h"
#include "text.h"

/* Pieces of a field's value. Which ones there are depends on the kind of field. */
enum token {
	TOKEN_END,
	TOKEN_BLANK,   /* folding included */
	TOKEN_WORD,    /* anything else up to a blank or a special */
	TOKEN_QUOTED,  /* a quoted-string */
	TOKEN_COMMENT, /* with those inside it */
	TOKEN_SPECIAL, /* one octet of what separates and encloses */
};

/* What may stand in the text that is written. */
enum style {
	STYLE_TEXT,    /* unstructured: words and blanks only */
	STYLE_COMMENT, /* inside of a comment: parentheses are special */
	STYLE_PHRASE,  /* display names */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_special(char c, enum style style)
{
	switch (style) {
	case STYLE_TEXT:
		return false;
	case STYLE_COMMENT:
		return c == '(' || c == ')';
	case STYLE_PHRASE:
		break;
	}
	return c && strchr("()<>[],;:@\"", c);
}

/* The length of the quoted-string or comment that S starts with; of all if it does not end. */
static size_t
enclosed_length(const char *s, size_t n)
{
	size_t depth = 0, i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		else if (s[0] == '"' ? i && s[i] == '"' : s[i] == ')' && !--depth)
			return i + 1;
		else if (s[0] == '(' && s[i] == '(')
			depth++;
	}
	return n;
}

/* What S starts with; *RET_LEN is how long it is. */
static enum token
token_next(const char *s, size_t n, enum style style, size_t *ret_len)
{
	size_t i = 0;

	*ret_len = 1;
	if (!n)
		return TOKEN_END;
	if (is_blank(*s)) {
		while (i < n && is_blank(s[i]))
			i++;
		*ret_len = i;
		return TOKEN_BLANK;
	}
	if (style == STYLE_PHRASE && (*s == '"' || *s == '(')) {
		*ret_len = enclosed_length(s, n);
		return *s == '"' ? TOKEN_QUOTED : TOKEN_COMMENT;
	}
	if (is_special(*s, style))
		return TOKEN_SPECIAL;
	while (i < n && !is_blank(s[i]) && !is_special(s[i], style))
		i++;
	*ret_len = i;
	return TOKEN_WORD;
}

static size_t
column(const struct strbuf *out)
{
	const char *end = memrchr(out->s, '\n', out->len);

	return end ? out->len - (size_t)(end + 1 - out->s) : out->len;
}

/* Words with 8-bit octets that follow each other become one text, since blanks between
 * encoded-words are not shown (RFC 2047 6.2). */
struct run {
	struct strbuf *out;
	enum style style;
	struct strbuf text; /* what is to be encoded */
	const char *blank;  /* the blank in front of what comes next, or NULL */
	size_t blank_len;
	bool after_word; /* an encoded-word is the last that was written */
};

static void
run_add_blank(struct run *r)
{
	if (r->blank)
		strbuf_add(r->out, r->blank, r->blank_len);
	r->blank = NULL;
}

/* Writes the text. BLANK: what follows is an encoded-word too. */
static void
run_flush(struct run *r, bool word_follows)
{
	if (!r->text.len)
		return;
	if (word_follows && r->blank)
		strbuf_addc(&r->text, ' ');
	if (r->style == STYLE_TEXT)
		header_add_text(r->out, column(r->out), r->text.s, r->text.len);
	else
		header_add_phrase(r->out, r->text.s, r->text.len);
	strbuf_clear(&r->text);
	r->after_word = true;
}

/* A word that is to be encoded. */
static void
run_add(struct run *r, enum token kind, const char *s, size_t n)
{
	if (r->text.len) {
		if (r->blank)
			strbuf_addc(&r->text, ' ');
	} else {
		if (r->blank && r->after_word)
			strbuf_addc(&r->text, ' ');
		if (r->blank)
			strbuf_add(r->out, r->blank, r->blank_len);
		else if (r->style == STYLE_PHRASE && r->out->len &&
			 !is_blank(r->out->s[r->out->len - 1]))
			strbuf_addc(r->out, ' '); /* RFC 2047 section 5 (3) */
	}
	r->blank = NULL;
	if (kind != TOKEN_QUOTED) {
		strbuf_add(&r->text, s, n);
		return;
	}
	for (size_t i = 1; i < n && !(i == n - 1 && s[i] == '"'); i++) {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		if (s[i] != '\r' && s[i] != '\n')
			strbuf_addc(&r->text, s[i]);
	}
}

static bool
is_encoded_word(const char *s, size_t n)
{
	return n > 8 && s[0] == '=' && s[1] == '?' && s[n - 2] == '?' && s[n - 1] == '=';
}

static void add_words(struct strbuf *out, enum style style, const char *s, size_t n);

static void
run_add_verbatim(struct run *r, enum token kind, const char *s, size_t n)
{
	bool word = kind == TOKEN_WORD && is_encoded_word(s, n);
	bool written = r->text.len > 0;

	run_flush(r, word);
	if (written && !r->blank && r->style == STYLE_PHRASE)
		strbuf_addc(r->out, ' ');
	run_add_blank(r);
	r->after_word = word;
	if (kind == TOKEN_COMMENT && text_is_8bit(s, n)) {
		strbuf_addc(r->out, '(');
		add_words(r->out, STYLE_COMMENT, s + 1, n - 1 - (n > 1 && s[n - 1] == ')'));
		strbuf_addc(r->out, ')');
	} else {
		strbuf_add(r->out, s, n);
	}
}

/* Appends S with its 8-bit words encoded and all else as it is. */
static void
add_words(struct strbuf *out, enum style style, const char *s, size_t n)
{
	struct run r = { .out = out, .style = style, .text = STRBUF_INIT(out->cap) };
	enum token kind;
	size_t len;

	for (; (kind = token_next(s, n, style, &len)) != TOKEN_END; s += len, n -= len) {
		if (kind == TOKEN_BLANK) {
			r.blank = s;
			r.blank_len = len;
		} else if ((kind == TOKEN_WORD || kind == TOKEN_QUOTED) && text_is_8bit(s, len)) {
			run_add(&r, kind, s, len);
		} else {
			run_add_verbatim(&r, kind, s, len);
		}
	}
	run_flush(&r, false);
	run_add_blank(&r);
	out->full |= r.text.full;
	strbuf_done(&r.text);
}

/* Appends a domain, or a part of one, as A-labels. */
static bool
add_domain(struct strbuf *out, const char *s, size_t n, struct error *err)
{
	char *copy = xstrndup(s, n);
	struct address a = { .local = (char[]){ "x" }, .domain = copy };
	struct strbuf smtp = STRBUF_INIT(HEADER_MAX);
	bool good;

	good = address_add_smtp(&smtp, &a, true, err);
	if (good)
		strbuf_adds(out, smtp.s + 2);
	strbuf_done(&smtp);
	free(copy);
	return good;
}

static bool
refuse_local(const struct header_field *f, const char *s, size_t n, struct error *err)
{
	char shown[160];

	for (; n && is_blank(*s); n--)
		s++;
	text_printable(shown, sizeof(shown), s, n);
	return error_set(err, FAULT_DATA,
		"the address %s in the field %.*s is not ASCII and cannot be written otherwise",
		shown, (int)(f->name_len > 80 ? 80 : f->name_len), f->name);
}

/* An address without its display name, comments may be in it. */
static bool
add_address(struct strbuf *out, const struct header_field *f, const char *s, size_t n,
	struct error *err)
{
	const char *all = s;
	const size_t all_n = n;
	bool in_domain = false;
	enum token kind;
	size_t len;

	for (; (kind = token_next(s, n, STYLE_PHRASE, &len)) != TOKEN_END; s += len, n -= len) {
		if (kind == TOKEN_SPECIAL)
			in_domain = *s == '@' || (in_domain && *s != ':' && *s != ',');
		if (kind == TOKEN_COMMENT) {
			add_words(out, STYLE_PHRASE, s, len);
		} else if (!text_is_8bit(s, len)) {
			strbuf_add(out, s, len);
		} else if (!in_domain || kind != TOKEN_WORD) {
			return refuse_local(f, all, all_n, err);
		} else if (!add_domain(out, s, len, err)) {
			return false;
		}
	}
	return true;
}

/* How far an element of an address list goes: to the next of < > , ; : that is in no quotes. */
static size_t
element_length(const char *s, size_t n)
{
	size_t at = 0, len;
	enum token kind;

	for (; (kind = token_next(s + at, n - at, STYLE_PHRASE, &len)) != TOKEN_END; at += len)
		if (kind == TOKEN_SPECIAL && strchr("<>,;:", s[at]))
			break;
	return at;
}

static bool
add_addresses(struct strbuf *out, const struct header_field *f, struct error *err)
{
	const char *s = f->value, *end;
	size_t n = f->value_len, len;
	bool behind = false; /* of a '>', nothing is an address until the next one starts */
	bool good = true;

	while (good && n) {
		len = element_length(s, n);
		if (len == n || s[len] == ',' || s[len] == ';' || s[len] == '>')
			good = behind ? (add_words(out, STYLE_PHRASE, s, len), true)
				      : add_address(out, f, s, len, err);
		else
			add_words(out, STYLE_PHRASE, s, len);
		s += len, n -= len;
		if (!n)
			break;
		behind = *s == '>';
		if (*s == '<') {
			end = memchr(s, '>', n);
			len = end ? (size_t)(end - s) : n;
			if (out->len && !is_blank(out->s[out->len - 1]))
				strbuf_addc(out, ' ');
			good = good && add_address(out, f, s, len, err);
		} else {
			strbuf_addc(out, *s);
			len = 1;
		}
		s += len, n -= len;
	}
	return good;
}

/* Content-Type and Content-Disposition: the values of parameters that are not ASCII. */
static void
add_parameters(struct strbuf *out, const struct header_field *f)
{
	const char *s = f->value, *equals;
	size_t n = f->value_len, at, len;
	struct strbuf name = STRBUF_INIT(out->cap), value = STRBUF_INIT(out->cap);

	for (; n; s += at, n -= at) {
		for (at = *s == ';'; at < n && s[at] != ';'; at += len)
			token_next(s + at, n - at, STYLE_PHRASE, &len);
		equals = memchr(s, '=', at);
		if (!text_is_8bit(s, at)) {
			strbuf_add(out, s, at);
			continue;
		}
		if (*s != ';' || !equals || text_is_8bit(s, (size_t)(equals - s))) {
			add_words(out, STYLE_PHRASE, s, at);
			continue;
		}
		strbuf_clear(&name);
		strbuf_clear(&value);
		for (const char *c = s + 1; c < equals; c++)
			if (!is_blank(*c))
				strbuf_addc(&name, *c);
		for (const char *c = equals + 1; c < s + at; c++) {
			if (*c == '\\' && c + 1 < s + at)
				c++;
			else if (*c == '"' || *c == '\r' || *c == '\n' || (*c == ' ' && !value.len))
				continue;
			strbuf_addc(&value, *c);
		}
		mime_add_parameter(out, name.s, value.s, false);
	}
	out->full |= name.full | value.full;
	strbuf_done(&name);
	strbuf_done(&value);
}

static bool
has_addresses(const struct header_field *f)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc",
		"Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc",
		"Resent-Bcc", "Mail-Followup-To", "Mail-Reply-To", "Disposition-Notification-To",
		"Return-Receipt-To", "Errors-To", "Return-Path", "Apparently-To" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (header_is(f, names[i]))
			return true;
	return false;
}

bool
message_encode_field(struct strbuf *out, const struct header_field *f, struct error *err)
{
	if (!text_is_8bit(f->value, f->value_len))
		strbuf_add(out, f->value, f->value_len);
	else if (has_addresses(f))
		return add_addresses(out, f, err);
	else if (header_is(f, "Content-Type") || header_is(f, "Content-Disposition"))
		add_parameters(out, f);
	else
		add_words(out, STYLE_TEXT, f->value, f->value_len);
	return true;
}

bool
message_encode_header(struct message *m, struct error *err)
{
	struct strbuf block = STRBUF_INIT(HEADER_MAX);
	struct header_field f;
	bool good = true;

	if (!m->facts.header_8bit)
		return true;
	for (size_t pos = 0; good && header_next(m->header.s, m->header.len, &pos, &f);) {
		strbuf_add(&block, f.name, (size_t)(f.value - f.name));
		good = message_encode_field(&block, &f, err);
		strbuf_adds(&block, "\r\n");
	}
	if (good && block.full)
		good = error_set(
			err, FAULT_DATA, "the header of the message is too large once it is ASCII");
	if (good) {
		strbuf_move(&m->header, &block);
		message_update_header_facts(m);
	}
	strbuf_done(&block);
	return good;
}
