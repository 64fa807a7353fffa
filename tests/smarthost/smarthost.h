/* A small SMTP submission server for tests: it accepts mail, writes down exactly what it got, and
 * refuses on demand. One process per connection; no part of it is code under test except base/. */
#pragma once

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#define LINE_MAX_OCTETS (16 << 10) /* of a command, RFC 4954 section 4.4 wants 12288 for AUTH */
#define USERS_MAX       16
#define RECIPIENTS_MAX  2000
#define CREDENTIALS_MAX 512

enum tls_mode { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

struct user {
	const char *name;
	char *password;
};

/* Memory that all processes share. */
struct shared {
	unsigned records;  /* numbers given to messages */
	unsigned accepted; /* messages that were answered 250 */
	unsigned connections;
};

struct config {
	const char *listen;
	unsigned port;
	enum tls_mode tls;
	const char *tls_version; /* "1.2", "1.3", "any" */
	bool request_certificate;
	const char *ca_directory;
	const char *use_ca; /* take the files of --make-ca from this directory */
	const char *make_ca;
	const char *certificate; /* the variant */
	struct user users[USERS_MAX];
	size_t user_count;
	const char *mechanisms;
	const char *scram_salt;
	bool auth_optional;
	const char *extensions;
	char *changed_extensions; /* the same when it was made by us */
	const char *record;       /* directory, NULL: none */
	bool discard;             /* sizes and sums only */
	unsigned messages;        /* end after so many, 0: never */
	unsigned max_recipients;
	unsigned delay_ms; /* before each flight of replies */
	unsigned idle;     /* seconds a connection may be silent */
	bool until_eof;
	bool verbose;

	uint64_t size_limit; /* from the extensions; 0: no SIZE */
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t ticket_key;
	struct shared *shared;
};

/* One connection: octets in blocks, replies collected into one write per flight. */
struct link {
	int fd;
	gnutls_session_t tls; /* NULL: none */
	struct strbuf out;
	char in[64 << 10];
	size_t at, end;
	unsigned flights; /* round trips from the greeting on */
	unsigned delay_ms, idle;
	bool verbose;
};

void link_init(struct link *l, int fd, const struct config *c);
/* Handshakes as a server; false when it failed. */
bool link_start_tls(struct link *l, const struct config *c);
void link_done(struct link *l);
/* Sends what was collected. */
bool link_flush(struct link *l);
/* Makes at least one octet available in in[at..end), sending replies first when it would have to
 * wait. False at the end. */
bool link_fill(struct link *l);
/* True iff octets wait: in the buffer, in TLS, or on the socket. */
bool link_has_input(struct link *l);
/* Takes a line without its CRLF into LINE; a bare LF ends it too (*RET_BARE). False at the end. */
bool link_line(struct link *l, struct strbuf *line, bool *ret_bare);

/* A message on its way to its file. */
struct record {
	const struct config *config;
	int fd; /* -1: none */
	char temporary[32];
	gnutls_hash_hd_t hash;
	char buffer[64 << 10];
	size_t used;
	uint64_t size, bare_lf, bare_cr, nul, line, longest;
	bool eight_bit, failed;
	char state; /* where in a line, see content.c */
};

bool record_open(struct record *r, const struct config *c);
void record_add(struct record *r, const char *data, size_t n);
void record_discard(struct record *r);

struct path {
	char *address;    /* between the angle brackets */
	char *parameters; /* what follows, "" for nothing */
};

struct session {
	struct config *config;
	struct link link;
	char peer[64];
	unsigned connection;
	char ehlo[256];
	bool esmtp, pipelined_early;
	char *mechanism, *user; /* set after AUTH */
	unsigned auth_failures, messages;
	char *client_name; /* common name of a verified client certificate, NULL without */

	/* the transaction */
	struct path sender;
	struct path *recipients;
	size_t recipient_count;
	bool utf8, body8;
	char steer; /* what a steering recipient wants at the end: 't' 'p' 'd' 'l', 0 */
	unsigned chunks;
	bool chunking, chunk_failed;
	struct record record;
	bool recording;
};

/* Numbers the message, writes NNNNNN.json beside NNNNNN.eml and returns the number, 0 when it could
 * not be written. VIA is "DATA" or "BDAT". */
unsigned record_commit(struct session *s, const char *via);

/* Serves one connection. */
void smtp_serve(struct session *s);
/* Collects a reply: "250 2.1.0 text"; the enhanced code only where it was announced. */
void smtp_reply(struct session *s, int code, const char *enhanced, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Forgets the transaction. */
void smtp_reset(struct session *s);

/* DATA and BDAT with their replies; false when the connection is over. */
bool content_data(struct session *s);
bool content_bdat(struct session *s, const char *argument);

/* Appends the line of EHLO with the mechanisms that can be used now, nothing when there is none. */
void auth_add_mechanisms(struct session *s, struct strbuf *out);
/* AUTH with its turns; false when the connection is over. */
bool auth_command(struct session *s, const char *argument);

/* Extensions: is NAME offered on this connection? */
bool extension_offered(const struct session *s, const char *name);
/* The argument behind '=' in the list ("10" of "SIZE=10"); NULL when there is none. */
bool extension_argument(const struct config *c, const char *name, char *out, size_t size);
/* Finds the next word in a list separated by commas or blanks; false at its end. */
bool list_next(const char **at, const char **ret, size_t *ret_len);
/* The same for the parameters of MAIL and RCPT: only blanks separate them. */
bool parameter_next(const char **at, const char **ret, size_t *ret_len);
/* True iff LIST holds WORD, without regard to case. */
bool list_has(const char *list, const char *word);

/* Makes the test authority and the server's certificate, loads them into CONFIG, and writes them
 * into its ca_directory where one is set. False with a complaint on standard error. */
bool certificate_setup(struct config *c);
/* Writes every variant into DIRECTORY. */
bool certificate_make_all(const char *directory);
void certificate_done(struct config *c);
bool certificate_variant_known(const char *name);
