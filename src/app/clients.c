#include "clients.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "error.h"
#include "io.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"
#include "trusted.h"

#define KIND       "pbkdf2-sha256"
#define ITERATIONS 200000
#define LEAST      1000
#define MOST       10000000
#define SALT       16
#define HASH       32

static bool
derive(const char *password, size_t n, const unsigned char salt[SALT], unsigned iterations,
	unsigned char ret[HASH])
{
	const gnutls_datum_t key = { (unsigned char *)password, (unsigned)n };
	const gnutls_datum_t with = { (unsigned char *)salt, SALT };

	return gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &with, iterations, ret, HASH) == 0;
}

static void
add_hex(struct strbuf *out, const unsigned char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_addf(out, "%02x", octets[i]);
}

static bool
take_hex(const char *text, unsigned char *ret, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != 2 * n || strspn(text, digits) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = (unsigned char)((strchr(digits, text[2 * i]) - digits) << 4 |
					 (strchr(digits, text[2 * i + 1]) - digits));
	return true;
}

static bool
is_name(const char *name)
{
	size_t n = strlen(name);

	return n && n < CLIENTS_NAME && !strpbrk(name, ": #\t") && !text_has_control(name, n);
}

bool
clients_add_line(
	struct strbuf *out, const char *name, const char *password, size_t n, struct error *err)
{
	unsigned char salt[SALT], hash[HASH];

	if (!is_name(name))
		return error_set(err, FAULT_USAGE, "\"%.100s\" cannot be a client's name", name);
	if (!n || n > CLIENTS_WORD)
		return error_set(err, FAULT_USAGE, "the password is empty or too long");
	if (gnutls_rnd(GNUTLS_RND_NONCE, salt, sizeof(salt)) != 0 ||
		!derive(password, n, salt, ITERATIONS, hash))
		return error_set(err, FAULT_SOFTWARE, "unable to make a hash of the password");
	strbuf_addf(out, "%s:" KIND ":%d:", name, ITERATIONS);
	add_hex(out, salt, sizeof(salt));
	strbuf_addc(out, ':');
	add_hex(out, hash, sizeof(hash));
	return true;
}

/* One line, which is used up. */
static bool
line_fits(char *line, const char *name, const char *password, size_t n)
{
	const char *who = strsep(&line, ":"), *kind = strsep(&line, ":"),
		   *count = strsep(&line, ":"), *salt_text = strsep(&line, ":"),
		   *hash_text = strsep(&line, ":");
	unsigned char salt[SALT], hash[HASH], ours[HASH];
	uint64_t iterations;

	return hash_text && !line && strcmp(who, name) == 0 && strcmp(kind, KIND) == 0 &&
	       text_number(count, LEAST, MOST, &iterations) &&
	       take_hex(salt_text, salt, sizeof(salt)) && take_hex(hash_text, hash, sizeof(hash)) &&
	       derive(password, n, salt, (unsigned)iterations, ours) &&
	       gnutls_memcmp(hash, ours, HASH) == 0;
}

bool
clients_check_text(char *text, const char *name, const char *password, size_t n)
{
	size_t length = strlen(name);
	char *line;

	if (!is_name(name) || n > CLIENTS_WORD)
		return false;
	while ((line = strsep(&text, "\n")))
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line_fits(line, name, password, n);
	return false;
}

bool
clients_check(const char *path, const char *name, const char *password, size_t n, struct error *err)
{
	struct strbuf text = STRBUF_INIT_SECRET(CLIENTS_FILE);
	unsigned char nobody[SALT] = { 0 }, waste[HASH];
	bool good =
		trusted_read(path, TRUSTED_SECRET, &text, NULL, err) && strlen(text.s) == text.len;

	good = good && clients_check_text(text.s, name, password, n);
	/* the time that it takes does not tell whether there is such a name */
	if (!good)
		(void)!derive(password, n, nobody, ITERATIONS, waste);
	strbuf_done(&text);
	return good;
}

int
clients_command(const struct arguments *args)
{
	struct strbuf line = STRBUF_INIT(4096);
	struct error err = ERROR_NONE;
	char password[CLIENTS_WORD + 2] = "";
	ssize_t n = io_read_full(STDIN_FILENO, password, sizeof(password));
	size_t length = n > 0 ? strcspn(password, "\r\n") : 0;

	if (args->operand_count != 2)
		error_set(&err, FAULT_USAGE, "serve client wants a name");
	else if (n < 0)
		error_set(&err, FAULT_NOINPUT, "the password cannot be read");
	else if (clients_add_line(&line, args->operands[1], password,
			 length < (size_t)n ? length : (size_t)n, &err))
		puts(line.s);
	explicit_bzero(password, sizeof(password));
	strbuf_done(&line);
	if (err.fault)
		fprintf(stderr, "%s: unable to make a line: %s\n", args->program, err.text);
	else if (!status_printed())
		return fault_status(FAULT_IO);
	return fault_status(err.fault);
}
