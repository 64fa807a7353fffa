/* The program that makes manuals and completions from the table of options, on the build machine.
 */
#pragma once

#include <stddef.h>

struct strbuf;

/* Reads a file whole; ends the program when that fails. */
void gendoc_read(const char *path, struct strbuf *out);
/* Ends the program, so that the build fails with this text. */
void gendoc_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Parts of the manuals, in mdoc. TEXTS is the folder with longer texts, a file NAME.mdoc for an
 * option; it stands with the key where there is one, else with the option. */
void manual_add_options(struct strbuf *out, const char *texts);
void manual_add_keys(struct strbuf *out, const char *texts);
void manual_add_statuses(struct strbuf *out);

/* Parts of the completions: they call functions that the templates define. */
void bash_add_arguments(struct strbuf *out); /* cases for the option before the word */
void bash_add_options(struct strbuf *out);   /* all options */
void bash_add_commands(struct strbuf *out);
void bash_add_words(struct strbuf *out);  /* cases for a command: what may follow it */
void zsh_add_options(struct strbuf *out); /* specifications for _arguments */
void zsh_add_commands(struct strbuf *out);
void zsh_add_words(struct strbuf *out);
void fish_add_options(struct strbuf *out);
void fish_add_commands(struct strbuf *out);
