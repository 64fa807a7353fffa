#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "autoconfig_private.h"
#include "clock.h"
#include "error.h"
#include "field.h"
#include "http_private.h"
#include "text.h"

#define ASK_MS 8000 /* for each place: most domains have none */

/* What is read into it. */
struct collector {
	struct autoconfig *to;
	const char *address;
	struct autoconfig_server one;
	bool has_port, has_type, has_authentication, bad;
};

/* Fills the placeholders of a text in. False if it does not fit, or is not fit to be shown. */
static bool
fill(const char *text, const char *address, char *out, size_t size)
{
	const char *at = strrchr(address, '@');
	struct strbuf all = STRBUF_INIT(size - 1);
	size_t local = at ? (size_t)(at - address) : strlen(address);
	const struct {
		const char *name, *value;
		size_t n;
	} places[] = { { "%EMAILADDRESS%", address, strlen(address) },
		{ "%EMAILLOCALPART%", address, local },
		{ "%EMAILDOMAIN%", at ? at + 1 : "", at ? strlen(at + 1) : 0 } };
	bool good;

	while (*text) {
		size_t i = 0;

		while (i < 3 && strncmp(text, places[i].name, strlen(places[i].name)) != 0)
			i++;
		if (i < 3) {
			strbuf_add(&all, places[i].value, places[i].n);
			text += strlen(places[i].name);
		} else {
			strbuf_addc(&all, *text++);
		}
	}
	good = all.len && !all.full && !text_has_control(all.s, all.len);
	if (good)
		memcpy(out, all.s, all.len + 1);
	strbuf_done(&all);
	return good;
}

/* A name of the DNS in A-labels, with a dot in it, and no address. Makes it lower-case. */
static bool
make_host(char *s)
{
	size_t n = strlen(s), label = 0;
	const char *last = strrchr(s, '.');

	if (!last || last == s || n > 253 ||
		!strpbrk(last, "abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (s[i] == '.' || !s[i]) {
			if (!label || label > 63 || s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)s[i]) && !(s[i] == '-' && label))
			return false;
		s[i] = (char)tolower((unsigned char)s[i]);
		label++;
	}
	return true;
}

static void
take_server(struct collector *c, const char *name, const char *text)
{
	struct autoconfig_server *s = &c->one;
	uint64_t port;

	if (strcmp(name, "hostname") == 0) {
		c->bad = c->bad || !fill(text, c->address, s->host, sizeof(s->host)) ||
			 !make_host(s->host);
	} else if (strcmp(name, "port") == 0) {
		c->has_port = text_number(text, 1, 65535, &port);
		s->port = c->has_port ? (uint16_t)port : 0;
	} else if (strcmp(name, "socketType") == 0) {
		s->starttls = strcasecmp(text, "STARTTLS") == 0;
		c->has_type = s->starttls || strcasecmp(text, "SSL") == 0;
	} else if (strcmp(name, "username") == 0) {
		c->bad = c->bad || !fill(text, c->address, s->user, sizeof(s->user));
	} else if (strcmp(name, "authentication") == 0) {
		c->has_authentication = true;
		s->oauth = s->oauth || strcasecmp(text, "OAuth2") == 0;
		/* "plain" and "secure" are what they were called once */
		s->password = s->password || strncasecmp(text, "password-", 9) == 0 ||
			      strcmp(text, "plain") == 0 || strcmp(text, "secure") == 0;
	}
}

static void
end_server(struct collector *c)
{
	struct autoconfig *a = c->to;

	if (!*c->one.user)
		c->bad = c->bad ||
			 !fill("%EMAILADDRESS%", c->address, c->one.user, sizeof(c->one.user));
	c->one.password = c->one.password || !c->has_authentication;
	if (!c->bad && *c->one.host && c->has_port && c->has_type && a->n < AUTOCONFIG_SERVERS)
		a->v[a->n++] = c->one;
}

/* The issuer is a URL, or only its host. */
static void
take_issuer(struct autoconfig *a, const char *text)
{
	struct strbuf url = STRBUF_INIT(sizeof(a->issuer) - 1);

	if (!strstr(text, "://"))
		strbuf_adds(&url, "https://");
	strbuf_adds(&url, text);
	if (*text && !url.full && http_check_url(url.s, NULL))
		memcpy(a->issuer, url.s, url.len + 1);
	strbuf_done(&url);
}

static void
take(void *ctx, enum autoconfig_event event, const char *name, const char *text)
{
	struct collector *c = ctx;
	struct autoconfig *a = c->to;

	switch (event) {
	case AUTOCONFIG_SERVER_BEGINS:
		*c = (struct collector){ .to = a, .address = c->address };
		break;
	case AUTOCONFIG_SERVER_HAS:
		take_server(c, name, text);
		break;
	case AUTOCONFIG_SERVER_ENDS:
		end_server(c);
		break;
	case AUTOCONFIG_OAUTH_HAS:
		if (strcmp(name, "issuer") == 0 && !*a->issuer)
			take_issuer(a, text);
		else if (strcmp(name, "scope") == 0 && !*a->scope &&
			 strlen(text) < sizeof(a->scope) && !text_has_control(text, strlen(text)))
			memcpy(a->scope, text, strlen(text) + 1);
		break;
	}
}

