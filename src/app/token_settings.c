#include "token_settings.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "child.h"
#include "clock.h"
#include "error.h"
#include "metadata.h"
#include "profile.h"
#include "provider.h"
#include "secret.h"
#include "trusted.h"
#include "value.h"

#define FILE_MAX_ (64 << 10) /* of a service account */
#define GOOGLE    "https://mail.google.com/"

enum { URL_AUTHORIZE, URL_TOKEN, URL_DEVICE, URL_REVOKE, URL_ISSUER };

/* URL with the tenant filled in. */
static const char *
fill(struct token_settings *t, int which, const char *url, const char *tenant)
{
	const char *at = url ? strstr(url, "{tenant}") : NULL;

	if (!at)
		return url;
	strbuf_add(&t->urls[which], url, (size_t)(at - url));
	strbuf_adds(&t->urls[which], tenant);
	strbuf_adds(&t->urls[which], at + strlen("{tenant}"));
	return t->urls[which].s;
}

static void
fill_server(struct token_settings *t, const struct profile *p)
{
	const struct provider_oauth *o = t->known;
	const char *tenant = profile_text(p, OPT_OAUTH_TENANT);

	t->server.trust = profile_text(p, OPT_OAUTH_TRUST);
	if (o) {
		tenant = tenant ? tenant : o->tenant ? o->tenant : "common";
		t->server.authorize = fill(t, URL_AUTHORIZE, o->authorize, tenant);
		t->server.token = fill(t, URL_TOKEN, o->token, tenant);
		t->server.device = fill(t, URL_DEVICE, o->device, tenant);
		t->server.revoke = fill(t, URL_REVOKE, o->revoke, tenant);
		t->server.issuer = fill(t, URL_ISSUER, o->issuer, tenant);
	} else {
		t->server.issuer = t->provider;
	}
	t->server.authorize = profile_text(p, OPT_OAUTH_AUTHORIZE_URL) ?: t->server.authorize;
	t->server.device = profile_text(p, OPT_OAUTH_DEVICE_URL) ?: t->server.device;
	if (!profile_text(p, OPT_OAUTH_TOKEN_URL))
		return;
	/* what is sent to a provider is not sent to another in its place */
	if (!t->server.token || strcmp(t->server.token, profile_text(p, OPT_OAUTH_TOKEN_URL)) != 0)
		t->server.revoke = NULL;
	t->server.token = profile_text(p, OPT_OAUTH_TOKEN_URL);
}

/* Tenants whose users may come from others: the issuer is then not what the table says. */
static bool
is_shared_tenant(const char *tenant)
{
	static const char *const shared[] = { "common", "organizations", "consumers" };

	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		if (strcasecmp(tenant, shared[i]) == 0)
			return true;
	return false;
}

/* Which programs ship none, and why: a provider may take it back from all who use it. */
static bool
no_client(const struct token_settings *t, struct error *err)
{
	return error_set(err, FAULT_CONFIG,
		"account %s (%s) needs oauth-client-id, the id of a program that is registered "
		"with "
		"the provider. %s",
		t->profile->name, t->profile->origin,
		t->known && t->known->help ? t->known->help
					   : "Its documentation says where one is made.");
}

bool
token_settings_init(struct token_settings *t, const struct profile *p, struct error *err)
{
	const char *tenant = profile_text(p, OPT_OAUTH_TENANT);

	*t = (struct token_settings){ .profile = p,
		.provider = profile_text(p, OPT_OAUTH),
		.user = profile_text(p, OPT_USER),
		.secret = STRBUF_INIT_SECRET(SECRET_MAX + 2),
		.pem = STRBUF_INIT_SECRET(FILE_MAX_) };
	for (size_t i = 0; i < sizeof(t->urls) / sizeof(*t->urls); i++)
		t->urls[i] = (struct strbuf)STRBUF_INIT(HTTP_URL);
	if (!t->provider)
		return error_set(err, FAULT_CONFIG,
			"account %s (%s) has no oauth: it logs in with a password", p->name,
			p->origin);
	t->known = provider_oauth_by_name(t->provider);
	if (!t->known && strncasecmp(t->provider, "https://", 8) != 0)
		return error_set(err, FAULT_CONFIG,
			"oauth (%s): \"%.60s\" is neither a provider that is known nor the https "
			"URL "
			"of an issuer",
			p->settings[OPT_OAUTH].origin, t->provider);
	fill_server(t, p);
	if (t->known && tenant && is_shared_tenant(tenant))
		t->server.issuer = NULL;
	t->client.id = profile_text(p, OPT_OAUTH_CLIENT_ID);
	t->redirect_host =
		t->known && t->known->redirect_host ? t->known->redirect_host : "127.0.0.1";
	t->grant = profile_is_set(p, OPT_OAUTH_SERVICE_ACCOUNT) ? TOKEN_BY_ACCOUNT
		   : profile_choice(p, OPT_OAUTH_GRANT) == 1    ? TOKEN_BY_CLIENT
								: TOKEN_BY_PERSON;
	t->scope = profile_text(p, OPT_OAUTH_SCOPE);
	if (!t->scope && t->known)
		t->scope = t->grant == TOKEN_BY_CLIENT ? t->known->client_scope : t->known->scope;
	if (!t->scope && t->grant == TOKEN_BY_ACCOUNT)
		t->scope = GOOGLE;
	return t->client.id || t->grant == TOKEN_BY_ACCOUNT || no_client(t, err);
}

