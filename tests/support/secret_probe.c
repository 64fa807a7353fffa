/* Asks the keyring for a password as an account without any other source does, for tests/interop:
 *
 *	secret-probe HOST USER FILE
 *
 * prints "match" when it is the content of FILE, "differs" when it is not, or the name of the fault
 * and the text of the error. Exits with the status that goes with it. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "profile.h"
#include "secret.h"

int
main(int argc, char **argv)
{
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX);
	struct secret secret = SECRET_NONE;
	char want[SECRET_MAX + 1];
	struct error err = ERROR_NONE;
	struct profile account;
	size_t n;
	FILE *f;

	if (argc != 4 || !(f = fopen(argv[3], "r")))
		return 64;
	n = fread(want, 1, sizeof(want), f);
	fclose(f);
	profile_init(&account, "probe", "probe");
	if (secret_start(&secret, &account, argv[1], argv[2], &err) &&
		secret_get(&secret, clock_in(5 * CLOCK_SECOND), &value, &err))
		puts(value.len == n && memcmp(value.s, want, n) == 0 ? "match" : "differs");
	else
		printf("%s %s\n", fault_name(err.fault), err.text);
	secret_done(&secret);
	strbuf_done(&value);
	profile_done(&account);
	return fault_status(err.fault);
}
