/* What a server offers: words between blanks, capital letters, and the same again when the lines
 * are given in small letters, with blanks around them, or after others that mean nothing. */
#include "capability.h"
#include "fuzz.h"
#include "reply.h"

static void
check_mechanisms(const struct capability *c)
{
	const char *at = c->mechanisms, *end;
	size_t n = strlen(at);
	char name[64];

	check(n < sizeof(c->mechanisms) && c->auth == (n > 0));
	if (!n)
		return;
	check(at[0] == ' ' && at[n - 1] == ' ');
	for (at++; (end = strchr(at, ' ')); at = end + 1) {
		check(end > at && (size_t)(end - at) <= 32);
		memcpy(name, at, (size_t)(end - at));
		name[end - at] = '\0';
		for (const char *s = name; *s; s++)
			check(*s < 'a' || *s > 'z');
		check(capability_has_mechanism(c, name));
		name[end - at] = '-';
		name[end - at + 1] = '\0';
		if (!strstr(c->mechanisms, name))
			check(!capability_has_mechanism(c, name));
	}
}

static void
parse(const char *text, size_t n, bool change, struct capability *ret)
{
	struct reply r;

	reply_init(&r);
	r.code = 250;
	if (change)
		strbuf_adds(&r.text, "mx\nX-NOTHING\n");
	for (size_t i = 0; i < n; i++) {
		if (change && (!i || text[i - 1] == '\n'))
			strbuf_addc(&r.text,
				'A' <= text[i] && text[i] <= 'Z' ? (char)(text[i] | 32) : text[i]);
		else
			strbuf_addc(&r.text, text[i]);
	}
	memset(ret, 0x5a, sizeof(*ret));
	capability_parse(&r, ret);
	reply_done(&r);
}

static bool
same(const struct capability *a, const struct capability *b)
{
	return a->pipelining == b->pipelining && a->chunking == b->chunking &&
	       a->eightbit == b->eightbit && a->smtputf8 == b->smtputf8 && a->dsn == b->dsn &&
	       a->enhanced == b->enhanced && a->starttls == b->starttls && a->size == b->size &&
	       a->size_max == b->size_max && a->rcpt_max == b->rcpt_max &&
	       a->mail_max == b->mail_max && a->domain_max == b->domain_max &&
	       a->require_tls == b->require_tls && a->priority == b->priority &&
	       a->deliver_by == b->deliver_by && a->deliver_by_min == b->deliver_by_min &&
	       a->future_release == b->future_release && a->hold_max == b->hold_max &&
	       a->hold_until_max == b->hold_until_max && a->auth == b->auth &&
	       strcmp(a->mechanisms, b->mechanisms) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *first;
	struct capability plain, again;

	/* a reply has no NUL, and its lines end in LF */
	if (!size || size > REPLY_TEXT - 32 || memchr(text, '\0', size) || text[size - 1] != '\n')
		return 0;
	parse(text, size, false, &plain);
	check_mechanisms(&plain);
	check(plain.rcpt_max <= 999999 && plain.mail_max <= 999999 && plain.domain_max <= 999999);
	check(plain.size || !plain.size_max);
	first = memchr(text, '\n', size);
	first++;
	parse(first, size - (size_t)(first - text), true, &again);
	check(same(&plain, &again));
	return 0;
}
