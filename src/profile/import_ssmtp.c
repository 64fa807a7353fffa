/* ssmtp.conf(5), and revaliases beside it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import_private.h"

/* What the keys say. The texts are kept as they are changed no more once they are set. */
struct ssmtp {
	const char *name; /* of the file */
	char mailhub[IMPORT_LINE_MAX], user[IMPORT_LINE_MAX], password[IMPORT_LINE_MAX];
	unsigned mailhub_line, user_line, password_line, tls_line, override_line;
	bool tls, starttls, override;
};

static void
keep(const struct import *i, char *to, unsigned *to_line, const char *value)
{
	snprintf(to, IMPORT_LINE_MAX, "%s", value);
	*to_line = i->line;
}

/* Keys that ours are called otherwise. */
static bool
take_plain(struct import *i, struct profile *p, const char *key, const char *value)
{
	static const struct {
		const char *key;
		enum option_id id;
	} same[] = {
		{ "rewritedomain", OPT_DEFAULT_DOMAIN },
		{ "tlscert", OPT_TLS_CERT },
		{ "tlskey", OPT_TLS_KEY },
		{ "tls_ca_file", OPT_TLS_TRUST },
		{ "tlscafile", OPT_TLS_TRUST },
	};

	for (size_t at = 0; at < sizeof(same) / sizeof(*same); at++) {
		if (strcasecmp(key, same[at].key) == 0) {
			import_set(i, p, same[at].id, value, i->line);
			return true;
		}
	}
	if (strcasecmp(key, "hostname") != 0)
		return false;
	import_set(i, p, OPT_EHLO_NAME, value, i->line);
	if (!profile_is_set(p, OPT_DEFAULT_DOMAIN))
		import_set(i, p, OPT_DEFAULT_DOMAIN, value, i->line);
	return true;
}

static void
take_other(struct import *i, struct profile *p, const char *key, const char *value)
{
	const char *mechanism = strcasecmp(value, "cram-md5") == 0 ? "CRAM-MD5"
				: strcasecmp(value, "login") == 0  ? "LOGIN"
								   : value;

	if (strcasecmp(key, "authmethod") == 0)
		import_set(i, p, OPT_AUTH, mechanism, i->line);
	else if (strcasecmp(key, "root") == 0)
		import_remark(i, IMPORT_WRONG, i->line,
			"root=%s: mail to users of this machine: write root: %s, and a line for "
			"each user, into a file and name it by aliases (/etc/aliases under the "
			"name "
			"sendmail)",
			value, value);
	else if (strcasecmp(key, "minuserid") == 0 || strcasecmp(key, "debug") == 0)
		import_remark(i, IMPORT_LEFT, i->line, "%s: has no equal: %s", key,
			strcasecmp(key, "debug") == 0 ? "use the option -v"
						      : "aliases say whose mail goes where");
	else if (strcasecmp(key, "tls_ca_dir") == 0 || strcasecmp(key, "tlscadir") == 0)
		import_remark(i, IMPORT_WRONG, i->line,
			"%s: a directory cannot be named: set tls-trust to a file that has them "
			"all, "
			"or remove it for the system's authorities",
			key);
	else
		import_remark(i, IMPORT_WRONG, i->line, "%.60s: is no key of ssmtp", key);
}

static void
take(struct import *i, struct ssmtp *s, struct profile *p, const char *key, const char *value)
{
	if (strcasecmp(key, "mailhub") == 0)
		keep(i, s->mailhub, &s->mailhub_line, value);
	else if (strcasecmp(key, "authuser") == 0)
		keep(i, s->user, &s->user_line, value);
	else if (strcasecmp(key, "authpass") == 0)
		keep(i, s->password, &s->password_line, value);
	else if (strcasecmp(key, "usetls") == 0)
		s->tls = import_is_yes(value), s->tls_line = i->line;
	else if (strcasecmp(key, "usestarttls") == 0)
		s->starttls = import_is_yes(value), s->tls_line = i->line;
	else if (strcasecmp(key, "fromlineoverride") == 0)
		s->override = import_is_yes(value), s->override_line = i->line;
	else if (!take_plain(i, p, key, value))
		take_other(i, p, key, value);
}

