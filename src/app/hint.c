#include <string.h>

#include "error.h"
#include "report.h"

#define ANY (-1)

#define RELAY "the server relays only for those who log in: set user and a password source"

/* The first row that fits gives the advice. */
static const struct row {
	int stage, fault, smtp, subject, detail; /* ANY fits everything */
	char words[36]; /* part of the server's text, "": any. No pointers, which cost each start */
	char advice[212];
} hints[] = {
	/* our own words, before codes that servers use for other things */
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, ANY, ANY, "does not offer",
		"send without it, or by a server that offers it" },
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, ANY, ANY, "require-tls asks for",
		"set tls and tls-trust, or send without require-tls" },
	/* Microsoft */
	{ STAGE_AUTH, ANY, ANY, 7, 139, "asic authentication is disabled",
		"Microsoft takes no passwords for this account any more: set oauth = microsoft and "
		"run sendoff login" },
	{ STAGE_AUTH, ANY, ANY, 7, 139, "credentials were incorrect",
		"check user (the whole address) and password; with two-step verification Microsoft "
		"wants an app password, or oauth = microsoft" },
	{ STAGE_AUTH, ANY, ANY, 7, 139, "security defaults",
		"the organization's security defaults forbid password logins: set oauth = "
		"microsoft "
		"and run sendoff login" },
	{ ANY, ANY, ANY, 7, 139, "",
		"Microsoft has switched authenticated SMTP off for this tenant or mailbox: an "
		"administrator can allow it (Set-CASMailbox -SmtpClientAuthenticationDisabled "
		"$false)" },
	{ ANY, ANY, ANY, 7, 30, "",
		"Microsoft takes no passwords any more: it wants OAuth2; set oauth = microsoft and "
		"run sendoff login" },
	{ ANY, ANY, ANY, 7, 60, "",
		"this login may not send as that address: set from to the login's own address, or "
		"have an administrator give it the right to send as that mailbox" },
	{ ANY, ANY, ANY, ANY, ANY, "SendAsDenied",
		"this login may not send as that address: set from to the login's own address, or "
		"have an administrator give it the right to send as that mailbox" },
	{ ANY, ANY, ANY, 7, 57, "",
		"nobody was logged in: set user and a password source, or oauth = microsoft; the "
		"name of the server must be smtp.office365.com" },
	{ STAGE_AUTH, ANY, 535, 7, 3, "",
		"the name or password is wrong, or authenticated SMTP is switched off for the "
		"mailbox: an administrator can allow it" },
	/* Google */
	{ STAGE_AUTH, ANY, 454, 7, 0, "oo many login attempts",
		"wait some minutes, and log in less often: linger keeps a connection" },
	{ ANY, ANY, 550, 4, 5, "",
		"the day's number of recipients is used up: it comes back bit by bit within 24 "
		"hours" },
	{ ANY, ANY, ANY, 7, 26, "",
		"the domain of the From field does not name this server as one of its senders "
		"(SPF, "
		"DKIM, DMARC): send by the domain's own smarthost, or add it to the domain's "
		"records" },
	{ ANY, ANY, 421, 7, 0, "ate of",
		"too many messages in too short a time: set rate, and wait some hours" },
	/* Amazon SES */
	{ ANY, ANY, 554, ANY, ANY, "Email address is not verified",
		"Amazon SES sends only for addresses and domains that were verified in the same "
		"region; while the account is in the sandbox recipients must be, too" },
	{ ANY, ANY, 454, ANY, ANY, "Daily message quota",
		"the day's quota at Amazon SES is used up: wait, or ask for a higher one" },
	{ ANY, ANY, 454, ANY, ANY, "hrottling failure",
		"Amazon SES takes only so many messages in a second: set rate, for example 10/1s" },
	{ STAGE_AUTH, ANY, 535, ANY, ANY, "Authentication Credentials Invalid",
		"Amazon SES wants its own SMTP credentials, made for this region: the keys of an "
		"AWS "
		"account are none" },
	/* Yahoo, iCloud, Fastmail */
	{ STAGE_AUTH, ANY, ANY, ANY, ANY, "#AUTH005",
		"Yahoo and AOL say this of the account's own password, too, at the first try: make "
		"an "
		"app password; if it is one, wait some hours" },
	{ STAGE_AUTH, ANY, ANY, ANY, ANY, "#AUTH",
		"Yahoo wants an app password, not that of the account" },
	{ STAGE_AUTH, ANY, ANY, ANY, ANY, "#MBR1212",
		"Yahoo wants an app password, not that of the account" },
	{ ANY, ANY, 554, 7, 9, "",
		"the server's policy is against this message: see what the From field and the "
		"links "
		"in it look like" },
	{ ANY, ANY, ANY, ANY, ANY, "not one of your addresses",
		"the server sends only from addresses of this account: set from to one of them" },
	{ ANY, ANY, ANY, ANY, ANY, "ddress not verified",
		"the server sends only from addresses that were verified in the account's "
		"settings: "
		"set from to one of them" },
	{ ANY, ANY, ANY, ANY, ANY, "ot authorised to send from",
		"the server sends only from addresses and aliases of this account: set from, or "
		"add "
		"the address there" },
	{ STAGE_AUTH, FAULT_PERMISSION, ANY, ANY, ANY, "refused the access token",
		"the access token has expired, or is for another user or scope: get a new one" },
	{ STAGE_AUTH, ANY, 534, 7, 9, "eb browser",
		"Google wants to see a person first: log in with a browser, then make an app "
		"password, or set oauth = google" },
	{ STAGE_AUTH, ANY, 534, 7, 9, "",
		"Google wants an app password: make one in the account's security settings, or set "
		"oauth = google and run sendoff login" },
	{ STAGE_AUTH, ANY, 534, 7, 14, "",
		"Google wants to see a person first: log in with a browser, then make an app "
		"password, or set oauth = google" },
	{ STAGE_AUTH, ANY, 535, 7, 8, "BadCredentials",
		"Google takes app passwords only, not the account's own: make one, or set oauth = "
		"google and run sendoff login" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, ANY, ANY, "",
		"check user and password; where the provider wants an app password, make one; "
		"where "
		"the server keeps hashed passwords, try auth = plain" },
	{ STAGE_AUTH, FAULT_TEMPORARY, 454, ANY, ANY, "",
		"the server cannot check passwords now: try again later" },
	{ STAGE_AUTH, FAULT_PERMISSION, 0, ANY, ANY, "GSSAPI cannot be used",
		"klist shows your Kerberos tickets, kinit gets one" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, " XOAUTH2",
		"for an access token name the mechanism: auth = xoauth2 or oauthbearer" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, " that it knows the password",
		"it may be another server than the one that has your account: check host" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, "",
		"see the mechanisms with -v; set auth, or auth = none" },
	{ ANY, FAULT_PERMISSION, 530, ANY, ANY, "",
		"the server wants a login, or TLS before it: set user and a password source" },
	{ ANY, FAULT_PERMISSION, 538, ANY, ANY, "",
		"the server wants TLS for this login: set tls" },
	{ STAGE_RCPT, ANY, ANY, ANY, ANY, "elay access denied", RELAY },
	{ STAGE_RCPT, ANY, ANY, ANY, ANY, "elaying denied", RELAY },
	{ STAGE_RCPT, ANY, ANY, ANY, ANY, "elaying not allowed", RELAY },
	{ STAGE_RCPT, ANY, ANY, ANY, ANY, "nable to relay", RELAY },
	{ STAGE_RCPT, ANY, ANY, ANY, ANY, "elay not permitted", RELAY },
	{ STAGE_MAIL, FAULT_PERMISSION, ANY, ANY, ANY, "",
		"the server does not let this login use that sender: set from, and sender = "
		"force" },
	{ STAGE_GREETING, FAULT_TEMPORARY, 0, ANY, ANY, "",
		"if the server wants TLS from the start on this port, set tls = implicit" },
	{ STAGE_GREETING, FAULT_PROTOCOL, 0, ANY, ANY, "", "check host, port and tls" },
	{ STAGE_EHLO, FAULT_PROTOCOL, 0, ANY, ANY, "", "check host, port and tls" },
	{ STAGE_TLS, FAULT_PERMISSION, ANY, ANY, ANY, "refused our client certificate",
		"ask the server's administrator which authority it trusts; tls-cert must hold the "
		"chain, too" },
	{ STAGE_TLS, FAULT_PERMISSION, ANY, ANY, ANY, "wants a client certificate",
		"set tls-cert and tls-key" },
	{ ANY, ANY, 421, 7, ANY, "No client certificate", "set tls-cert and tls-key" },
	{ ANY, ANY, 421, 7, ANY, "lient certificate not trusted",
		"ask the server's administrator which authority it trusts; tls-cert must hold the "
		"chain, too" },
	{ STAGE_TLS, FAULT_UNAVAILABLE, 0, ANY, ANY, "STARTTLS",
		"port 465 speaks TLS from the start: set tls = implicit" },
	{ STAGE_RESOLVE, FAULT_NOHOST, ANY, ANY, ANY, "", "check the spelling of host" },
	{ STAGE_RESOLVE, FAULT_TEMPORARY, ANY, ANY, ANY, "",
		"the name server cannot be reached: is the network up?" },
	{ STAGE_CONNECT, FAULT_TEMPORARY, ANY, ANY, ANY, "",
		"check host and port, and that no firewall is between" },
	{ ANY, ANY, 421, ANY, ANY, "", "try again later" },
	{ STAGE_MAIL, FAULT_DATA, ANY, 3, 4, "", "send less, or in parts" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 450, ANY, ANY, "", "try again later" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 451, ANY, ANY, "", "try again later" },
};

static bool
fits(int want, int have)
{
	return want == ANY || want == have;
}

static const struct row *
hint_row(const struct error *err)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (fits(hints[i].stage, (int)err->stage) &&
			fits(hints[i].fault, (int)err->fault) && fits(hints[i].smtp, err->smtp) &&
			fits(hints[i].subject, err->code.subject) &&
			fits(hints[i].detail, err->code.detail) &&
			(!*hints[i].words || strstr(err->words, hints[i].words) ||
				strstr(err->text, hints[i].words)))
			return &hints[i];
	return NULL;
}

const char *
hint(const struct error *err)
{
	const struct row *row = err->fault ? hint_row(err) : NULL;

	return row ? row->advice : NULL;
}
