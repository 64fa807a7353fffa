/* The aliases file as sendmail reads it, and the expansion of local recipients through it. Pure: the
 * caller reads files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

struct error;
struct strbuf;

#define ALIAS_FILE_MAX (8 << 20) /* octets of an aliases or :include: file */
#define ALIAS_DEPTH    32        /* :include: within :include:, aliases within aliases */
#define ALIAS_TARGETS  100000    /* addresses that one message may expand to */

/* What a target is. */
enum alias_kind {
	ALIAS_ADDRESS, /* local or not */
	ALIAS_INCLUDE, /* :include:/path */
	ALIAS_PIPE,    /* |command: never run */
	ALIAS_FILE     /* /path: never written */
};

struct alias_target {
	enum alias_kind kind;
	struct address address; /* ALIAS_ADDRESS; a leading backslash ("\root": no further
	                           expansion) is taken off and noted in final */
	bool final;
	char *text;             /* path or command of the other kinds */
};

struct alias {
	char *name;             /* lower case */
	size_t line;            /* where it stands */
	struct alias_target *targets;
	size_t target_count;
};

struct aliases {
	char *file;             /* its name, for messages */
	struct alias *v;        /* in the order of the file; looked up without regard to case */
	size_t n;
	void *index;            /* look-up by name in O(log n) or better */
};

#define ALIASES_NONE { NULL, NULL, 0, NULL }

/* Parses N octets of TEXT, called FILE in messages: `name: target, target`; continuation lines begin
 * with a blank; `#` comments; names in quotes; names in any case; targets with display names and
 * comments; quoted targets ("|command with, comma"); CRLF or LF. False with FAULT_DATA, "FILE:LINE:
 * ..." for a line without a colon, an open quote, an empty name, a duplicate name, an address that
 * cannot be parsed. Everything wrong in the file is found one call at a time: the first is told. */
bool aliases_parse(const char *text, size_t n, const char *file, struct aliases *ret,
	struct error *err) __attribute__((warn_unused_result));
void aliases_done(struct aliases *a);
/* The alias called NAME, or the entry `default` if there is one and WITH_DEFAULT; NULL for none. */
const struct alias *aliases_find(const struct aliases *a, const char *name, bool with_default);

/* How addresses are expanded. */
struct alias_expansion {
	const struct aliases *aliases;
	const char *const *local_domains; /* these domains, and none, mean this machine */
	size_t local_domain_count;
	/* Reads a file that :include: names, at most OUT->cap octets. */
	bool (*read)(void *ctx, const char *path, struct strbuf *out, struct error *err);
	/* Told each step, for -bv: ADDRESS became TARGET by the entry at LINE of FILE. May be NULL. */
	void (*step)(void *ctx, const char *address, const char *target, const char *file,
		size_t line);
	void *ctx;
};

/* Appends to *OUT what FROM expands to: addresses of other domains and local names without an alias as
 * they are (still unqualified), aliases by their targets, again and again; loops are cut (an alias that
 * names itself stands for the name itself), each address once. A pipe, a file or an unreadable
 * include is a target that cannot be delivered to: it is appended to *REFUSED (may be NULL) as a
 * sentence ended by LF that names alias, file:line and target, and the others go on. False with
 * FAULT_DATA for more than ALIAS_TARGETS. */
bool alias_expand(const struct alias_expansion *how, const struct address_list *from,
	struct address_list *out, struct strbuf *refused, struct error *err)
	__attribute__((warn_unused_result));
