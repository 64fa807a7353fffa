/* The dialogue: commands in, replies out. */
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "alloc.h"
#include "smarthost.h"
#include "text.h"

void
smtp_reply(struct session *s, int code, const char *enhanced, const char *format, ...)
{
	struct strbuf *out = &s->link.out;
	size_t from = out->len;
	va_list ap;

	strbuf_addf(out, "%d ", code);
	if (enhanced && s->esmtp && extension_offered(s, "ENHANCEDSTATUSCODES"))
		strbuf_addf(out, "%s ", enhanced);
	va_start(ap, format);
	strbuf_vaddf(out, format, ap);
	va_end(ap);
	if (s->config->verbose)
		fprintf(stderr, "S: %s\n", out->s + from);
	strbuf_adds(out, "\r\n");
}

static void
path_free(struct path *p)
{
	free(p->address);
	free(p->parameters);
	memset(p, 0, sizeof(*p));
}

void
smtp_reset(struct session *s)
{
	path_free(&s->sender);
	for (size_t i = 0; i < s->recipient_count; i++)
		path_free(&s->recipients[i]);
	s->recipient_count = 0;
	s->utf8 = s->body8 = s->chunking = s->chunk_failed = false;
	s->steer = 0;
	s->chunks = 0;
	if (s->recording)
		record_discard(&s->record);
	s->recording = false;
}

/* May this client log in now? */
static bool
auth_offered(const struct session *s)
{
	return *s->config->mechanisms && (s->link.tls || s->config->tls != TLS_STARTTLS);
}

static void
ehlo(struct session *s, const char *argument)
{
	const char *at = s->config->extensions, *word;
	struct strbuf mechanisms = STRBUF_INIT(1024), lines = STRBUF_INIT(8192);
	char line[1024], *equals, *rest, *lf;
	size_t n;

	smtp_reset(s);
	text_printable(s->ehlo, sizeof(s->ehlo), argument, strlen(argument));
	s->esmtp = true;
	strbuf_addf(&lines, "localhost greets %s\n", s->ehlo);
	while (list_next(&at, &word, &n)) {
		snprintf(line, sizeof(line), "%.*s", (int)n, word);
		equals = strchr(line, '=');
		if (equals)
			*equals = ' ';
		/* LIMITS=RCPTMAX=5+MAILMAX=2 */
		for (rest = equals; rest && *rest; rest++)
			if (*rest == '+')
				*rest = ' ';
		strbuf_addf(&lines, "%s\n", line);
	}
	if (s->config->tls == TLS_STARTTLS && !s->link.tls)
		strbuf_adds(&lines, "STARTTLS\n");
	if (auth_offered(s))
		auth_add_mechanisms(s, &mechanisms);
	if (mechanisms.len)
		strbuf_addf(&lines, "AUTH %s\n", mechanisms.s);
	for (rest = lines.s; (lf = strchr(rest, '\n')) != NULL; rest = lf + 1)
		strbuf_addf(
			&s->link.out, "250%c%.*s\r\n", lf[1] ? '-' : ' ', (int)(lf - rest), rest);
	strbuf_done(&mechanisms);
	strbuf_done(&lines);
}

/* Takes "<address> parameters" apart behind a prefix such as "FROM:". */
static bool
parse_path(const char *argument, const char *prefix, struct path *ret)
{
	const char *from, *to;
	bool quoted = false;

	if (strncasecmp(argument, prefix, strlen(prefix)) != 0)
		return false;
	from = argument + strlen(prefix);
	from += *from == ' ';
	if (*from++ != '<')
		return false;
	for (to = from; *to && (quoted || *to != '>'); to++) {
		if (*to == '\\' && to[1])
			to++;
		else if (*to == '"')
			quoted = !quoted;
		else if (!quoted && (*to == ' ' || *to == '<'))
			return false;
	}
	if (!*to || (to[1] && to[1] != ' '))
		return false;
	ret->address = xstrndup(from, (size_t)(to - from));
	ret->parameters = xstrdup(to + 1 + (to[1] == ' '));
	return true;
}

