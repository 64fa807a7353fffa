/* What is known of mail providers without asking anybody: where they take submissions, how one logs
 * in there, where their tokens come from. Data stands in provider.def, one row for each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the name for the login is made of. */
enum provider_user { PROVIDER_USER_ADDRESS, PROVIDER_USER_LOCAL_PART };

/* How people log in there. */
enum provider_login {
	PROVIDER_PASSWORD = 1,     /* the account's own password */
	PROVIDER_APP_PASSWORD = 2, /* one that is made for one program */
	PROVIDER_OAUTH = 4,
	PROVIDER_KEY =
		8 /* credentials of an interface, not of a mailbox: Amazon SES, SendGrid, ... */
};

/* An authorization server. URLs may hold "{tenant}". NULL where there is no such endpoint. */
struct provider_oauth {
	const char *name;   /* what `oauth = NAME` says: "google", "microsoft", ... */
	const char *issuer; /* RFC 8414, RFC 9207; NULL: not checked */
	const char *authorize, *token, *device, *revoke;
	const char *scope;         /* for submission by a person's login */
	const char *client_scope;  /* ... by client credentials, or NULL */
	const char *tenant;        /* what {tenant} is unless set */
	const char *mechanism;     /* "XOAUTH2" or "OAUTHBEARER": what its smarthost takes */
	const char *redirect_host; /* of the loopback redirect: "127.0.0.1", or "localhost" */
	bool wants_secret;         /* a client secret even with PKCE */
	bool device_mail;          /* the device grant is given the mail scope */
	const char *grants;        /* where a person ends what was granted: https://..., or NULL */
	const char *help;          /* where a client id is made, in one or two sentences */
};

struct provider {
	const char *name;    /* "Gmail" */
	const char *domains; /* of addresses, or ".SUFFIX", between blanks: " gmail.com
				googlemail.com " */
	const char *mx;   /* names of MX records, or ".SUFFIX", between blanks, " .google.com ", or
			     NULL */
	const char *host; /* NULL: it takes no submissions at all. "*" is one label: the region's */
	uint16_t port;
	bool starttls;
	enum provider_user user;
	unsigned login;    /* provider_login, or-ed: the first that is set is what most need */
	const char *oauth; /* a provider_oauth by name, or NULL */
	const char *help; /* how to get the password or key, in one or two sentences; may be NULL */
};

/* The provider of a domain (any case, a final dot is none), NULL if unknown. */
const struct provider *provider_by_domain(const char *domain);
/* The provider that a mail exchanger belongs to, NULL if unknown. */
const struct provider *provider_by_mx(const char *mx);
/* The provider that a smarthost belongs to, NULL if unknown. */
const struct provider *provider_by_host(const char *host);
/* The authorization server called NAME, NULL if unknown. */
const struct provider_oauth *provider_oauth_by_name(const char *name);
/* All of them, ended by one whose name is NULL. */
extern const struct provider providers[];
extern const struct provider_oauth provider_oauths[];
