/* The envelope as lines of text:
 *
 *   from LOCAL DOMAIN NAME
 *   dsn RETURN NOTIFY ENVID
 *   tls WISH
 *   by SECONDS WISH
 *   priority NUMBER
 *   hold SECONDS
 *   auth ADDRESS
 *   to LOCAL DOMAIN NAME ORCPT
 *
 * A field is "-" where there is none, else "=" and its octets, of which blank, controls, DEL and
 * '%' are written %XX. The lines of wishes are there where something is said, which only an entry
 * of ENTRY_VERSION_WISHES does; times are seconds since 1970, a priority is counted from the least.
 * Each thing can be written in one way only. */
#include "alloc.h"
#include "entry_private.h"
#include "error.h"
#include "text.h"

#define NAME_MAX_OCTETS  1024 /* a longer display name is left out: nobody needs it to deliver */
#define ORCPT_MAX_OCTETS 1024 /* RFC 3461 4.2 says 500 */
#define AUTH_MAX_OCTETS  512  /* RFC 4954 5 */
#define NUMBER_DIGITS    13   /* of ENTRY_TIME_MAX */

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

/* An address as SMTP writes it, with a domain and in ASCII, or <>. */
static bool
is_mail_auth(const char *s)
{
	struct address a = ADDRESS_NONE;
	bool good = strcmp(s, "<>") == 0;

	if (!good && is_text(s, AUTH_MAX_OCTETS, true) && !text_is_8bit(s, strlen(s)))
		good = address_parse_sender(s, strlen(s), &a, NULL) && a.domain;
	address_done(&a);
	return good;
}

static bool
is_future(int64_t t)
{
	return t > 0 && t <= ENTRY_TIME_MAX;
}

static bool
check_wishes(const struct wishes *w, struct error *err)
{
	if (w->tls <= TLS_WISH_YES && w->late <= LATE_WISH_RETURN &&
		(w->late == LATE_WISH_NONE || is_future(w->deliver_by)) &&
		(!w->priority_set ||
			(w->priority >= PRIORITY_LEAST && w->priority <= PRIORITY_MOST)) &&
		(!w->hold_until || is_future(w->hold_until)) &&
		(!w->mail_auth || is_mail_auth(w->mail_auth)))
		return true;
	return error_set(err, FAULT_DATA, "a wish of the envelope is malformed");
}

static void
put_wishes(struct strbuf *out, const struct wishes *w)
{
	if (w->tls != TLS_WISH_NONE)
		strbuf_addf(out, "tls %u\n", (unsigned)w->tls);
	if (w->late != LATE_WISH_NONE)
		strbuf_addf(out, "by %lld %u\n", (long long)w->deliver_by, (unsigned)w->late);
	if (w->priority_set)
		strbuf_addf(out, "priority %d\n", w->priority - PRIORITY_LEAST);
	if (w->hold_until)
		strbuf_addf(out, "hold %lld\n", (long long)w->hold_until);
	if (w->mail_auth) {
		strbuf_adds(out, "auth");
		put_field(out, w->mail_auth);
		strbuf_addc(out, '\n');
	}
}

bool
entry_envelope_write(struct strbuf *out, const struct envelope *v, struct error *err)
{
	const struct recipient *r;

	if (!v->count || v->count > ADDRESS_LIST_MAX)
		return error_set(
			err, FAULT_DATA, "there are %s recipients", v->count ? "too many" : "no");
	if (!put_address(out, "from", &v->sender, err) || !check_orcpt(v->envid, err) ||
		!check_wishes(&v->wishes, err))
		return false;
	strbuf_addf(out, "\ndsn %u %u", (unsigned)v->dsn_return, v->dsn_notify);
	put_field(out, v->envid);
	strbuf_addc(out, '\n');
	put_wishes(out, &v->wishes);
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

static uint64_t
take_number(struct reader *r, uint64_t max)
{
	uint64_t value = 0;
	size_t n = 0;

	if (!take(r, " "))
		return 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && n < NUMBER_DIGITS;
		n++, r->at++) {
		if (n && !value) /* a leading zero */
			r->bad = true;
		value = value * 10 + (uint64_t)(*r->at - '0');
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

/* True iff the line begins with WORD, which is taken. */
static bool
take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	return !r->bad && (size_t)(r->end - r->at) > n && memcmp(r->at, word, n) == 0 &&
	       r->at[n] == ' ' && take(r, word);
}

/* A number that says something. */
static uint64_t
take_more(struct reader *r, uint64_t max)
{
	uint64_t value = take_number(r, max);

	r->bad = r->bad || !value;
	return value;
}

static void
take_wishes(struct reader *r, struct wishes *w)
{
	if (take_word(r, "tls")) {
		w->tls = (enum tls_wish)take_more(r, TLS_WISH_YES);
		take(r, "\n");
	}
	if (take_word(r, "by")) {
		w->deliver_by = (int64_t)take_more(r, ENTRY_TIME_MAX);
		w->late = (enum late_wish)take_more(r, LATE_WISH_RETURN);
		take(r, "\n");
	}
	if (take_word(r, "priority")) {
		w->priority_set = true;
		w->priority = (int)take_number(r, PRIORITY_MOST - PRIORITY_LEAST) + PRIORITY_LEAST;
		take(r, "\n");
	}
	if (take_word(r, "hold")) {
		w->hold_until = (int64_t)take_more(r, ENTRY_TIME_MAX);
		take(r, "\n");
	}
	if (take_word(r, "auth")) {
		take_field(r, AUTH_MAX_OCTETS, &w->mail_auth);
		r->bad = r->bad || !w->mail_auth;
		take(r, "\n");
	}
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
	ret->dsn_notify =
		(unsigned)take_number(&r, DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY);
	take_field(&r, ORCPT_MAX_OCTETS, &ret->envid);
	take(&r, "\n");
	take_wishes(&r, &ret->wishes);
	if (r.bad || r.at == r.end)
		return error_set(err, FAULT_DATA, "the envelope is malformed");
	if (!check_orcpt(ret->envid, err) || !check_wishes(&ret->wishes, err))
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
