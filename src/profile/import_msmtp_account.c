/* What an account of msmtp's means. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "import_msmtp.h"
#include "import_private.h"
#include "value.h"

/* An account on its way. */
struct job {
	struct import *i;
	const struct msmtp_account *a;
	struct profile *p;
};

static const char *
get(const struct job *j, enum msmtp_command c)
{
	return j->a->v[c].text;
}

/* Set, and not to nothing. */
static bool
has(const struct job *j, enum msmtp_command c)
{
	return get(j, c) && *get(j, c);
}

static unsigned
line(const struct job *j, enum msmtp_command c)
{
	return get(j, c) ? j->a->v[c].line : j->a->line;
}

static bool
is_on(const struct job *j, enum msmtp_command c, bool unset)
{
	return get(j, c) ? import_is_yes(get(j, c)) : unset;
}

/* A value that means the same here. */
static void
copy(const struct job *j, enum msmtp_command c, enum option_id id)
{
	if (has(j, c))
		import_set(j->i, j->p, id, get(j, c), line(j, c));
}

#define remark(j, weight, c, ...) import_remark((j)->i, weight, line(j, c), __VA_ARGS__)

static void
add_mailname(const struct import *i, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT_SECRET(1024);

	if (i->companion && i->companion(i->ctx, "/etc/mailname", &text))
		strbuf_add(out, text.s, strcspn(text.s, " \t\r\n"));
	strbuf_done(&text);
}

/* Writes TEXT with what stands for the user and the machine. False if there is something else, or
 * it is not known. */
static bool
expand(const struct import *i, const char *text, struct strbuf *out)
{
	const struct passwd *user;
	char host[256] = "";
	size_t before;

	for (; *text; text++) {
		if (*text != '%' || !text[1]) {
			strbuf_addc(out, *text);
			continue;
		}
		before = out->len;
		switch (*++text) {
		case 'U':
			user = getpwuid(getuid());
			strbuf_adds(out, user ? user->pw_name : "");
			break;
		case 'H':
		case 'C':
			if (gethostname(host, sizeof(host) - 1) == 0)
				strbuf_adds(out, host);
			break;
		case 'M':
			add_mailname(i, out);
			break;
		default:
			return false;
		}
		if (out->len == before)
			return false;
	}
	return true;
}

/* A value with signs that stand for something. */
static void
copy_expanded(const struct job *j, enum msmtp_command c, enum option_id id)
{
	struct strbuf value = STRBUF_INIT(4096);

	if (!strchr(get(j, c), '%')) {
		copy(j, c, id);
	} else if (expand(j->i, get(j, c), &value)) {
		import_set(j->i, j->p, id, value.s, line(j, c));
		remark(j, IMPORT_NOTE, c, "%s: is %s for this user on this machine", get(j, c),
			value.s);
	} else {
		remark(j, IMPORT_WRONG, c, "%s: is not known here: write what it stands for",
			get(j, c));
	}
	strbuf_done(&value);
}

static void
server(const struct job *j)
{
	bool tls = is_on(j, MSMTP_TLS, false), starttls = is_on(j, MSMTP_TLS_STARTTLS, true);
	bool lmtp = has(j, MSMTP_PROTOCOL) && strcasecmp(get(j, MSMTP_PROTOCOL), "lmtp") == 0;
	const char *port = has(j, MSMTP_PORT) ? get(j, MSMTP_PORT) : "";

	if (has(j, MSMTP_SOCKET)) {
		copy(j, MSMTP_SOCKET, OPT_SOCKET);
		if (*port)
			remark(j, IMPORT_NOTE, MSMTP_PORT, "port: a socket has none");
		port = "";
	} else {
		copy(j, MSMTP_HOST, OPT_HOST);
		/* our own ports are others */
		if (!*port && tls && starttls && !lmtp)
			port = "25";
	}
	copy(j, MSMTP_PROTOCOL, OPT_PROTOCOL);
	import_set_tls(j->i, j->p,
		!tls       ? IMPORT_CLEAR
		: starttls ? IMPORT_STARTTLS
			   : IMPORT_IMPLICIT,
		port, has(j, MSMTP_PORT) ? line(j, MSMTP_PORT) : line(j, MSMTP_TLS));
	if (!has(j, MSMTP_HOST) && !has(j, MSMTP_SOCKET))
		remark(j, IMPORT_WRONG, MSMTP_HOST,
			"account %s has no host: set host in the account that was written",
			j->p->name);
	if (has(j, MSMTP_TIMEOUT) && strcasecmp(get(j, MSMTP_TIMEOUT), "off") != 0)
		copy(j, MSMTP_TIMEOUT, OPT_TIMEOUT);
	if (has(j, MSMTP_DOMAIN) && strcmp(get(j, MSMTP_DOMAIN), "%H") != 0 &&
		strcmp(get(j, MSMTP_DOMAIN), "%C") != 0)
		copy_expanded(j, MSMTP_DOMAIN, OPT_EHLO_NAME);
	if (!has(j, MSMTP_SOCKET))
		copy(j, MSMTP_SOURCE_IP, OPT_SOURCE_ADDRESS);
}

