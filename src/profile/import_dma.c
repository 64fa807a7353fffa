/* dma.conf, and the logins in the file that AUTHPATH names. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import_private.h"

struct dma {
	char host[IMPORT_LINE_MAX], port[16], logins[IMPORT_LINE_MAX];
	unsigned host_line, port_line, tls_line;
	bool tls, starttls, opportunistic;
};

/* user@host, or a host: what stands behind the @ of senders. */
static void
masquerade(struct import *i, struct profile *p, const char *value)
{
	const char *at = strrchr(value, '@');

	if (at && at != value && at[1]) {
		import_set(i, p, OPT_FROM, value, i->line);
		import_set(i, p, OPT_SENDER, "force", i->line);
	} else if (at && !at[1]) {
		import_remark(i, IMPORT_WRONG, i->line,
			"MASQUERADE %s: a user without a domain has no equal: set from to a whole "
			"address, and sender = force",
			value);
	} else {
		import_set(i, p, OPT_DEFAULT_DOMAIN, at ? at + 1 : value, i->line);
	}
}

static void
mailname(struct import *i, struct profile *p, const char *value)
{
	struct strbuf text = STRBUF_INIT_SECRET(1024);

	if (*value != '/') {
		import_set(i, p, OPT_EHLO_NAME, value, i->line);
	} else if (i->companion && i->companion(i->ctx, value, &text)) {
		strbuf_truncate(&text, strcspn(text.s, " \t\r\n"));
		import_set(i, p, OPT_EHLO_NAME, text.s, i->line);
		if (!profile_is_set(p, OPT_DEFAULT_DOMAIN))
			import_set(i, p, OPT_DEFAULT_DOMAIN, text.s, i->line);
	} else {
		import_remark(i, IMPORT_WRONG, i->line,
			"MAILNAME %s: cannot be read: set ehlo-name and default-domain to the name",
			value);
	}
	strbuf_done(&text);
}

/* Words without a value. */
static bool
take_word(struct import *i, struct dma *d, const char *word)
{
	if (strcmp(word, "SECURETRANSFER") == 0)
		d->tls = true, d->tls_line = i->line;
	else if (strcmp(word, "STARTTLS") == 0)
		d->starttls = true, d->tls_line = i->line;
	else if (strcmp(word, "OPPORTUNISTIC_TLS") == 0)
		d->opportunistic = true;
	else if (strcmp(word, "SECURE") == 0 || strcmp(word, "INSECURE") == 0 ||
		 strcmp(word, "NULLCLIENT") == 0)
		return true;
	else if (strcmp(word, "DEFER") == 0)
		import_remark(i, IMPORT_LEFT, i->line,
			"DEFER: set queue = always, and have a runner try (sendoff queue run)");
	else if (strcmp(word, "FULLBOUNCE") == 0)
		import_remark(i, IMPORT_LEFT, i->line, "FULLBOUNCE: has no equal: remove it");
	else
		return false;
	return true;
}

static void
take(struct import *i, struct dma *d, struct profile *p, const char *word, const char *value)
{
	if (take_word(i, d, word))
		return;
	if (strcmp(word, "SMARTHOST") == 0)
		snprintf(d->host, sizeof(d->host), "%s", value), d->host_line = i->line;
	else if (strcmp(word, "PORT") == 0)
		snprintf(d->port, sizeof(d->port), "%s", value), d->port_line = i->line;
	else if (strcmp(word, "AUTHPATH") == 0)
		snprintf(d->logins, sizeof(d->logins), "%s", value);
	else if (strcmp(word, "ALIASES") == 0)
		import_set(i, p, OPT_ALIASES, value, i->line);
	else if (strcmp(word, "CERTFILE") == 0) {
		import_set(i, p, OPT_TLS_CERT, value, i->line);
		import_set(i, p, OPT_TLS_KEY, value, i->line);
	} else if (strcmp(word, "FINGERPRINT") == 0)
		import_set(i, p, OPT_TLS_FINGERPRINT, value, i->line);
	else if (strcmp(word, "MAILNAME") == 0 || strcmp(word, "MAILNAMEFILE") == 0)
		mailname(i, p, value);
	else if (strcmp(word, "MASQUERADE") == 0)
		masquerade(i, p, value);
	else if (strcmp(word, "SPOOLDIR") == 0 || strcmp(word, "MAILBOX") == 0)
		import_remark(i, IMPORT_LEFT, i->line, "%s: has no equal: %s", word,
			*word == 'S' ? "the queue has a place of its own, let dma empty its own "
				       "before you remove it"
				     : "nothing is delivered on this machine, see aliases");
	else
		import_remark(i, IMPORT_WRONG, i->line, "%.60s: is no setting of dma", word);
}

/* USER|HOST:PASSWORD, of which the one that fits the smarthost counts. */
static void
logins(struct import *i, const struct dma *d, struct profile *p)
{
	struct strbuf text = STRBUF_INIT_SECRET(PROFILE_FILE_MAX);
	const char *name = i->name;
	char *line, *host, *password;

	if (!*d->logins)
		return;
	if (!i->companion || !i->companion(i->ctx, d->logins, &text)) {
		import_remark(i, IMPORT_WRONG, 0,
			"AUTHPATH %s cannot be read: run this as root, or set user and "
			"password-file",
			d->logins);
		return;
	}
	import_begin(i, d->logins, text.s, text.len);
	while ((line = import_next(i))) {
		host = strchr(line, '|');
		password = host ? strchr(host, ':') : NULL;
		if (!password) {
			import_remark(i, IMPORT_WRONG, i->line, "is not USER|HOST:PASSWORD");
			continue;
		}
		*host++ = *password++ = '\0';
		if (strcasecmp(host, d->host) != 0)
			continue;
		import_set_login(i, p, line, i->line);
		import_set_password(i, p, password, i->line);
		break;
	}
	i->name = name;
	strbuf_done(&text);
}

void
import_dma(struct import *i)
{
	struct profile *p = import_account(i, "default", 1);
	struct dma d = { .host = "" };
	char *line, *rest, *word;
	enum import_tls how;

	while ((line = import_next(i))) {
		line[strcspn(line, "#")] = '\0';
		rest = line;
		word = import_word(&rest);
		if (*word)
			take(i, &d, p, word, rest);
	}
	how = d.starttls ? IMPORT_STARTTLS : d.tls ? IMPORT_IMPLICIT : IMPORT_CLEAR;
	if (!*d.host)
		import_remark(i, IMPORT_WRONG, 0,
			"there is no SMARTHOST: dma delivers by itself then, and this program does "
			"not: set host to a server that takes your mail");
	else
		import_set(i, p, OPT_HOST, d.host, d.host_line);
	import_set_tls(i, p, how,
		*d.port               ? d.port
		: how != IMPORT_CLEAR ? "25"
				      : "",
		d.tls_line ? d.tls_line : 1);
	if (d.starttls && d.opportunistic)
		import_remark(i, IMPORT_LEFT, d.tls_line,
			"OPPORTUNISTIC_TLS: without TLS nothing is sent, unless tls = none");
	logins(i, &d, p);
}
