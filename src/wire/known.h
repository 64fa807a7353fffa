/* What is known of a server from earlier sessions: the record, and what a session does with it.
 * Known is it of one address, and only while the server offers the same extensions and has the same
 * key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "memory_file.h"
#include "strbuf.h"

#define KNOWN_OFFER (8 << 10) /* octets of EHLO's reply that are kept */

/* How it answers a BDAT that it refuses. */
enum known_bdat {
	KNOWN_NOTHING,
	KNOWN_IN_STEP, /* once, and takes the octets for what they are */
	KNOWN_OUT_OF_STEP,
	KNOWN_BDAT_COUNT
};

struct known {
	struct memory_key offer_hash; /* of the lines behind the first of the reply to EHLO */
	struct memory_key spki;       /* SHA-256 of its certificate's key; zero without TLS */
	enum known_bdat bdat;
	time_t bdat_when;     /* when that was found out */
	time_t lockstep_when; /* when it last worked in lockstep only; 0: never */
	struct strbuf offer;  /* those lines, where it offered PIPECONNECT; else empty */
};

#define KNOWN_NONE                                                                                 \
	{                                                                                          \
		.offer = STRBUF_INIT(KNOWN_OFFER)                                                  \
	}

/* The record; *RET is initialized and needs known_done in any case. */
bool
known_parse(const char *record, size_t n, struct known *ret) __attribute__((warn_unused_result));
void known_print(const struct known *k, struct strbuf *record);
void known_done(struct known *k);

struct session;

/* Looks up the server before it has said anything: true iff what it will offer is known well enough
 * to go ahead of its greeting, and the session is prepared for that. */
bool known_guess(struct session *s) __attribute__((warn_unused_result));
/* True iff the reply to EHLO that was just taken is what known_guess went by. Nothing is known any
 * more otherwise. */
bool known_guessed_right(struct session *s) __attribute__((warn_unused_result));
/* After the last EHLO: looks up the server, forgets what no longer fits, and applies the rest. */
void known_recall(struct session *s);
void known_forget(struct session *s);
/* What was found out; kept at once. */
void known_note_bdat(struct session *s, enum known_bdat bdat);
void known_note_lockstep(struct session *s);
