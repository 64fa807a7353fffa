#include "envelope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "strbuf.h"
#include "text.h"

static const char *const outcomes[] = {
	[OUTCOME_PENDING] = "pending",
	[OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_TEMPORARY] = "temporary",
	[OUTCOME_PERMANENT] = "permanent",
	[OUTCOME_IN_DOUBT] = "in-doubt",
};
_Static_assert(sizeof(outcomes) / sizeof(*outcomes) == OUTCOME_COUNT, "one name per outcome");

const char *
outcome_name(enum outcome outcome)
{
	return outcomes[outcome];
}

static void
recipient_done(struct recipient *r)
{
	address_done(&r->address);
	free(r->orcpt);
	free(r->words);
	free(r->why);
	*r = (struct recipient){ .outcome = OUTCOME_PENDING };
}

void
envelope_done(struct envelope *e)
{
	address_done(&e->sender);
	for (size_t i = 0; i < e->count; i++)
		recipient_done(&e->recipients[i]);
	free(e->recipients);
	free(e->envid);
	wishes_done(&e->wishes);
	*e = (struct envelope)ENVELOPE_NONE;
}

void
envelope_add_recipients(struct envelope *e, const struct address_list *l)
{
	struct address_list all = ADDRESS_LIST_NONE;
	size_t i;

	for (i = 0; i < e->count; i++)
		address_list_add(&all, &e->recipients[i].address);
	address_list_unique(&all);
	/* those there already come first and thus stay, unless they are double themselves */
	i = all.n;
	for (size_t k = 0; k < l->n; k++)
		address_list_add(&all, &l->v[k]);
	address_list_unique(&all);
	if (all.n > i) {
		e->recipients = xreallocarray(
			e->recipients, e->count + (all.n - i), sizeof(*e->recipients));
		for (; i < all.n; i++) {
			e->recipients[e->count++] = (struct recipient){ .address = all.v[i] };
			all.v[i] = (struct address)ADDRESS_NONE;
		}
	}
	address_list_done(&all);
}

size_t
envelope_add_recipient(struct envelope *e, const struct address *a)
{
	struct address_list copy = ADDRESS_LIST_NONE;

	address_list_add(&copy, a);
	e->recipients = xreallocarray(e->recipients, e->count + 1, sizeof(*e->recipients));
	e->recipients[e->count] = (struct recipient){ .address = copy.v[0] };
	copy.v[0] = (struct address)ADDRESS_NONE;
	address_list_done(&copy);
	return e->count++;
}

/* Sets *AT to a copy of S, to NULL for nothing. */
static void
replace(char **at, const char *s)
{
	char *copy = s && *s ? xstrdup(s) : NULL;

	free(*at);
	*at = copy;
}

void
recipient_set(struct recipient *r, enum outcome outcome, int code, struct enhanced enhanced,
	const char *words, const struct error *why)
{
	r->outcome = outcome;
	r->code = code;
	r->enhanced = enhanced;
	replace(&r->words, words);
	if (!why) {
		free(r->why);
		r->why = NULL;
	} else if (why != r->why) {
		/* a kilobyte: there is one for those only that were not accepted */
		if (!r->why)
			r->why = xmalloc(sizeof(*r->why));
		*r->why = *why;
	}
}

void
recipient_fail(struct recipient *r, const struct error *why)
{
	enum outcome outcome = OUTCOME_PERMANENT;

	if (why->in_doubt)
		outcome = OUTCOME_IN_DOUBT;
	else if (why->fault == FAULT_TEMPORARY)
		outcome = OUTCOME_TEMPORARY;
	recipient_set(r, outcome, why->smtp, why->code, why->words, why);
}

