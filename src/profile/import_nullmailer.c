/* nullmailer's remotes, and the control files beside it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import_private.h"

/* One line of remotes. */
struct remote {
	char user[IMPORT_LINE_MAX], password[IMPORT_LINE_MAX], port[16];
	bool starttls, implicit, insecure;
};

/* Options that have an equal, and those that ours does not need. */
static void
take_value(struct import *i, struct remote *r, struct profile *p, const char *option,
	const char *value)
{
	static const struct {
		const char *option;
		enum option_id id;
	} same[] = {
		{ "x509cafile", OPT_TLS_TRUST },
		{ "x509certfile", OPT_TLS_CERT },
		{ "x509keyfile", OPT_TLS_KEY },
		{ "x509crlfile", OPT_TLS_CRL },
	};

	for (size_t at = 0; at < sizeof(same) / sizeof(*same); at++)
		if (strcmp(option, same[at].option) == 0) {
			import_set(i, p, same[at].id, value, i->line);
			return;
		}
	if (strcmp(option, "user") == 0)
		snprintf(r->user, sizeof(r->user), "%s", value);
	else if (strcmp(option, "pass") == 0)
		snprintf(r->password, sizeof(r->password), "%s", value);
	else if (strcmp(option, "port") == 0)
		snprintf(r->port, sizeof(r->port), "%s", value);
	else if (strcmp(option, "auth-login") == 0)
		import_set(i, p, OPT_AUTH, "LOGIN", i->line);
	else if (strcmp(option, "starttls") == 0)
		r->starttls = true;
	else if (strcmp(option, "ssl") == 0 || strcmp(option, "tls") == 0)
		r->implicit = true;
	else if (strcmp(option, "insecure") == 0)
		r->insecure = true;
	else
		import_remark(i, IMPORT_WRONG, i->line, "--%.60s: has no equal: remove it", option);
}

static void
take_option(struct import *i, struct remote *r, struct profile *p, char *option)
{
	char *value = strchr(option, '=');

	option += strspn(option, "-");
	if (value)
		*value++ = '\0';
	take_value(i, r, p, option, value ? value : "");
}

static void
finish(struct import *i, const struct remote *r, struct profile *p)
{
	enum import_tls how = r->starttls   ? IMPORT_STARTTLS
			      : r->implicit ? IMPORT_IMPLICIT
					    : IMPORT_CLEAR;

	import_set_tls(i, p, how, *r->port ? r->port : how == IMPORT_STARTTLS ? "25" : "", i->line);
	if (*r->user)
		import_set_login(i, p, r->user, i->line);
	if (*r->user && *r->password)
		import_set_password(i, p, r->password, i->line);
	/* the file holds both */
	if (profile_is_set(p, OPT_TLS_CERT) && !profile_is_set(p, OPT_TLS_KEY))
		import_set(i, p, OPT_TLS_KEY, profile_text(p, OPT_TLS_CERT), i->line);
	if (r->insecure)
		import_remark(i, IMPORT_LEFT, i->line,
			"--insecure: a server that proves nothing is not talked to: set "
			"tls-fingerprint if the usual checks fail");
}

/* HOST [PROTOCOL [OPTION...]]. The first is the default, each of the others what the one before it
 * falls back on. */
static void
take_remote(struct import *i, char *line)
{
	struct remote r = { .user = "" };
	char *rest = line, *host = import_word(&rest), *protocol = import_word(&rest), *option;
	char name[32] = "default";
	size_t n = i->accounts.n;
	struct profile *p;

	if (*protocol && strcmp(protocol, "smtp") != 0) {
		import_remark(i, IMPORT_WRONG, i->line,
			"%.60s: is not spoken: name a server with SMTP", protocol);
		return;
	}
	if (n)
		snprintf(name, sizeof(name), "remote-%zu", n + 1);
	if (!(p = import_account(i, name, i->line)))
		return;
	import_set(i, p, OPT_HOST, host, i->line);
	while ((option = import_quoted(&rest)))
		take_option(i, &r, p, option);
	if (*rest)
		import_remark(i, IMPORT_WRONG, i->line, "a quote is not closed");
	finish(i, &r, p);
	if (n)
		import_set(i, &i->accounts.v[n - 1], OPT_FALLBACK, name, i->line);
	explicit_bzero(&r, sizeof(r));
}

