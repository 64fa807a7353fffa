/* Who may log in at the service's loopback ports: a file of names and salted hashes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;

#define CLIENTS_FILE (1 << 20) /* octets */
#define CLIENTS_NAME 128       /* octets of a name with its NUL */
#define CLIENTS_WORD 1024      /* octets of a password */

/* Appends the line "NAME:pbkdf2-sha256:ITERATIONS:SALT:HASH" (hexadecimal) for a password of N
 * octets. FAULT_USAGE: not a name, or no password. */
bool clients_add_line(struct strbuf *out, const char *name, const char *password, size_t n,
	struct error *err) __attribute__((warn_unused_result));
/* True iff the file at PATH has NAME with this password. Takes as long for a name that is not
 * there. *ERR is set when the file cannot be used. */
bool clients_check(const char *path, const char *name, const char *password, size_t n,
	struct error *err) __attribute__((warn_unused_result));
/* The text of such a file instead; for tests and fuzzers. */
bool clients_check_text(char *text, const char *name, const char *password, size_t n);

/* `sendoff serve client NAME`: prints a line for the password on standard input. */
struct arguments;
int clients_command(const struct arguments *args);
