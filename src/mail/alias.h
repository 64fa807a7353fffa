/* The aliases file as sendmail reads it, and the expansion of local recipients through it. Pure:
 * the caller reads files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

struct error;
struct strbuf;

#define ALIAS_FILE_MAX (8 << 20) /* octets of an aliases or :include: file */
#define ALIAS_ENTRIES  1000000   /* targets that one file may have */
#define ALIAS_MISTAKES 1000      /* that are kept of one file */
#define ALIAS_INCLUDES 1000      /* :include: files that one message may need */
#define ALIAS_DEPTH    32        /* :include: within :include:, aliases within aliases */
#define ALIAS_TARGETS  100000    /* addresses that one message may expand to */

/* What a target is. */
enum alias_kind {
	ALIAS_ADDRESS, /* local or not */
	ALIAS_INCLUDE, /* :include:/path */
	ALIAS_PIPE,    /* |command: never run */
	ALIAS_FILE,    /* /path: never written */
	ALIAS_BROKEN   /* a mistake: it cannot be told whom it means */
};

struct alias_target {
	enum alias_kind kind;
	struct address address; /* ALIAS_ADDRESS; a leading backslash ("\root": no further
				   expansion) is taken off and noted in final */
	bool final;
	char *text; /* path or command; why it is broken */
	size_t line;
};

/* What is wrong with a line. */
struct alias_mistake {
	size_t line;
	char *text; /* "FILE:LINE: what is wrong", printable */
};

struct alias {
	char *name;  /* lower case */
	size_t line; /* where it begins */
	struct alias_target *targets;
	size_t target_count;
};

struct aliases {
	char *file;      /* its name, for messages */
	struct alias *v; /* in the order of the file */
	size_t n;
	struct alias **index; /* by name, each name once */
	size_t index_count;
	struct alias_mistake *mistakes; /* by line; the first ALIAS_MISTAKES */
	size_t mistake_count;           /* all */
};

#define ALIASES_NONE                                                                               \
	{                                                                                          \
		.n = 0                                                                             \
	}

/* Parses N octets of TEXT, called FILE in messages: `name: target, target`; continuation lines
 * begin with a blank; comments begin with a '#' that starts a line or follows a blank; names in any
 * case and in quotes; targets with display names and comments, "|command with, comma", "/file",
 * :include:/path; LF or CRLF. A mistake (a line without a colon, a quote without its partner, a
 * name that is no local one or stands there a second time, an address that cannot be parsed) is
 * noted and makes no other line useless: a name that has a target at all is an alias, of two with
 * one name the first counts. */
void aliases_parse(const char *text, size_t n, const char *file, struct aliases *ret);
/* The same for a :include: file, each line of which is a list of targets: the one alias in *RET,
 * without a name, has them all. */
void aliases_parse_include(const char *text, size_t n, const char *file, struct aliases *ret);
void aliases_done(struct aliases *a);
/* The alias called NAME, in any case, or the entry `default` if there is one and WITH_DEFAULT; NULL
 * for none. */
const struct alias *aliases_find(const struct aliases *a, const char *name, bool with_default);
/* Appends a target as a file has it, without quotes. Not made printable. */
void alias_add_target(struct strbuf *out, const struct alias_target *t);
/* Appends why nothing can be delivered to a target that is no address and no include: "FILE:LINE:
 * the alias NAME has ...". Printable, no line end. */
void alias_add_refusal(
	struct strbuf *out, const char *file, const char *name, const struct alias_target *t);

/* How addresses are expanded. The callbacks that only tell may be NULL. */
struct alias_expansion {
	const struct aliases *aliases;
	const char *const *local_domains; /* these domains, and none, mean this machine */
	size_t local_domain_count;
	/* Reads a file that :include: names (a path that begins with '/'), at most OUT->cap octets.
	 */
	bool (*read)(void *ctx, const char *path, struct strbuf *out, struct error *err);
	/* Told each step, for -bv: ADDRESS became TARGET by the entry at LINE of FILE. */
	void (*step)(
		void *ctx, const char *address, const char *target, const char *file, size_t line);
	/* Told each target of the alias NAME that cannot be delivered to. WHY is one printable line
	 * that names file, line, alias and target. */
	void (*refuse)(void *ctx, const char *name, const char *why);
	void *ctx;
};

/* Appends to *OUT what FROM expands to: addresses of other domains and local names without an alias
 * as they are (still unqualified), aliases by their targets, again and again, each address once. An
 * alias that names itself stands for the name itself. Other loops are cut; an alias that leads to
 * nobody but itself is refused, as are pipes, files, unreadable includes and broken targets, and
 * all others go on. Each alias and each file is expanded once. False with FAULT_DATA for more than
 * ALIAS_TARGETS, or with FAULT_TEMPORARY when a file cannot be read for the moment; *OUT is then as
 * it was. */
bool alias_expand(const struct alias_expansion *how, const struct address_list *from,
	struct address_list *out, struct error *err) __attribute__((warn_unused_result));
