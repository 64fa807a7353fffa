/* The part of a notification that programs read: RFC 3464. It is ASCII on every path: what is not
 * comes as \x{HEX} (RFC 6533 section 3). */
#include <stdio.h>
#include <string.h>

#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "text.h"

#define FIELD_MAX 900 /* octets of a value; longer lines are not for mail */

/* Appends text without line ends, other controls, and octets above 127. */
static void
add_ascii(struct strbuf *out, const char *s)
{
	size_t n = strlen(s), len, start = out->len;
	uint32_t code;

	for (; n && out->len - start < FIELD_MAX; s += len, n -= len) {
		len = text_utf8_decode(s, n, &code);
		if (!len) {
			len = 1;
			strbuf_addc(out, '?');
		} else if (code < 0x20 || code == 0x7f) {
			strbuf_addc(out, ' ');
		} else if (code > 0x7f) {
			strbuf_addf(out, "\\x{%X}", code);
		} else {
			strbuf_addc(out, *s);
		}
	}
}

/* "rfc822; user@example.org", or "utf-8; us\x{E9}r@example.org" (RFC 6533 section 3: '\', '+' and
 * '=' are written so as well). */
static void
add_address(struct strbuf *out, const char *field, const char *address)
{
	bool utf8 = text_is_8bit(address, strlen(address));

	strbuf_addf(out, "%s: %s; ", field, utf8 ? "utf-8" : "rfc822");
	if (!utf8) {
		add_ascii(out, address);
	} else {
		for (const char *p = address; *p;) {
			char one[8] = { *p };
			uint32_t code;
			size_t len = text_utf8_decode(p, strlen(p), &code);

			if (*p == '\\' || *p == '+' || *p == '=')
				strbuf_addf(out, "\\x{%X}", (unsigned)*p);
			else if (len && len < sizeof(one))
				memcpy(one, p, len), one[len] = '\0', add_ascii(out, one);
			p += len ? len : 1;
		}
	}
	strbuf_adds(out, "\r\n");
}

static void
add_date(struct strbuf *out, const char *field, int64_t when)
{
	strbuf_addf(out, "%s: ", field);
	clock_add_rfc5322(out, (time_t)when);
	strbuf_adds(out, "\r\n");
}

/* RFC 3463 2: what stands for a failure that nobody gave a code for. */
static void
add_code(struct strbuf *out, const struct recipient *r, enum bounce_kind kind)
{
	struct enhanced code = r->enhanced;
	char text[16];

	if (!code.class && r->why)
		code = r->why->code;
	/* the class belongs to the action; 4.4.7, given up, says both (RFC 3463 3.5) */
	if (!code.class || (kind == BOUNCE_DELAYED && code.class != 4) ||
		(kind == BOUNCE_FAILED && code.class == 2))
		code = (struct enhanced){ kind == BOUNCE_FAILED ? 5 : 4, 0, 0 };
	strbuf_addf(out, "Status: %s\r\n", enhanced_print(code, text));
}

static void
add_diagnostic(struct strbuf *out, const struct recipient *r)
{
	char enhanced[16];

	if (r->code) {
		strbuf_addf(out, "Diagnostic-Code: smtp; %d ", r->code);
		if (r->why && r->why->code.class == r->code / 100 &&
			*enhanced_print(r->why->code, enhanced))
			strbuf_addf(out, "%s ", enhanced);
		add_ascii(out, r->words ?: "");
	} else if (r->why && *r->why->text) {
		strbuf_adds(out, "Diagnostic-Code: X-sendoff; ");
		add_ascii(out, r->why->text);
	} else {
		return;
	}
	strbuf_adds(out, "\r\n");
}

static void
add_recipient(struct strbuf *out, const struct entry *e, const struct recipient *r,
	enum bounce_kind kind, const struct bounce_settings *how)
{
	struct strbuf address = STRBUF_INIT(4096);

	strbuf_adds(out, "\r\n");
	if (r->orcpt)
		add_address(out, "Original-Recipient", r->orcpt);
	(void)!address_add_smtp(&address, &r->address, false, NULL);
	add_address(out, "Final-Recipient", address.s);
	strbuf_addf(out, "Action: %s\r\n", kind == BOUNCE_FAILED ? "failed" : "delayed");
	add_code(out, r, kind);
	if (r->code && how->smarthost) {
		strbuf_adds(out, "Remote-MTA: dns; ");
		add_ascii(out, how->smarthost);
		strbuf_adds(out, "\r\n");
	}
	add_diagnostic(out, r);
	if (e->last)
		add_date(out, "Last-Attempt-Date", e->last);
	if (kind == BOUNCE_DELAYED)
		add_date(out, "Will-Retry-Until", e->not_before + e->lifetime + e->held);
	strbuf_done(&address);
}

void
bounce_add_status(struct strbuf *out, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how)
{
	if (e->envelope.envid) {
		strbuf_adds(out, "Original-Envelope-Id: ");
		add_ascii(out, e->envelope.envid);
		strbuf_adds(out, "\r\n");
	}
	strbuf_adds(out, "Reporting-MTA: dns; ");
	add_ascii(out, how->host);
	strbuf_adds(out, "\r\n");
	add_date(out, "Arrival-Date", e->created);
	strbuf_addf(out, "X-Sendoff-Queue-Id: %s\r\n", e->id);
	for (size_t i = 0; i < e->envelope.count; i++)
		if (bounce_is_about(e, kind, i))
			add_recipient(out, e, &e->envelope.recipients[i], kind, how);
}
