#include <string.h>

#include "error.h"
#include "report.h"

#define ANY (-1)

/* The first row that fits gives the advice. */
static const struct {
	int stage, fault, smtp, subject, detail; /* ANY fits everything */
	const char *words;                       /* part of the server's text, NULL: any */
	const char *advice;
} hints[] = {
	{ ANY, ANY, ANY, 7, 139, NULL,
		"Microsoft has switched password logins off for this tenant or mailbox: an "
		"administrator can allow authenticated SMTP for it" },
	{ ANY, ANY, ANY, 7, 30, NULL, "Microsoft takes no passwords any more: it wants OAuth2" },
	{ ANY, ANY, ANY, 7, 60, NULL,
		"this login may not send as that address: set from to the login's own address" },
	{ STAGE_AUTH, FAULT_PERMISSION, ANY, ANY, ANY, "refused the access token",
		"the access token has expired, or is for another user or scope: get a new one" },
	{ STAGE_AUTH, ANY, 534, 7, 9, NULL,
		"Google wants an app password: make one in the account's security settings" },
	{ STAGE_AUTH, ANY, 535, 7, 8, "BadCredentials",
		"Google takes app passwords only, not the account's own" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, ANY, ANY, NULL,
		"check user and password; where the provider wants an app password, make one; "
		"where "
		"the server keeps hashed passwords, try auth = plain" },
	{ STAGE_AUTH, FAULT_TEMPORARY, 454, ANY, ANY, NULL,
		"the server cannot check passwords now: try again later" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, "GSSAPI cannot be used",
		"klist shows your Kerberos tickets, kinit gets one" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, " XOAUTH2",
		"for an access token name the mechanism: auth = xoauth2 or oauthbearer" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, ANY, ANY, NULL,
		"see the mechanisms with -v; set auth, or auth = none" },
	{ ANY, FAULT_PERMISSION, 530, ANY, ANY, NULL,
		"the server wants a login, or TLS before it: set user and a password source" },
	{ ANY, FAULT_PERMISSION, 538, ANY, ANY, NULL,
		"the server wants TLS for this login: set tls" },
	{ STAGE_RCPT, FAULT_UNAVAILABLE, 554, 7, 1, "elay access denied",
		"the server relays only for those who log in: set user and a password source" },
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, ANY, ANY, "does not offer",
		"send without it, or by a server that offers it" },
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, ANY, ANY, "require-tls asks for",
		"set tls and tls-trust, or send without require-tls" },
	{ STAGE_MAIL, FAULT_PERMISSION, ANY, ANY, ANY, NULL,
		"the server does not let this login use that sender: set from, and sender = "
		"force" },
	{ STAGE_GREETING, FAULT_TEMPORARY, 0, ANY, ANY, NULL,
		"if the server wants TLS from the start on this port, set tls = implicit" },
	{ STAGE_GREETING, FAULT_PROTOCOL, 0, ANY, ANY, NULL, "check host, port and tls" },
	{ STAGE_EHLO, FAULT_PROTOCOL, 0, ANY, ANY, NULL, "check host, port and tls" },
	{ STAGE_TLS, FAULT_UNAVAILABLE, 0, ANY, ANY, "STARTTLS",
		"port 465 speaks TLS from the start: set tls = implicit" },
	{ STAGE_RESOLVE, FAULT_NOHOST, ANY, ANY, ANY, NULL, "check the spelling of host" },
	{ STAGE_RESOLVE, FAULT_TEMPORARY, ANY, ANY, ANY, NULL,
		"the name server cannot be reached: is the network up?" },
	{ STAGE_CONNECT, FAULT_TEMPORARY, ANY, ANY, ANY, NULL,
		"check host and port, and that no firewall is between" },
	{ ANY, ANY, 421, ANY, ANY, NULL, "try again later" },
	{ STAGE_MAIL, FAULT_DATA, ANY, 3, 4, NULL, "send less, or in parts" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 450, ANY, ANY, NULL, "try again later" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 451, ANY, ANY, NULL, "try again later" },
};

static bool
fits(int want, int have)
{
	return want == ANY || want == have;
}

const char *
hint(const struct error *err)
{
	if (!err->fault)
		return NULL;
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (fits(hints[i].stage, (int)err->stage) &&
			fits(hints[i].fault, (int)err->fault) && fits(hints[i].smtp, err->smtp) &&
			fits(hints[i].subject, err->code.subject) &&
			fits(hints[i].detail, err->code.detail) &&
			(!hints[i].words || strstr(err->words, hints[i].words) ||
				strstr(err->text, hints[i].words)))
			return hints[i].advice;
	return NULL;
}
