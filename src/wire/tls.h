/* TLS over a stream: handshake, verification, pins, channel binding. Only the files behind this
 * header, trust.c, memo.c and sasl.c see GnuTLS. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "settings.h"

struct error;
struct strbuf;
struct stream;

/* Files, pins and priorities, read and checked before any connection. */
struct tls_context;

/* Opens and checks everything TLS will need: trust and CRL files, client certificate and key, pins,
 * priority string. The system store is opened but not read. The settings need not live longer.
 * FAULT_CONFIG names the setting and what is wrong with it (FAULT_NOINPUT for a file that cannot be
 * read, FAULT_TEMPORARY for a token that is not there, FAULT_PERMISSION for a PIN that it does not
 * take, which is tried once only, and not at all when it would be the last try). NULL on failure.
 */
struct tls_context *tls_context_new(const struct tls_settings *settings, struct error *err)
	__attribute__((warn_unused_result));
void tls_context_free(struct tls_context *c);
/* Frees the client's key: no handshake can follow. */
void tls_context_forget(struct tls_context *c);

/* Sessions are resumed from now on where that is possible, from what is kept in DIRECTORY
 * (memo.h; borrowed, NULL: nowhere). PLACE says to whom and how we talk (NULL: nothing is noted of
 * the server, not even its key for tls_key_hash): what was kept for another place or by a context
 * with other settings is not used. A kept session is one whose certificate was verified less than a
 * day ago and has not expired; no trust store is read for it.
 */
void tls_remember(struct tls_context *c, const char *directory, const char *place);
/* Keeps the session for the next time, if the server has sent a ticket for it: which it does behind
 * the handshake, so call it when something was received, once. Silent whatever happens. */
void tls_keep_ticket(struct stream *s);
/* SHA-256 of the SubjectPublicKeyInfo of the peer's certificate, where a directory was given and
 * the certificate was verified. */
bool tls_key_hash(const struct stream *s, unsigned char out[32]);
/* True iff the last tls_start failed although no certificate was refused, with a kept session on
 * offer, which is forgotten now: the context offers none any more, and when
 * an attempt without one succeeds, that this server cannot resume is kept in its place for a day.
 */
bool tls_was_misled(const struct tls_context *c);

/* What is known of the server beside the name that tls_start is given. */
struct tls_peer {
	/* The mail domain whose SRV records led to it, NULL for none: the certificate may also be
	 * for the domain, or for SERVICE ("_submissions") of it (SRV-ID, RFC 4985; RFC 7817 section
	 * 3) */
	const char *domain, *service;
	const struct dane *dane; /* with records: one of them must fit, instead of chain and name */
};
/* Holds for the handshakes that follow; borrowed. NULL: nothing is. */
void tls_expect(struct tls_context *c, const struct tls_peer *peer);

/* Handshakes over S as a client, verifies, and puts itself into S as its layer. HOST is the name
 * from the configuration: checked against the certificate (RFC 9525, subjectAltName only) unless
 * the settings name another, sent as SNI unless it is an address. Both input and output of S must
 * be empty. Errors have stage tls: a failed check is FAULT_UNAVAILABLE and its text says which
 * check, for which name, with the certificate's issuer and dates, and what to do; a handshake that
 * broke off is FAULT_TEMPORARY when the connection did (reset, closed, time), FAULT_PERMISSION when
 * the server refuses our certificate or wants one (with TLS 1.3 the first read or write says so,
 * RFC 8446 section 4.4.2.4), FAULT_UNAVAILABLE when versions or ciphers do not fit (69: the same
 * will happen again), FAULT_PROTOCOL when the peer does not speak TLS (the text then proposes the
 * other mode). */
bool tls_start(struct tls_context *c, struct stream *s, const char *host, int64_t deadline,
	struct error *err) __attribute__((warn_unused_result));

/* Facts about an established session, for receipt, trace and doctor. */
struct tls_info {
	char version[16]; /* "TLS1.3" */
	char cipher[96];  /* "ECDHE-X25519/ECDSA-SECP256R1-SHA256/AES-256-GCM" */
	char issuer[128]; /* printable */
	time_t expires;   /* of the peer's certificate */
	char dane[16];    /* "3 1 1": the TLSA record that fitted; "" if none was asked for */
	bool resumed;     /* the certificate was verified when the session was new */
	bool verified; /* by chain and name, fingerprint or pin; always true after tls_start unless
			  trust is "none" without a pin */
};
void tls_describe(const struct stream *s, struct tls_info *ret);
bool stream_is_tls(const struct stream *s);

/* The channel binding for SCRAM -PLUS: "tls-exporter" on TLS 1.3 (RFC 9266), "tls-unique" on
 * TLS 1.2 with the extended master secret. *RET_EXPORTER tells which. False when there is none. */
bool tls_binding(const struct stream *s, struct strbuf *ret, bool *ret_exporter);