/* The first line of a control file, in the buffer; NULL where there is none. */
static char *
control(struct import *i, const char *folder, const char *file, struct strbuf *path,
	struct strbuf *text)
{
	strbuf_clear(path);
	strbuf_clear(text);
	strbuf_addf(path, "%s%s", folder, file);
	if (!i->companion || !i->companion(i->ctx, path->s, text))
		return NULL;
	import_begin(i, path->s, text->s, text->len);
	return import_next(i);
}

static void
set_all(struct import *i, enum option_id id, const char *value)
{
	for (size_t at = 0; at < i->accounts.n; at++)
		import_set(i, &i->accounts.v[at], id, value, i->line);
}

/* What a control file says about all accounts. */
static void
take_control(struct import *i, const char *file, const char *value)
{
	if (strcmp(file, "helohost") == 0)
		set_all(i, OPT_EHLO_NAME, value);
	else if (strcmp(file, "sendtimeout") == 0)
		set_all(i, OPT_TIMEOUT, value);
	else if (strcmp(file, "queuelifetime") == 0)
		set_all(i, OPT_EXPIRE, value);
	else if (strcmp(file, "allmailfrom") == 0) {
		set_all(i, OPT_FROM, value);
		set_all(i, OPT_SENDER, "force");
	} else if (strcmp(file, "adminaddr") == 0)
		import_remark(i, IMPORT_WRONG, i->line,
			"mail to users of this machine goes to %s: write a line for each, as root: "
			"%s, into a file and name it by aliases (/etc/aliases under the name "
			"sendmail)",
			value, value);
	else if (strcmp(file, "doublebounceto") == 0)
		import_remark(i, IMPORT_LEFT, i->line,
			"has no equal: a notice that cannot be delivered stays in the queue");
	else if (strcmp(file, "idhost") == 0)
		import_remark(i, IMPORT_LEFT, i->line,
			"has no equal: the Message-ID has the domain of the sender");
	else
		import_remark(i, IMPORT_LEFT, i->line,
			"has no equal: the queue knows itself when to try again");
}

/* The domain of addresses that have none: defaulthost, else me, with defaultdomain where that is no
 * full name. */
static void
domains(struct import *i, const char *folder, struct strbuf *path, struct strbuf *text)
{
	struct strbuf domain = STRBUF_INIT(IMPORT_LINE_MAX * 2);
	char *value = control(i, folder, "defaulthost", path, text);

	if (!value)
		value = control(i, folder, "me", path, text);
	if (value) {
		strbuf_adds(&domain, value);
		if (!strchr(value, '.') &&
			(value = control(i, folder, "defaultdomain", path, text)))
			strbuf_addf(&domain, ".%s", value);
		set_all(i, OPT_DEFAULT_DOMAIN, domain.s);
	}
	strbuf_done(&domain);
}

static void
controls(struct import *i)
{
	static const char *const files[] = { "helohost", "sendtimeout", "queuelifetime",
		"allmailfrom", "adminaddr", "doublebounceto", "idhost", "pausetime", "maxpause" };
	struct strbuf path = STRBUF_INIT(IMPORT_LINE_MAX * 2),
		      text = STRBUF_INIT_SECRET(PROFILE_FILE_MAX),
		      folder = STRBUF_INIT(IMPORT_LINE_MAX * 2);
	const char *name = i->name, *slash = strrchr(name, '/');
	char *value;

	strbuf_add(&folder, name, slash ? (size_t)(slash + 1 - name) : 0);
	domains(i, folder.s, &path, &text);
	for (size_t at = 0; at < sizeof(files) / sizeof(*files); at++)
		if ((value = control(i, folder.s, files[at], &path, &text)))
			take_control(i, files[at], value);
	i->name = name;
	strbuf_done(&folder);
	strbuf_done(&text);
	strbuf_done(&path);
}

void
import_nullmailer(struct import *i)
{
	char *line;

	while ((line = import_next(i)))
		take_remote(i, line);
	if (!i->accounts.n)
		import_remark(i, IMPORT_LEFT, 0, "there is no remote in the file");
	controls(i);
	if (i->accounts.n)
		import_remark(i, IMPORT_NOTE, 0,
			"nullmailer kept every message in a queue first: here it is sent at once, "
			"and kept if that fails and a runner is at work; queue = first is as it "
			"was");
}
