/* Asks the keyring for a password as an account without any other source does, for tests/interop:
 *
 *	secret-probe HOST USER FILE
 *
 * prints "match" when it is the content of FILE, "differs" when it is not, or the name of the fault
 * and the text of the error. Exits with the status that goes with it.
 *
 *	secret-probe auto|keyring|file HOST USER FILE
 *	secret-probe remove HOST USER
 *
 * stores the content of FILE, prints where; removes it, prints how many there were and where. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "profile.h"
#include "secret.h"
#include "secret_store.h"

#define DEADLINE clock_in(5 * CLOCK_SECOND)

static bool
read_file(const char *path, struct strbuf *out)
{
	FILE *f = fopen(path, "r");
	char *to = strbuf_reserve(out, SECRET_MAX);

	if (!f || !to)
		return false;
	strbuf_advance(out, fread(to, 1, SECRET_MAX, f));
	fclose(f);
	return true;
}

static void
look(char **argv, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX), want = STRBUF_INIT_SECRET(SECRET_MAX);
	struct secret secret = SECRET_NONE;
	struct profile account;

	profile_init(&account, "probe", "probe");
	if (!read_file(argv[2], &want))
		error_set(err, FAULT_NOINPUT, "no file");
	else if (secret_start(&secret, &account, argv[0], argv[1], err) &&
		 secret_get(&secret, DEADLINE, &value, err))
		puts(value.len == want.len && memcmp(value.s, want.s, want.len) == 0 ? "match"
										     : "differs");
	secret_done(&secret);
	strbuf_done(&value);
	strbuf_done(&want);
	profile_done(&account);
}

static void
change(int argc, char **argv, struct error *err)
{
	struct secret_name n = { .service = "smtp", .host = argv[1], .user = argv[2] };
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX), text = STRBUF_INIT(10000);
	enum secret_place place = strcmp(argv[0], "auto") == 0      ? SECRET_PLACE_AUTO
				  : strcmp(argv[0], "keyring") == 0 ? SECRET_PLACE_KEYRING
								    : SECRET_PLACE_FILE;
	char *directory = secret_directory(false);
	unsigned count = 0;

	n.directory = directory;
	if (argc == 3) {
		if (secret_remove(&n, SECRET_PLACE_AUTO, DEADLINE, &count, &text, err))
			printf("%u\n%s", count, text.s);
	} else if (!read_file(argv[3], &value)) {
		error_set(err, FAULT_NOINPUT, "no file");
	} else if (secret_write(&n, place, &value, DEADLINE, NULL, &text, err)) {
		puts(text.s);
	}
	strbuf_done(&value);
	strbuf_done(&text);
	free(directory);
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_NONE;
	bool remove = argc == 4 && strcmp(argv[1], "remove") == 0;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 || remove)
		change(argc - 1, argv + 1, &err);
	else if (argc == 4)
		look(argv + 1, &err);
	else
		return 64;
	if (err.fault)
		printf("%s %s\n", fault_name(err.fault), err.text);
	return fault_status(err.fault);
}