/* "HOST:PORT". */
static void
set_hub(struct import *i, const struct ssmtp *s, struct profile *p, char *hub, unsigned line)
{
	const char *port, *here = i->name;

	import_split_host(hub, &port);
	import_set(i, p, OPT_HOST, hub, line);
	/* said aloud where another account's port would be inherited */
	if (!*port && (s->starttls || i->accounts.n > 1))
		port = s->starttls || !s->tls ? "25" : "465";
	/* the rest stands in the first file */
	i->name = s->name;
	import_set_tls(i, p,
		s->starttls ? IMPORT_STARTTLS
		: s->tls    ? IMPORT_IMPLICIT
			    : IMPORT_CLEAR,
		port, s->tls_line ? s->tls_line : line);
	if (*s->user)
		import_set_login(i, p, s->user, s->user_line);
	if (*s->user && *s->password)
		import_set_password(i, p, s->password, s->password_line);
	i->name = here;
}

/* LOCAL:ADDRESS[:MAILHUB[:PORT]]: an account of its own for what a user sends. */
static void
take_alias(struct import *i, const struct ssmtp *s, char *row)
{
	char *address = strchr(row, ':'), *hub, host[IMPORT_LINE_MAX];
	struct strbuf pattern = STRBUF_INIT(2 * IMPORT_LINE_MAX);
	size_t n = i->accounts.n;
	struct profile *p;

	if (address)
		*address++ = '\0';
	hub = address ? strchr(address, ':') : NULL;
	if (hub)
		*hub++ = '\0';
	if (!address || !(p = import_account(i, row, i->line))) {
		if (!address)
			import_remark(i, IMPORT_WRONG, i->line, "no user and address with a colon");
		strbuf_done(&pattern);
		return;
	}
	strbuf_addf(&pattern, "%s, %s@localhost", row, row);
	if (profile_is_set(&i->accounts.v[0], OPT_DEFAULT_DOMAIN))
		strbuf_addf(&pattern, ", %s@%s", row,
			profile_text(&i->accounts.v[0], OPT_DEFAULT_DOMAIN));
	import_set(i, p, OPT_MATCH_FROM, pattern.s, i->line);
	strbuf_done(&pattern);
	if (hub && *hub) {
		snprintf(host, sizeof(host), "%s", hub);
		set_hub(i, s, p, host, i->line);
	}
	if (n)
		profile_inherit(p, &i->accounts.v[0]);
	if (import_set(i, p, OPT_FROM, address, i->line))
		import_set(i, p, OPT_SENDER, "force", i->line);
}

static void
reverse_aliases(struct import *i, const struct ssmtp *s)
{
	struct strbuf text = STRBUF_INIT_SECRET(PROFILE_FILE_MAX),
		      path = STRBUF_INIT(IMPORT_LINE_MAX * 2);
	const char *name = i->name, *slash = strrchr(name, '/');
	bool any = false;
	char *row;

	strbuf_add(&path, name, slash ? (size_t)(slash + 1 - name) : 0);
	strbuf_adds(&path, "revaliases");
	if (i->companion && i->companion(i->ctx, path.s, &text)) {
		import_begin(i, path.s, text.s, text.len);
		for (; (row = import_next(i)); any = true)
			take_alias(i, s, row);
		if (any)
			import_remark(i, IMPORT_NOTE, 0,
				"an account is chosen by the sender (-f or From), not by who runs "
				"the "
				"program");
	}
	strbuf_done(&text);
	strbuf_done(&path);
	i->name = name;
}

void
import_ssmtp(struct import *i)
{
	struct ssmtp s = { .name = i->name };
	struct profile *p = import_account(i, "default", 1);
	char *line, *key, *value;

	while ((line = import_next(i)))
		if (import_pair(line, &key, &value))
			take(i, &s, p, key, value);
		else
			import_remark(i, IMPORT_WRONG, i->line, "there is no equals sign");
	if (!*s.mailhub) {
		import_remark(i, IMPORT_NOTE, 0, "there is no mailhub: it is then called mail");
		keep(i, s.mailhub, &s.mailhub_line, "mail");
	}
	set_hub(i, &s, p, s.mailhub, s.mailhub_line);
	if (!s.override)
		import_remark(i, IMPORT_NOTE, s.override_line,
			"FromLineOverride: a From field is kept where ssmtp put another in its "
			"place: set from and rewrite-from = always if that is wanted");
	reverse_aliases(i, &s);
	explicit_bzero(&s, sizeof(s));
}
