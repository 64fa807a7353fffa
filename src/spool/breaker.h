/* What is known about the way to an account's smarthost: a file per account in the spool, so that
 * many processes and many messages make one connection attempt per interval while it is down. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entry.h"
#include "error.h"

struct schedule_draw;
struct spool;

enum breaker_kind {
	BREAKER_CLOSED, /* nothing is known against it */
	BREAKER_DOWN,   /* not reached, or refused for now: 30 s doubling to 30 min, full jitter */
	BREAKER_HOST,   /* no such host, or the host refuses us altogether: a probe in 30 min */
	BREAKER_CERTIFICATE, /* the certificate was refused, or there is no TLS: a probe in 30 min
			      */
	BREAKER_CREDENTIALS, /* refused or missing: held until the stamp changes, a probe in 6 h */
	BREAKER_CONFIG,      /* the configuration is broken: the same */
	BREAKER_COUNT
};
/* "closed", "down", "host", "certificate", "credentials", "configuration": for JSON and the
 * history. */
const char *breaker_name(enum breaker_kind kind);
/* True iff a person must do something: HOST and what comes behind it. */
bool breaker_is_loud(enum breaker_kind kind);
/* True iff it is not tried again by itself within the hour: CREDENTIALS and CONFIG. mailq calls it
 * held. */
bool breaker_is_held(enum breaker_kind kind);

#define BREAKER_FIRST   30
#define BREAKER_LONGEST 1800
#define BREAKER_LOUD    1800  /* between probes of HOST and CERTIFICATE, at least */
#define BREAKER_HELD    21600 /* between probes of CREDENTIALS and CONFIG */

/* Seconds since 1970. */
struct breaker {
	char account[ENTRY_ACCOUNT];
	enum breaker_kind kind;
	unsigned count;   /* failures in a row */
	int64_t since;    /* first of them */
	int64_t last;     /* last of them */
	int64_t next;     /* not tried before */
	uint64_t stamp;   /* of configuration and secret when it failed */
	struct error why; /* the last failure; text and words printable */
};

/* Says whether an attempt's error is about the way to the smarthost, not about the message, and
 * which way it is: BREAKER_CLOSED when it is about the message. By stage: everything up to AUTH,
 * 421 anywhere, 4yz about the system at MAIL, 530 and 538, FAULT_CONFIG; local trouble (no
 * descriptors, no memory, FAULT_SYSTEM, FAULT_IO) is DOWN. A message that is too large, not ASCII
 * enough, or asks for what the server lacks is about the message at any stage. */
enum breaker_kind breaker_judge(const struct error *err);

/* Reads the state, without a lock. Nothing there, or damaged: BREAKER_CLOSED. RET->next is made
 * sane against a clock that jumped back (NOW). */
void breaker_read(struct spool *s, const char *account, int64_t now, struct breaker *ret);

/* May one connect now? */
enum breaker_answer {
	BREAKER_GO,    /* closed */
	BREAKER_PROBE, /* open, but it is time: this process alone tries one message; *ret_probe is
			  set */
	BREAKER_WAIT   /* open, or another process probes: do not connect. RET->next, RET->why say
			  more */
};
/* STAMP: of configuration and secret as they are now (any number that changes when they do); one
 * that differs from that of the failure makes it time for CREDENTIALS and CONFIG. FORCE: on behalf
 * of a person (flush, release): it is time. A probe ends by breaker_fail or breaker_succeed and
 * then breaker_probe_done; a process that dies ends it too. */
enum breaker_answer breaker_ask(struct spool *s, const char *account, uint64_t stamp, bool force,
	int64_t now, struct breaker *ret, int *ret_probe);
/* Accepts -1. */
void breaker_probe_done(int *probe);

/* Takes down a failure of KIND (not CLOSED) and computes when to try again; failures within a
 * second or before RET->next, from attempts begun side by side, count once. *RET (may be NULL) is
 * the new state. Durable enough: atomic, but not flushed. FAULT_TEMPORARY when it cannot be
 * written. */
bool breaker_fail(struct spool *s, const char *account, enum breaker_kind kind, uint64_t stamp,
	const struct error *why, int64_t now, const struct schedule_draw *draw, struct breaker *ret,
	struct error *err) __attribute__((warn_unused_result));
/* An attempt got through: closes it. */
bool breaker_succeed(struct spool *s, const char *account, struct error *err)
	__attribute__((warn_unused_result));
/* It is time now, whatever kind it is (flush --account, release, a network that came up). */
bool breaker_release(struct spool *s, const char *account, int64_t now, struct error *err)
	__attribute__((warn_unused_result));

/* Calls EACH for every account whose breaker is not closed, in no order; for mailq. */
bool breaker_each(struct spool *s, int64_t now, void (*each)(void *ctx, const struct breaker *b),
	void *ctx, struct error *err) __attribute__((warn_unused_result));

/* The file's text, for tests and fuzzers: parses N octets, checksum and all; false when damaged. */
bool
breaker_parse(const char *s, size_t n, struct breaker *ret) __attribute__((warn_unused_result));
