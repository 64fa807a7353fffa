/* OAuth2 as a client speaks it (RFC 6749): where a person grants access, and how tokens are got,
 * renewed and given back. Knows neither accounts nor files. Answers are parsed in the child that
 * http.h makes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "strbuf.h"

struct error;
struct jwt_key;

#define OAUTH_TOKEN_MAX 8192 /* octets of one token */
#define OAUTH_SCOPE     1024
#define OAUTH_CODE      2048 /* octets of an authorization code */
#define OAUTH_SECRET    44   /* 32 random octets in base64url, and their NUL */

/* An authorization server. Strings are borrowed; NULL where there is no such endpoint. */
struct oauth_server {
	const char *issuer; /* what `iss` must be (RFC 9207); NULL: not checked */
	const char *authorize, *token, *device, *revoke; /* https://... */
	const char *trust;                               /* as http_request has it */
	bool promises_iss; /* RFC 9207 section 3: an answer without `iss` is not its own */
	bool basic;        /* takes a secret by Basic only, not in the form */
};

/* As whom this program is registered there. */
struct oauth_client {
	const char *id;
	const struct strbuf *secret; /* NULL: a public client, or one that signs */
	const struct jwt_key *key;   /* signs instead (RFC 7523 section 2.2); NULL: does not */
};

/* Why a server said no, as far as it makes a difference to who asked. */
enum oauth_refusal {
	OAUTH_NOT_REFUSED, /* or it did not answer in a way that says so */
	OAUTH_GRANT_GONE,  /* a person has to grant access again */
	OAUTH_CLIENT,      /* id, secret, key or their rights are wrong */
	OAUTH_SCOPE_WRONG,
	OAUTH_PENDING,   /* RFC 8628 section 3.5: ask again later, ... */
	OAUTH_SLOW_DOWN, /* ... and less often */
	OAUTH_DENIED,    /* the person said no */
	OAUTH_EXPIRED,   /* the device code is too old */
	OAUTH_OTHER
};

/* What was granted. */
struct oauth_grant {
	struct strbuf access, refresh; /* REFRESH is empty where none was given */
	uint64_t seconds;              /* how long the access token holds; 0: not said */
	uint64_t refresh_seconds;      /* ... the refresh token */
	char scope[OAUTH_SCOPE];       /* "": as it was asked for (RFC 6749 section 5.1) */
	enum oauth_refusal refusal;
};
#define OAUTH_GRANT_NONE                                                                           \
	{                                                                                          \
		.access = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX),                                     \
		.refresh = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX)                                     \
	}
void oauth_grant_done(struct oauth_grant *g);

/* Each asks the token endpoint. RET is OAUTH_GRANT_NONE before, RET->refusal says what kind of a no
 * it was. FAULT_PERMISSION: the grant is gone (invalid_grant and its like); FAULT_CONFIG: client,
 * scope or grant are not what the server takes; FAULT_TEMPORARY: everything that may be otherwise
 * later, an answer that cannot be understood and every 5xx among it, and what http_fetch says. */
bool oauth_refresh(const struct oauth_server *s, const struct oauth_client *c, const char *token,
	const char *scope, int64_t deadline, struct oauth_grant *ret, struct error *err)
	__attribute__((warn_unused_result));
/* RFC 6749 section 4.4. */
bool oauth_by_client(const struct oauth_server *s, const struct oauth_client *c, const char *scope,
	int64_t deadline, struct oauth_grant *ret, struct error *err)
	__attribute__((warn_unused_result));
/* RFC 7523 section 2.1, as Google has it for service accounts: ACCOUNT, which KEY signs for, acts
 * for USER. */
bool oauth_by_assertion(const struct oauth_server *s, const char *account,
	const struct jwt_key *key, const char *user, const char *scope, int64_t deadline,
	struct oauth_grant *ret, struct error *err) __attribute__((warn_unused_result));
/* RFC 6749 section 4.1.3. */
bool oauth_by_code(const struct oauth_server *s, const struct oauth_client *c, const char *code,
	const char *verifier, const char *redirect, int64_t deadline, struct oauth_grant *ret,
	struct error *err) __attribute__((warn_unused_result));
/* RFC 7009. True also where the server does not know the token any more. */
bool oauth_revoke(const struct oauth_server *s, const struct oauth_client *c, const char *token,
	int64_t deadline, struct error *err) __attribute__((warn_unused_result));

/* The device grant (RFC 8628), in oauth_device.c. */
struct oauth_device {
	struct strbuf code;      /* secret */
	char user_code[64];      /* for people, printable */
	char uri[HTTP_URL];      /* where they enter it, https and printable */
	char complete[HTTP_URL]; /* the same with the code in it; "": there is none */
	uint64_t seconds;        /* until it expires */
	uint64_t interval;       /* seconds between two questions */
};
#define OAUTH_DEVICE_NONE                                                                          \
	{                                                                                          \
		.code = STRBUF_INIT_SECRET(OAUTH_TOKEN_MAX)                                        \
	}
bool oauth_device_begin(const struct oauth_server *s, const struct oauth_client *c,
	const char *scope, int64_t deadline, struct oauth_device *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Asks once. False with refusal OAUTH_PENDING or OAUTH_SLOW_DOWN: not yet, and no failure. */
bool oauth_device_ask(const struct oauth_server *s, const struct oauth_client *c,
	const struct oauth_device *d, int64_t deadline, struct oauth_grant *ret, struct error *err)
	__attribute__((warn_unused_result));
void oauth_device_done(struct oauth_device *d);

/* A request for an authorization code (RFC 6749 section 4.1.1, RFC 7636), in oauth_code.c. */
struct oauth_request {
	char verifier[OAUTH_SECRET]; /* secret */
	char challenge[OAUTH_SECRET];
	char state[OAUTH_SECRET]; /* tells our answer from others */
};
bool
oauth_request_init(struct oauth_request *r, struct error *err) __attribute__((warn_unused_result));
/* Appends the address that a browser has to open. HINT: whose mailbox it is, may be NULL. */
void oauth_request_add_url(struct strbuf *out, const struct oauth_request *r,
	const struct oauth_server *s, const char *client, const char *scope, const char *redirect,
	const char *hint);
/* Takes the query that came back ("code=...&state=..."), N octets. *RET_OURS: the state is R's;
 * where it is not, it is somebody else's query and the wait goes on. False: the code was not
 * granted (FAULT_PERMISSION), or it is another server's (FAULT_PROTOCOL, RFC 9207). CODE is made
 * secret. */
bool oauth_request_take(const struct oauth_request *r, const struct oauth_server *s,
	const char *query, size_t n, bool *ret_ours, struct strbuf *code, struct error *err)
	__attribute__((warn_unused_result));