bool
autoconfig_parse(
	const char *text, size_t n, const char *address, struct autoconfig *ret, struct error *err)
{
	struct collector c = { .to = ret, .address = address };

	*ret = (struct autoconfig){ .n = 0 };
	if (autoconfig_read(text, n, take, &c, err))
		return true;
	*ret = (struct autoconfig){ .n = 0 };
	return false;
}

/* In the child: the document as fields. */
static bool
digest(void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err)
{
	struct autoconfig a;

	if (status != 200)
		return true;
	if (!autoconfig_parse(body, n, ctx, &a, err))
		return false;
	field_add_text(ret, a.issuer);
	field_add_text(ret, a.scope);
	field_add_number(ret, a.n);
	for (size_t i = 0; i < a.n; i++) {
		field_add_text(ret, a.v[i].host);
		field_add_text(ret, a.v[i].user);
		field_add_number(ret, a.v[i].port);
		field_add_number(ret, a.v[i].starttls);
		field_add_number(ret, a.v[i].oauth);
		field_add_number(ret, a.v[i].password);
	}
	return true;
}

static bool
take_fields(const struct strbuf *body, struct autoconfig *ret)
{
	const char *at = body->s, *end = at + body->len;
	uint64_t n, port;

	if (!field_take_text(&at, end, ret->issuer, sizeof(ret->issuer)) ||
		!field_take_text(&at, end, ret->scope, sizeof(ret->scope)) ||
		!field_take_number(&at, end, AUTOCONFIG_SERVERS, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct autoconfig_server *s = &ret->v[i];

		if (!field_take_text(&at, end, s->host, sizeof(s->host)) || !make_host(s->host) ||
			!field_take_text(&at, end, s->user, sizeof(s->user)) ||
			!field_take_number(&at, end, 65535, &port) || !port ||
			!field_take_bool(&at, end, &s->starttls) ||
			!field_take_bool(&at, end, &s->oauth) ||
			!field_take_bool(&at, end, &s->password))
			return false;
		s->port = (uint16_t)port;
	}
	ret->n = n;
	return at == end;
}

/* Asks at one place. False with FAULT_TEMPORARY or FAULT_CONFIG only. */
static bool
ask(const char *url, const char *address, const char *trust, int64_t deadline,
	struct autoconfig *ret, struct error *err)
{
	struct http_request r = { .url = url,
		.trust = trust,
		.redirects = true,
		.digest = digest,
		.digest_ctx = (void *)(uintptr_t)address };
	struct http_reply reply = HTTP_REPLY_NONE;
	struct error why = ERROR_NONE;
	bool good;

	*ret = (struct autoconfig){ .n = 0 };
	good = http_fetch(&r, clock_sooner(deadline, clock_in(ASK_MS)), &reply, &why);
	if (good && reply.status == 200 && take_fields(&reply.body, ret))
		memcpy(ret->url, reply.url, sizeof(ret->url));
	else
		*ret = (struct autoconfig){ .n = 0 };
	if (good && (reply.status >= 500 || reply.status == 429))
		error_set(&why, FAULT_TEMPORARY, "%s: is out of order (HTTP status %d)", url,
			reply.status);
	http_reply_done(&reply);
	if (why.fault != FAULT_TEMPORARY && why.fault != FAULT_CONFIG)
		return true;
	if (err && !err->fault)
		*err = why;
	return false;
}

bool
autoconfig_fetch(const char *address, const char *domain, const char *trust, int64_t deadline,
	struct autoconfig *ret, struct error *err)
{
	struct strbuf url = STRBUF_INIT(HTTP_URL - 1);
	struct error why = ERROR_NONE;
	char host[256];

	*ret = (struct autoconfig){ .n = 0 };
	if (!fill(domain, "", host, sizeof(host)) || !make_host(host))
		return error_set(
			err, FAULT_DATA, "\"%.200s\" is no domain that could be asked", domain);
	for (int i = 0; i < 2 && !ret->n && why.fault != FAULT_CONFIG; i++) {
		strbuf_clear(&url);
		if (i) {
			strbuf_addf(&url, "https://%s/.well-known/autoconfig/mail/config-v1.1.xml",
				host);
		} else {
			strbuf_addf(&url, "https://autoconfig.%s/mail/config-v1.1.xml?", host);
			http_add_parameter(&url, "emailaddress", address);
		}
		if (!url.full)
			(void)!ask(url.s, address, trust, deadline, ret, &why);
	}
	strbuf_done(&url);
	if (ret->n || !why.fault)
		return true;
	if (err && !err->fault)
		*err = why;
	return false;
}
