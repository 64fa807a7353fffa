/* What --help and --version print, as text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct option;
struct strbuf;

#define HELP_COLUMNS 80

/* The commands, as argv[1]. WORDS may follow, separated by |; NULL: none are known. OPERANDS is how
 * its usage names what follows, MANUAL the page that describes it. */
#define COMMAND_ACCOUNTS "@accounts" /* in the place of words: the name of an account follows */
struct command {
	const char *name, *sentence, *words, *operands, *manual;
};
extern const struct command commands[];
extern const size_t command_count;

/* Appends the page of --help: how to call the program, the options that are no settings of an
 * account with their sentences, and the settings by name. With EVERYTHING each option and key of
 * the table has its sentence. No line is longer than HELP_COLUMNS. */
void help_add(struct strbuf *out, bool everything);
/* The name of the command that differs from WORD by one letter: another one, one too many or too
 * few, or two exchanged. NULL: none does. */
const char *help_command_like(const char *word);
/* Appends the page of a command's --help: how to call it, what it does, its own options. NAME must
 * be one of the commands. */
void help_add_command(struct strbuf *out, const char *name);
/* Appends how O is written on the command line: "-f, --envelope-from ADDRESS". An option that is a
 * key only gets its name. */
void help_add_usage(struct strbuf *out, const struct option *o);

/* Appends what --version prints. */
void version_add(struct strbuf *out);