static bool
blame(const struct profile *p, enum option_id id, struct error *err)
{
	return error_prefix(err, "%s (%s)", options[id].name, p->settings[id].origin);
}

/* The client's secret, where there is one. */
static bool
get_secret(struct token_settings *t, int64_t deadline, struct error *err)
{
	const struct profile *p = t->profile;
	const char *file = profile_text(p, OPT_OAUTH_CLIENT_SECRET_FILE);
	const char *command = profile_text(p, OPT_OAUTH_CLIENT_SECRET_COMMAND);
	struct child child = CHILD_NONE;
	char **words;
	bool good;

	if (file) {
		good = trusted_read(file, TRUSTED_SECRET, &t->secret, NULL, err) &&
		       secret_is_line(&t->secret, "client's secret", err);
		t->client.secret = &t->secret;
		return good || blame(p, OPT_OAUTH_CLIENT_SECRET_FILE, err);
	}
	if (!command)
		return true;
	words = child_words(command, err);
	good = words && child_start(&child, words, err);
	free(words);
	child.name = "the command";
	deadline = clock_sooner(deadline, clock_in(SECRET_SECONDS * CLOCK_SECOND));
	good = good && child_wait(&child, deadline, &t->secret, NULL, err) &&
	       secret_is_line(&t->secret, "client's secret", err);
	child_stop(&child);
	t->client.secret = &t->secret;
	return good || blame(p, OPT_OAUTH_CLIENT_SECRET_COMMAND, err);
}

/* A member of the file, which has no control characters in it but the key's line ends. */
static const char *
member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : NULL;
}

/* The file that Google makes for a service account. */
static bool
get_service_account(struct token_settings *t, struct error *err)
{
	const struct profile *p = t->profile;
	struct strbuf text = STRBUF_INIT_SECRET(FILE_MAX_);
	const char *account, *pem, *url, *id;
	json_t *o = NULL;
	bool good = trusted_read(
		profile_text(p, OPT_OAUTH_SERVICE_ACCOUNT), TRUSTED_SECRET, &text, NULL, err);

	if (good)
		o = json_loadb(text.s, text.len, JSON_REJECT_DUPLICATES, NULL);
	account = member(o, "client_email");
	pem = member(o, "private_key");
	url = member(o, "token_uri");
	id = member(o, "private_key_id");
	if (good && (!account || !pem || !url || strncmp(url, "https://", 8) != 0))
		good = error_set(err, FAULT_CONFIG,
			"this is not the JSON key of a service account: client_email, private_key "
			"and token_uri (https) are needed");
	if (good) {
		t->account = xstrdup(account);
		t->key_id = id ? xstrdup(id) : NULL;
		strbuf_adds(&t->pem, pem);
		t->key = (struct jwt_key){ .pem = t->pem.s, .key_id = t->key_id };
		if (!profile_is_set(p, OPT_OAUTH_TOKEN_URL)) {
			strbuf_clear(&t->urls[URL_TOKEN]);
			strbuf_adds(&t->urls[URL_TOKEN], url);
			t->server.token = t->urls[URL_TOKEN].s;
		}
	}
	json_decref(o);
	strbuf_done(&text);
	return good || blame(p, OPT_OAUTH_SERVICE_ACCOUNT, err);
}

static bool
get_pin(void *ctx, const char *label, struct strbuf *ret, struct error *err)
{
	const struct token_settings *t = ctx;

	return secret_pin(t->profile, label, clock_in(SECRET_SECONDS * CLOCK_SECOND), ret, err);
}

static bool
get_key(struct token_settings *t, struct error *err)
{
	const struct profile *p = t->profile;
	const char *key = profile_text(p, OPT_OAUTH_KEY), *cert = profile_text(p, OPT_OAUTH_CERT);

	if (!key)
		return true;
	if (strncmp(key, "pkcs11:", 7) != 0 && !trusted_check(key, TRUSTED_SECRET, err))
		return blame(p, OPT_OAUTH_KEY, err);
	if (cert && !trusted_check(cert, TRUSTED_PUBLIC, err))
		return blame(p, OPT_OAUTH_CERT, err);
	t->key = (struct jwt_key){ .key = key, .cert = cert, .pin = get_pin, .pin_ctx = t };
	t->client.key = &t->key;
	return true;
}

