/* The parser of address lists. It reads a mailbox twice, first to see what it is (bare, with angle
 * brackets, or the name of a group), so the time is linear in the text. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "address_word.h"
#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"

struct span {
	const char *s;
	size_t n;
};

struct parser {
	const char *at, *end;
	const char *mailbox; /* where the one at hand starts, for messages */
	struct address_list *ret;
	struct strbuf name;           /* reused from mailbox to mailbox */
	bool single;                  /* one mailbox is wanted, not a list */
	bool group;                   /* inside one */
	size_t members;               /* the length of *ret when the group began */
	const char *text;             /* the beginning of all, for places */
	struct address_place place;   /* of the address at hand */
	struct address_place *places; /* of those that were finished */
	size_t before;                /* the length of *ret when all began */
	struct error *err;
};

static bool
complain(const struct parser *p, const char *why)
{
	const char *comma = p->at < p->end ? memchr(p->at, ',', (size_t)(p->end - p->at)) : NULL;
	char shown[128];

	text_printable(
		shown, sizeof(shown), p->mailbox, (size_t)((comma ? comma : p->end) - p->mailbox));
	return error_set(p->err, FAULT_DATA, "unable to use the address '%s': %s", shown, why);
}

/* Passes over a quoted string, a comment or a literal; false if it has no end. */
static bool
skip_bracketed(struct parser *p)
{
	const char *end = word_end(p->at, p->end);

	if (!end && *p->at == '"')
		return complain(p, "a quote without its partner");
	if (!end && *p->at == '(')
		return complain(p, "a comment without its end");
	if (!end)
		return complain(p, "a '[' without its ']'");
	p->at = end;
	return true;
}

/* Passes over blanks and comments. *COMMENT (may be NULL) is set to the first, or to nothing. */
static bool
skip_blanks(struct parser *p, struct span *comment)
{
	const char *start;

	if (comment)
		*comment = (struct span){ NULL, 0 };
	while (p->at < p->end) {
		if (word_is_blank(*p->at)) {
			p->at++;
			continue;
		}
		if (*p->at != '(')
			break;
		start = p->at;
		if (!skip_bracketed(p))
			return false;
		if (comment && !comment->s)
			*comment = (struct span){ start + 1, (size_t)(p->at - start - 2) };
	}
	return true;
}

