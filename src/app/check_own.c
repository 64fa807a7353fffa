/* The certificate that we show to servers. */
#include <stdio.h>
#include <string.h>

#include "checkup.h"
#include "clock.h"
#include "probe.h"
#include "settings.h"

/* What helps where it cannot be used. */
static const char *
advice(const struct error *err)
{
	if (strstr(err->text, "there is no token"))
		return "plug the token in; p11tool --list-tokens shows those that are there";
	if (strstr(err->text, "no such object"))
		return "p11tool --login --list-all URI shows what is on the token: certificate and "
		       "key "
		       "must have the object or id that the settings name";
	if (strstr(err->text, "is locked"))
		return "unlock it with the token's security officer's PIN: p11tool --set-pin";
	if (strstr(err->text, "PIN"))
		return "set tls-key-pin-file or tls-key-pin-command to the right PIN: a token "
		       "locks "
		       "itself after a few wrong ones";
	if (strstr(err->text, "is not the key of"))
		return "set tls-key to the key that this certificate was made for; its public key "
		       "is "
		       "shown by openssl x509 -noout -pubkey, a key's by openssl pkey -pubout";
	if (strstr(err->text, "protected by a password"))
		return "store the key without one, in a file with mode 600: openssl pkey -in OLD "
		       "-out NEW";
	return "tls-cert must hold the certificate and its chain, tls-key the key, both as PEM";
}

bool
check_own_load(struct checkup *c, const struct wire_settings *w, struct probe_own *ret)
{
	struct error err = ERROR_NONE;

	*ret = (struct probe_own){ .length = 0 };
	if (!w->tls_settings.cert || (w->tls == WIRE_TLS_NONE && !w->srv))
		return true;
	if (probe_own(&w->tls_settings, ret, &err))
		return true;
	check_error(c, FINDING_OWN, false, &err, advice(&err));
	return false;
}

/* An end, or a beginning, that makes it useless today. */
static void
tell_useless(struct checkup *c, const struct probe_certificate *one, bool early, bool refused)
{
	const char *remedy = early ? "set this machine's clock (timedatectl set-ntp true), or wait"
				   : "get another one, and put it where tls-cert says";
	char day[16], today[16];

	check_day(day, early ? one->begins : one->expires);
	check_day(today, clock_wall());
	if (refused)
		check_fail(c, FINDING_OWN, FAULT_PERMISSION, remedy,
			"%s %s %s, and by this machine's clock it is %s: the server refused it",
			one->subject, early ? "is valid from" : "expired on", day, today);
	else
		check_warn(c, FINDING_OWN, remedy,
			"%s %s %s, and by this machine's clock it is %s: most servers refuse it",
			one->subject, early ? "is valid from" : "expired on", day, today);
}

void
check_own(struct checkup *c, const struct probe_own *own, bool refused)
{
	const struct probe_certificate *first = &own->chain[0], *early = NULL;
	time_t now = clock_wall();
	long days;
	char day[16];

	if (!own->length)
		return;
	for (size_t i = 0; i < own->length; i++) {
		if (own->chain[i].expires < first->expires)
			first = &own->chain[i];
		if (own->chain[i].begins > now)
			early = &own->chain[i];
	}
	days = (long)((first->expires - now) / CHECK_DAY);
	check_day(day, first->expires);
	check_text(c, "subject", own->chain[0].subject);
	check_text(c, "issuer", own->chain[0].issuer);
	check_text(c, "fingerprint", own->chain[0].fingerprint);
	check_text(c, "expires", day);
	check_number(c, "days", days);
	if (early || first->expires < now)
		tell_useless(c, early ? early : first, early != NULL, refused);
	else if (!own->for_clients)
		check_warn(c, FINDING_OWN, "have one made for the purpose clientAuth, or for any",
			"%s is not for clients (extendedKeyUsage): most servers refuse it",
			own->chain[0].subject);
	else if (days < CHECK_SOON)
		check_warn(c, FINDING_OWN, "get another one before that day",
			"%s expires on %s: %ld day%s left", first->subject, day, days,
			days == 1 ? "" : "s");
	else
		check_good(c, FINDING_OWN, "%s by %s, %s: %ld days left", own->chain[0].subject,
			own->chain[0].issuer, day, days);
}
