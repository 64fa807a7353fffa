#include "address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "header.h"
#include "strbuf.h"
#include "text.h"

#define LABEL_MAX 63 /* octets, RFC 1035 2.3.4 */

void
address_done(struct address *a)
{
	free(a->name);
	free(a->local);
	free(a->domain);
	*a = (struct address)ADDRESS_NONE;
}

void
address_list_done(struct address_list *l)
{
	address_list_truncate(l, 0);
	free(l->v);
	l->v = NULL;
}

void
address_list_take(struct address_list *l, struct address *a)
{
	/* there is always room for the next power of two: no capacity need be kept */
	if (!(l->n & (l->n - 1)))
		l->v = xreallocarray(l->v, l->n ? 2 * l->n : 1, sizeof(*l->v));
	l->v[l->n++] = *a;
	*a = (struct address)ADDRESS_NONE;
}

void
address_list_add(struct address_list *l, const struct address *a)
{
	struct address copy = {
		.name = a->name ? xstrdup(a->name) : NULL,
		.local = a->local ? xstrdup(a->local) : NULL,
		.domain = a->domain ? xstrdup(a->domain) : NULL,
	};

	address_list_take(l, &copy);
}

void
address_list_truncate(struct address_list *l, size_t n)
{
	while (l->n > n)
		address_done(&l->v[--l->n]);
}

bool
address_is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Dots between runs of CHARACTERS, octets above 127 welcome with WIDE; labels of at most MAX. */
static bool
is_dotted(const char *s, size_t max, bool (*good)(char c), bool wide)
{
	size_t run = 0;

	for (; *s; s++) {
		if (*s == '.') {
			if (!run)
				return false;
			run = 0;
		} else if (!((unsigned char)*s > 127 ? wide : good(*s)) || ++run > max) {
			return false;
		}
	}
	return run > 0;
}

static bool
is_host_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* DOMAIN as A-labels (allocated), or NULL if there are none. */
static char *
a_labels(const char *domain)
{
	char *labels = NULL, *copy = NULL;
	int rc;

	if (!text_is_utf8(domain, strlen(domain)))
		return NULL;
	/* what IDNA2008 refuses but UTS 46 maps (some domains are registered so) gets a second try
	 */
	rc = idn2_to_ascii_8z(domain, &labels, IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK && rc != IDN2_MALLOC)
		rc = idn2_to_ascii_8z(domain, &labels, IDN2_TRANSITIONAL);
	if (rc == IDN2_MALLOC)
		alloc_failed();
	/* the mapping can yield any ASCII character: U+FF1E turns into '>', U+3000 into a blank */
	if (rc == IDN2_OK && strlen(labels) <= ADDRESS_DOMAIN_MAX &&
		is_dotted(labels, LABEL_MAX, is_host_character, false))
		copy = xstrdup(labels);
	idn2_free(labels);
	return copy;
}

/* What stands between the brackets of an address literal, RFC 5321 4.1.3. */
static bool
is_literal(const char *s, size_t n)
{
	unsigned char address[sizeof(struct in6_addr)];
	char text[ADDRESS_DOMAIN_MAX + 1];
	const char *colon = memchr(s, ':', n);
	size_t i;

	memcpy(text, s, n);
	text[n] = '\0';
	if (!colon)
		return inet_pton(AF_INET, text, address) == 1;
	if (!strncasecmp(text, "IPv6:", 5))
		return inet_pton(AF_INET6, text + 5, address) == 1;
	for (i = 0; s + i < colon; i++)
		if (!is_host_character(s[i]) || s[i] == '_')
			return false;
	if (!i || s[i - 1] == '-' || i + 1 == n)
		return false;
	/* the RFC has more characters; '<', '>' and quotes are not worth the danger */
	for (i++; i < n; i++)
		if (!address_is_atext(s[i]) && s[i] != '.' && s[i] != ':')
			return false;
	return true;
}

bool
address_domain_is_valid(const char *domain)
{
	size_t n = strlen(domain);
	char *labels;
	bool good;

	if (!n || n > ADDRESS_DOMAIN_MAX)
		return false;
	if (*domain == '[')
		return n > 2 && domain[n - 1] == ']' && is_literal(domain + 1, n - 2);
	if (!text_is_8bit(domain, n))
		return is_dotted(domain, LABEL_MAX, address_is_atext, false);
	if (text_has_control(domain, n) ||
		!is_dotted(domain, ADDRESS_DOMAIN_MAX, address_is_atext, true))
		return false;
	labels = a_labels(domain);
	good = labels != NULL;
	free(labels);
	return good;
}

