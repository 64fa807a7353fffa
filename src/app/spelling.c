#include "spelling.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "args.h"
#include "error.h"
#include "import.h"
#include "strbuf.h"

enum how {
	SAME,    /* another name */
	NONE,    /* another name of a flag */
	SWITCH,  /* on and off (on unless said) are the two values; "" for nothing to set */
	UNLESS,  /* another name, but the value "off" sets nothing */
	COMMAND, /* a command for a shell */
	TLS,     /* --tls and --tls-starttls: one setting here */
	PROXY,   /* host and port: one setting here */
	ABSENT   /* no equal */
};

static const struct spelled {
	const char *name;
	enum how how;
	enum option_id id;
	const char *on, *off; /* ABSENT: ON says what there is instead */
} spelled[] = {
	{ "pretend", NONE, OPT_DRY_RUN, "", "" },
	{ "file", SAME, OPT_CONFIG, "", "" },
	{ "domain", SAME, OPT_EHLO_NAME, "", "" },
	{ "maildomain", SAME, OPT_DEFAULT_DOMAIN, "", "" },
	{ "source-ip", SAME, OPT_SOURCE_ADDRESS, "", "" },
	{ "connect-timeout", UNLESS, OPT_TIMEOUT, "", "" },
	{ "proxy-host", PROXY, OPT_PROXY, "", "" },
	{ "proxy-port", PROXY, OPT_PROXY, "", "" },
	{ "passwordeval", COMMAND, OPT_PASSWORD_COMMAND, "", "" },
	{ "tls", TLS, OPT_TLS, "starttls", "none" },
	{ "tls-starttls", TLS, OPT_TLS, "starttls", "implicit" },
	{ "tls-trust-file", SAME, OPT_TLS_TRUST, "", "" },
	{ "tls-crl-file", SAME, OPT_TLS_CRL, "", "" },
	{ "tls-key-file", SAME, OPT_TLS_KEY, "", "" },
	{ "tls-cert-file", SAME, OPT_TLS_CERT, "", "" },
	{ "tls-priorities", SAME, OPT_TLS_PRIORITY, "", "" },
	{ "tls-host-override", SAME, OPT_TLS_NAME, "", "" },
	{ "set-from-header", SWITCH, OPT_REWRITE_FROM, "always", "never" },
	{ "add-missing-from-header", SWITCH, OPT_REWRITE_FROM, "", "never" },
	{ "set-date-header", SWITCH, OPT_ADD_DATE, "yes", "no" },
	{ "add-missing-date-header", SWITCH, OPT_ADD_DATE, "yes", "no" },
	{ "set-msgid-header", SWITCH, OPT_ADD_MESSAGE_ID, "yes", "no" },
	{ "remove-bcc-headers", SWITCH, OPT_KEEP_BCC, "no", "yes" },
	{ "keepbcc", SWITCH, OPT_KEEP_BCC, "yes", "no" },
	{ "logfile", SAME, OPT_LOG, "", "" },
	{ "syslog", SWITCH, OPT_LOG, "syslog", "none" },
	{ "auto-from", SWITCH, OPT_SENDER, "", "" },
	{ "serverinfo", ABSENT, OPT_DEBUG,
		"sendoff check tells what the server offers, --debug what is said", "" },
	{ "configure", ABSENT, OPT_SRV,
		"sendoff setup ADDRESS finds the servers and writes an account", "" },
	{ "rmqs", ABSENT, OPT_COUNT, "a queue on a server is none of its business", "" },
	{ "set-to-header", ABSENT, OPT_UNDISCLOSED_RECIPIENTS,
		"--undisclosed-recipients hides the recipients, --to names one", "" },
	{ "tls-certcheck", ABSENT, OPT_TLS_FINGERPRINT,
		"the certificate is always checked: --tls-trust and --tls-fingerprint say how",
		"" },
	{ "tls-min-dh-prime-bits", ABSENT, OPT_TLS_PRIORITY, "see --tls-priority", "" },
	{ "tls-force-sslv3", ABSENT, OPT_TLS_MIN, "see --tls-min", "" },
	{ "logfile-time-format", ABSENT, OPT_LOG, "the form of the log is fixed, see --log", "" },
};
#define SPELLED (sizeof(spelled) / sizeof(*spelled))

static bool
is_off(const char *value)
{
	return strcasecmp(value, "off") == 0;
}

/* TLS by STARTTLS, or from the start, in whatever order the two options come. */
static bool
set_tls(struct arguments *a, const struct spelled *s, const char *value, const char *written,
	struct error *err)
{
	const char *now = profile_text(&a->given, OPT_TLS);
	bool starttls = strcmp(s->name, "tls") != 0;

	if (!starttls && !is_off(value) && now && strcmp(now, "implicit") == 0)
		return true;
	if (starttls && now && strcmp(now, "none") == 0)
		return true;
	return args_set(a, OPT_TLS, is_off(value) ? s->off : s->on, written, err);
}

/* The port comes behind the host. */
static bool
set_proxy(struct arguments *a, const char *name, const char *value, const char *written,
	struct error *err)
{
	struct strbuf url = STRBUF_INIT(1024);
	bool good;