static void
proxy(const struct job *j)
{
	const char *host = get(j, MSMTP_PROXY_HOST), *port = "";
	struct strbuf value = STRBUF_INIT(IMPORT_LINE_MAX * 2);

	if (has(j, MSMTP_PROXY_HOST) && !has(j, MSMTP_SOCKET)) {
		if (has(j, MSMTP_PROXY_PORT))
			port = get(j, MSMTP_PROXY_PORT);
		strbuf_addf(&value, strchr(host, ':') ? "socks5://[%s]" : "socks5://%s", host);
		if (*port)
			strbuf_addf(&value, ":%s", port);
		import_set(j->i, j->p, OPT_PROXY, value.s, line(j, MSMTP_PROXY_HOST));
	}
	strbuf_done(&value);
}

static void
tls(const struct job *j)
{
	if (profile_is_clear(j->p))
		return;
	if (!is_on(j, MSMTP_TLS_CERTCHECK, true)) {
		if (import_is_local(j->p) && !profile_is_set(j->p, OPT_SOCKET))
			import_set(j->i, j->p, OPT_TLS_TRUST, "none", line(j, MSMTP_TLS_CERTCHECK));
		else
			remark(j, IMPORT_LEFT, MSMTP_TLS_CERTCHECK,
				"tls_certcheck off: a server that proves nothing is not talked to: "
				"set tls-fingerprint to the SHA-256 of its certificate if the "
				"usual "
				"checks fail");
	} else if (!has(j, MSMTP_TLS_FINGERPRINT) && has(j, MSMTP_TLS_TRUST_FILE)) {
		copy(j, MSMTP_TLS_TRUST_FILE, OPT_TLS_TRUST);
	}
	copy(j, MSMTP_TLS_CRL_FILE, OPT_TLS_CRL);
	copy(j, MSMTP_TLS_FINGERPRINT, OPT_TLS_FINGERPRINT);
	copy(j, MSMTP_TLS_KEY_FILE, OPT_TLS_KEY);
	copy(j, MSMTP_TLS_CERT_FILE, OPT_TLS_CERT);
	copy(j, MSMTP_TLS_HOST_OVERRIDE, OPT_TLS_NAME);
	if (has(j, MSMTP_TLS_PRIORITIES)) {
		copy(j, MSMTP_TLS_PRIORITIES, OPT_TLS_PRIORITY);
		remark(j, IMPORT_NOTE, MSMTP_TLS_PRIORITIES,
			"tls_priorities: takes the place of a stricter string that is built in; "
			"without tls-priority that one holds");
	}
	if (has(j, MSMTP_TLS_MIN_DH_PRIME_BITS))
		remark(j, IMPORT_LEFT, MSMTP_TLS_MIN_DH_PRIME_BITS,
			"tls_min_dh_prime_bits: has no equal: remove it, or name the groups in "
			"tls-priority");
	if (has(j, MSMTP_TLS_FORCE_SSLV3))
		remark(j, IMPORT_LEFT, MSMTP_TLS_FORCE_SSLV3,
			"tls_force_sslv3: does nothing: remove it");
}

/* The name to log in with; NTLM's domain is part of it here. */
static void
user(const struct job *j, const char *mechanism)
{
	struct strbuf name = STRBUF_INIT(IMPORT_LINE_MAX * 2);

	strbuf_adds(&name, get(j, MSMTP_USER));
	if (has(j, MSMTP_NTLMDOMAIN) && mechanism && strcmp(mechanism, "NTLM") == 0)
		strbuf_addf(&name, "@%s", get(j, MSMTP_NTLMDOMAIN));
	import_set_login(j->i, j->p, name.s, line(j, MSMTP_USER));
	strbuf_done(&name);
}

