/* Look-ups in the table of options, and the checks of their values. Pure: also part of the program
 * that makes the manual and the completions at build time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum option_id {
#define GROUP(id, title)
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence) OPT_##id,
#define ALIAS(id, letter, name)
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
	OPT_COUNT
};

enum option_kind {
	KIND_FLAG,
	KIND_BOOL,
	KIND_TEXT,
	KIND_LIST,
	KIND_MANY,
	KIND_PATH,
	KIND_COMMAND,
	KIND_ENUM,
	KIND_NUMBER,
	KIND_TIME,
	KIND_GLUED
};

/* Where an option may appear: a set of bits. */
enum {
	WHERE_FLAG = 1,
	WHERE_FILE = 2,
	WHERE_SENDMAIL = 4,
	WHERE_MASK = 8,
	WHERE_LONG = 16,
	WHERE_OPTIONAL =
		32 /* as an option it may stand without its argument, which is glued by = */
};

enum option_group {
#define GROUP(id, title) OPTION_GROUP_##id,
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence)
#define ALIAS(id, letter, name)
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
	OPTION_GROUP_COUNT
};

struct option {
	enum option_id id;
	enum option_group group;
	char letter;      /* 0: none */
	const char *name; /* long option and key, "" for none */
	const char *arg;  /* what --help calls the argument, "" for none */
	enum option_kind kind;
	unsigned where;
	const char *values;   /* "a|b|c" or "low-high", "" for anything */
	const char *fallback; /* the default, "" for none */
	const char *sentence;
};

extern const struct option options[OPT_COUNT];
extern const char *const option_group_titles[OPTION_GROUP_COUNT];

/* NULL when there is none. Aliases are found too. */
const struct option *option_by_letter(char letter);
/* By name (N octets), among those that appear in any place of WHERE. */
const struct option *option_by_name(const char *name, size_t n, unsigned where);
/* The known name most like NAME, for "did you mean"; NULL for none. At most two letters too many,
 * missing, wrong or swapped, one in a name of less than four. */
const struct option *option_like(const char *name, unsigned where);

/* True iff the option takes an argument on the command line in any case. A BOOL, and what is
 * WHERE_OPTIONAL, takes none, except as --name=VALUE. */
bool option_has_argument(const struct option *o);
/* Checks a value: FAULT_CONFIG whose text says what would be accepted, without naming the place;
 * FAULT_DATA for a control character. The value of a key must not be empty, except
 * for from-name; what an option alone carries (subject, body) is left to those who use it. FLAG: ""
 * or "yes". */
bool option_check(const struct option *o, const char *value, struct error *err)
	__attribute__((warn_unused_result));
/* FAULT_CONFIG in the same form, for checks that need more than the table. VALUE is quoted unless
 * it is "" or the option's values are masked. Returns false. */
bool
option_refuse(const struct option *o, const char *value, const char *reason, struct error *err);
/* Values that option_check accepts, decoded. */
bool option_yes(const char *value);                           /* BOOL */
int option_choice(const struct option *o, const char *value); /* ENUM: index in values */
uint64_t option_seconds(const char *value);                   /* TIME */
/* Appends a phrase for messages and manuals: "implicit, starttls or none", "a number from 1 to
 * 65535", "a file name". */
struct strbuf;
void option_add_accepted(struct strbuf *out, const struct option *o);