/* Is each parameter one that an offered extension defines? */
static bool
parameters_known(struct session *s, const char *at, bool mail)
{
	static const struct {
		const char *name, *extension;
		bool mail;
	} known[] = { { "SIZE", "SIZE", true }, { "BODY", "8BITMIME", true },
		{ "SMTPUTF8", "SMTPUTF8", true }, { "RET", "DSN", true }, { "ENVID", "DSN", true },
		{ "NOTIFY", "DSN", false }, { "ORCPT", "DSN", false } };
	const char *word;
	size_t n, i;

	while (parameter_next(&at, &word, &n)) {
		n = strcspn(word, "= ");
		for (i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (known[i].mail == mail && strlen(known[i].name) == n &&
				strncasecmp(word, known[i].name, n) == 0)
				break;
		if (i == sizeof(known) / sizeof(*known) ||
			!extension_offered(s, known[i].extension))
			return false;
	}
	return true;
}

static bool
announced_too_large(const struct session *s, const char *parameters)
{
	const char *size = strcasestr(parameters, "SIZE=");

	return s->config->size_limit && size &&
	       strtoull(size + 5, NULL, 10) > s->config->size_limit;
}

static void
mail(struct session *s, const char *argument)
{
	struct path p = { NULL, NULL };
	const struct config *c = s->config;

	if (c->tls == TLS_STARTTLS && !s->link.tls) {
		smtp_reply(s, 530, "5.7.0", "STARTTLS first");
	} else if (*c->mechanisms && !c->auth_optional && !s->user) {
		smtp_reply(s, 530, "5.7.0", "authentication required");
	} else if (s->sender.address) {
		smtp_reply(s, 503, "5.5.1", "nested MAIL");
	} else if (!parse_path(argument, "FROM:", &p)) {
		smtp_reply(s, 501, "5.5.4", "MAIL FROM:<address> [parameters]");
	} else if (!parameters_known(s, p.parameters, true)) {
		smtp_reply(s, 555, "5.5.4", "unknown parameter");
	} else if (announced_too_large(s, p.parameters)) {
		smtp_reply(s, 552, "5.3.4", "message too large");
	} else if (text_is_8bit(p.address, strlen(p.address)) &&
		   !strcasestr(p.parameters, "SMTPUTF8")) {
		smtp_reply(s, 553, "5.6.7", "SMTPUTF8 is needed");
	} else if (strncmp(p.address, "permfail@", 9) == 0) {
		smtp_reply(s, 550, "5.7.1", "sender refused");
	} else if (strncmp(p.address, "tempfail@", 9) == 0) {
		smtp_reply(s, 451, "4.7.1", "sender refused for now");
	} else {
		s->utf8 = strcasestr(p.parameters, "SMTPUTF8") != NULL;
		s->sender = p;
		smtp_reply(s, 250, "2.1.0", "sender ok");
		return;
	}
	path_free(&p);
}

/* What the local part asks for; 0 for an ordinary recipient. */
static char
steering(const char *address)
{
	static const struct {
		const char *local;
		char act;
	} table[] = { { "tempfail@", '4' }, { "permfail@", '5' }, { "slow@", 's' },
		{ "datatemp@", 't' }, { "dataperm@", 'p' }, { "drop@", 'd' }, { "lost@", 'l' } };

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strncmp(address, table[i].local, strlen(table[i].local)) == 0)
			return table[i].act;
	return 0;
}

static void
rcpt_accept(struct session *s, const struct path *p, char act)
{
	struct timespec second = { 1, 0 };

	if (act == 's') {
		link_flush(&s->link);
		nanosleep(&second, NULL);
	} else if (act) {
		s->steer = act;
	}
	if (!s->recipients)
		s->recipients = xcalloc(RECIPIENTS_MAX, sizeof(*s->recipients));
	s->recipients[s->recipient_count++] = *p;
	smtp_reply(s, 250, "2.1.5", "recipient ok");
}

static void
rcpt(struct session *s, const char *argument)
{
	struct path p = { NULL, NULL };
	char act;

	if (!s->sender.address) {
		smtp_reply(s, 503, "5.5.1", "MAIL first");
	} else if (!parse_path(argument, "TO:", &p)) {
		smtp_reply(s, 501, "5.5.4", "RCPT TO:<address> [parameters]");
	} else if (!parameters_known(s, p.parameters, false)) {
		smtp_reply(s, 555, "5.5.4", "unknown parameter");
	} else if (!*p.address) {
		smtp_reply(s, 501, "5.1.3", "empty address");
	} else if (text_is_8bit(p.address, strlen(p.address)) && !s->utf8) {
		smtp_reply(s, 553, "5.6.7", "SMTPUTF8 is needed");
	} else if ((act = steering(p.address)) == '4') {
		smtp_reply(s, 451, "4.7.1", "try again later");
	} else if (act == '5') {
		smtp_reply(s, 550, "5.1.1", "no such user");
	} else if (s->recipient_count >= s->config->max_recipients) {
		smtp_reply(s, 452, "4.5.3", "too many recipients");
	} else {
		rcpt_accept(s, &p, act);
		return;
	}
	path_free(&p);
}

