/* What s-nail's mailrc says about SMTP: set NAME=VALUE ..., and accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "import_private.h"
#include "value.h"

/* The variables that count, with older names. */
enum variable { MTA, FROM, AUTH, USER, PASSWORD, STARTTLS, HOSTNAME, TRUST, VERIFY, VARIABLES };

static const struct {
	const char *name;
	enum variable variable;
} names[] = {
	{ "mta", MTA },
	{ "smtp", MTA },
	{ "from", FROM },
	{ "smtp-auth", AUTH },
	{ "smtp-auth-user", USER },
	{ "user", USER },
	{ "smtp-auth-password", PASSWORD },
	{ "password", PASSWORD },
	{ "smtp-use-starttls", STARTTLS },
	{ "smtp-hostname", HOSTNAME },
	{ "tls-ca-file", TRUST },
	{ "ssl-ca-file", TRUST },
	{ "tls-verify", VERIFY },
	{ "ssl-verify", VERIFY },
};
#define NAMES (sizeof(names) / sizeof(*names))

/* The variables, in an account or outside of all. */
struct variables {
	struct {
		char text[IMPORT_LINE_MAX];
		unsigned line; /* 0: not set */
	} v[VARIABLES];
};

struct reader {
	struct variables outside, inside, *now;
	char account[IMPORT_LINE_MAX];
	unsigned line;
};

/* Which variable is meant; VARIABLES for none. A name with the host or user behind it is one too:
 * password-ann@example.org. */
static enum variable
find(const char *name)
{
	size_t n = strcspn(name, "@");

	for (size_t at = 0; at < NAMES; at++) {
		size_t len = strlen(names[at].name);

		if (strcmp(name, names[at].name) == 0)
			return names[at].variable;
		if (name[n] && n > len && strncmp(name, names[at].name, len) == 0 &&
			name[len] == '-' && names[at].variable != MTA)
			return names[at].variable;
	}
	return VARIABLES;
}

static void
take_word(struct import *i, struct reader *r, char *word)
{
	char *value = strchr(word, '=');
	enum variable found;
	bool off = strncmp(word, "no", 2) == 0 && !value;

	if (value)
		*value++ = '\0';
	found = find(off ? word + 2 : word);
	if (found == VARIABLES) {
		/* a mail reader has many others, which are none of our business */
		if (strncmp(word, "smtp-", 5) == 0 || strncmp(word, "ssl-", 4) == 0 ||
			strncmp(word, "tls-", 4) == 0)
			import_remark(i, IMPORT_LEFT, i->line, "%.60s: has no equal", word);
		return;
	}
	r->now->v[found].line = off ? 0 : i->line;
	snprintf(r->now->v[found].text, IMPORT_LINE_MAX, "%s", value ? value : "");
}

