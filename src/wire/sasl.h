/* SASL mechanisms (RFC 4422) by libgsasl, with the checks that libgsasl 2.2.0 leaves out, and those
 * for OAuth (sasl_oauth.h). GSSAPI runs in a child (sasl_ticket.h) and takes the credentials cache
 * as Kerberos finds it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sasl_ticket.h"
#include "settings.h"
#include "strbuf.h"

struct error;

#define SASL_MESSAGE (12 << 10) /* octets of a base64 line either way, RFC 4954 section 4 */

enum {                     /* what a mechanism is like: a set of bits */
	SASL_PASSWORD = 1, /* needs user and password */
	SASL_ONE_TRIP = 2, /* its initial response is all: more commands may follow at once */
	SASL_FIRST = 4,    /* the client speaks first: an initial response is sent */
	SASL_SCRAM = 8,
	SASL_BINDING = 16,     /* binds to the TLS channel */
	SASL_CERTIFICATE = 32, /* identity comes from the client certificate */
	SASL_CLEAR = 64,       /* shows the password to the server */
	SASL_TOKEN = 128,      /* the password is an OAuth access token */
	SASL_TICKET = 256,     /* identity comes from Kerberos */
	SASL_NAMED = 512,  /* only for who names it: no password is a token, and some are weak */
	SASL_GREETS = 1024 /* NTLM: the first challenge is a greeting in words */
};

struct sasl_mechanism {
	const char *name;
	unsigned kind;
};

#define SASL_COUNT 13
/* Strongest first for a connection under TLS. CRAM-MD5 comes last of the passwords there: it forces
 * servers to keep them in clear, and those that keep hashes refuse it for good. */
extern const struct sasl_mechanism sasl_mechanisms[SASL_COUNT];

/* By name in any case; NULL for none. */
const struct sasl_mechanism *sasl_find(const char *name);

/* What a mechanism is told. Strings are borrowed. */
struct sasl_credentials {
	const char *user;              /* NULL or "" for EXTERNAL without an identity */
	const struct strbuf *password; /* NULL where none is needed */
	const char *host;              /* the smarthost, for digest-uri like names */
	uint16_t port;
	const struct strbuf *binding; /* channel binding octets, NULL for none */
	bool binding_is_exporter;
	int64_t deadline; /* of the whole, for GSSAPI */
	/* SCRAM without a password: what is kept of it, and who gives it where nothing fits. */
	struct wire_salted salted;
	bool (*ask)(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err);
	void *ask_ctx;
	int64_t ask_deadline;
};

/* One exchange. */
struct sasl {
	const struct sasl_mechanism *mechanism;
	void *session;       /* Gsasl_session * */
	struct strbuf nonce; /* SCRAM: ours, to check the server's against */
	unsigned step;
	bool done;        /* the client is satisfied: for SCRAM the server has proven itself */
	bool fatal;       /* failed in a way that must not lead to a weaker mechanism */
	bool asked_again; /* the server overlooked the initial response once */
	/* SCRAM: the server's salt and iterations, once it has told them; whether what is kept was
	 * used instead of the password; the password was asked for in vain. */
	struct strbuf salt;
	unsigned iterations;
	struct sasl_credentials late; /* salted and ask only */
	bool salted, no_secret;
	struct sasl_ticket ticket; /* SASL_TICKET */
	struct strbuf token;       /* SASL_TOKEN: the message, base64, secret */
	char complaint[320]; /* SASL_TOKEN: what the server says of it, printable; "": nothing */
};

/* Starts M. Errors have stage auth: FAULT_UNAVAILABLE, the mechanism cannot work here. */
bool sasl_start(struct sasl *s, const struct sasl_mechanism *m, const struct sasl_credentials *with,
	struct error *err) __attribute__((warn_unused_result));
/* Takes the server's challenge (base64, N octets; for the initial response N is 0 and CHALLENGE
 * NULL) and appends our answer, base64, to OUT (make it secret). SCRAM's server-first message is
 * checked before libgsasl sees it: 4096 to 1,000,000 iterations, a salt, a nonce longer than ours
 * (RFC 7677 section 4, RFC 5802 section 9). Errors as above; FAULT_PROTOCOL for a challenge that is
 * no base64 and for one too many; FAULT_CONFIG for a password that is no token. A server's
 * complaint about a token is no error: it is kept, and the server has the last word. */
bool sasl_step(struct sasl *s, const char *challenge, size_t n, struct strbuf *out,
	struct error *err) __attribute__((warn_unused_result));
/* SCRAM, once the server has accepted: lets what was made of the password be kept. Once it has
 * refused: has it dropped, if it was used. (In sasl_salted.c, as what follows.) */
void sasl_keep(struct sasl *s);
void sasl_drop(struct sasl *s);
/* For sasl.c, at the server's first message: gives libgsasl what is kept, or asks for the password.
 */
bool sasl_salted_begin(struct sasl *s, const char *salt, size_t n, unsigned iterations,
	struct error *err) __attribute__((warn_unused_result));
/* Wipes what libgsasl holds of the password, which needs it no longer once its last message is
 * made. */
void sasl_wipe(struct sasl *s);
/* Wipes and frees. Accepts a zeroed one. */
void sasl_done(struct sasl *s);
