/* The service's SMTP dialogues talk to a client and to smarthosts in one process: what it may open
 * is what some account of the configuration may need. Passwords and tokens another process has,
 * which also starts what talks to the smarthosts of accounts that no sandbox can hold. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "keeper.h"
#include "sandbox.h"
#include "smtpd_state.h"
#include "strbuf.h"

#define FILES_OF_ACCOUNT   6
#define FILES_OF_DIRECTORY 64

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define DIRECTORY SYSCONFDIR "/sendoff"

/* What lies in the directory of the configuration, but for the passwords. The strings are OWN's to
 * free. */
static size_t
add_directory(char *own[FILES_OF_DIRECTORY])
{
	DIR *d = opendir(DIRECTORY);
	struct strbuf path = STRBUF_INIT(4096);
	struct dirent *entry;
	size_t n = 0;

	while (d && n < FILES_OF_DIRECTORY && (entry = readdir(d))) {
		if (*entry->d_name == '.' || strcmp(entry->d_name, "secrets") == 0)
			continue;
		strbuf_clear(&path);
		strbuf_addf(&path, DIRECTORY "/%s", entry->d_name);
		own[n++] = xstrdup(path.s);
	}
	if (d)
		closedir(d);
	strbuf_done(&path);
	return n;
}

bool
smtpd_shut(struct smtpd *d, struct error *err)
{
	static const enum option_id named[FILES_OF_ACCOUNT] = { OPT_TLS_TRUST, OPT_TLS_CRL,
		OPT_TLS_CERT, OPT_TLS_KEY, OPT_ALIASES, OPT_PROXY_PASSWORD_FILE };
	const struct profile_list *accounts = &d->s.accounts;
	const char *write[] = { "/var/tmp", NULL }, *path;
	const char **read;
	struct sandbox rules = { .write = write };
	struct sandbox_state state;
	char *own[FILES_OF_DIRECTORY];
	size_t n = 0, owned;
	bool good;

	if (!d->s.peer)
		return true;
	/* who has to log in first is not known yet */
	if (!keeper_start(&d->s, d->of->password_file ? NULL : d->s.peer, &d->keeper, err))
		return false;
	d->s.keeper = &d->keeper;
	read = xcalloc(SANDBOX_PUBLIC + 8 + FILES_OF_DIRECTORY + FILES_OF_ACCOUNT * accounts->n,
		sizeof(*read));
	for (; n < SANDBOX_PUBLIC; n++)
		read[n] = sandbox_public[n];
	owned = add_directory(own);
	for (size_t i = 0; i < owned; i++)
		read[n++] = own[i];
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
	while (owned)
		free(own[--owned]);
	return good;
}
