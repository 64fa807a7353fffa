/* The service's SMTP dialogues talk to a client and to smarthosts in one process: what it may open
 * is what some account of the configuration may need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "network_box.h"
#include "sandbox.h"
#include "smtpd_state.h"
#include "token.h"

#define FILES_OF_ACCOUNT 8

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

/* A program that prints a password, or a token, must be started when it is needed. */
static bool
needs_programs(const struct profile_list *accounts)
{
	for (size_t i = 0; i < accounts->n; i++)
		if (token_is_used(&accounts->v[i]) ||
			profile_is_set(&accounts->v[i], OPT_PASSWORD_COMMAND) ||
			profile_is_set(&accounts->v[i], OPT_TLS_KEY_PIN_COMMAND))
			return true;
	return false;
}

bool
smtpd_shut(struct smtpd *d, struct error *err)
{
	static const enum option_id named[FILES_OF_ACCOUNT] = { OPT_PASSWORD_FILE, OPT_TLS_TRUST,
		OPT_TLS_CRL, OPT_TLS_CERT, OPT_TLS_KEY, OPT_ALIASES, OPT_PROXY_PASSWORD_FILE,
		OPT_TLS_KEY_PIN_FILE };
	const struct profile_list *accounts = &d->s.accounts;
	const char *write[] = { "/var/tmp", NULL }, *path;
	const char **read;
	struct sandbox rules = { .write = write };
	struct sandbox_state state;
	size_t n = 0;
	bool good;

	if (!d->s.peer || needs_programs(accounts))
		return true;
	read = xcalloc(SANDBOX_PUBLIC + 8 + FILES_OF_ACCOUNT * accounts->n, sizeof(*read));
	for (; n < SANDBOX_PUBLIC; n++)
		read[n] = sandbox_public[n];
	read[n++] = SYSCONFDIR "/sendoff";
	read[n++] = "/etc/aliases";
	read[n++] = "/etc/passwd";
	read[n++] = "/etc/group";
	if (d->of->password_file)
		read[n++] = d->of->password_file;
	for (size_t i = 0; i < accounts->n; i++)
		for (size_t j = 0; j < FILES_OF_ACCOUNT; j++) {
			path = profile_text(&accounts->v[i], named[j]);
			if (path && *path == '/')
				read[n++] = path;
		}
	rules.read = read;
	good = sandbox_enter(&rules, &state, err);
	free(read);
	return good;
}