/* Remembers the name in a client certificate that our authority signed. */
static void
look_at_certificate(struct session *s)
{
	const gnutls_datum_t *list;
	gnutls_x509_crt_t crt;
	unsigned n, status;
	char name[256];
	size_t size = sizeof(name);

	list = gnutls_certificate_get_peers(s->link.tls, &n);
	if (!list || !n || gnutls_certificate_verify_peers2(s->link.tls, &status) < 0 || status)
		return;
	if (gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) >= 0 &&
		gnutls_x509_crt_get_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >= 0)
		s->client_name = xstrdup(name);
	gnutls_x509_crt_deinit(crt);
}

static bool
start_tls(struct session *s)
{
	if (!link_start_tls(&s->link, s->config))
		return false;
	look_at_certificate(s);
	s->ehlo[0] = '\0';
	s->esmtp = false;
	smtp_reset(s);
	return true;
}

/* One command; false when the connection is over. */
static bool
command(struct session *s, const char *line)
{
	size_t n = strcspn(line, " ");
	const char *argument = line + n + (line[n] == ' ');
	char verb[16];

	snprintf(verb, sizeof(verb), "%.*s", (int)(n < 15 ? n : 15), line);
	if (strcasecmp(verb, "EHLO") == 0) {
		ehlo(s, argument);
	} else if (strcasecmp(verb, "HELO") == 0) {
		ehlo(s, argument);
		strbuf_clear(&s->link.out);
		s->esmtp = false;
		smtp_reply(s, 250, NULL, "localhost");
	} else if (strcasecmp(verb, "STARTTLS") == 0 && s->config->tls == TLS_STARTTLS &&
		   !s->link.tls) {
		smtp_reply(s, 220, "2.0.0", "go on");
		s->link.flights++;
		return link_flush(&s->link) && start_tls(s);
	} else if (strcasecmp(verb, "AUTH") == 0 && auth_offered(s)) {
		return auth_command(s, argument);
	} else if (strcasecmp(verb, "MAIL") == 0) {
		mail(s, argument);
	} else if (strcasecmp(verb, "RCPT") == 0) {
		rcpt(s, argument);
	} else if (strcasecmp(verb, "DATA") == 0) {
		return content_data(s);
	} else if (strcasecmp(verb, "BDAT") == 0 && extension_offered(s, "CHUNKING")) {
		return content_bdat(s, argument);
	} else if (strcasecmp(verb, "RSET") == 0) {
		smtp_reset(s);
		smtp_reply(s, 250, "2.0.0", "ok");
	} else if (strcasecmp(verb, "NOOP") == 0) {
		smtp_reply(s, 250, "2.0.0", "ok");
	} else if (strcasecmp(verb, "QUIT") == 0) {
		smtp_reply(s, 221, "2.0.0", "bye");
		return false;
	} else {
		smtp_reply(s, 500, "5.5.1", "unknown command");
	}
	return true;
}

void
smtp_serve(struct session *s)
{
	struct strbuf line = STRBUF_INIT_SECRET(LINE_MAX_OCTETS);
	bool go_on = true, bare;

	if (s->config->tls == TLS_IMPLICIT && !start_tls(s)) {
		link_done(&s->link);
		return;
	}
	s->esmtp = false;
	smtp_reply(s, 220, NULL, "localhost ESMTP test");
	if (link_has_input(&s->link))
		s->pipelined_early = true;
	while (go_on && link_line(&s->link, &line, &bare)) {
		if (line.full || bare)
			smtp_reply(s, 500, "5.5.2", line.full ? "line too long" : "bare LF");
		else if (memchr(line.s, '\0', line.len))
			smtp_reply(s, 500, "5.5.2", "NUL");
		else
			go_on = command(s, line.s);
		if (go_on && s->link.at < s->link.end && !extension_offered(s, "PIPELINING"))
			s->pipelined_early = true;
	}
	link_flush(&s->link);
	smtp_reset(s);
	strbuf_done(&line);
	link_done(&s->link);
}
