/* What other programs are configured with, as a configuration of ours. No file access here, and no
 * command is run but the ones the caller runs: octets in, accounts and remarks out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "profile.h"
#include "strbuf.h"

struct error;

enum import_format {
	IMPORT_UNKNOWN,
	IMPORT_MSMTP,
	IMPORT_SSMTP,
	IMPORT_NULLMAILER,
	IMPORT_DMA,
	IMPORT_ESMTP,
	IMPORT_SNAIL,
	IMPORT_FORMATS
};

#define IMPORT_LINE_MAX    2048      /* octets of one line of a file to be imported */
#define IMPORT_REMARKS_MAX (1 << 20) /* octets of all remarks */

/* How much a remark matters. */
enum import_weight {
	IMPORT_NOTE,  /* translated; something is worth knowing */
	IMPORT_LEFT,  /* left out: mail goes the same way without it */
	IMPORT_WRONG, /* left out, and it decides how or whether mail of the account goes */
	IMPORT_ASTRAY /* left out, and it decides which account mail goes by */
};

/* A translation. Zero it, set the first group, call import_parse, then read the second group. */
struct import {
	const char *name; /* the file, in messages; borrowed */
	/* Reads a file that belongs to the first (revaliases, auth.conf, defaultdomain); false
	 * where there is none. May be NULL. The buffer is secret. */
	bool (*companion)(void *ctx, const char *path, struct strbuf *out);
	/* Runs the command of an eval line and gives the first line that it prints; false with *ERR
	 * set. NULL: eval lines are not run. */
	bool (*eval)(void *ctx, const char *command, struct strbuf *out, struct error *err);
	void *ctx;

	struct profile_list accounts; /* a password that stood there in clear is in it */
	struct strbuf remarks;        /* lines "FILE:LINE: what, why, what to do" */
	unsigned left;                /* remarks that are more than notes */
	char wrong[400];              /* the first that is IMPORT_WRONG or IMPORT_ASTRAY, or "" */

	/* the rest belongs to the importers */
	struct profile *account; /* that is being translated from msmtp's; NULL between them */
	bool in_place;           /* what is IMPORT_WRONG about it is put down in it, not in WRONG */
	const char *at, *end;
	unsigned line;
	struct strbuf text;
};

/* The format that the name of a file and its content speak for; IMPORT_UNKNOWN if neither does. */
enum import_format import_guess(const char *path, const char *text, size_t n);
/* "msmtp", ... */
const char *import_format_name(enum import_format format);
/* True iff the file can be nothing but a configuration of msmtp: its first line that is no comment
 * is one of its commands, where our own files have a section. */
bool import_is_msmtp(const char *text, size_t n);
/* Translates N octets. Never fails: what cannot be translated is a remark. */
void import_parse(struct import *i, enum import_format format, const char *text, size_t n);
void import_done(struct import *i);
/* Appends the accounts as a file that parse_config accepts and that gives the same accounts: what
 * all have in common, from one line of the source, becomes [defaults]; what one has of another,
 * inherit. A password is not written, but how to store it in a file of its own. */
void import_write(const struct import *i, struct strbuf *out);
/* Appends the accounts of msmtp's file NAME to *L, with the places of their settings in that file.
 * SECRET is set if a password stands in it. What has no equal and decides how the mail of one
 * account goes is for profile_check() to tell, when that account is used; FAULT_CONFIG for the
 * first such thing that concerns all of them. */
bool import_load(const char *text, size_t n, const char *name, struct profile_list *l,
	bool *ret_secret, struct error *err) __attribute__((warn_unused_result));

/* What a shell would do with COMMAND beyond splitting it into words, as a phrase; NULL for nothing.
 */
const char *import_needs_shell(const char *command);
