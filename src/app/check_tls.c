/* What a server shows of itself under TLS. */
#include <stdio.h>
#include <string.h>

#include "checkup.h"
#include "clock.h"
#include "json.h"
#include "probe.h"
#include "report.h"
#include "strbuf.h"

#define RSA_SHORT 2048

void
check_day(char out[16], time_t when)
{
	struct strbuf text = STRBUF_INIT(64);

	clock_add_rfc3339(&text, when);
	snprintf(out, 16, "%.10s", text.s);
	strbuf_done(&text);
}

static void
add_chain(struct checkup *c, const struct probe *p)
{
	json_t *list = json_array(), *o;
	char day[16];

	for (size_t i = 0; i < p->chain_length; i++) {
		const struct probe_certificate *one = &p->chain[i];

		o = json_object();
		json_object_set_new(o, "subject", json_text(one->subject));
		json_object_set_new(o, "issuer", json_text(one->issuer));
		json_object_set_new(o, "names", json_text(one->names));
		json_object_set_new(o, "key", json_text(one->key));
		json_object_set_new(o, "signature", json_text(one->signature));
		check_day(day, one->begins);
		json_object_set_new(o, "begins", json_text(day));
		check_day(day, one->expires);
		json_object_set_new(o, "expires", json_text(day));
		json_object_set_new(o, "pin", json_text(one->pin));
		json_object_set_new(o, "fingerprint", json_text(one->fingerprint));
		json_array_append_new(list, o);
	}
	check_datum(c, "certificates", list);
}

static void
check_chain(struct checkup *c, const struct probe *p, bool refused, bool brief)
{
	struct strbuf text = STRBUF_INIT(4000);

	for (size_t i = 0; i < p->chain_length; i++)
		strbuf_addf(&text, "%s%s", i ? " by " : "", p->chain[i].subject);
	strbuf_addf(&text, " by %s", p->chain[p->chain_length - 1].issuer);
	if (!brief || (refused && p->chain_checked && !p->chain_good))
		add_chain(c, p);
	if (refused && p->chain_checked && !p->chain_good)
		check_fail(c, FINDING_CHAIN, p->error.fault,
			"name its authority's file with tls-trust, or pin the key: tls-trust = "
			"none "
			"and the tls-pin below, if you know that it is the right server's; or the "
			"server's administrator must renew the certificate",
			"%s: %s", text.s, p->verdict);
	else if (p->chain_checked && !p->chain_good && !brief)
		check_good(c, FINDING_CHAIN, "%s: %s; it does not count, for %s", text.s,
			p->verdict, *p->tls.dane ? "DANE decides" : "another setting decides");
	else if (!brief)
		check_good(c, FINDING_CHAIN, "%s%s", text.s,
			p->chain_checked ? ""
					 : "; nobody looks at it (tls-trust, tls-fingerprint)");
	strbuf_done(&text);
}

static void
check_name(struct checkup *c, const struct wire_settings *w, const struct probe *p, bool refused,
	bool brief)
{
	const char *want = w->tls_settings.name ? w->tls_settings.name : p->host;

	if (refused && !p->name_good)
		check_fail(c, FINDING_NAME, p->error.fault,
			"set host, or tls-name, to one of these names, if that is the right server",
			"the certificate is for %s, not for %s",
			*p->chain[0].names ? p->chain[0].names : "no name at all", want);
	else if (!brief)
		check_good(c, FINDING_NAME, "%s%s", p->chain[0].names,
			p->name_good ? "" : ": not the host's, but that does not count here");
}

/* The certificate of the chain that ends first, and one that has not begun. */
static void
check_dates(struct checkup *c, const struct probe *p, bool refused, bool brief)
{
	const struct probe_certificate *first = &p->chain[0], *early = NULL;
	time_t now = clock_wall();
	long days;
	char day[16], today[16];

	for (size_t i = 0; i < p->chain_length; i++) {
		if (p->chain[i].expires < first->expires)
			first = &p->chain[i];
		if (p->chain[i].begins > now)
			early = &p->chain[i];
	}
	check_day(today, now);
	check_day(day, early ? early->begins : first->expires);
	days = (long)((first->expires - now) / CHECK_DAY);
	check_number(c, "days", days);
	if (early && refused)
		check_fail(c, FINDING_EXPIRY, p->error.fault,
			"set this machine's clock (timedatectl set-ntp true); if it is right, the "
			"server's administrator must get another certificate",
			"%s is valid from %s on, and by this machine's clock it is %s",
			early->subject, day, today);
	else if (first->expires < now && refused)
		check_fail(c, FINDING_EXPIRY, p->error.fault,
			"the server's administrator must renew it; check this machine's clock, too",
			"%s expired on %s, and by this machine's clock it is %s", first->subject,
			day, today);
	else if (days < CHECK_SOON)
		check_warn(c, FINDING_EXPIRY,
			"the server's administrator must renew it before that day",
			"%s %s on %s: %ld day%s left", first->subject,
			first->expires < now ? "expired" : "expires", day, days < 0 ? 0 : days,
			days == 1 ? "" : "s");
	else if (!brief)
		check_good(c, FINDING_EXPIRY, "%s: %ld days left", day, days);
	else
		check_text(c, "expires", day);
}

static bool
is_weak(const struct probe_certificate *one)
{
	unsigned bits = 0;

	if (strncmp(one->key, "RSA ", 4) == 0)
		for (const char *at = one->key + 4; *at >= '0' && *at <= '9' && bits < 100000; at++)
			bits = bits * 10 + (unsigned)(*at - '0');
	return (bits && bits < RSA_SHORT) || strstr(one->signature, "SHA1") ||
	       strstr(one->signature, "MD5");
}

