/* What a probe has seen, from one process to another: all of it arrives, and whatever another
 * process might say instead is refused or harmless. */
#include <stdlib.h>

#include "probe.h"
#include "text.h"

#include "tap.h"

#define SIZE (256 << 10)

static void
fill_chain(struct probe *p)
{
	struct probe_certificate *c;

	p->chain_checked = p->chain_good = true;
	p->chain_length = PROBE_CERTIFICATES;
	for (size_t i = 0; i < p->chain_length; i++) {
		c = &p->chain[i];
		snprintf(c->subject, sizeof(c->subject), "CN=server %zu", i);
		snprintf(c->issuer, sizeof(c->issuer), "CN=authority %zu", i);
		snprintf(c->names, sizeof(c->names), "mail%zu.example.org", i);
		snprintf(c->key, sizeof(c->key), "EC 256");
		snprintf(c->signature, sizeof(c->signature), "RSA-SHA256");
		/* before 1970, too */
		c->begins = -86400 * (time_t)i;
		c->expires = 1800000000 + (time_t)i;
		snprintf(c->pin, sizeof(c->pin), "sha256:00%zu", i);
		snprintf(c->fingerprint, sizeof(c->fingerprint), "11%zu", i);
	}
}

static void
fill(struct probe *p)
{
	probe_none(p);
	snprintf(p->host, sizeof(p->host), "mail.example.org");
	snprintf(p->address, sizeof(p->address), "192.0.2.1");
	snprintf(p->proxy, sizeof(p->proxy), "proxy.example.org:1080");
	p->port = 465;
	p->reached = STAGE_AUTH;
	error_at(&p->error, STAGE_MAIL, FAULT_PERMISSION, "refused");
	p->error.code = (struct enhanced){ 5, 7, 1 };
	for (size_t i = 0; i < WIRE_PHASE_COUNT; i++)
		p->ms[i] = (int64_t)i + 1;
	p->round_trips = 9;
	snprintf(p->tls.version, sizeof(p->tls.version), "TLS1.3");
	p->tls.verified = true;
	fill_chain(p);
	snprintf(p->verdict, sizeof(p->verdict), "The certificate is trusted.");
	p->dane_records = 2;
	snprintf(p->resolver, sizeof(p->resolver), "127.0.0.53");
	p->resume_tried = true;
	snprintf(p->greeting, sizeof(p->greeting), "220 mail.example.org ESMTP");
	p->capability.pipelining = p->capability.size = p->capability.auth = true;
	p->capability.size_max = UINT64_MAX;
	p->capability.hold_until_max = -1;
	snprintf(p->capability.mechanisms, sizeof(p->capability.mechanisms), " PLAIN LOGIN ");
	strbuf_adds(&p->ehlo, "mail.example.org\nPIPELINING\nSIZE\n");
	snprintf(p->clear_mechanisms, sizeof(p->clear_mechanisms), " PLAIN");
	p->helo = true;
	snprintf(p->choice, sizeof(p->choice), "PLAIN");
	snprintf(p->mechanism, sizeof(p->mechanism), "PLAIN");
	error_at(&p->choice_error, STAGE_AUTH, FAULT_CONFIG, "no choice");
	error_at(&p->sender_error, STAGE_MAIL, FAULT_PERMISSION, "no sender");
	error_at(&p->recipient_error, STAGE_RCPT, FAULT_NOUSER, "no recipient");
	p->sender_good = p->others[1].asked = p->others[1].good = true;
	error_at(&p->others[2].error, STAGE_MAIL, FAULT_PERMISSION, "no other");
}

static bool
take(const char *s, size_t n, struct probe *p)
{
	const char *at = s;

	probe_none(p);
	return probe_take(&at, s + n, p) && at == s + n;
}

/* Every text of it may be printed; lines but those of EHLO have no end inside. */
static bool
is_harmless(const struct probe *p)
{
	const char *const texts[] = { p->host, p->address, p->proxy, p->error.text, p->error.words,
		p->tls.version, p->tls.cipher, p->tls.issuer, p->verdict, p->resolver, p->greeting,
		p->capability.mechanisms, p->clear_mechanisms, p->choice, p->mechanism,
		p->choice_error.text, p->sender_error.text, p->recipient_error.text };
	bool good = p->chain_length <= PROBE_CERTIFICATES;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		good = good && !text_has_control(texts[i], strlen(texts[i]));
	for (size_t i = 0; good && i < p->chain_length; i++)
		good = !text_has_control(p->chain[i].subject, strlen(p->chain[i].subject)) &&
		       !text_has_control(p->chain[i].names, strlen(p->chain[i].names));
	for (const char *at = p->ehlo.s; good && *at; at += strcspn(at, "\n") + 1)
		good = at[strcspn(at, "\n")] == '\n' && !text_has_control(at, strcspn(at, "\n"));
	return good;
}

static void
test_hostile(struct strbuf *out)
{
	static const char odd[] = { '\n', '\0', '\x1b', (char)0xff };
	bool cut = true, harmless = true;
	struct probe p;
	char before;

	for (size_t n = 0; n < out->len; n++) {
		cut = cut && !take(out->s, n, &p);
		probe_done(&p);
	}
	ok(cut, "what is cut off is refused");
	for (size_t i = 0; i < out->len; i++) {
		before = out->s[i];
		for (size_t k = 0; k < sizeof(odd); k++) {
			out->s[i] = odd[k];
			if (take(out->s, out->len, &p))
				harmless = harmless && is_harmless(&p);
			probe_done(&p);
		}
		out->s[i] = before;
	}
	ok(harmless, "what is changed is refused, or printable");
}

static void
test_probe(void)
{
	struct strbuf out = STRBUF_INIT(SIZE), again = STRBUF_INIT(SIZE);
	struct probe p, copy;

	fill(&p);
	probe_add(&out, &p);
	ok(take(out.s, out.len, &copy), "it is understood");
	probe_add(&again, &copy);
	ok(again.len == out.len && memcmp(again.s, out.s, out.len) == 0, "all of it arrives");
	ok(copy.chain[3].begins == -3 * 86400 && copy.capability.size_max == UINT64_MAX &&
			copy.error.fault == FAULT_PERMISSION && copy.others[1].good,
		"numbers are what they were");
	probe_done(&copy);
	test_hostile(&out);
	probe_done(&p);
	strbuf_done(&out);
	strbuf_done(&again);
}

static void
test_place(void)
{
	struct strbuf out = STRBUF_INIT(SIZE);
	struct target t = { .host = "mail.example.org",
		.port = 465,
		.tls = WIRE_TLS_STARTTLS,
		.domain = "example.org",
		.service = "_submission",
		.vouched = true };
	struct target copy;
	const char *at;

	probe_add_place(&out, &t);
	at = out.s;
	ok(probe_take_place(&at, out.s + out.len, &copy) && strcmp(copy.host, t.host) == 0 &&
			copy.port == t.port && copy.tls == t.tls && copy.vouched &&
			strcmp(copy.domain, t.domain) == 0 &&
			copy.service == route_service("_submission"),
		"a place");
	strbuf_clear(&out);
	t.service = "_imaps";
	probe_add_place(&out, &t);
	at = out.s;
	ok(!probe_take_place(&at, out.s + out.len, &copy), "a service that is none of ours");
	strbuf_clear(&out);
	t.service = NULL;
	probe_add_place(&out, &t);
	at = out.s;
	ok(probe_take_place(&at, out.s + out.len, &copy) && !copy.service, "none");
	strbuf_done(&out);
}

int
main(void)
{
	test_probe();
	test_place();
	return tap_done();
}
