#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "field.h"
#include "http_private.h"
#include "json.h"
#include "text.h"

/* In the order in which they are taken. */
static const char *const keys[] = { "issuer", "authorization_endpoint", "token_endpoint",
	"device_authorization_endpoint", "revocation_endpoint", "scopes_supported",
	"authorization_response_iss_parameter_supported", "token_endpoint_auth_methods_supported",
	"code_challenge_methods_supported", NULL };

/* One string, "" for none; one that is too long or holds controls is as bad as no string. */
static bool
take(const char **at, const char *end, char *out, size_t size)
{
	char *s;
	bool good;

	*out = '\0';
	if (!field_take_string(at, end, &s))
		return false;
	good = !s || (strlen(s) < size && !text_has_control(s, strlen(s)));
	if (s && good)
		memcpy(out, s, strlen(s) + 1);
	free(s);
	return good;
}

/* WORD is one of LIST, which has blanks between its words. */
static bool
has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

static bool
check_endpoint(const char *what, const char *url, struct error *err)
{
	struct error why = ERROR_NONE;

	if (!*url || (http_check_url(url, &why) && !strchr(url, '#')))
		return true;
	return error_set(
		err, FAULT_PROTOCOL, "its %s cannot be used: %s", what, *why.text ? why.text : url);
}

static bool
check(const struct oauth_metadata *m, const char *issuer, struct error *err)
{
	if (!*m->issuer)
		return error_set(err, FAULT_PROTOCOL, "this is no authorization server's metadata");
	if (strcmp(m->issuer, issuer) != 0)
		return error_set(err, FAULT_PROTOCOL,
			"the metadata at %.150s speaks for another issuer: %.150s", issuer,
			m->issuer);
	if (!*m->token)
		return error_set(err, FAULT_PROTOCOL, "%.200s names no token endpoint", issuer);
	return check_endpoint("authorization endpoint", m->authorize, err) &&
	       check_endpoint("token endpoint", m->token, err) &&
	       check_endpoint("device endpoint", m->device, err) &&
	       check_endpoint("revocation endpoint", m->revoke, err);
}

/* Takes the fields that json_fields has made for keys. */
static bool
take_fields(const struct strbuf *fields, const char *issuer, struct oauth_metadata *ret,
	struct error *err)
{
	const char *at = fields->s, *end = at + fields->len;
	char promise[8], methods[METADATA_LIST], challenges[METADATA_LIST];

	if (!take(&at, end, ret->issuer, sizeof(ret->issuer)) ||
		!take(&at, end, ret->authorize, sizeof(ret->authorize)) ||
		!take(&at, end, ret->token, sizeof(ret->token)) ||
		!take(&at, end, ret->device, sizeof(ret->device)) ||
		!take(&at, end, ret->revoke, sizeof(ret->revoke)))
		return error_set(
			err, FAULT_PROTOCOL, "%.200s: the metadata are not understood", issuer);
	/* a long list is no reason to fail, but then it is not known */
	if (!take(&at, end, ret->scopes, sizeof(ret->scopes)))
		*ret->scopes = '\0';
	ret->promises_iss =
		take(&at, end, promise, sizeof(promise)) && strcmp(promise, "true") == 0;
	/* section 2: client_secret_basic where nothing is said */
	ret->basic = take(&at, end, methods, sizeof(methods)) &&
		     (!*methods || has_word(methods, "client_secret_basic")) &&
		     !has_word(methods, "client_secret_post");
	ret->pkce = take(&at, end, challenges, sizeof(challenges)) && has_word(challenges, "S256");
	return check(ret, issuer, err);
}

bool
oauth_metadata_parse(const char *text, size_t n, const char *issuer, struct oauth_metadata *ret,
	struct error *err)
{
	struct strbuf fields = STRBUF_INIT(HTTP_MAX);
	bool good;

	*ret = (struct oauth_metadata){ .basic = false };
	good = json_fields(text, n, keys, &fields, err) && take_fields(&fields, issuer, ret, err);
	strbuf_done(&fields);
	return good;
}

/* Asks one address; *RET_FOUND is false, without an error, if there is nothing. */
static bool
ask(struct http_request *r, const char *issuer, int64_t deadline, struct oauth_metadata *ret,
	bool *ret_found, struct error *err)
{
	struct http_reply reply = HTTP_REPLY_NONE;
	char host[HTTP_HOST];
	bool good;

	*ret_found = false;
	good = http_fetch(r, deadline, &reply, err);
	if (good && (reply.status >= 500 || reply.status == 429))
		good = error_set(err, FAULT_TEMPORARY, "%s: is out of order (HTTP status %d)",
			http_host(issuer, host), reply.status);
	else if (good && reply.status == 200)
		*ret_found = good = take_fields(&reply.body, issuer, ret, err);
	http_reply_done(&reply);
	return good;
}

/* Where the document would be: in front of the issuer's path (section 3.1), or behind it. */
static void
make_url(struct strbuf *url, const char *issuer, bool open_id)
{
	size_t n = strlen(issuer), host = strcspn(issuer + 8, "/") + 8;

	/* a final slash does not count */
	if (issuer[n - 1] == '/')
		n--;
	if (host > n)
		host = n;
	strbuf_clear(url);
	if (open_id)
		strbuf_addf(url, "%.*s/.well-known/openid-configuration", (int)n, issuer);
	else
		strbuf_addf(url, "%.*s/.well-known/oauth-authorization-server%.*s", (int)host,
			issuer, (int)(n - host), issuer + host);
}

bool
oauth_metadata_fetch(const char *issuer, const char *trust, int64_t deadline,
	struct oauth_metadata *ret, struct error *err)
{
	struct http_request r = { .trust = trust, .redirects = true, .digest = http_json };
	struct strbuf url = STRBUF_INIT(HTTP_URL);
	struct error first = ERROR_NONE;
	bool found = false;

	*ret = (struct oauth_metadata){ .basic = false };
	if (!http_check_url(issuer, err))
		return false;
	if (strpbrk(issuer, "?#"))
		return error_set(err, FAULT_CONFIG, "%.200s: an issuer has no query", issuer);
	r.digest_ctx = (void *)(uintptr_t)keys;
	/* a server that has a page for every address has one for the first name as well: what
	 * cannot be understood there does not end it */
	for (int i = 0; i < 2 && !found && (!first.fault || first.fault == FAULT_PROTOCOL); i++) {
		struct error why = ERROR_NONE;

		make_url(&url, issuer, i);
		r.url = url.s;
		if (!ask(&r, issuer, deadline, ret, &found, &why) && !first.fault)
			first = why;
	}
	strbuf_done(&url);
	if (found)
		return true;
	if (!first.fault)
		return error_set(err, FAULT_CONFIG,
			"%.200s says nothing about itself: set oauth-token-url and the like",
			issuer);
	if (err && !err->fault)
		*err = first;
	return false;
}