static char *
copy_string(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static struct address
copy_address(const struct address *a)
{
	return (struct address){ copy_string(a->name), copy_string(a->local),
		copy_string(a->domain) };
}

void
envelope_copy(struct envelope *to, const struct envelope *from)
{
	const struct recipient *r;
	struct recipient *copy;

	envelope_done(to);
	to->sender = copy_address(&from->sender);
	to->dsn_return = from->dsn_return;
	to->dsn_notify = from->dsn_notify;
	to->envid = copy_string(from->envid);
	wishes_copy(&to->wishes, &from->wishes);
	if (!from->count)
		return;
	to->recipients = xcalloc(from->count, sizeof(*to->recipients));
	for (; to->count < from->count; to->count++) {
		r = &from->recipients[to->count];
		copy = &to->recipients[to->count];
		copy->address = copy_address(&r->address);
		copy->orcpt = copy_string(r->orcpt);
		recipient_set(copy, r->outcome, r->code, r->enhanced, r->words, r->why);
	}
}

void
envelope_add_refused(struct envelope *e, const struct address *a, const struct error *why)
{
	size_t i = envelope_add_recipient(e, a);

	recipient_fail(&e->recipients[i], why);
}

void
envelope_fail_pending(struct envelope *e, const struct error *why)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].outcome == OUTCOME_PENDING)
			recipient_fail(&e->recipients[i], why);
}

void
envelope_keep(struct envelope *e, const bool *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++) {
		if (!kept[i]) {
			recipient_done(&e->recipients[i]);
			continue;
		}
		if (n < i) {
			e->recipients[n] = e->recipients[i];
			e->recipients[i] = (struct recipient){ .outcome = OUTCOME_PENDING };
		}
		n++;
	}
	e->count = n;
}

bool
envelope_drop_doubts(struct envelope *e)
{
	struct recipient *r;
	bool any = false;

	for (size_t i = 0; i < e->count; i++) {
		r = &e->recipients[i];
		if (r->outcome != OUTCOME_IN_DOUBT)
			continue;
		recipient_set(r, OUTCOME_ACCEPTED, 0, (struct enhanced){ 0 },
			"no answer came; it is taken as sent", NULL);
		any = true;
	}
	return any;
}

size_t
envelope_count(const struct envelope *e, enum outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < e->count; i++)
		count += e->recipients[i].outcome == outcome;
	return count;
}

/* What is left decides, the worst first. */
static const enum fault worst_first[] = { FAULT_CONFIG, FAULT_PERMISSION, FAULT_PROTOCOL, FAULT_IO,
	FAULT_CREATE, FAULT_SYSTEM, FAULT_SOFTWARE, FAULT_UNAVAILABLE, FAULT_NOHOST, FAULT_NOUSER,
	FAULT_NOINPUT, FAULT_DATA };

#define RANKS (sizeof(worst_first) / sizeof(*worst_first))

static size_t
rank(enum fault fault)
{
	size_t i;

	for (i = 0; i < RANKS; i++)
		if (worst_first[i] == fault)
			return i;
	return rank(FAULT_UNAVAILABLE);
}

enum fault
envelope_fault(const struct envelope *e)
{
	size_t accepted = envelope_count(e, OUTCOME_ACCEPTED), worst = RANKS, at;
	const struct recipient *r;

	if (!e->count)
		return FAULT_SOFTWARE;
	if (accepted == e->count)
		return FAULT_NONE;
	/* once somebody was served, 75 would make the caller send to them again */
	if (!accepted && envelope_count(e, OUTCOME_PERMANENT) < e->count)
		return FAULT_TEMPORARY;
	for (size_t i = 0; i < e->count; i++) {
		r = &e->recipients[i];
		if (r->outcome != OUTCOME_PERMANENT)
			continue;
		at = rank(r->why ? r->why->fault : FAULT_UNAVAILABLE);
		if (at < worst)
			worst = at;
	}
	/* only temporary ones are left beside those who were served */
	return worst < RANKS ? worst_first[worst] : FAULT_UNAVAILABLE;
}

bool
envelope_needs_utf8(const struct envelope *e)
{
	if (address_local_is_utf8(&e->sender))
		return true;
	for (size_t i = 0; i < e->count; i++)
		if (address_local_is_utf8(&e->recipients[i].address))
			return true;
	return false;
}

static bool
is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !strncasecmp(s, word, n);
}

static unsigned
notify_bit(const char *s, size_t n)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = { { "never", DSN_NEVER }, { "success", DSN_SUCCESS },
		{ "failure", DSN_FAILURE }, { "delay", DSN_DELAY } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (is_word(s, n, words[i].word))
			return words[i].bit;
	return 0;
}

