/* What an account's settings say about its tokens: which server, as whom, for what. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "jwt.h"
#include "oauth.h"
#include "strbuf.h"

struct error;
struct oauth_metadata;
struct profile;
struct provider_oauth;

enum token_grant {
	TOKEN_BY_PERSON,  /* sendoff login */
	TOKEN_BY_CLIENT,  /* the client's own credentials */
	TOKEN_BY_ACCOUNT, /* a service account that acts for the user */
	TOKEN_GRANTS
};

struct token_settings {
	const struct profile *profile;
	const struct provider_oauth *known; /* NULL: an issuer by its URL */
	const char *provider;               /* as the key has it */
	const char *user, *scope;
	const char *redirect_host;
	enum token_grant grant;
	struct oauth_server server;
	struct oauth_client client;
	struct jwt_key key;
	/* what the above points into */
	struct strbuf urls[5], secret, pem;
	struct oauth_metadata *metadata; /* of an issuer that was asked */
	char *account, *key_id;          /* of a service account */
	bool asked;
};

/* Fills in what needs no file, no program and no network. P outlives *T, which needs
 * token_settings_done in any case. FAULT_CONFIG. */
bool token_settings_init(struct token_settings *t, const struct profile *p, struct error *err)
	__attribute__((warn_unused_result));
/* Gets what is needed before a server can be asked: the client's secret, the service account's
 * file, and an issuer's own description of its endpoints (RFC 8414) unless there is a token
 * endpoint and EVERYTHING is false. */
bool token_settings_ask(struct token_settings *t, bool everything, int64_t deadline,
	struct error *err) __attribute__((warn_unused_result));
/* Sets server.revoke where an issuer has to be asked for it. NULL then: it takes nothing back, or
 * gives no tokens out itself, as oauth-token-url leads elsewhere. Errors as oauth_metadata_fetch.
 */
bool token_settings_find_revoke(struct token_settings *t, int64_t deadline, struct error *err)
	__attribute__((warn_unused_result));
void token_settings_done(struct token_settings *t);

/* The name of the host that tokens of P are kept under: the first smarthost, else the provider. */
const char *token_settings_host(const struct profile *p, char out[256]);
/* Puts a remedy behind an error of oauth.h: which key is wrong, or that a person must log in.
 * Returns false. */
bool token_settings_explain(const struct token_settings *t, enum oauth_refusal refusal,
	const struct error *why, struct error *err);
