/* The envelope as lines of text:
 *
 *   from LOCAL DOMAIN NAME
 *   dsn RETURN NOTIFY ENVID
 *   to LOCAL DOMAIN NAME ORCPT
 *
 * A field is "-" where there is none, else "=" and its octets, of which blank, controls, DEL and
 * '%' are written %XX. Each thing can be written in one way only. */
#include "alloc.h"
#include "entry_private.h"
#include "error.h"
#include "text.h"

#define NAME_MAX_OCTETS  1024 /* a longer display name is left out: nobody needs it to deliver */
#define ORCPT_MAX_OCTETS 1024 /* RFC 3461 4.2 says 500 */

#include <stdlib.h>

static const char digits[] = "0123456789ABCDEF";

static bool
must_escape(unsigned char c)
{
	return c <= ' ' || c == 0x7f || c == '%';
}

static void
put_field(struct strbuf *out, const char *s)
{
	unsigned char c;

	strbuf_addc(out, ' ');
	strbuf_addc(out, s ? '=' : '-');
	for (; s && *s; s++) {
		c = (unsigned char)*s;
		if (must_escape(c)) {
			strbuf_addc(out, '%');
			strbuf_addc(out, digits[c >> 4]);
			strbuf_addc(out, digits[c & 15]);
		} else {
			strbuf_addc(out, (char)c);
		}
	}
}

/* Text of at most MAX octets without controls; there may be none. */
static bool
is_text(const char *s, size_t max, bool utf8)
{
	size_t n = s ? strlen(s) : 0;

	if (n > max)
		return false;
	if (utf8)
		return !text_has_control(s, n);
	/* display names may be in any charset */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return true;
}

static bool
check_address(const struct address *a, bool sender, struct error *err)
{
	if (!a->local || !is_text(a->local, ADDRESS_LOCAL_MAX, true) ||
		!is_text(a->domain, ADDRESS_DOMAIN_MAX, true) ||
		!is_text(a->name, NAME_MAX_OCTETS, false))
		return error_set(err, FAULT_DATA, "an address of the envelope is malformed");
	if (!*a->local && (!sender || a->domain))
		return error_set(err, FAULT_DATA, "an address of the envelope is empty");
	if (a->domain && !address_domain_is_valid(a->domain))
		return error_set(err, FAULT_DATA, "a domain of the envelope is malformed");
	return true;
}

static bool
check_orcpt(const char *s, struct error *err)
{
	if (is_text(s, ORCPT_MAX_OCTETS, true))
		return true;
	return error_set(err, FAULT_DATA, "an original recipient or envelope id is malformed");
}

static bool
put_address(struct strbuf *out, const char *word, const struct address *a, struct error *err)
{
	struct address shown = *a;

	if (shown.name && !is_text(shown.name, NAME_MAX_OCTETS, false))
		shown.name = NULL;
	/* the null sender may have no local part at all */
	if (!shown.local)
		shown.local = (char[]){ "" };
	if (!check_address(&shown, *word == 'f', err))
		return false;
	strbuf_adds(out, word);
	put_field(out, shown.local);
	put_field(out, shown.domain);
	put_field(out, shown.name);
	return true;
}

bool
entry_envelope_write(struct strbuf *out, const struct envelope *v, struct error *err)
{
	const struct recipient *r;

	if (!v->count || v->count > ADDRESS_LIST_MAX)
		return error_set(
			err, FAULT_DATA, "there are %s recipients", v->count ? "too many" : "no");
	if (!put_address(out, "from", &v->sender, err) || !check_orcpt(v->envid, err))
		return false;
	strbuf_addf(out, "\ndsn %u %u", (unsigned)v->dsn_return, v->dsn_notify);
	put_field(out, v->envid);
	strbuf_addc(out, '\n');
	for (size_t i = 0; i < v->count; i++) {
		r = &v->recipients[i];
		if (!put_address(out, "to", &r->address, err) || !check_orcpt(r->orcpt, err))
			return false;
		put_field(out, r->orcpt);
		strbuf_addc(out, '\n');
	}
	if (out->full)
		return error_set(err, FAULT_DATA, "the envelope is too large");
	return true;
}

/* What is left to read. */
struct reader {
	const char *at, *end;
	bool bad;
};

