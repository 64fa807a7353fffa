/* Goes up to one server step by step, as a submission would, but sends no message: for the doctor, for
 * setting up, for trying a password. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "capability.h"
#include "error.h"
#include "session.h"
#include "strbuf.h"

struct wire_settings;

#define PROBE_ADDRESSES    16
#define PROBE_CERTIFICATES 8

struct probe_certificate {
	char subject[256], issuer[256]; /* printable */
	char names[512];                /* subjectAltName of the first, blank between */
	char key[32], signature[48];    /* "EC/ECDSA 256", "RSA-SHA256" */
	time_t begins, expires;
	char pin[72];                   /* "sha256:HEX" of its key, as tls-pin wants it */
	char fingerprint[68];           /* SHA-256 of it, hex */
};

/* How far it went and what it saw; the texts are printable. What was not reached is empty. */
struct probe {
	char host[256], address[64];
	uint16_t port;
	enum stage reached;       /* the last stage that succeeded */
	struct error error;       /* why it went no further; fault 0: it did all */
	int64_t ms[WIRE_PHASE_COUNT];
	unsigned round_trips;
	struct tls_info tls;
	bool chain_good, name_good; /* looked at one by one, also where the handshake was refused */
	char verdict[256];          /* GnuTLS's words on the chain, "" if it is good */
	struct probe_certificate chain[PROBE_CERTIFICATES];
	size_t chain_length;
	bool resumed;               /* a second connection resumed the session (if asked for) */
	char greeting[512];
	struct capability capability;
	struct strbuf ehlo;         /* its lines, LF between */
	char mechanism[32];         /* the one that logged in */
	struct error sender_error, recipient_error; /* MAIL, RCPT: refused */
	bool sender_good, recipient_good;
};

struct probe_plan {
	const char *address;    /* connect there, not to where the host's name leads; NULL: as usual */
	bool log_in;            /* else up to EHLO behind TLS */
	bool resume;            /* a second connection, for the session's resumption */
	const char *sender, *recipient; /* MAIL FROM and RCPT TO, then RSET; NULL: not asked */
};

/* Probes the first host of SETTINGS (the others, fallbacks and the queue are the caller's business).
 * Certificates that do not fit are described, but nothing is said to such a server after the handshake,
 * a password least of all. *RET is filled in any case. Never sends DATA or BDAT. */
void probe_run(const struct wire_settings *settings, const struct probe_plan *plan, struct probe *ret);
void probe_done(struct probe *p);

/* The addresses of HOST, in the order in which they would be tried, as text. Errors as dial_open. */
bool probe_resolve(const char *host, enum wire_ip ip, int64_t deadline,
	char ret[PROBE_ADDRESSES][64], size_t *ret_n, struct error *err)
	__attribute__((warn_unused_result));
