#include "secret_seal.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "child.h"
#include "error.h"
#include "strbuf.h"

static bool
run(const char *verb, const char *name, const struct strbuf *in, int64_t deadline,
	struct strbuf *ret, struct error *err)
{
	char program[] = "systemd-creds", how[16], as[NAME_MAX + 16], standard[] = "-";
	char *argv[] = { program, how, as, standard, standard, NULL };
	struct child child = CHILD_NONE;

	if (geteuid() != 0)
		return error_set(err, FAULT_CONFIG,
			"only root can read the key of this machine that systemd-creds needs");
	snprintf(how, sizeof(how), "%s", verb);
	snprintf(as, sizeof(as), "--name=%s", name);
	return child_start_input(&child, argv, in, err) &&
	       child_wait(&child, deadline, ret, NULL, err);
}

bool
secret_seal(const char *name, const struct strbuf *value, int64_t deadline, struct strbuf *ret,
	struct error *err)
{
	return run("encrypt", name, value, deadline, ret, err);
}

bool
secret_unseal(const char *name, const struct strbuf *sealed, int64_t deadline, struct strbuf *ret,
	struct error *err)
{
	ret->secret = true;
	return run("decrypt", name, sealed, deadline, ret, err);
}
