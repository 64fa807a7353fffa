/* What the files of the doctor share: check.c (the round), check_report.c (how findings are told),
 * and one for each part of the way: check_config.c, check_secret.c, check_dns.c, check_server.c
 * (connections), check_tls.c, check_own.c, check_smtp.c, check_queue.c, check_units.c,
 * check_machine.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "submission.h"

struct probe;
struct probe_own;
struct target;

enum finding {
#define FINDING(id, section, name, tells) FINDING_##id,
#include "check.def"
#undef FINDING
	FINDING_COUNT
};

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILURE, CHECK_STATES };

struct checkup {
	const struct arguments *args;
	struct submission line; /* what smarthost_open wants to know of the command line */
	const struct profile_list *accounts; /* all there are; NULL: flags make the only one */
	bool json, colour, offline;
	const char *to;      /* --to, NULL */
	const char *account; /* whose findings come; "": the machine's */
	bool headed;         /* its heading was printed */
	unsigned counts[CHECK_STATES];
	struct error first; /* the first failure */
	json_t *findings;   /* with json */
	json_t *data;       /* of the finding that comes next */
};

/* check_report.c. The findings that come are about ACCOUNT, borrowed until the next call. */
void check_turn(struct checkup *c, const char *account);
/* A datum for the next finding; VALUE is taken over. */
void check_datum(struct checkup *c, const char *key, json_t *value);
void check_text(struct checkup *c, const char *key, const char *value);
void check_number(struct checkup *c, const char *key, int64_t value);
/* Tells a finding that is ok. */
void check_good(struct checkup *c, enum finding f, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Tells one that is not, and what helps: a warning, or a failure with FAULT. */
void check_warn(struct checkup *c, enum finding f, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void check_fail(struct checkup *c, enum finding f, enum fault fault, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for an error, whose hint is the remedy, OTHERWISE where there is none. WARN: a warning.
 */
void check_error(struct checkup *c, enum finding f, bool warn, const struct error *err,
	const char *otherwise);
/* The last line, or all of JSON. Returns the exit status. */
int check_conclude(struct checkup *c);

/* check_config.c */
/* Loads it and tells about its files. False when there is no account to go on with; WRONG is set
 * when there is none called NAME (may be NULL). */
bool check_configuration(
	struct checkup *c, const char *name, struct profile_list *ret, struct error *wrong);
/* True iff the account can be used. */
bool check_settings(struct checkup *c, const struct profile *p);
/* Who stands in for it. */
void check_fallback(struct checkup *c, const struct profile *p);
void check_named_files(struct checkup *c, const struct profile *p);
/* "ann" */
void check_owner(char out[80], uid_t uid);

/* check_secret.c */
bool check_secret(struct checkup *c, const struct profile *p, struct smarthost *h);

/* check_token.c. Without the network. */
bool check_token(struct checkup *c, const struct profile *p);

/* check_dns.c. Where the account leads to. */
#define CHECK_PLACES 16
size_t check_dns(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	struct target *places);

/* check_own.c: the certificate that we show to servers. check_own_load reads it, once; false: told
 * why it cannot be used, and no server need be asked. Then what it is; REFUSED: a server wanted
 * none of it. */
bool check_own_load(struct checkup *c, const struct wire_settings *w, struct probe_own *ret);
void check_own(struct checkup *c, const struct probe_own *own, bool refused);
#define CHECK_SOON 14 /* days before a certificate's end */
#define CHECK_DAY  86400
/* "2026-11-30" */
void check_day(char out[16], time_t when);

/* check_server.c. SECRET: a login is possible. True iff a server refused our certificate. */
bool check_servers(struct checkup *c, const struct profile *p, struct smarthost *h, bool secret,
	const struct target *places, size_t count);
/* "mail.example.org [192.0.2.1] port 465" */
void check_place(const struct probe *p, char out[400]);
#define CHECK_MS (40 * 1000) /* for one connection */

/* check_tls.c. BRIEF: what is good goes without saying. True iff the reason why the handshake was
 * refused is told. */
void check_tls(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	const struct probe *probe, bool brief);

/* check_smtp.c */
void check_smtp(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	const struct probe *probe);

/* check_queue.c: what is known against an account; the spools of all. */
void check_breaker(struct checkup *c, const struct profile *p);
void check_queues(struct checkup *c, const struct profile_list *accounts);

/* check_units.c: what systemd, if it runs, knows of our units: the system's, or the user's. */
void check_units(struct checkup *c, bool system);

/* check_machine.c */
void check_service(struct checkup *c, const struct profile *p);
/* By whom the words of the account's servers are parsed when root submits without the service. */
void check_root(struct checkup *c, const struct profile *p, const struct wire_settings *w);
void check_machine(struct checkup *c);
