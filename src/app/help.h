/* What --help and --version print, as text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct option;
struct strbuf;

#define HELP_COLUMNS 80

/* The commands, as argv[1]; NULL for the sentence of a word that is only kept for later. WORDS may
 * follow, separated by |; NULL: none are known. */
#define COMMAND_ACCOUNTS "@accounts" /* in the place of words: the name of an account follows */
struct command {
	const char *name, *sentence, *words;
};
extern const struct command commands[];
extern const size_t command_count;

/* Appends the page of --help: how to call the program, the options that are no settings of an
 * account with their sentences, and the settings by name. With EVERYTHING each option and key of
 * the table has its sentence. No line is longer than HELP_COLUMNS. */
void help_add(struct strbuf *out, bool everything);
/* Appends how O is written on the command line: "-f, --envelope-from ADDRESS". An option that is a
 * key only gets its name. */
void help_add_usage(struct strbuf *out, const struct option *o);

/* Appends what --version prints. */
void version_add(struct strbuf *out);
