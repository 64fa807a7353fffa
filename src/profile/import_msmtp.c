#include "import_msmtp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "import_private.h"

/* The commands. What stands for "on" or "off" in an older spelling is told by its value. */
static const struct {
	const char *name;
	enum msmtp_command command;
	const char *on, *off; /* for another command's value; NULL: the argument as it is */
} commands[] = {
	{ "host", MSMTP_HOST, NULL, NULL },
	{ "port", MSMTP_PORT, NULL, NULL },
	{ "timeout", MSMTP_TIMEOUT, NULL, NULL },
	{ "connect_timeout", MSMTP_TIMEOUT, NULL, NULL },
	{ "protocol", MSMTP_PROTOCOL, NULL, NULL },
	{ "domain", MSMTP_DOMAIN, NULL, NULL },
	{ "socket", MSMTP_SOCKET, NULL, NULL },
	{ "source_ip", MSMTP_SOURCE_IP, NULL, NULL },
	{ "proxy_host", MSMTP_PROXY_HOST, NULL, NULL },
	{ "proxy_port", MSMTP_PROXY_PORT, NULL, NULL },
	{ "from", MSMTP_FROM, NULL, NULL },
	{ "from_full_name", MSMTP_FROM_FULL_NAME, NULL, NULL },
	{ "allow_from_override", MSMTP_ALLOW_FROM_OVERRIDE, NULL, NULL },
	{ "auto_from", MSMTP_AUTO_FROM, NULL, NULL },
	{ "maildomain", MSMTP_MAILDOMAIN, NULL, NULL },
	{ "auth", MSMTP_AUTH, NULL, NULL },
	{ "user", MSMTP_USER, NULL, NULL },
	{ "password", MSMTP_PASSWORD, NULL, NULL },
	{ "passwordeval", MSMTP_PASSWORDEVAL, NULL, NULL },
	{ "ntlmdomain", MSMTP_NTLMDOMAIN, NULL, NULL },
	{ "tls", MSMTP_TLS, NULL, NULL },
	{ "tls_starttls", MSMTP_TLS_STARTTLS, NULL, NULL },
	{ "tls_nostarttls", MSMTP_TLS_STARTTLS, "off", "on" },
	{ "tls_trust_file", MSMTP_TLS_TRUST_FILE, NULL, NULL },
	{ "tls_crl_file", MSMTP_TLS_CRL_FILE, NULL, NULL },
	{ "tls_fingerprint", MSMTP_TLS_FINGERPRINT, NULL, NULL },
	{ "tls_key_file", MSMTP_TLS_KEY_FILE, NULL, NULL },
	{ "tls_cert_file", MSMTP_TLS_CERT_FILE, NULL, NULL },
	{ "tls_certcheck", MSMTP_TLS_CERTCHECK, NULL, NULL },
	{ "tls_nocertcheck", MSMTP_TLS_CERTCHECK, "off", "on" },
	{ "tls_priorities", MSMTP_TLS_PRIORITIES, NULL, NULL },
	{ "tls_host_override", MSMTP_TLS_HOST_OVERRIDE, NULL, NULL },
	{ "tls_min_dh_prime_bits", MSMTP_TLS_MIN_DH_PRIME_BITS, NULL, NULL },
	{ "tls_force_sslv3", MSMTP_TLS_FORCE_SSLV3, NULL, NULL },
	{ "dsn_notify", MSMTP_DSN_NOTIFY, NULL, NULL },
	{ "dsn_return", MSMTP_DSN_RETURN, NULL, NULL },
	{ "set_from_header", MSMTP_SET_FROM_HEADER, NULL, NULL },
	{ "add_missing_from_header", MSMTP_SET_FROM_HEADER, "auto", "off" },
	{ "set_date_header", MSMTP_SET_DATE_HEADER, NULL, NULL },
	{ "add_missing_date_header", MSMTP_SET_DATE_HEADER, "auto", "off" },
	{ "set_msgid_header", MSMTP_SET_MSGID_HEADER, NULL, NULL },
	{ "set_to_header", MSMTP_SET_TO_HEADER, NULL, NULL },
	{ "undisclosed_recipients", MSMTP_SET_TO_HEADER, "undisclosed_recipients", "off" },
	{ "remove_bcc_headers", MSMTP_REMOVE_BCC_HEADERS, NULL, NULL },
	{ "keepbcc", MSMTP_REMOVE_BCC_HEADERS, "off", "on" },
	{ "logfile", MSMTP_LOGFILE, NULL, NULL },
	{ "logfile_time_format", MSMTP_LOGFILE_TIME_FORMAT, NULL, NULL },
	{ "syslog", MSMTP_SYSLOG, NULL, NULL },
	{ "aliases", MSMTP_ALIASES, NULL, NULL },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* A file being read. The texts that the accounts share are kept until its end. */
struct reader {
	struct msmtp_account *v; /* 0: defaults */
	size_t n, at;
	char **texts;
	size_t text_count;
	bool in_section;
};

static size_t
find_command(const char *word, size_t n)
{
	for (size_t at = 0; at < COMMANDS; at++)
		if (strlen(commands[at].name) == n && memcmp(commands[at].name, word, n) == 0)
			return at;
	return COMMANDS;
}

bool
import_msmtp_is_command(const char *word, size_t n)
{
	static const char *const others[] = { "account", "defaults", "eval" };

	for (size_t at = 0; at < sizeof(others) / sizeof(*others); at++)
		if (strlen(others[at]) == n && memcmp(others[at], word, n) == 0)
			return true;
	return find_command(word, n) < COMMANDS;
}

static const char *
keep(struct reader *r, const char *text)
{
	if (r->text_count % 64 == 0)
		r->texts = xreallocarray(r->texts, r->text_count + 64, sizeof(*r->texts));
	r->texts[r->text_count] = xstrdup(text);
	return r->texts[r->text_count++];
}

static struct msmtp_account *
find_account(struct reader *r, const char *name)
{
	for (size_t at = 1; at < r->n; at++)
		if (strcmp(r->v[at].name, name) == 0)
			return &r->v[at];
	return NULL;
}

/* Takes over what FROM says. */
static void
take_over(struct msmtp_account *a, const struct msmtp_account *from)
{
	for (size_t at = 0; at < MSMTP_COUNT; at++)
		if (from->v[at].text)
			a->v[at] = from->v[at];
}

/* The accounts behind the colon. */
static void
take_parents(struct import *i, struct reader *r, struct msmtp_account *a, char *names)
{
	char *name, *behind;

	for (name = names; name; name = behind) {
		behind = strchr(name, ',');
		if (behind)
			*behind++ = '\0';
		name = import_word(&name);
		if (!*name)
			continue;
		if (find_account(r, name) && find_account(r, name) != a)
			take_over(a, find_account(r, name));
		else
			import_remark(i, IMPORT_WRONG, i->line,
				"account %s: is not known here, so nothing was taken over from it: "
				"describe it above this line",
				name);
	}
}

/* "NAME" or "NAME : OTHER, ...". */
static void
begin_account(struct import *i, struct reader *r, char *rest)
{
	char *colon = strchr(rest, ':'), *name;
	struct msmtp_account *a;

	if (colon)
		*colon = '\0';
	name = import_word(&rest);
	if (r->n > PROFILE_ACCOUNTS) {
		import_remark(i, IMPORT_WRONG, i->line, "there are too many accounts");
		return;
	}
	r->at = r->n;
	r->in_section = true;
	if (r->n % 16 == 0)
		r->v = xreallocarray(r->v, r->n + 16, sizeof(*r->v));
	a = &r->v[r->n];
	*a = r->v[0];
	a->line = i->line;
	a->name = keep(r, name);
	r->n++;
	if (colon)
		take_parents(i, r, a, colon + 1);
}

static void parse_line(struct import *i, struct reader *r, char *line, bool evaluated);

/* A line that a command is to write. It is shown, and run only for who asked for it. */
static void
take_eval(struct import *i, struct reader *r, const char *command)
{
	struct strbuf out = STRBUF_INIT_SECRET(IMPORT_LINE_MAX);
	struct error err = ERROR_NONE;

	if (!i->eval)
		import_remark(i, IMPORT_WRONG, i->line,
			"eval %s: was not run: write here the line that it gives, or run it by "
			"sendoff import --run-eval",
			command);
	else if (!i->eval(i->ctx, command, &out, &err))
		import_remark(i, IMPORT_WRONG, i->line, "eval: %s", err.text);
	else if (out.len && !memchr(out.s, '\0', out.len))
		parse_line(i, r, out.s, true);
	strbuf_done(&out);
}

static void
set(struct reader *r, const char *text, size_t command, unsigned line)
{
	enum msmtp_command id = commands[command].command;

	if (commands[command].on)
		text = import_is_yes(text) ? commands[command].on : commands[command].off;
	r->v[r->at].v[id].text = keep(r, text);
	r->v[r->at].v[id].line = line;
}

static void
parse_line(struct import *i, struct reader *r, char *line, bool evaluated)
{
	char *rest = line, *word = import_word(&rest);
	size_t command = find_command(word, strlen(word));

	if (strcmp(word, "defaults") == 0) {
		r->at = 0;
		r->in_section = true;
	} else if (strcmp(word, "account") == 0) {
		begin_account(i, r, rest);
	} else if (strcmp(word, "eval") == 0 && !evaluated) {
		take_eval(i, r, import_unquote(rest));
	} else if (command < COMMANDS) {
		/* commands before any account belong to the one called default */
		if (!r->in_section) {
			char name[] = "default";

			begin_account(i, r, name);
		}
		set(r, import_unquote(rest), command, i->line);
	} else {
		import_remark(i, IMPORT_WRONG, i->line,
			"%.60s: is no command of msmtp: see how it is spelled", word);
	}
}

void
import_msmtp(struct import *i)
{
	struct reader r = { .v = xcalloc(16, sizeof(*r.v)), .n = 1 };
	struct profile *p;
	char *line;

	r.v[0].name = "defaults";
	while ((line = import_next(i)))
		parse_line(i, &r, line, false);
	for (size_t at = 1; at < r.n; at++)
		if ((p = import_account(i, r.v[at].name, r.v[at].line))) {
			i->account = p;
			import_msmtp_account(i, &r.v[at], p, r.n > 2);
			i->account = NULL;
		}
	if (r.n == 1)
		import_remark(i, IMPORT_LEFT, 0, "there is no account in the file");
	for (size_t at = 0; at < r.text_count; at++) {
		explicit_bzero(r.texts[at], strlen(r.texts[at]));
		free(r.texts[at]);
	}
	free(r.texts);
	free(r.v);
}