static void
login(const struct job *j)
{
	const char *auth = get(j, MSMTP_AUTH), *mechanism = auth ? value_mechanism(auth) : NULL;

	if (!auth || strcasecmp(auth, "off") == 0) {
		if (has(j, MSMTP_USER))
			remark(j, IMPORT_NOTE, MSMTP_USER,
				"user: is not used, as auth is off, and was left out");
		return;
	}
	if (*auth && strcasecmp(auth, "on") != 0) {
		if (!mechanism) {
			remark(j, IMPORT_WRONG, MSMTP_AUTH,
				"auth %s: is not known: auth = auto takes the best there is", auth);
			return;
		}
		import_set(j->i, j->p, OPT_AUTH, mechanism, line(j, MSMTP_AUTH));
	}
	if (has(j, MSMTP_USER))
		user(j, mechanism);
	else if (!mechanism || (strcmp(mechanism, "EXTERNAL") != 0 && strcmp(mechanism, "GSSAPI")))
		remark(j, IMPORT_WRONG, MSMTP_AUTH, "auth: there is no user: set user");
	if (get(j, MSMTP_PASSWORD))
		import_set_password(j->i, j->p, get(j, MSMTP_PASSWORD), line(j, MSMTP_PASSWORD));
	else if (has(j, MSMTP_PASSWORDEVAL))
		import_set_command(
			j->i, j->p, get(j, MSMTP_PASSWORDEVAL), line(j, MSMTP_PASSWORDEVAL));
}

/* The sender, where it is an address and no pattern. */
static void
sender_address(const struct job *j)
{
	const char *from = get(j, MSMTP_FROM);

	if (strstr(from, "%F")) {
		import_set(j->i, j->p, OPT_SENDER, "header", line(j, MSMTP_FROM));
		if (strcmp(from, "%F") != 0)
			remark(j, IMPORT_WRONG, MSMTP_FROM,
				"from %s: only %%F alone has an equal: the From field is the "
				"sender",
				from);
	} else if (strpbrk(from, "*?[")) {
		remark(j, IMPORT_NOTE, MSMTP_FROM,
			"from %s: is a pattern and no address: without -f the sender is user@host; "
			"set from if the server refuses that",
			from);
	} else if (strcmp(from, "%U@%H") != 0 && strcmp(from, "%U@%C") != 0) {
		copy_expanded(j, MSMTP_FROM, OPT_FROM);
	}
}

/* Is an account before this one chosen for the same senders anyway? */
static bool
is_matched(const struct job *j, const char *from)
{
	const struct profile_list *l = &j->i->accounts;

	for (size_t at = 0; at < l->n && &l->v[at] != j->p; at++)
		if (profile_is_set(&l->v[at], OPT_MATCH_FROM) &&
			strcasecmp(l->v[at].settings[OPT_MATCH_FROM].v[0], from) == 0)
			return true;
	return false;
}

static void
sender(const struct job *j, bool several)
{
	const char *from = get(j, MSMTP_FROM);
	bool literal = has(j, MSMTP_FROM) && !strchr(from, '%');

	if (has(j, MSMTP_FROM))
		sender_address(j);
	if (literal && several && !is_matched(j, from)) {
		if (strchr(from, '['))
			remark(j, IMPORT_ASTRAY, MSMTP_FROM,
				"from %s: a pattern knows * and ? only: set match-from to the "
				"addresses",
				from);
		else
			import_set(j->i, j->p, OPT_MATCH_FROM, from, line(j, MSMTP_FROM));
	}
	if (!is_on(j, MSMTP_ALLOW_FROM_OVERRIDE, true)) {
		if (profile_is_set(j->p, OPT_FROM))
			import_set(j->i, j->p, OPT_SENDER, "force",
				line(j, MSMTP_ALLOW_FROM_OVERRIDE));
		else
			remark(j, IMPORT_WRONG, MSMTP_ALLOW_FROM_OVERRIDE,
				"allow_from_override off: there is no address that could be "
				"forced: set from and sender = force");
	}
	if (get(j, MSMTP_FROM_FULL_NAME))
		import_set(j->i, j->p, OPT_FROM_NAME, get(j, MSMTP_FROM_FULL_NAME),
			line(j, MSMTP_FROM_FULL_NAME));
	/* with auto_from the sender is the user in maildomain, which is what no from means here */
	copy(j, MSMTP_MAILDOMAIN, OPT_DEFAULT_DOMAIN);
}

