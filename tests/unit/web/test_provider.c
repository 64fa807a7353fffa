/* The tables: each row is well-formed, and found by what it says and by nothing else. */
#include "provider.h"

#include <ctype.h>
#include <stdlib.h>

#include "tap.h"

static bool
is_name(const char *s, size_t n, bool star)
{
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
			!(strchr("-.", s[i]) && i) && !(star && s[i] == '*'))
			return false;
	return n > 3 && memchr(s, '.', n) && s[n - 1] != '.';
}

/* " a b ": each word a name that finds P by LOOK; with a dot in front only something below it does.
 */
static bool
list_good(const char *list, const struct provider *p,
	const struct provider *(*look)(const char *name))
{
	char name[300];

	if (!*list || *list != ' ' || list[strlen(list) - 1] != ' ')
		return false;
	for (list++; *list; list++) {
		size_t n = strcspn(list, " "), dot = *list == '.';

		if (!is_name(list + dot, n - dot, false))
			return false;
		snprintf(name, sizeof(name), "%s%.*s", dot ? "x" : "", (int)n, list);
		if (look(name) != p)
			return false;
		snprintf(name, sizeof(name), "x%.*s", (int)(n - dot), list + dot);
		if (look(name) == p)
			return false;
		list += n;
	}
	return true;
}

static bool
sentence(const char *s)
{
	return !s || (isupper((unsigned char)*s) && s[strlen(s) - 1] == '.' && strlen(s) < 400 &&
			     !strstr(s, "  "));
}

static void
test_providers(void)
{
	size_t n = 0;

	for (const struct provider *p = providers; p->name; p++, n++) {
		const char *host = p->host ? p->host : "";

		ok(*p->name && (strcmp(p->domains, " ") == 0 ||
				       list_good(p->domains, p, provider_by_domain)),
			"%s: domains", p->name);
		ok(!p->mx || list_good(p->mx, p, provider_by_mx), "%s: MX", p->name);
		ok(p->host ? is_name(host, strlen(host), true) &&
					(p->starttls ? p->port == 587 : p->port == 465)
			   : !p->port && p->help != NULL,
			"%s: host %s, port %d", p->name, host, p->port);
		ok(p->login && p->login < 16 && !(p->login & PROVIDER_OAUTH) == !p->oauth &&
				(!p->oauth || provider_oauth_by_name(p->oauth)) &&
				(!(p->login & (PROVIDER_KEY | PROVIDER_APP_PASSWORD)) || p->help),
			"%s: login", p->name);
		ok(sentence(p->help), "%s: help", p->name);
	}
	ok(n > 60, "%zu rows", n);
}

static bool
https(const char *s)
{
	return !s || (strncmp(s, "https://", 8) == 0 && !strpbrk(s, " \""));
}

static void
test_oauths(void)
{
	for (const struct provider_oauth *o = provider_oauths; o->name; o++)
		ok(provider_oauth_by_name(o->name) == o && o->authorize && o->token && o->scope &&
				https(o->issuer) && https(o->authorize) && https(o->token) &&
				https(o->device) && https(o->revoke) && sentence(o->help) &&
				!strstr(o->token, "{tenant}") == !o->tenant &&
				(strcmp(o->mechanism, "XOAUTH2") == 0 ||
					strcmp(o->mechanism, "OAUTHBEARER") == 0) &&
				(strcmp(o->redirect_host, "127.0.0.1") == 0 ||
					strcmp(o->redirect_host, "localhost") == 0),
			"%s", o->name);
	ok(!provider_oauth_by_name("Google") && !provider_oauth_by_name(""),
		"no other authorization server");
}

static void
test_looks(void)
{
	static const struct {
		const struct provider *(*look)(const char *name);
		const char *name, *want;
	} rows[] = {
		{ provider_by_domain, "gmail.com", "Gmail" },
		{ provider_by_domain, "GMail.Com.", "Gmail" },
		{ provider_by_domain, "yandex.com", "Yandex" },
		{ provider_by_domain, "sub.gmail.com", NULL },
		{ provider_by_domain, "notgmail.com", NULL },
		{ provider_by_domain, "gmail", NULL },
		{ provider_by_domain, "mail.com", "mail.com" },
		{ provider_by_domain, " ", NULL },
		{ provider_by_domain, ".", NULL },
		{ provider_by_domain, "", NULL },
		{ provider_by_domain, "gmail.com googlemail.com", NULL },
		{ provider_by_domain, "example.org", NULL },
		{ provider_by_mx, "aspmx.l.google.com", "Gmail" },
		{ provider_by_mx, "ASPMX.L.GOOGLE.COM.", "Gmail" },
		{ provider_by_mx, "google.com", NULL },
		{ provider_by_mx, "evilgoogle.com", NULL },
		{ provider_by_mx, "x.google.com.evil.example", NULL },
		{ provider_by_mx, "contoso-com.mail.protection.outlook.com", "Microsoft 365" },
		{ provider_by_mx, "hotmail-com.olc.protection.outlook.com", "Outlook.com" },
		{ provider_by_mx, "contoso-com.q-v1.mx.microsoft", "Microsoft 365" },
		{ provider_by_mx, "mxbiz1.qq.com", "Tencent Exmail" },
		{ provider_by_mx, "x.mxbiz1.qq.com", NULL },
		{ provider_by_mx, "", NULL },
		{ provider_by_host, "smtp.gmail.com", "Gmail" },
		{ provider_by_host, "x.smtp.gmail.com", NULL },
		{ provider_by_host, "email-smtp.eu-central-1.amazonaws.com", "Amazon SES" },
		{ provider_by_host, "email-smtp..amazonaws.com", NULL },
		{ provider_by_host, "email-smtp.amazonaws.com", NULL },
		{ provider_by_host, "email-smtp.a.b.amazonaws.com", NULL },
		{ provider_by_host, "email-smtp.x.amazonaws.com.example", NULL },
		{ provider_by_host, "localhost", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct provider *p = rows[i].look(rows[i].name);

		ok(rows[i].want ? p && strcmp(p->name, rows[i].want) == 0 : !p, "\"%s\": %s",
			rows[i].name, p ? p->name : "unknown");
	}
}

int
main(void)
{
	test_providers();
	test_oauths();
	test_looks();
	return tap_done();
}
