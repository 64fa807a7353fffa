/* Everything wire/ is told: plain data that app/ fills from a profile. wire/ knows no profile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envelope.h"

struct error;
struct strbuf;

enum wire_tls { WIRE_TLS_IMPLICIT, WIRE_TLS_STARTTLS, WIRE_TLS_NONE };
enum wire_pipelining { WIRE_PIPELINING_AUTO, WIRE_PIPELINING_FULL, WIRE_PIPELINING_OFF };
enum wire_ip { WIRE_IP_ANY, WIRE_IP_4, WIRE_IP_6 };
enum wire_dane { WIRE_DANE_OFF, WIRE_DANE_OPPORTUNISTIC, WIRE_DANE_REQUIRED };

/* A SOCKS5 proxy (RFC 1928), with a login (RFC 1929) where user is set. */
struct wire_proxy {
	const char *host; /* "name:port"; NULL: none */
	const char *user;
	const struct strbuf *password; /* secret */
};

/* What decides whether a TLS peer is the right one. Strings are borrowed; NULL: not set. */
struct tls_settings {
	const char *trust;       /* "system", "none", or a PEM file of trust anchors */
	const char *crl;         /* PEM file of revocation lists */
	const char *const *pins; /* "sha256:HEX" or "sha256//BASE64" of the SubjectPublicKeyInfo;
				    any of them must fit, in addition to the chain (instead of it
				    with trust "none") */
	size_t pin_count;
	const char *const *fingerprints; /* SHA-256 of the certificate as hex, colons allowed; any
					    of them, instead of the chain and the name */
	size_t fingerprint_count;
	const char *cert, *key; /* client certificate chain and key: PEM files or pkcs11: URIs */
	/* Gets the PIN of the token called LABEL, where one of them is a pkcs11: URI, which holds
	 * none; NULL: there is none. Asked while the settings are read, and at a handshake where
	 * the key wants it each time: PIN_CTX must live on. Gives the same each time. */
	bool (*pin)(void *ctx, const char *label, struct strbuf *ret, struct error *err);
	void *pin_ctx;
	const char *name;     /* checked and sent as SNI instead of the host */
	const char *priority; /* GnuTLS priority string that replaces ours */
	const char *min;      /* "1.2" or "1.3" */
};

/* Where what SCRAM makes of a password is kept: Hi() of it, RFC 5802 section 2.2, as hex. It
 * belongs to HASH ("SHA-256", "SHA-1"), the server's SALT (base64, as it came) and ITERATIONS, and
 * is worth the password to whoever has it. GET NULL: nowhere. */
struct wire_salted {
	bool (*get)(void *ctx, const char *hash, const char *salt, unsigned iterations,
		struct strbuf *ret);
	/* Keeps VALUE; NULL: the server has refused what was got. */
	void (*put)(void *ctx, const char *hash, const char *salt, unsigned iterations,
		const struct strbuf *value);
	void *ctx;
};

/* What a line of the dialogue is, for -v and --debug. */
enum wire_trace {
	WIRE_TRACE_SENT,     /* a line we sent, secrets already replaced by "***" */
	WIRE_TRACE_RECEIVED, /* a line of a reply */
	WIRE_TRACE_NOTE      /* connected, TLS up, body sent: facts in words */
};

struct wire_settings {
	const char *const
		*hosts; /* "name", "address", "name:port", "[v6 address]:port", in order */
	size_t host_count;
	uint16_t port; /* 0: 465 for implicit TLS, 587 for STARTTLS, 25 for none */
	enum wire_ip ip;
	const char *socket; /* path of a unix socket instead of hosts, or NULL */
	/* Connects to SOCKET for a process that may not itself: a descriptor that does not block,
	 * or -1 with errno. NULL: it may. */
	int (*reach)(void *ctx);
	void *reach_ctx;
	bool lmtp;    /* RFC 2033 instead of SMTP */
	bool srv;     /* hosts are mail domains: RFC 6186, 8314, 2782 */
	bool srv_any; /* ... whose records say how TLS begins; else only those that fit tls count */
	enum wire_dane dane;
	struct wire_proxy proxy;
	const char *source; /* an address of this machine to connect from, or NULL */
	bool pipeconnect;   /* greet ahead where the server offered it the last time */
	const char *memory; /* directory for what is remembered of servers; NULL: nothing is */
	struct wishes
		wishes; /* of the message; where the server does not offer one of them it is refused
			 * (69). mail_auth is borrowed, and left out where the server has no AUTH */
	enum wire_tls tls;
	struct tls_settings tls_settings;
	enum wire_pipelining pipelining;
	const char *ehlo_name;
	const char *mechanism;   /* NULL: the strongest that works; "none": no AUTH; else a name */
	bool cleartext_auth;     /* AUTH without TLS is allowed towards loopback */
	const char *user;        /* NULL: no login, unless EXTERNAL or GSSAPI is named */
	bool ticket;             /* a Kerberos ticket is likely there: GSSAPI may be chosen */
	bool ticket_first;       /* ... before a password */
	bool token;              /* the password is an access token: only mechanisms for it */
	const char *token_first; /* ... of which this one, where it is offered; NULL: any */
	/* Gets the password when AUTH needs it; may take until DEADLINE. Asked again for another
	 * mechanism or connection, when it must give the same, but not after it has failed. */
	bool (*secret)(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err);
	void *secret_ctx;
	struct wire_salted salted; /* with it SCRAM asks for the password only where it must */
	bool partial_abort;        /* one refused recipient stops the message for all */
	bool strict_body; /* refuse (65) what would have to be re-encoded or sent illegal */
	const char *temporary_directory; /* for a body that must be re-encoded, may be NULL */
	int64_t deadline;                /* clock.h; for the whole, CLOCK_NEVER without */
	int64_t budget;     /* clock.h; until the first octet of the content leaves: from then on
			     * cutting     off the wait for the answer would make doubles. 0: none */
	int64_t connect_ms; /* for one connection attempt to be established */
	/* Called with each line of the dialogue; may be NULL. TEXT is not printable-checked. */
	void (*trace)(void *ctx, enum wire_trace kind, const char *text, size_t n);
	void *trace_ctx;
};

/* The deadline while no content has begun to leave. */
int64_t wire_deadline(const struct wire_settings *settings);