/* %40 and the like in a part of a URL. */
static void
decode(char *s)
{
	static const char digits[] = "0123456789abcdef";
	const char *high, *low;
	char *to = s;

	for (; *s; s++) {
		high = *s == '%' && s[1] ? strchr(digits, s[1] | 0x20) : NULL;
		low = high && s[2] ? strchr(digits, s[2] | 0x20) : NULL;
		/* a NUL would end it */
		if (low && (s[1] != '0' || s[2] != '0')) {
			*to++ = (char)((high - digits) << 4 | (low - digits));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The server's URL in its parts; the user and password in it replace the variables. */
struct server {
	char *host, *user, *password;
	const char *port;
	enum import_tls how;
};

static bool
split(char *url, bool starttls, struct server *ret)
{
	char *scheme = strstr(url, "://"), *at;

	*ret = (struct server){ .host = scheme ? scheme + 3 : url };
	if (scheme)
		*scheme = '\0';
	if (scheme && strcasecmp(url, "smtp") != 0 && strcasecmp(url, "smtps") != 0 &&
		strcasecmp(url, "submission") != 0 && strcasecmp(url, "submissions") != 0)
		return false;
	ret->how = scheme && (strcasecmp(url, "smtps") == 0 || strcasecmp(url, "submissions") == 0)
			   ? IMPORT_IMPLICIT
		   : starttls ? IMPORT_STARTTLS
			      : IMPORT_CLEAR;
	/* what may end the URL */
	ret->host[strcspn(ret->host, "/")] = '\0';
	at = strrchr(ret->host, '@');
	if (at) {
		*at = '\0';
		ret->user = ret->host;
		ret->host = at + 1;
		ret->password = strchr(ret->user, ':');
		if (ret->password) {
			*ret->password++ = '\0';
			decode(ret->password);
		}
		decode(ret->user);
	}
	import_split_host(ret->host, &ret->port);
	if (!*ret->port && ret->how != IMPORT_IMPLICIT)
		ret->port = scheme && strcasecmp(url, "submission") == 0 ? "587"
			    : ret->how == IMPORT_STARTTLS                ? "25"
									 : ret->port;
	return true;
}

static void
login(struct import *i, struct variables *v, const struct server *s, struct profile *p)
{
	const char *user = s->user ? s->user : v->v[USER].line ? v->v[USER].text : NULL;
	const char *auth = v->v[AUTH].text, *mechanism = value_mechanism(auth);
	unsigned line = s->user ? v->v[MTA].line : v->v[USER].line;

	if (!user || !*user || strcasecmp(auth, "none") == 0)
		return;
	if (*auth && mechanism)
		import_set(i, p, OPT_AUTH, mechanism, v->v[AUTH].line);
	else if (*auth)
		import_remark(i, IMPORT_WRONG, v->v[AUTH].line,
			"smtp-auth=%s: is not known: auth = auto takes the best there is", auth);
	import_set_login(i, p, user, line);
	if (s->password && *s->password)
		import_set_password(i, p, s->password, v->v[MTA].line);
	else if (v->v[PASSWORD].line && *v->v[PASSWORD].text)
		import_set_password(i, p, v->v[PASSWORD].text, v->v[PASSWORD].line);
}

/* "Ann <ann@example.org>": the name and the address. */
static void
from(struct import *i, struct profile *p, char *text, unsigned line)
{
	char *angle = strrchr(text, '<'), *end = angle;

	if (angle && strchr(angle, '>')) {
		*strchr(angle, '>') = '\0';
		while (end > text && end[-1] == ' ')
			end--;
		*end = '\0';
		if (*text)
			import_set(i, p, OPT_FROM_NAME, import_unquote(text), line);
		text = angle + 1;
	}
	import_set(i, p, OPT_FROM, text, line);
}

/* An account of the variables as they are now; none where they name no server. */
static void
finish(struct import *i, struct variables *v, const char *name, unsigned line)
{
	struct profile *p;
	struct server s;

	if (!v->v[MTA].line || !*v->v[MTA].text || v->v[MTA].text[0] == '/')
		return;
	if (!split(v->v[MTA].text, v->v[STARTTLS].line > 0, &s)) {
		import_remark(i, IMPORT_WRONG, v->v[MTA].line,
			"mta: is no server with SMTP: nothing was taken over");
		return;
	}
	if (!(p = import_account(i, name, line)))
		return;
	import_set(i, p, OPT_HOST, s.host, v->v[MTA].line);
	import_set_tls(i, p, s.how, s.port, v->v[MTA].line);
	login(i, v, &s, p);
	if (v->v[FROM].line && *v->v[FROM].text)
		from(i, p, v->v[FROM].text, v->v[FROM].line);
	if (v->v[HOSTNAME].line && *v->v[HOSTNAME].text)
		import_set(i, p, OPT_DEFAULT_DOMAIN, v->v[HOSTNAME].text, v->v[HOSTNAME].line);
	if (v->v[TRUST].line)
		import_set(i, p, OPT_TLS_TRUST, v->v[TRUST].text, v->v[TRUST].line);
	if (strcasecmp(v->v[VERIFY].text, "ignore") == 0 ||
		strcasecmp(v->v[VERIFY].text, "warn") == 0)
		import_remark(i, IMPORT_LEFT, v->v[VERIFY].line,
			"tls-verify: a server that proves nothing is not talked to: set "
			"tls-fingerprint if the usual checks fail");
}

/* account NAME { */
static void
begin(struct import *i, struct reader *r, char *rest)
{
	char *name = import_quoted(&rest);

	snprintf(r->account, sizeof(r->account), "%s", name ? name : "");
	r->line = i->line;
	r->inside = r->outside;
	r->now = &r->inside;
}

static void
take(struct import *i, struct reader *r, char *line)
{
	char *rest = line, *word = import_word(&rest);

	if (strcmp(word, "account") == 0 && strchr(rest, '{')) {
		begin(i, r, rest);
	} else if (*word == '}') {
		if (r->now == &r->inside)
			finish(i, &r->inside, r->account, r->line);
		r->now = &r->outside;
	} else if (strcmp(word, "set") == 0 || strcmp(word, "unset") == 0) {
		bool off = *word == 'u';

		while ((word = import_quoted(&rest))) {
			enum variable found = off ? find(word) : VARIABLES;

			if (off && found != VARIABLES)
				r->now->v[found].line = 0;
			else if (!off)
				take_word(i, r, word);
		}
	}
}

void
import_snail(struct import *i)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	char *line;

	r->now = &r->outside;
	while ((line = import_next(i)))
		take(i, r, line);
	finish(i, &r->outside, "default", r->outside.v[MTA].line);
	if (!i->accounts.n)
		import_remark(i, IMPORT_LEFT, 0, "no server is named (mta=smtps://HOST)");
	explicit_bzero(r, sizeof(*r));
	free(r);
}
