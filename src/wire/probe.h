/* Goes up to one server step by step, as a submission would, but sends no message: for the doctor,
 * for setting up, for trying a password. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "capability.h"
#include "error.h"
#include "route.h"
#include "session.h"
#include "strbuf.h"

struct wire_settings;

#define PROBE_ADDRESSES    16
#define PROBE_CERTIFICATES 8
#define PROBE_PLACES       16
#define PROBE_SENDERS      8
#define PROBE_EHLO         (16 << 10) /* octets of the reply to EHLO that are kept */

struct probe_certificate {
	char subject[256], issuer[256]; /* printable */
	char names[512];                /* subjectAltName, hosts and addresses, blank between */
	char key[32], signature[48];    /* "EC/ECDSA 256", "RSA-SHA256" */
	time_t begins, expires;
	char pin[72];         /* "sha256:HEX" of its key, as tls-pin wants it */
	char fingerprint[68]; /* SHA-256 of it, hex */
};

/* The verdict on one sender. */
struct probe_sender {
	bool asked, good;
	struct error error; /* refused, by the server or because it cannot be told to it */
};

/* How far it went and what it saw; the texts are printable. What was not reached is empty. */
struct probe {
	char host[256], address[64];
	char proxy[264];    /* the address is its own then; "" without one */
	uint16_t port;      /* 0 for a unix socket */
	enum stage reached; /* the last stage that succeeded: with STARTTLS TLS is behind EHLO,
			     * and EHLO comes again */
	struct error error; /* why it went no further; fault 0: it did all */
	int64_t ms[WIRE_PHASE_COUNT]; /* of the first connection */
	unsigned round_trips;
	struct tls_info tls;
	/* Looked at one by one, also where the handshake was refused; not with a chain of length 0
	 */
	bool chain_checked; /* false: tls-trust and tls-fingerprint say that it does not count */
	bool chain_good, name_good;
	char verdict[256]; /* GnuTLS's words on the chain, "" if it is good */
	struct probe_certificate chain[PROBE_CERTIFICATES]; /* the server's own first */
	size_t chain_length;
	size_t dane_records;        /* usable ones that DNSSEC vouches for */
	char resolver[64];          /* who vouched for them */
	bool resume_tried, resumed; /* a second connection resumed the session (if asked for) */
	char greeting[512];         /* with its code */
	struct capability capability;
	struct strbuf ehlo; /* the lines of the last reply to EHLO without code, LF behind each */
	char clear_mechanisms[256]; /* what AUTH offered before STARTTLS, "" for nothing */
	bool helo;                  /* EHLO was refused, HELO taken */
	char choice[32];            /* the mechanism that would be used first; "": none is wanted */
	struct error choice_error;  /* why no login is possible here */
	char mechanism[32];         /* the one that logged in */
	struct error sender_error, recipient_error; /* MAIL, RCPT: refused */
	bool sender_good, recipient_good;
	struct probe_sender others[PROBE_SENDERS]; /* of the plan */
};

/* Zeroed: up to EHLO behind TLS at the first place. */
struct probe_plan {
	const struct target *place; /* of probe_places; NULL: the first one */
	const char *address; /* connect there, not to where the host's name leads; NULL: as usual */
	bool log_in;         /* else up to EHLO behind TLS */
	bool resume;         /* a second connection, for the session's resumption */
	const char *sender,
		*recipient; /* MAIL FROM ("": the null sender) and RCPT TO, then RSET; NULL:
			     * not asked. A refused sender leaves the recipient unasked */
	const char *const
		*others;    /* more senders, each asked by a MAIL of its own before that one */
	size_t other_count; /* at most PROBE_SENDERS */
	/* Called once all that TLS wants is open, before anything comes from the network: where a
	 * process gives up what it does not need any more. False: it goes no further. May be NULL.
	 */
	bool (*opened)(void *ctx, struct error *err);
	void *opened_ctx;
};

/* Probes one place of SETTINGS (the others, fallbacks and the queue are the caller's business), by
 * what a submission is made of, with nothing remembered of the server. Certificates that do not fit
 * are described, but nothing is said to such a server after the handshake, a password least of all.
 * *RET is filled in any case, and needs probe_done. Never sends DATA or BDAT; RSET and QUIT end it.
 * Holds the deadline of SETTINGS, without one the phases' own, which are minutes. */
void
probe_run(const struct wire_settings *settings, const struct probe_plan *plan, struct probe *ret);
void probe_done(struct probe *p);
/* One that has seen nothing. */
void probe_none(struct probe *p);

/* The places that SETTINGS lead to, in the order in which they would be tried: hosts, or the
 * targets of SRV records. Returns how many; *ERR is set by the first setting that leads nowhere,
 * although others may. */
size_t probe_places(
	const struct wire_settings *settings, struct target ret[PROBE_PLACES], struct error *err);

/* The addresses of HOST, in the order in which they would be tried, as text. Errors as dial_open.
 */
bool
probe_resolve(const char *host, enum wire_ip ip, int64_t deadline, char ret[PROBE_ADDRESSES][64],
	size_t *ret_n, struct error *err) __attribute__((warn_unused_result));

/* probe_packing.c: for another process, as packing.h has it, what a probe has seen; *P was made by
 * probe_none, and needs probe_done in any case. */
void probe_add(struct strbuf *out, const struct probe *p);
bool
probe_take(const char **at, const char *end, struct probe *p) __attribute__((warn_unused_result));
/* A place of probe_places that is no socket. */
void probe_add_place(struct strbuf *out, const struct target *t);
bool probe_take_place(const char **at, const char *end, struct target *t)
	__attribute__((warn_unused_result));

/* Our own certificate, as servers are shown it, and what is behind it. */
struct probe_own {
	struct probe_certificate chain[PROBE_CERTIFICATES]; /* our own first */
	size_t length;                                      /* 0: none is set */
	bool for_clients;                                   /* it names no purpose, or this one */
};

/* Reads tls-cert and tls-key of SETTINGS, from files or a token, which is asked for its PIN then,
 * once. Errors as tls_context_new, of these settings alone. Without the network. */
bool probe_own(const struct tls_settings *settings, struct probe_own *ret, struct error *err)
	__attribute__((warn_unused_result));

/* probe_chain.c. What the servers of CONTEXT show goes into *P, before it is judged. */
struct tls_context;
void probe_watch(struct tls_context *context, struct probe *p);
