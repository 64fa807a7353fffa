/* What the importers share. */
#pragma once

#include "import.h"

/* The next line that is neither empty nor a comment, without blanks at its ends, in a buffer that
 * is theirs to change until the next call; NULL at the end. Lines that are too long or no text are
 * remarked on and passed over. */
char *import_next(struct import *i);
/* Reads on in other text, called NAME in messages. */
void import_begin(struct import *i, const char *name, const char *text, size_t n);

/* Takes the first word off *REST, which is left at what follows the blanks behind it. */
char *import_word(char **rest);
/* The same where the words may be quoted with " or ', and \ quotes one character. NULL at the end,
 * or for an open quote. */
char *import_quoted(char **rest);
/* Without one pair of double quotes around all of it. */
char *import_unquote(char *s);
/* Splits "key = value", quotes around the value taken off. False if there is no equals sign. */
bool import_pair(char *line, char **ret_key, char **ret_value);
/* yes, on, true, 1 (and "" where a word alone switches on). */
bool import_is_yes(const char *s);

/* A remark about line LINE of the file (0: about the file). */
void import_remark(struct import *i, enum import_weight weight, unsigned line, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/* Adds an account; a name that ours cannot have is changed, with a remark. NULL when there are too
 * many, or when the name is taken. Valid until the next is added. */
struct profile *import_account(struct import *i, const char *name, unsigned line);
/* Sets a value, a word of a LIST at a time; a value that is refused is a remark. A dollar sign
 * means itself. */
bool import_set(
	struct import *i, struct profile *p, enum option_id id, const char *value, unsigned line);
/* How TLS begins and at which port, "" for none. CLEAR: without TLS. */
enum import_tls { IMPORT_CLEAR, IMPORT_STARTTLS, IMPORT_IMPLICIT };
void import_set_tls(
	struct import *i, struct profile *p, enum import_tls how, const char *port, unsigned line);
/* A login by USER; without TLS to another machine it becomes one with STARTTLS, with a remark. To
 * be called behind import_set_tls. */
void import_set_login(struct import *i, struct profile *p, const char *user, unsigned line);
/* A password in clear. */
void import_set_password(struct import *i, struct profile *p, const char *password, unsigned line);
/* A command that a shell would be given. */
void import_set_command(struct import *i, struct profile *p, const char *command, unsigned line);
/* Splits HOST:PORT, [HOST]:PORT in place. */
void import_split_host(char *host, const char **ret_port);
/* True iff the account's hosts are this machine. */
bool import_is_local(const struct profile *p);

/* The importers. */
void import_msmtp(struct import *i);
void import_ssmtp(struct import *i);
void import_nullmailer(struct import *i);
void import_dma(struct import *i);
void import_esmtp(struct import *i);
void import_snail(struct import *i);
