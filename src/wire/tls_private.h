/* What the files of TLS share: tls_context.c (settings), tls_verify.c (is it the right peer?),
 * tls_token.c (keys on a token), tls.c (handshake and records), tls_ticket.c (sessions that are
 * resumed), tls_failure.c (why not?). */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memo.h"
#include "pin.h"
#include "tls.h"

struct stream;
struct tls;
struct trust;

#define TLS_DIGEST 32         /* octets of SHA-256 */
#define TLS_RAW    (17 << 10) /* one record of the greatest size, and a bit */

struct tls_context {
	struct trust *trust; /* NULL: the chain is not checked */
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priority;
	unsigned char (*pins)[TLS_DIGEST], (*fingerprints)[TLS_DIGEST];
	size_t pin_count, fingerprint_count;
	char *name;                  /* instead of the host, may be NULL */
	const struct tls_peer *peer; /* borrowed, may be NULL */
	bool own_priority;           /* the user's priority string replaces our minimum */
	bool has_certificate;        /* we have one for the server */
	struct pin pin;              /* of a token that holds the client's key */
	gnutls_protocol_t min;       /* what tls-min demands */
	struct strbuf identity; /* fields that tell these settings from any others; full: unknown */
	const char *memory;     /* tls_remember */
	char *place;
	bool misled;         /* tls_was_misled */
	bool wary;           /* it was, some time: nothing is offered any more */
	struct strbuf *here; /* tls_remember_here */
	void (*witness)(
		struct tls *t, void *ctx); /* sees what the peer shows, before it is judged */
	void *witness_ctx;
};

/* What is kept of a session that can be resumed. */
struct tls_ticket {
	time_t verified; /* when the certificate was, in a full handshake */
	time_t expires;  /* the certificate */
	unsigned char certificate[TLS_DIGEST], key[TLS_DIGEST]; /* its hash, that of its key */
	char issuer[128];                                       /* printable */
	bool first_share;    /* the server took the first of the groups for a key exchange that we
				offer */
	const char *session; /* GnuTLS's data: secret, borrowed; empty: the server breaks off when
				it is offered, although it gives tickets out */
	size_t session_len;
};

/* One session; the layer's data of a stream. */
struct tls {
	struct tls_context *context;
	struct stream *stream;
	gnutls_session_t session;
	char name[256];   /* what the certificate must be for, without a trailing dot or a scope */
	bool address;     /* name is one: no SNI, iPAddress */
	bool checked;     /* this handshake's certificate was checked */
	bool verified;    /* as in struct tls_info */
	char dane[16];    /* as in struct tls_info */
	bool opened;      /* some octets were decrypted */
	char issuer[128]; /* of the peer's certificate, printable */
	time_t expires;
	bool ticket_wanted;    /* sessions are kept, and this one has not been yet */
	bool offered, resumed; /* a kept session; the server took it */
	bool key_known;        /* the hashes in ticket are those of the certificate */
	struct memo_key ticket_key;
	struct tls_ticket ticket; /* of the kept session, or what will be kept of this one */
	struct error failed;      /* what ended the session; told again to whoever asks again */
	unsigned odd;             /* requests to renegotiate, and warnings */
	unsigned char head[4];    /* the first octets from the server */
	size_t head_len;
	bool asked;   /* the socket was read in this call already */
	bool starved; /* GnuTLS was told that there is nothing to read */
	size_t raw_at, raw_len;
	unsigned char raw[TLS_RAW]; /* from the socket, not yet taken by GnuTLS */
};

/* Checks the certificate of the peer by all that the settings demand, and fills in what is told
 * about it. False with stage tls and FAULT_UNAVAILABLE. */
bool tls_check_peer(struct tls *t, struct error *err) __attribute__((warn_unused_result));
/* NULL: it is malformed. */
gnutls_x509_crt_t tls_import(const gnutls_datum_t *der);
/* A distinguished name, printable, cut to what an error line can hold. */
void tls_print_name(char *out, size_t size, gnutls_x509_crt_t crt,
	int (*get)(gnutls_x509_crt_t crt, gnutls_datum_t *dn, unsigned flags));
/* SHA-256 of the SubjectPublicKeyInfo. */
bool tls_key_digest(gnutls_x509_crt_t leaf, unsigned char out[TLS_DIGEST]);
void tls_print_digest(char out[2 * TLS_DIGEST + 1], const unsigned char digest[TLS_DIGEST]);
/* The I-th name of the certificate: a dNSName or iPAddress is appended to OUT, printable (1); of
 * another kind: 0; there is none: -1. */
int tls_alternative_name(gnutls_x509_crt_t crt, unsigned i, bool *ret_address, struct strbuf *out);
/* True iff it has a name of the kind that t->name is. */
bool tls_has_alternative_name(const struct tls *t, gnutls_x509_crt_t leaf);

/* tls_token.c. Keys and certificates on a token, named by pkcs11: URIs (RFC 7512), whose libraries
 * GnuTLS loads only for them. */
bool tls_is_uri(const char *s);
/* Sees to it that GnuTLS gets the PIN, where one of the settings is on a token. */
void tls_token_prepare(struct tls_context *c, const struct tls_settings *s);
/* Says why GnuTLS's error RC came of it. Returns false. */
bool tls_token_failed(
	const struct tls_context *c, const struct tls_settings *s, int rc, struct error *err);

bool
tls_is_among(const unsigned char digest[TLS_DIGEST], unsigned char (*list)[TLS_DIGEST], size_t n);

/* Fills in the identity of the context. */
void tls_identify(struct tls_context *c, const struct tls_settings *s);
/* As tls_remember, but the session is kept in RECORD (borrowed, secret, MEMO_MAX) and nowhere else,
 * whatever tls_remember says afterwards. */
void tls_remember_here(struct tls_context *c, struct strbuf *record);
/* Looks for a kept session, which stays in RECORD. */
bool tls_ticket_find(struct tls *t, struct strbuf *record);
/* Offers it to the server. False when it is no session of this GnuTLS: forgotten then. */
bool tls_ticket_offer(struct tls *t);
/* True iff the session was resumed and its certificate is the one that was verified when the
 * session was new, and satisfies pins and fingerprints. */
bool tls_ticket_holds(struct tls *t);
/* The handshake has failed: forgets a session that may be the reason. */
void tls_ticket_doubt(struct tls *t);
/* The record of a kept session. */
bool tls_ticket_parse(const char *record, size_t n, struct tls_ticket *ret)
	__attribute__((warn_unused_result));
void tls_ticket_print(const struct tls_ticket *ticket, struct strbuf *record);

/* tls_name.c. True iff the certificate is for NAME by a dNSName. */
bool tls_names(gnutls_x509_crt_t crt, const char *name);
/* The name to verify the certificate for: the one it is for among those that would do, t->name if
 * it is for none of them; NULL when it is for the service that was looked up (SRV-ID). */
const char *tls_choose_name(const struct tls *t, gnutls_x509_crt_t leaf);
/* tls_dane.c. The TLSA record that the peer's certificate fits, or NULL. */
struct dane_record;
const struct dane_record *tls_dane_match(const struct tls *t);
bool tls_dane_fits(const struct dane_record *r, gnutls_x509_crt_t crt);

/* What an alert's number means. */
const char *tls_alert_name(int alert);
/* Says what the fatal alert means that the server has sent. Returns false. */
bool tls_alerted(const struct tls *t, struct error *err);
/* Says why the handshake ended with GnuTLS's error RC. STARTTLS: the server had agreed to it.
 * Returns false. */
bool tls_handshake_failed(struct tls *t, int rc, bool starttls, struct error *err);