static bool
take(struct reader *r, const char *s)
{
	size_t n = strlen(s);

	if (r->bad || (size_t)(r->end - r->at) < n || memcmp(r->at, s, n) != 0) {
		r->bad = true;
		return false;
	}
	r->at += n;
	return true;
}

static int
hex(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Takes one octet of a field; returns -1 at its end or for what no writer writes. */
static int
take_octet(struct reader *r)
{
	int high, low;
	unsigned char c;

	if (r->at == r->end)
		return -1;
	c = (unsigned char)*r->at;
	if (!must_escape(c)) {
		r->at++;
		return c;
	}
	if (c != '%' || r->end - r->at < 3)
		return -1;
	high = hex(r->at[1]);
	low = hex(r->at[2]);
	if (high < 0 || low < 0 || !(high || low) || !must_escape((unsigned char)(high << 4 | low)))
		return -1;
	r->at += 3;
	return high << 4 | low;
}

/* Takes a field into *RET (NULL for none), at most MAX octets. */
static void
take_field(struct reader *r, size_t max, char **ret)
{
	struct strbuf value = STRBUF_INIT(max);
	int c;

	*ret = NULL;
	if (!take(r, " ") || r->at == r->end)
		return;
	if (*r->at == '-') {
		r->at++;
		return;
	}
	if (take(r, "=")) {
		while (r->at < r->end && *r->at != ' ' && *r->at != '\n') {
			c = take_octet(r);
			if (c < 0)
				break;
			strbuf_addc(&value, (char)c);
		}
		*ret = xstrdup(value.s);
	}
	r->bad = r->bad || value.full;
	strbuf_done(&value);
}

static unsigned
take_number(struct reader *r, unsigned max)
{
	unsigned value = 0;
	size_t n = 0;

	if (!take(r, " "))
		return 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && n < 3; n++, r->at++) {
		if (n && !value) /* a leading zero */
			r->bad = true;
		value = value * 10 + (unsigned)(*r->at - '0');
	}
	if (!n || value > max)
		r->bad = true;
	return value;
}

static bool
take_address(struct reader *r, const char *word, struct address *ret, struct error *err)
{
	take(r, word);
	take_field(r, ADDRESS_LOCAL_MAX, &ret->local);
	take_field(r, ADDRESS_DOMAIN_MAX, &ret->domain);
	take_field(r, NAME_MAX_OCTETS, &ret->name);
	if (r->bad)
		return error_set(err, FAULT_DATA, "the envelope is malformed");
	return check_address(ret, *word == 'f', err);
}

static bool
take_recipient(struct reader *r, struct recipient *ret, struct error *err)
{
	if (!take_address(r, "to", &ret->address, err))
		return false;
	take_field(r, ORCPT_MAX_OCTETS, &ret->orcpt);
	if (!take(r, "\n"))
		return error_set(err, FAULT_DATA, "a recipient of the envelope is malformed");
	return check_orcpt(ret->orcpt, err);
}

bool
entry_envelope_read(const char *s, size_t n, struct envelope *ret, struct error *err)
{
	struct reader r = { s, s + n, memchr(s, '\0', n) != NULL };
	size_t room = 0;

	if (!take_address(&r, "from", &ret->sender, err))
		return false;
	take(&r, "\ndsn");
	ret->dsn_return = (enum dsn_return)take_number(&r, DSN_RETURN_HEADERS);
	ret->dsn_notify = take_number(&r, DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY);
	take_field(&r, ORCPT_MAX_OCTETS, &ret->envid);
	take(&r, "\n");
	if (r.bad || r.at == r.end)
		return error_set(err, FAULT_DATA, "the envelope is malformed");
	if (!check_orcpt(ret->envid, err))
		return false;
	while (r.at < r.end) {
		if (ret->count == ADDRESS_LIST_MAX)
			return error_set(err, FAULT_DATA, "there are too many recipients");
		if (ret->count == room) {
			room = room ? room * 2 : 4;
			ret->recipients =
				xreallocarray(ret->recipients, room, sizeof(*ret->recipients));
		}
		ret->recipients[ret->count] = (struct recipient){ .outcome = OUTCOME_PENDING };
		if (!take_recipient(&r, &ret->recipients[ret->count++], err))
			return false;
	}
	return true;
}