bool
dsn_notify_parse(const char *s, unsigned *ret, struct error *err)
{
	const char *at = s, *end;
	unsigned bits = 0, bit;
	char shown[128];

	for (;;) {
		at += strspn(at, " \t");
		end = at + strcspn(at, ", \t");
		bit = notify_bit(at, (size_t)(end - at));
		bits |= bit;
		end += strspn(end, " \t");
		if (!bit || !*end || *end != ',')
			break;
		at = end + 1;
	}
	if (bit && !*end && (bits == DSN_NEVER || !(bits & DSN_NEVER))) {
		*ret = bits;
		return true;
	}
	text_printable(shown, sizeof(shown), s, strlen(s));
	return error_set(err, FAULT_USAGE,
		"unable to ask for the notification '%s': "
		"there are never, or success, failure and delay separated by commas",
		shown);
}

bool
dsn_return_parse(const char *s, enum dsn_return *ret, struct error *err)
{
	char shown[128];

	if (!strcasecmp(s, "full")) {
		*ret = DSN_RETURN_FULL;
		return true;
	}
	if (!strcasecmp(s, "hdrs") || !strcasecmp(s, "headers")) {
		*ret = DSN_RETURN_HEADERS;
		return true;
	}
	text_printable(shown, sizeof(shown), s, strlen(s));
	return error_set(err, FAULT_USAGE,
		"unable to ask for the return of '%s': there are full and hdrs", shown);
}

void
dsn_add_xtext(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (*s > 32 && *s < 127 && *s != '+' && *s != '=')
			strbuf_addc(out, *s);
		else
			strbuf_addf(out, "+%02X", (unsigned char)*s);
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
no_text(const char *s, size_t n, const char *what, struct error *err)
{
	char shown[128];

	text_printable(shown, sizeof(shown), s, n);
	return error_set(err, FAULT_DATA, "'%s' is no %s", shown, what);
}

bool
dsn_parse_xtext(const char *s, size_t n, struct strbuf *out, struct error *err)
{
	int high, low, c;

	for (size_t i = 0; i < n; i++) {
		c = (unsigned char)s[i];
		if (c == '+') {
			high = n - i > 2 ? hex_digit(s[i + 1]) : -1;
			low = n - i > 2 ? hex_digit(s[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		} else if (c == '=' || c == ' ') {
			c = 0;
		}
		if (c < 32 || c > 126)
			return no_text(s, n, "xtext of printable characters", err);
		strbuf_addc(out, (char)c);
	}
	return true;
}

/* Takes "\x{HEX}" at S and appends the character; returns the octets used, 0 if there is none. */
static size_t
take_embedded(const char *s, size_t n, struct strbuf *out)
{
	uint32_t value = 0;
	size_t i = 3;

	if (n < 5 || memcmp(s, "\\x{", 3) != 0)
		return 0;
	for (; i < n && i < 9 && hex_digit(s[i]) >= 0; i++)
		value = value * 16 + (uint32_t)hex_digit(s[i]);
	if (i == 3 || i == n || s[i] != '}' || !value || value > 0x10ffff)
		return 0;
	if (value < 0x80) {
		strbuf_addc(out, (char)value);
	} else if (value < 0x800) {
		strbuf_addc(out, (char)(0xc0 | value >> 6));
	} else if (value < 0x10000) {
		strbuf_addc(out, (char)(0xe0 | value >> 12));
		strbuf_addc(out, (char)(0x80 | (value >> 6 & 0x3f)));
	} else {
		strbuf_addc(out, (char)(0xf0 | value >> 18));
		strbuf_addc(out, (char)(0x80 | (value >> 12 & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (value >> 6 & 0x3f)));
	}
	if (value >= 0x80)
		strbuf_addc(out, (char)(0x80 | (value & 0x3f)));
	return i + 1;
}

bool
dsn_parse_utf8(const char *s, size_t n, struct strbuf *out, struct error *err)
{
	size_t start = out->len, used;

	for (size_t i = 0; i < n; i += used) {
		used = s[i] == '\\' ? take_embedded(s + i, n - i, out) : 1;
		if (!used || strchr("+= ", s[i]))
			return no_text(s, n, "address of the type utf-8", err);
		if (s[i] != '\\')
			strbuf_addc(out, s[i]);
	}
	/* what was embedded may be a surrogate or a control */
	if (text_has_control(out->s + start, out->len - start))
		return no_text(s, n, "address of the type utf-8", err);
	return true;
}