static void
check_keys(struct checkup *c, const struct probe *p, bool refused, bool brief)
{
	static const char *const advice =
		"the server's administrator must get another certificate, "
		"with RSA 2048 or ECDSA, and SHA-256";
	const struct probe_certificate *weak = NULL;

	for (size_t i = 0; i < p->chain_length && !weak; i++)
		/* how an authority at the top signed itself does not matter */
		if (is_weak(&p->chain[i]) && strcmp(p->chain[i].subject, p->chain[i].issuer))
			weak = &p->chain[i];
	if (weak && refused)
		check_fail(c, FINDING_KEYS, p->error.fault, advice,
			"%s has a weak key or signature: %s, %s", weak->subject, weak->key,
			weak->signature);
	else if (weak)
		check_warn(c, FINDING_KEYS, advice, "%s has a weak key or signature: %s, %s",
			weak->subject, weak->key, weak->signature);
	else if (!brief)
		check_good(c, FINDING_KEYS, "%s, signed by %s", p->chain[0].key,
			p->chain[0].signature);
}

static void
check_pin(struct checkup *c, const struct wire_settings *w, const struct probe *p, bool refused,
	bool brief)
{
	const struct tls_settings *t = &w->tls_settings;
	const char *which = t->pin_count ? "tls-pin" : "tls-fingerprint";
	bool set = t->pin_count || t->fingerprint_count;

	check_text(c, "pin", p->chain[0].pin);
	check_text(c, "fingerprint", p->chain[0].fingerprint);
	if (set && refused && strstr(p->error.text, which))
		check_fail(c, FINDING_PIN, p->error.fault,
			"ask the server's administrator whether it has a new key or certificate; "
			"only then copy this line",
			"%s does not fit; what the server shows now is %s = %s", which, which,
			t->pin_count ? p->chain[0].pin : p->chain[0].fingerprint);
	else if (set && !refused && !brief)
		check_good(c, FINDING_PIN, "%s fits", which);
	else if (!brief || refused)
		check_good(c, FINDING_PIN, "to pin this key: tls-pin = %s", p->chain[0].pin);
}

static void
check_dane(struct checkup *c, const struct wire_settings *w, const struct probe *p, bool refused)
{
	if (w->dane == WIRE_DANE_OFF)
		return;
	check_text(c, "record", p->tls.dane);
	check_text(c, "resolver", p->resolver);
	if (p->dane_records && refused && strstr(p->error.text, "TLSA"))
		check_fail(c, FINDING_DANE, p->error.fault,
			"the server's administrator must publish a TLSA record for the new key",
			"the certificate fits none of the %zu TLSA records that DNSSEC vouches for",
			p->dane_records);
	else if (*p->tls.dane)
		check_good(c, FINDING_DANE, "the record %s fits; %s vouches for it", p->tls.dane,
			p->resolver);
	else if (!p->dane_records)
		check_warn(c, FINDING_DANE,
			"nothing is wrong: the usual checks hold; dane = off asks no more",
			"no TLSA record of the server that DNSSEC vouches for");
}

static void
check_trust(struct checkup *c, const struct profile *p, bool brief)
{
	const char *trust = profile_text(p, OPT_TLS_TRUST);

	if (!brief)
		check_good(c, FINDING_TLS_SETTINGS, "authorities: %s%s%s", trust,
			profile_is_set(p, OPT_TLS_CERT) ? "; our certificate: " : "",
			profile_is_set(p, OPT_TLS_CERT) ? profile_text(p, OPT_TLS_CERT) : "");
}

static void
check_handshake(struct checkup *c, const struct probe *p, bool refused, bool told, bool brief)
{
	const char *advice =
		"see whether host, port and tls belong together: 465 with implicit, 587 "
		"with starttls";
	char where[400];

	check_place(p, where);
	check_text(c, "version", p->tls.version);
	check_text(c, "cipher", p->tls.cipher);
	if (refused && !told)
		check_error(c, FINDING_HANDSHAKE, false, &p->error, advice);
	else if (refused || !*p->tls.version)
		return;
	else if (strcmp(p->tls.version, "TLS1.2") != 0 && strcmp(p->tls.version, "TLS1.3") != 0)
		check_warn(c, FINDING_HANDSHAKE, "remove tls-priority; the server needs TLS 1.2",
			"%s %s is broken", p->tls.version, p->tls.cipher);
	else if (!brief)
		check_good(c, FINDING_HANDSHAKE, "%s %s, %lld ms", p->tls.version, p->tls.cipher,
			(long long)p->ms[WIRE_PHASE_TLS]);
}

void
check_tls(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	const struct probe *probe, bool brief)
{
	bool refused = probe->error.fault && probe->error.stage == STAGE_TLS;
	unsigned before = c->counts[CHECK_FAILURE];

	if (!refused && !*probe->tls.version)
		return; /* it did not come to that */
	check_trust(c, p, brief);
	if (probe->chain_length) {
		check_chain(c, probe, refused, brief);
		check_name(
			c, w, probe, refused && !*probe->tls.dane && probe->chain_checked, brief);
		check_dates(c, probe, refused, brief);
		check_keys(c, probe, refused, brief);
		check_pin(c, w, probe, refused, brief);
		check_dane(c, w, probe, refused);
	}
	check_handshake(c, probe, refused, c->counts[CHECK_FAILURE] > before, brief);
	if (!brief && probe->resume_tried)
		check_good(c, FINDING_RESUMPTION, "%s",
			probe->resumed
				? "a second connection resumed the session"
				: "each connection makes a new session: the server offers no "
				  "resumption");
}