	if (strcmp(name, "proxy-port") == 0 && !profile_is_set(&a->given, OPT_PROXY))
		return error_set(err, FAULT_USAGE,
			"option %s comes behind --proxy-host (better: --proxy=socks5://HOST:PORT)",
			written);
	if (strcmp(name, "proxy-port") == 0)
		strbuf_addf(&url, "%s:%s", profile_text(&a->given, OPT_PROXY), value);
	else
		strbuf_addf(&url, strchr(value, ':') ? "socks5://[%s]" : "socks5://%s", value);
	good = args_set(a, OPT_PROXY, url.s, written, err);
	strbuf_done(&url);
	return good;
}

static bool
set_command(struct arguments *a, const char *value, const char *written, struct error *err)
{
	const char *why = import_needs_shell(value);

	if (why)
		return error_set(err, FAULT_USAGE,
			"option %s: %s, and no shell is run (use --password-command=\"sh -c "
			"'...'\")",
			written, why);
	return args_set(a, OPT_PASSWORD_COMMAND, value, written, err);
}

static bool
take(struct arguments *a, const struct spelled *s, const char *value, const char *written,
	struct error *err)
{
	switch (s->how) {
	case SAME:
		return args_set(a, s->id, value, written, err);
	case NONE:
		return args_set(a, s->id, "", written, err);
	case UNLESS:
		return is_off(value) || args_set(a, s->id, value, written, err);
	case SWITCH:
		/* "auto" is what happens anyway */
		value = is_off(value) ? s->off : strcasecmp(value, "auto") == 0 ? "" : s->on;
		return !*value || args_set(a, s->id, value, written, err);
	case COMMAND:
		return set_command(a, value, written, err);
	case TLS:
		return set_tls(a, s, value, written, err);
	case PROXY:
		return set_proxy(a, s->name, value, written, err);
	case ABSENT:
		break;
	}
	return error_set(err, FAULT_USAGE, "option %s of msmtp has no equal: %s", written, s->on);
}

/* Options that both have, but whose value msmtp spells otherwise. */
static bool
is_ours(const char *name, size_t n, const char *value)
{
	return n == 3 && memcmp(name, "tls", 3) == 0 &&
	       !(value && (strcasecmp(value, "on") == 0 || is_off(value)));
}

/* Values of options that are ours, as msmtp spells them. */
static enum spelling
other_value(struct arguments *a, const char *name, size_t n, const char *value, const char *written,
	struct error *err)
{
	static const struct {
		const char *name;
		enum option_id id;
		const char *theirs, *ours; /* "": as if it were not there */
	} values[] = {
		{ "auth", OPT_AUTH, "on", "auto" },
		{ "auth", OPT_AUTH, "off", "none" },
		{ "timeout", OPT_TIMEOUT, "off", "" },
		{ "dsn-notify", OPT_DSN_NOTIFY, "off", "" },
		{ "dsn-return", OPT_DSN_RETURN, "off", "" },
		{ "undisclosed-recipients", OPT_UNDISCLOSED_RECIPIENTS, "on", "yes" },
		{ "undisclosed-recipients", OPT_UNDISCLOSED_RECIPIENTS, "off", "no" },
	};

	for (size_t i = 0; value && i < sizeof(values) / sizeof(*values); i++)
		if (strlen(values[i].name) == n && memcmp(values[i].name, name, n) == 0 &&
			strcasecmp(values[i].theirs, value) == 0)
			return !*values[i].ours || args_set(a, values[i].id, values[i].ours,
							   written, err)
				       ? SPELLING_TAKEN
				       : SPELLING_REFUSED;
	return SPELLING_UNKNOWN;
}

enum spelling
spelling_long(struct arguments *a, int argc, char **argv, int *at, struct error *err)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '='),
		   *value = equals ? equals + 1 : NULL;
	size_t n = equals ? (size_t)(equals - name) : strlen(name), i = 0;
	char written[80];

	if (a->personality != PERSONALITY_SENDOFF || a->command || is_ours(name, n, value))
		return SPELLING_UNKNOWN;
	snprintf(written, sizeof(written), "--%.*s", (int)(n > 70 ? 70 : n), name);
	while (i < SPELLED &&
		(strlen(spelled[i].name) != n || memcmp(spelled[i].name, name, n) != 0))
		i++;
	if (i == SPELLED)
		return other_value(a, name, n, value, written, err);
	if (!value && (spelled[i].how == SAME || spelled[i].how == UNLESS ||
			      spelled[i].how == COMMAND || spelled[i].how == PROXY)) {
		if (*at + 1 >= argc) {
			error_set(err, FAULT_USAGE, "option %s needs a value", written);
			return SPELLING_REFUSED;
		}
		value = argv[++*at];
	}
	return take(a, &spelled[i], value ? value : "on", written, err) ? SPELLING_TAKEN
									: SPELLING_REFUSED;
}

enum spelling
spelling_letter(struct arguments *a, char letter, struct error *err)
{
	/* sendmail had a flag of this letter; here it is mail(1)'s subject */
	if (a->personality == PERSONALITY_SENDMAIL && letter == 's')
		return SPELLING_TAKEN;
	if (a->personality != PERSONALITY_SENDOFF || a->command || (letter != 'P' && letter != 'S'))
		return SPELLING_UNKNOWN;
	if (letter == 'P')
		return args_set(a, OPT_DRY_RUN, "", "-P", err) ? SPELLING_TAKEN : SPELLING_REFUSED;
	error_set(err, FAULT_USAGE,
		"option -S of msmtp has no equal: sendoff check tells what the server offers");
	return SPELLING_REFUSED;
}