/* An address made fit for comparison. */
struct key {
	const char *local, *domain;
	char *labels; /* what domain points to if it is IDN */
	size_t at;    /* in the list */
};

static void
key_init(struct key *k, const struct address *a, size_t at)
{
	*k = (struct key){ .local = a->local ?: "", .domain = a->domain, .at = at };
	if (address_domain_is_utf8(a) && (k->labels = a_labels(a->domain)))
		k->domain = k->labels;
}

static int
key_compare(const struct key *a, const struct key *b)
{
	int order = strcmp(a->local, b->local);

	if (order)
		return order;
	if (!a->domain || !b->domain)
		return (a->domain != NULL) - (b->domain != NULL);
	return strcasecmp(a->domain, b->domain);
}

static int
key_order(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = key_compare(x, y);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

void
address_list_unique(struct address_list *l)
{
	struct key *keys;
	bool *again;
	size_t i, kept = 0;

	if (l->n < 2)
		return;
	keys = xcalloc(l->n, sizeof(*keys));
	again = xcalloc(l->n, sizeof(*again));
	for (i = 0; i < l->n; i++)
		key_init(&keys[i], &l->v[i], i);
	qsort(keys, l->n, sizeof(*keys), key_order);
	for (i = 1; i < l->n; i++)
		again[keys[i].at] = !key_compare(&keys[i - 1], &keys[i]);
	for (i = 0; i < l->n; i++)
		free(keys[i].labels);
	free(keys);
	for (i = 0; i < l->n; i++) {
		if (again[i])
			address_done(&l->v[i]);
		else
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
	free(again);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	struct key x, y;
	bool equal;

	key_init(&x, a, 0);
	key_init(&y, b, 0);
	equal = !key_compare(&x, &y);
	free(x.labels);
	free(y.labels);
	return equal;
}

bool
address_is_null(const struct address *a)
{
	return (!a->local || !*a->local) && !a->domain;
}

void
address_qualify(struct address *a, const char *domain)
{
	if (!a->domain && !address_is_null(a))
		a->domain = xstrdup(domain);
}

bool
address_local_is_utf8(const struct address *a)
{
	return a->local && text_is_8bit(a->local, strlen(a->local));
}

bool
address_domain_is_utf8(const struct address *a)
{
	return a->domain && text_is_8bit(a->domain, strlen(a->domain));
}

/* Appends "local@domain". */
static void
add_addr_spec(struct strbuf *out, const char *local, const char *domain)
{
	if (is_dotted(local, ADDRESS_TEXT_MAX, address_is_atext, true)) {
		strbuf_adds(out, local);
	} else {
		strbuf_addc(out, '"');
		for (; *local; local++) {
			if (*local == '"' || *local == '\\')
				strbuf_addc(out, '\\');
			strbuf_addc(out, *local);
		}
		strbuf_addc(out, '"');
	}
	if (domain) {
		strbuf_addc(out, '@');
		strbuf_adds(out, domain);
	}
}

bool
address_add_smtp(struct strbuf *out, const struct address *a, bool ascii_domain, struct error *err)
{
	char *labels = NULL;

	if (address_is_null(a))
		return true;
	if (ascii_domain && address_domain_is_utf8(a) && !(labels = a_labels(a->domain)))
		return error_set(err, FAULT_DATA,
			"unable to write the domain %s in ASCII: it is no valid internationalized "
			"domain",
			a->domain);
	add_addr_spec(out, a->local, labels ?: a->domain);
	free(labels);
	return true;
}

static void
add_shown(struct strbuf *out, const struct address *a, size_t max,
	void (*add)(struct strbuf *out, const char *s, size_t n, size_t max))
{
	struct strbuf text = STRBUF_INIT(2048);

	(void)!address_add_smtp(&text, a, false, NULL);
	add(out, text.s, text.len, max);
	strbuf_done(&text);
}

void
address_add_printable(struct strbuf *out, const struct address *a, size_t max)
{
	add_shown(out, a, max, text_add_printable);
}

void
address_add_pair(struct strbuf *out, const char *key, const struct address *a, size_t max)
{
	if (!a->local)
		return;
	strbuf_addf(out, " %s=", key);
	add_shown(out, a, max, text_add_quoted);
}

void
address_add_header(struct strbuf *out, const struct address *a)
{
	bool angle = a->name || address_is_null(a);

	if (a->name) {
		header_add_phrase(out, a->name, strlen(a->name));
		strbuf_addc(out, ' ');
	}
	if (angle)
		strbuf_addc(out, '<');
	if (!address_is_null(a))
		add_addr_spec(out, a->local, a->domain);
	if (angle)
		strbuf_addc(out, '>');
}