static const char *
unless_empty(const char *set, const char *told)
{
	return set || !*told ? set : told;
}

/* What an issuer says about itself, where the settings leave it open. */
static bool
get_metadata(struct token_settings *t, int64_t deadline, struct error *err)
{
	struct oauth_metadata *m = xcalloc(1, sizeof(*m));

	free(t->metadata);
	t->metadata = m;
	if (!oauth_metadata_fetch(t->provider, t->server.trust, deadline, m, err))
		return error_prefix(err, "oauth (%s)", t->profile->settings[OPT_OAUTH].origin);
	t->server.authorize = unless_empty(t->server.authorize, m->authorize);
	t->server.device = unless_empty(t->server.device, m->device);
	if (!t->server.token || strcmp(t->server.token, m->token) == 0)
		t->server.revoke = unless_empty(t->server.revoke, m->revoke);
	t->server.token = unless_empty(t->server.token, m->token);
	t->server.promises_iss = m->promises_iss;
	t->server.basic = m->basic;
	return true;
}

/* Google's clients have a secret even where everybody can read it. */
static bool
lacks_secret(const struct token_settings *t, struct error *err)
{
	if (!t->known || !t->known->wants_secret || t->client.secret || t->client.key ||
		t->grant == TOKEN_BY_ACCOUNT)
		return false;
	return !error_set(err, FAULT_CONFIG,
		"account %s needs oauth-client-secret-file, or -command: the secret that %s shows "
		"beside the client's id",
		t->profile->name, t->known->name);
}

bool
token_settings_ask(struct token_settings *t, bool everything, int64_t deadline, struct error *err)
{
	if (!t->asked) {
		if (t->grant == TOKEN_BY_ACCOUNT
				? !get_service_account(t, err)
				: !get_secret(t, deadline, err) || !get_key(t, err))
			return false;
		t->asked = true;
	}
	if (lacks_secret(t, err))
		return false;
	if (t->known || (t->server.token && (!everything || t->server.authorize)))
		return true;
	return get_metadata(t, deadline, err);
}

bool
token_settings_find_revoke(struct token_settings *t, int64_t deadline, struct error *err)
{
	return t->server.revoke || t->known || t->metadata || get_metadata(t, deadline, err);
}

void
token_settings_done(struct token_settings *t)
{
	for (size_t i = 0; i < sizeof(t->urls) / sizeof(*t->urls); i++)
		strbuf_done(&t->urls[i]);
	strbuf_done(&t->secret);
	strbuf_done(&t->pem);
	free(t->metadata);
	t->metadata = NULL;
	free(t->account);
	free(t->key_id);
	t->account = t->key_id = NULL;
}

const char *
token_settings_host(const struct profile *p, char out[256])
{
	const char *const *hosts;
	const char *name;
	size_t n;

	hosts = profile_list_of(p, OPT_HOST, &n);
	name = n ? value_host(hosts[0], &n) : NULL;
	if (name)
		snprintf(out, 256, "%.*s", (int)n, name);
	else
		snprintf(out, 256, "%.255s", profile_text(p, OPT_OAUTH));
	return out;
}

bool
token_settings_explain(const struct token_settings *t, enum oauth_refusal refusal,
	const struct error *why, struct error *err)
{
	const char *name = t->profile->name;

	switch (refusal) {
	case OAUTH_GRANT_GONE:
		if (t->grant == TOKEN_BY_PERSON)
			return error_set(err, why->fault,
				"access for account %s has ended (%s): run sendoff login %s", name,
				why->text, name);
		break;
	case OAUTH_CLIENT:
		return error_set(err, why->fault, "account %s: %s: look at %s", name, why->text,
			t->grant == TOKEN_BY_ACCOUNT ? "oauth-service-account"
			: t->client.key              ? "oauth-client-id, oauth-key and oauth-cert"
			: t->client.secret
				? "oauth-client-id and the client's secret"
				: "oauth-client-id, and whether this client needs a secret "
				  "(oauth-client-secret-file)");
	case OAUTH_SCOPE_WRONG:
		return error_set(
			err, why->fault, "account %s: %s: look at oauth-scope", name, why->text);
	case OAUTH_NOT_REFUSED:
	case OAUTH_PENDING:
	case OAUTH_SLOW_DOWN:
	case OAUTH_DENIED:
	case OAUTH_EXPIRED:
	case OAUTH_OTHER:
		break;
	}
	return error_set(
		err, why->fault, "account %s: unable to get an access token: %s", name, why->text);
}
