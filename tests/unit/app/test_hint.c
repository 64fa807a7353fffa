/* What real servers say, and what they are understood to mean. Each row of the table is the answer
 * to one of them. */
#include "hint.c"

#include "tap.h"

static const struct said {
	int stage, fault, smtp, subject, detail;
	const char *words, *want; /* a part of the advice */
} said[] = {
	/* Microsoft */
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 139,
		"Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. "
		"Visit https://aka.ms/smtp_auth_disabled for more information.",
		"administrator can allow" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 139,
		"Authentication unsuccessful, basic authentication is disabled.",
		"oauth = microsoft" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 139,
		"Authentication unsuccessful, the user credentials were incorrect.",
		"whole address" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 139,
		"Authentication unsuccessful, user is locked by your organization's security "
		"defaults "
		"policy.",
		"security defaults" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 3, "Authentication unsuccessful", "switched off" },
	{ STAGE_AUTH, FAULT_PERMISSION, 550, 7, 30,
		"Basic authentication is not supported for Client Submission.",
		"oauth = microsoft" },
	{ STAGE_END, FAULT_UNAVAILABLE, 550, 7, 60,
		"SMTP; Client does not have permissions to send as this sender", "send as" },
	{ STAGE_END, FAULT_UNAVAILABLE, 554, 2, 252,
		"SendAsDenied; a@example.org not allowed to send as b@example.org", "send as" },
	{ STAGE_MAIL, FAULT_PERMISSION, 530, 7, 57, "Client not authenticated to send mail.",
		"nobody was logged in" },
	/* Google */
	{ STAGE_AUTH, FAULT_PERMISSION, 534, 7, 9,
		"Application-specific password required. For more information, go to "
		"https://support.google.com/mail/?p=InvalidSecondFactor",
		"app password" },
	{ STAGE_AUTH, FAULT_PERMISSION, 534, 7, 9,
		"Please log in with your web browser and then try again.", "see a person" },
	{ STAGE_AUTH, FAULT_PERMISSION, 534, 7, 14,
		"Please log in via your web browser and then try again.", "see a person" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 8,
		"Username and Password not accepted. "
		"https://support.google.com/mail/?p=BadCredentials",
		"app passwords only" },
	{ STAGE_AUTH, FAULT_TEMPORARY, 454, 7, 0,
		"Too many login attempts, please try again later.", "less often" },
	{ STAGE_END, FAULT_UNAVAILABLE, 550, 4, 5, "Daily user sending limit exceeded.",
		"24 hours" },
	{ STAGE_END, FAULT_UNAVAILABLE, 550, 7, 26,
		"Your email has been blocked because the sender is unauthenticated.", "SPF" },
	{ STAGE_END, FAULT_TEMPORARY, 421, 7, 0,
		"Our system has detected an unusual rate of unsolicited mail", "set rate" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 421, 7, 0, "Try again later, closing connection.",
		"try again later" },
	/* Amazon SES */
	{ STAGE_END, FAULT_UNAVAILABLE, 554, 0, 0,
		"Message rejected: Email address is not verified. The following identities failed",
		"verified" },
	{ STAGE_END, FAULT_TEMPORARY, 454, 0, 0,
		"Throttling failure: Daily message quota exceeded.", "quota" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 454, 0, 0,
		"Throttling failure: Maximum sending rate exceeded.", "set rate" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 0, 0, "Authentication Credentials Invalid", "region" },
	/* Yahoo, iCloud, Fastmail */
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 0, "(#AUTH005) Too many bad auth attempts.",
		"first try" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 0, "(#MBR1212) Incorrect username or password.",
		"app password" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 0, "(#AUTH012) wrong", "app password" },
	{ STAGE_END, FAULT_UNAVAILABLE, 554, 7, 9, "Message not accepted for policy reasons.",
		"policy" },
	{ STAGE_MAIL, FAULT_PERMISSION, 550, 7, 0, "From address is not one of your addresses",
		"set from" },
	{ STAGE_END, FAULT_NOUSER, 553, 0, 0, "From: address not verified", "set from" },
	{ STAGE_END, FAULT_UNAVAILABLE, 551, 7, 1,
		"Not authorised to send from this header address", "aliases" },
	/* who relays for whom */
	{ STAGE_RCPT, FAULT_UNAVAILABLE, 554, 7, 1, "<b@example.net>: Relay access denied",
		"log in" },
	{ STAGE_RCPT, FAULT_UNAVAILABLE, 550, 7, 1, "<b@example.net>... Relaying denied",
		"log in" },
	{ STAGE_RCPT, FAULT_UNAVAILABLE, 550, 7, 1, "Relaying not allowed", "log in" },
	{ STAGE_RCPT, FAULT_UNAVAILABLE, 550, 7, 54, "SMTP; Unable to relay recipient", "log in" },
	{ STAGE_RCPT, FAULT_NOUSER, 550, 0, 0, "relay not permitted", "log in" },
	/* any server, and our own words */
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 8, "refused the access token of x", "expired" },
	{ STAGE_AUTH, FAULT_PERMISSION, 535, 7, 8,
		"Error: authentication failed:", "user and password" },
	{ STAGE_AUTH, FAULT_TEMPORARY, 454, 7, 0, "Temporary authentication failure", "later" },
	{ STAGE_AUTH, FAULT_PERMISSION, 0, 0, 0, "GSSAPI cannot be used", "kinit" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, 0, 0, "offers: XOAUTH2", "auth = xoauth2" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, 0, 0,
		"x ended SCRAM-SHA-256 without proving that it knows the password",
		"another server" },
	{ STAGE_AUTH, FAULT_UNAVAILABLE, 0, 0, 0, "does not offer AUTH", "auth = none" },
	{ STAGE_MAIL, FAULT_PERMISSION, 530, 7, 0, "Authentication required", "set user" },
	{ STAGE_MAIL, FAULT_PERMISSION, 538, 7, 11, "Encryption required", "set tls" },
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, 0, 0, "x does not offer REQUIRETLS", "without it" },
	{ STAGE_MAIL, FAULT_UNAVAILABLE, 0, 0, 0, "require-tls asks for TLS", "tls-trust" },
	{ STAGE_MAIL, FAULT_PERMISSION, 553, 7, 1, "Sender address rejected: not owned by user",
		"sender = force" },
	{ STAGE_GREETING, FAULT_TEMPORARY, 0, 0, 0, "no reply", "implicit" },
	{ STAGE_GREETING, FAULT_PROTOCOL, 0, 0, 0, "SSH", "port" },
	{ STAGE_EHLO, FAULT_PROTOCOL, 0, 0, 0, "what", "port" },
	{ STAGE_TLS, FAULT_PERMISSION, 0, 0, 0, "x refused our client certificate", "authority" },
	{ STAGE_TLS, FAULT_PERMISSION, 0, 0, 0, "x wants a client certificate", "tls-cert" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 421, 7, 1, "No client certificate presented", "tls-key" },
	{ STAGE_MAIL, FAULT_TEMPORARY, 421, 7, 1, "Client certificate not trusted", "authority" },
	{ STAGE_TLS, FAULT_UNAVAILABLE, 0, 0, 0, "x does not offer STARTTLS", "implicit" },
	{ STAGE_RESOLVE, FAULT_NOHOST, 0, 0, 0, "no such host", "spelling" },
	{ STAGE_RESOLVE, FAULT_TEMPORARY, 0, 0, 0, "no answer", "network" },
	{ STAGE_CONNECT, FAULT_TEMPORARY, 0, 0, 0, "refused", "firewall" },
	{ STAGE_MAIL, FAULT_DATA, 552, 3, 4, "Message too big", "send less" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 450, 2, 0, "Greylisted", "later" },
	{ STAGE_RCPT, FAULT_TEMPORARY, 451, 3, 0, "Local problem", "later" },
};

static bool used[sizeof(hints) / sizeof(*hints)];

static void
play(const struct said *s)
{
	struct error e = { .stage = (enum stage)s->stage,
		.fault = (enum fault)s->fault,
		.smtp = s->smtp,
		.code = { (unsigned short)(s->subject ? s->smtp / 100 : 0),
			(unsigned short)s->subject, (unsigned short)s->detail } };
	const char *advice;

	snprintf(e.smtp ? e.words : e.text, sizeof(e.text), "%s", s->words);
	advice = hint(&e);
	ok(advice && strstr(advice, s->want), "%d %d.%d %.40s: %s", s->smtp, s->subject, s->detail,
		s->words, advice ? advice : "nothing");
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (advice && &hints[i] == hint_row(&e))
			used[i] = true;
}

int
main(void)
{
	struct error nothing = ERROR_NONE,
		     other = { .stage = STAGE_END, .fault = FAULT_UNAVAILABLE, .smtp = 554 };

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		play(&said[i]);
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		ok(used[i], "row %zu is an answer: %.50s", i, hints[i].advice);
	ok(!hint(&nothing) && !hint(&other), "nothing is made up");
	return tap_done();
}