static bool
here(const struct parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

/* What was read so far belongs to the address, blanks behind it do not. */
static void
mark_end(struct parser *p)
{
	p->place.end = (size_t)(p->at - p->text);
}

/* Takes the local part into OUT: words and dots in any order, blanks and comments between them. Two
 * words in a row are two addresses: it stops in front of the second. */
static bool
take_local(struct parser *p, struct strbuf *out, struct span *comment)
{
	const char *start = p->at;
	bool word = false, any = false;

	while (p->at < p->end) {
		if (*p->at == '.') {
			strbuf_addc(out, *p->at++);
			word = false;
		} else if (word) {
			break;
		} else if (*p->at == '"') {
			if (!skip_bracketed(p))
				return false;
			word_add_quoted(out, start + 1, p->at - 1);
			word = any = true;
		} else if (word_is_atom(*p->at)) {
			while (p->at < p->end && word_is_atom(*p->at))
				p->at++;
			strbuf_add(out, start, (size_t)(p->at - start));
			word = any = true;
		} else {
			break;
		}
		mark_end(p);
		if (!skip_blanks(p, comment))
			return false;
		start = p->at;
	}
	if (out->full)
		return complain(p, "the part before '@' is longer than 255 octets");
	if (!any || !out->len)
		return complain(p, here(p, '@') ? "nothing before '@'"
						: "a character that does not belong there");
	if (text_has_control(out->s, out->len))
		return complain(p, "octets that are no UTF-8, or control characters");
	return true;
}

static bool
take_domain(struct parser *p, struct strbuf *out, struct span *comment)
{
	const char *start;
	bool word = false;

	if (!skip_blanks(p, comment))
		return false;
	start = p->at;
	if (here(p, '[')) {
		if (!skip_bracketed(p))
			return false;
		for (; start < p->at; start++)
			if (!word_is_blank(*start))
				strbuf_addc(out, *start);
		mark_end(p);
		if (!skip_blanks(p, comment))
			return false;
	}
	for (; !out->len || *out->s != '['; start = p->at) {
		if (here(p, '.')) {
			strbuf_addc(out, *p->at++);
			word = false;
		} else if (!word && p->at < p->end && word_is_atom(*p->at)) {
			while (p->at < p->end && word_is_atom(*p->at))
				p->at++;
			strbuf_add(out, start, (size_t)(p->at - start));
			word = true;
		} else {
			break;
		}
		mark_end(p);
		if (!skip_blanks(p, comment))
			return false;
	}
	if (out->full)
		return complain(p, "the domain is longer than 255 octets");
	if (!out->len)
		return complain(p, "no domain behind '@'");
	if (!address_domain_is_valid(out->s))
		return complain(p, "the domain is not valid");
	return true;
}

/* Takes "local" or "local@domain" with the blanks behind it. *COMMENT is what followed it. */
static bool
take_addr_spec(struct parser *p, struct address *a, struct span *comment)
{
	char local[ADDRESS_LOCAL_MAX + 1] = "", domain[ADDRESS_DOMAIN_MAX + 1] = "";
	/* these stay in the array: they are full before they would grow */
	struct strbuf l = { local, 0, sizeof(local), sizeof(local) - 1, false, false };
	struct strbuf d = { domain, 0, sizeof(domain), sizeof(domain) - 1, false, false };

	*comment = (struct span){ NULL, 0 };
	p->place.start = (size_t)(p->at - p->text);
	if (!take_local(p, &l, comment))
		return false;
	if (here(p, '@')) {
		p->at++;
		if (!take_domain(p, &d, comment))
			return false;
	}
	if (p->ret->n >= ADDRESS_LIST_MAX)
		return complain(p, "there are too many before it");
	a->local = xstrdup(local);
	a->domain = d.len ? xstrdup(domain) : NULL;
	return true;
}

/* Hands the address over, with what p->name holds. */
static void
finish(struct parser *p, struct address *a)
{
	size_t n = p->ret->n - p->before;

	/* room for the next power of two, as in address_list_take */
	if (!(n & (n - 1)))
		p->places = xreallocarray(p->places, n ? 2 * n : 1, sizeof(*p->places));
	p->places[n] = p->place;
	a->name = p->name.len ? xstrdup(p->name.s) : NULL;
	address_list_take(p->ret, a);
}

/* Takes addresses separated by blanks, up to STOP. */
static bool
take_bare(struct parser *p, const char *stop)
{
	struct address a = ADDRESS_NONE;
	struct span comment;

	while (p->at < stop) {
		p->mailbox = p->at;
		if (!take_addr_spec(p, &a, &comment))
			return false;
		strbuf_clear(&p->name);
		if (comment.n)
			word_add_comment(&p->name, comment.s, comment.s + comment.n);
		finish(p, &a);
		if (p->at < stop && !word_is_blank(p->at[-1]) && p->at[-1] != ')')
			return complain(p, "a character that does not belong there");
	}
	return true;
}

/* Passes over "@relay,@relay:" (RFC 5322 4.4). */
static bool
skip_route(struct parser *p)
{
	char relay[ADDRESS_DOMAIN_MAX + 1];
	struct strbuf d = { relay, 0, sizeof(relay), sizeof(relay) - 1, false, false };
	bool any = false;

	while (here(p, '@') || (any && here(p, ','))) {
		if (*p->at++ == '@') {
			strbuf_clear(&d);
			if (!take_domain(p, &d, NULL))
				return false;
		} else if (!skip_blanks(p, NULL)) {
			return false;
		}
		any = true;
	}
	if (any && here(p, '>'))
		return complain(p, "nothing before '@'");
	if (any && !here(p, ':'))
		return complain(p, "a route without its ':'");
	p->at += any;
	return skip_blanks(p, NULL);
}

/* Takes what follows a display name: "<address>". */
static bool
take_angle(struct parser *p, const char *angle)
{
	struct address a = ADDRESS_NONE;
	struct span comment;

	strbuf_clear(&p->name);
	word_add_phrase(&p->name, p->at, angle);
	p->at = angle + 1;
	if (!skip_blanks(p, NULL) || !skip_route(p))
		return false;
	if (here(p, '>'))
		return complain(p, "nothing between '<' and '>'");
	if (!take_addr_spec(p, &a, &comment))
		return false;
	finish(p, &a);
	if (!here(p, '>'))
		return complain(p, p->at < p->end ? "more than an address between '<' and '>'"
						  : "a '<' without its '>'");
	p->at++;
	if (!skip_blanks(p, NULL))
		return false;
	if (p->at < p->end && *p->at != ',' && *p->at != ';')
		return complain(p, "text behind '>'");
	return true;
}

/* Finds the character that tells what starts here, NULL when something is not balanced. */
static const char *
find_shape(const struct parser *p)
{
	struct parser ahead = *p;

	while (ahead.at < ahead.end) {
		if (word_is_opening(*ahead.at)) {
			if (!skip_bracketed(&ahead))
				return NULL;
		} else if (*ahead.at == ')' || *ahead.at == ']' || *ahead.at == '>') {
			complain(&ahead, *ahead.at == ')'   ? "a ')' without its '('"
					 : *ahead.at == ']' ? "a ']' without its '['"
							    : "a '>' without its '<'");
			return NULL;
		} else if (strchr("<:,;", *ahead.at)) {
			return ahead.at;
		} else {
			ahead.at++;
		}
	}
	return ahead.end;
}

static bool
start_group(struct parser *p, const char *colon)
{
	if (p->single || p->group)
		return complain(p, "a ':' that does not belong there");
	if (colon == p->at)
		return complain(p, "a group without a name");
	for (const char *s = p->at; s < colon; s = word_is_opening(*s) ? word_end(s, colon) : s + 1)
		if (*s == '@')
			return complain(p, "a ':' that does not belong there");
	p->group = true;
	p->members = p->ret->n;
	p->at = colon + 1;
	return true;
}

static bool
take_member(struct parser *p)
{
	const char *shape;

	p->mailbox = p->at;
	if (*p->at == ',' || *p->at == ';') {
		if (p->single)
			return complain(p, "a list where one address is wanted");
		if (*p->at++ == ';')
			p->group = false;
		return true;
	}
	if (!(shape = find_shape(p)))
		return false;
	if (shape < p->end && *shape == ':')
		return start_group(p, shape);
	if (shape < p->end && *shape == '<')
		return take_angle(p, shape);
	return take_bare(p, shape);
}

/* Controls are refused wherever they stand, so that the parser meets CR and LF as folding only. */
static bool
check_controls(struct parser *p)
{
	const char *s;

	for (s = p->at; s < p->end; s++) {
		if (*s == '\r' && p->end - s > 2 && s[1] == '\n')
			s++;
		if (*s == '\n' && p->end - s > 1 && (s[1] == ' ' || s[1] == '\t'))
			continue;
		if (((unsigned char)*s < 32 && *s != '\t') || *s == 127)
			break;
		if (*s == ',')
			p->mailbox = s + 1;
	}
	if (s == p->end)
		return true;
	p->at = s;
	return complain(p, "a line break or another control character");
}

static bool
parse(struct parser *p)
{
	if (p->end - p->at > ADDRESS_TEXT_MAX)
		return error_set(p->err, FAULT_DATA,
			"unable to use a list of addresses of %zu octets",
			(size_t)(p->end - p->at));
	if (!check_controls(p))
		return false;
	for (;;) {
		p->mailbox = p->at;
		if (!skip_blanks(p, NULL))
			return false;
		if (p->at == p->end)
			break;
		if (!take_member(p))
			return false;
	}
	/* "To: undisclosed recipients:" is often seen without the ';' */
	if (p->group && p->ret->n > p->members)
		return complain(p, "a group without its ';'");
	return true;
}

static bool
parse_text(const char *s, size_t n, bool single, struct address_list *ret,
	struct address_place **ret_places, struct error *err)
{
	struct parser p = {
		.at = s,
		.end = s + n,
		.mailbox = s,
		.ret = ret,
		.name = STRBUF_INIT(ADDRESS_TEXT_MAX),
		.single = single,
		.text = s,
		.before = ret->n,
		.err = err,
	};
	bool good = parse(&p);

	strbuf_done(&p.name);
	if (!good)
		address_list_truncate(ret, p.before);
	if (good && ret_places)
		*ret_places = p.places;
	else
		free(p.places);
	return good;
}

bool
address_list_parse(const char *s, size_t n, struct address_list *ret, struct error *err)
{
	return parse_text(s, n, false, ret, NULL, err);
}

bool
address_list_locate(const char *s, size_t n, struct address_list *ret,
	struct address_place **ret_places, struct error *err)
{
	*ret_places = NULL;
	return parse_text(s, n, false, ret, ret_places, err);
}

bool
address_parse_sender(const char *s, size_t n, struct address *ret, struct error *err)
{
	struct address_list list = ADDRESS_LIST_NONE;
	char shown[128];
	bool good;

	*ret = (struct address)ADDRESS_NONE;
	for (; n && *s == ' '; s++)
		n--;
	while (n && s[n - 1] == ' ')
		n--;
	if (!n || (n == 2 && !memcmp(s, "<>", 2))) {
		ret->local = xstrdup("");
		return true;
	}
	text_printable(shown, sizeof(shown), s, n);
	if (text_has_control(s, n))
		return error_set(err, FAULT_DATA,
			"unable to use the address '%s': "
			"octets that are no UTF-8, or control characters",
			shown);
	good = parse_text(s, n, true, &list, NULL, err);
	if (good && list.n != 1)
		good = error_set(err, FAULT_DATA,
			"unable to use the address '%s': "
			"a single one is wanted, there are %zu",
			shown, list.n);
	if (good) {
		*ret = list.v[0];
		list.v[0] = (struct address)ADDRESS_NONE;
	}
	address_list_done(&list);
	return good;
}