static void
envelope(const struct job *j)
{
	if (has(j, MSMTP_DSN_NOTIFY) && strcasecmp(get(j, MSMTP_DSN_NOTIFY), "off") != 0)
		copy(j, MSMTP_DSN_NOTIFY, OPT_DSN_NOTIFY);
	if (has(j, MSMTP_DSN_RETURN) && strcasecmp(get(j, MSMTP_DSN_RETURN), "off") != 0)
		copy(j, MSMTP_DSN_RETURN, OPT_DSN_RETURN);
	copy(j, MSMTP_ALIASES, OPT_ALIASES);
}

static bool
is_word(const struct job *j, enum msmtp_command c, const char *word)
{
	return get(j, c) && strcasecmp(get(j, c), word) == 0;
}

static void
header(const struct job *j)
{
	if (is_word(j, MSMTP_SET_FROM_HEADER, "off"))
		remark(j, IMPORT_LEFT, MSMTP_SET_FROM_HEADER,
			"set_from_header off: a From field is always added where there is none "
			"(RFC "
			"5322): write one into the message");
	else if (get(j, MSMTP_SET_FROM_HEADER) && !is_word(j, MSMTP_SET_FROM_HEADER, "auto"))
		import_set(j->i, j->p, OPT_REWRITE_FROM, "always", line(j, MSMTP_SET_FROM_HEADER));
	if (is_word(j, MSMTP_SET_DATE_HEADER, "off"))
		import_set(j->i, j->p, OPT_ADD_DATE, "no", line(j, MSMTP_SET_DATE_HEADER));
	if (is_word(j, MSMTP_SET_MSGID_HEADER, "off"))
		import_set(j->i, j->p, OPT_ADD_MESSAGE_ID, "no", line(j, MSMTP_SET_MSGID_HEADER));
	if (is_word(j, MSMTP_SET_TO_HEADER, "undisclosed_recipients"))
		import_set(j->i, j->p, OPT_UNDISCLOSED_RECIPIENTS, "yes",
			line(j, MSMTP_SET_TO_HEADER));
	else if (get(j, MSMTP_SET_TO_HEADER) && !is_word(j, MSMTP_SET_TO_HEADER, "off"))
		remark(j, IMPORT_LEFT, MSMTP_SET_TO_HEADER,
			"set_to_header on: To and Cc are kept as they are: write the recipients "
			"into the message, or set undisclosed-recipients");
	if (!is_on(j, MSMTP_REMOVE_BCC_HEADERS, true))
		import_set(j->i, j->p, OPT_KEEP_BCC, "yes", line(j, MSMTP_REMOVE_BCC_HEADERS));
}

static void
logs(const struct job *j)
{
	bool syslog = get(j, MSMTP_SYSLOG) && !is_word(j, MSMTP_SYSLOG, "off");

	if (is_word(j, MSMTP_LOGFILE, "-"))
		remark(j, IMPORT_LEFT, MSMTP_LOGFILE,
			"logfile -: has no equal: the receipt is on standard output anyway "
			"(--json)");
	else
		copy(j, MSMTP_LOGFILE, OPT_LOG);
	if (syslog && profile_is_set(j->p, OPT_LOG))
		remark(j, IMPORT_LEFT, MSMTP_SYSLOG,
			"syslog: there is one log, and logfile was taken: set log = syslog instead "
			"of it");
	else if (syslog)
		import_set(j->i, j->p, OPT_LOG, "syslog", line(j, MSMTP_SYSLOG));
	if (syslog && *get(j, MSMTP_SYSLOG) && !is_word(j, MSMTP_SYSLOG, "on") &&
		!is_word(j, MSMTP_SYSLOG, "LOG_MAIL"))
		remark(j, IMPORT_LEFT, MSMTP_SYSLOG,
			"syslog %s: the facility is always LOG_MAIL: filter for that",
			get(j, MSMTP_SYSLOG));
	if (has(j, MSMTP_LOGFILE_TIME_FORMAT))
		remark(j, IMPORT_LEFT, MSMTP_LOGFILE_TIME_FORMAT,
			"logfile_time_format: has no equal: times in the log are as in RFC 3339");
}

void
import_msmtp_account(
	struct import *i, const struct msmtp_account *a, struct profile *p, bool several)
{
	struct job j = { i, a, p };

	server(&j);
	proxy(&j);
	/* where there is a login there is TLS */
	login(&j);
	tls(&j);
	sender(&j, several);
	envelope(&j);
	header(&j);
	logs(&j);
}
