/* esmtprc(5): settings of the default identity, and of others behind the word identity. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import_private.h"

/* An identity being read. */
struct esmtp {
	struct profile *p;
	size_t at; /* of the account */
	char user[IMPORT_LINE_MAX], password[IMPORT_LINE_MAX], port[16];
	unsigned line, user_line, password_line;
	enum import_tls how;
	bool verified;
};

static void
begin(struct import *i, struct esmtp *e, const char *name)
{
	*e = (struct esmtp){ .line = i->line, .how = IMPORT_STARTTLS, .at = i->accounts.n };
	e->p = import_account(i, name, i->line ? i->line : 1);
}

/* What an identity amounts to. Without a hostname it is the one of this machine. */
static void
end(struct import *i, struct esmtp *e)
{
	unsigned line = e->line ? e->line : 1;

	if (!e->p)
		return;
	if (!profile_is_set(e->p, OPT_HOST))
		import_set(i, e->p, OPT_HOST, "localhost", line);
	/* starttls = enabled: where the server has it, which nobody but a thief can rely on */
	if (e->how == IMPORT_STARTTLS && !e->verified && import_is_local(e->p))
		e->how = IMPORT_CLEAR;
	import_set_tls(i, e->p, e->how,
		*e->port                    ? e->port
		: e->how == IMPORT_STARTTLS ? "25"
					    : "",
		line);
	if (*e->user)
		import_set_login(i, e->p, e->user, e->user_line);
	if (*e->user && *e->password)
		import_set_password(i, e->p, e->password, e->password_line);
	explicit_bzero(e->password, sizeof(e->password));
	e->p = NULL;
}

static void
start_tls(struct import *i, struct esmtp *e, const char *value)
{
	if (strcasecmp(value, "disabled") == 0)
		e->how = IMPORT_CLEAR;
	else
		e->verified = true;
	if (strcasecmp(value, "enabled") == 0)
		import_remark(i, IMPORT_NOTE, i->line,
			"starttls = enabled: without TLS nothing is sent, unless tls = none");
}

static void
set(struct import *i, struct esmtp *e, const char *key, char *value)
{
	const char *port;

	if (!e->p)
		return;
	if (strcasecmp(key, "hostname") == 0) {
		import_split_host(value, &port);
		import_set(i, e->p, OPT_HOST, value, i->line);
		snprintf(e->port, sizeof(e->port), "%s", port);
	} else if (strcasecmp(key, "username") == 0) {
		snprintf(e->user, sizeof(e->user), "%s", value);
		e->user_line = i->line;
	} else if (strcasecmp(key, "password") == 0) {
		snprintf(e->password, sizeof(e->password), "%s", value);
		e->password_line = i->line;
	} else if (strcasecmp(key, "starttls") == 0) {
		start_tls(i, e, value);
	} else if (strcasecmp(key, "helo") == 0) {
		import_set(i, e->p, OPT_EHLO_NAME, value, i->line);
	} else if (strcasecmp(key, "qualifydomain") == 0) {
		import_set(i, e->p, OPT_DEFAULT_DOMAIN, value, i->line);
	} else if (strcasecmp(key, "force_sender") == 0 ||
		   strcasecmp(key, "force_reverse_path") == 0) {
		import_set(i, e->p, OPT_FROM, value, i->line);
		import_set(i, e->p, OPT_SENDER, "force", i->line);
	} else if (strcasecmp(key, "mda") == 0) {
		import_remark(i, IMPORT_LEFT, i->line,
			"mda: nothing is delivered on this machine: see aliases for its users");
	} else if (strcasecmp(key, "preconnect") == 0 || strcasecmp(key, "postconnect") == 0) {
		import_remark(i, IMPORT_WRONG, i->line,
			"%s: no command is run before a connection: start the tunnel otherwise, "
			"and "
			"name its end by host or socket",
			key);
	} else if (strcasecmp(key, "certificate_passphrase") == 0) {
		import_remark(i, IMPORT_WRONG, i->line,
			"certificate_passphrase: a key must not be encrypted: write it anew (mode "
			"600) and set tls-cert and tls-key");
	} else {
		import_remark(i, IMPORT_WRONG, i->line, "%.60s: is no setting of esmtp", key);
	}
}

static void
identity(struct import *i, struct esmtp *e, char *name)
{
	char *address = import_unquote(name);

	end(i, e);
	begin(i, e, address);
	if (e->p && strchr(address, '@')) {
		import_set(i, e->p, OPT_MATCH_FROM, address, i->line);
		import_set(i, e->p, OPT_FROM, address, i->line);
	}
}

/* "key = value" or "key value"; `force sender X` has two words, `default` none. */
static void
take(struct import *i, struct esmtp *e, char *line)
{
	char *rest, *key, *value, joined[80];

	if (strcasecmp(line, "default") == 0) {
		import_remark(i, IMPORT_WRONG, i->line,
			"default: is not taken over: call the account default, or name it with -a");
		return;
	}
	rest = line;
	key = line;
	rest += strcspn(rest, " =");
	value = rest + strspn(rest, " ");
	if (*value == '=')
		value += 1 + strspn(value + 1, " ");
	if (*rest)
		*rest = '\0';
	if (strcasecmp(key, "identity") == 0) {
		identity(i, e, value);
	} else if (strcasecmp(key, "force") == 0) {
		key = import_word(&value);
		snprintf(joined, sizeof(joined), "force_%.60s", key);
		value += *value == '=';
		set(i, e, joined, import_unquote(value + strspn(value, " ")));
	} else {
		set(i, e, key, import_unquote(value));
	}
}

void
import_esmtp(struct import *i)
{
	struct esmtp e;
	char *line;

	begin(i, &e, "default");
	while ((line = import_next(i))) {
		/* the account may have moved when another was added */
		if (e.p)
			e.p = &i->accounts.v[e.at];
		take(i, &e, line);
	}
	end(i, &e);
}
