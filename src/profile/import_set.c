/* Settings of imported accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"
#include "child.h"
#include "error.h"
#include "import_private.h"
#include "text.h"

#define NAME_MAX_OCTETS 100
#define ORIGIN_MAX      4200

static void
origin_of(const struct import *i, unsigned line, char out[ORIGIN_MAX])
{
	/* what begins with a dash would be taken for an option */
	snprintf(out, ORIGIN_MAX, "%s%.4096s:%u", *i->name == '-' ? "./" : "", i->name, line);
}

static bool
is_taken(const struct import *i, const char *name)
{
	for (size_t at = 0; at < i->accounts.n; at++)
		if (strcmp(i->accounts.v[at].name, name) == 0)
			return true;
	return false;
}

struct profile *
import_account(struct import *i, const char *name, unsigned line)
{
	char origin[ORIGIN_MAX], changed[40];
	size_t n = strlen(name);

	if (i->accounts.n >= PROFILE_ACCOUNTS) {
		import_remark(i, IMPORT_WRONG, line,
			"there are more than %d accounts: it was left out", PROFILE_ACCOUNTS);
		return NULL;
	}
	if (!n || n > NAME_MAX_OCTETS || strpbrk(name, "[]") || name[0] == ' ' ||
		name[n - 1] == ' ' || text_has_control(name, n) ||
		strcmp(name, "environment") == 0) {
		snprintf(changed, sizeof(changed), "imported-%u", line);
		import_remark(i, IMPORT_NOTE, line, "the account is called %s here", changed);
		name = changed;
	}
	if (is_taken(i, name)) {
		import_remark(i, IMPORT_WRONG, line,
			"account %s: is there already, and this one was left out: give it another "
			"name",
			name);
		return NULL;
	}
	origin_of(i, line, origin);
	return profile_list_add(&i->accounts, name, origin);
}

bool
import_set(struct import *i, struct profile *p, enum option_id id, const char *value, unsigned line)
{
	char origin[ORIGIN_MAX];
	struct error err = ERROR_NONE;
	const char *why = err.text;
	size_t n = strlen(value += strspn(value, " "));
	/* nothing is expanded in the name of an object on a token */
	bool expanded = options[id].kind == KIND_PATH && strncmp(value, "pkcs11:", 7) != 0;
	struct strbuf copy = STRBUF_INIT(2 * n);
	bool good;

	/* blanks at the ends would not come back from a file */
	while (n && value[n - 1] == ' ')
		n--;
	for (size_t at = 0; at < n; at++) {
		if (value[at] == '$' && expanded)
			strbuf_addc(&copy, '$');
		strbuf_addc(&copy, value[at]);
	}
	origin_of(i, line, origin);
	good = profile_set(p, id, copy.s, origin, &err);
	strbuf_done(&copy);
	if (good)
		return true;
	n = strlen(origin);
	if (strncmp(err.text, origin, n) == 0 && err.text[n] == ':')
		why += n + 1 + strspn(err.text + n + 1, " ");
	import_remark(i, id == OPT_MATCH_FROM ? IMPORT_ASTRAY : IMPORT_WRONG, line, "%s", why);
	return false;
}

bool
import_is_local(const struct profile *p)
{
	return check_is_local(p);
}

void
import_set_tls(
	struct import *i, struct profile *p, enum import_tls how, const char *port, unsigned line)
{
	static const char *const names[] = { "none", "starttls", "implicit" };

	import_set(i, p, OPT_TLS, names[how], line);
	if (*port)
		import_set(i, p, OPT_PORT, port, line);
}

void
import_set_login(struct import *i, struct profile *p, const char *user, unsigned line)
{
	if (!import_set(i, p, OPT_USER, user, line) || !profile_is_clear(p))
		return;
	if (import_is_local(p)) {
		import_set(i, p, OPT_ALLOW_CLEARTEXT_AUTH, "yes", line);
		return;
	}
	profile_unset(p, OPT_TLS);
	import_set(i, p, OPT_TLS, "starttls", line);
	if (!profile_is_set(p, OPT_PORT) && !profile_is_set(p, OPT_SOCKET))
		import_set(i, p, OPT_PORT, "25", line);
	import_remark(i, IMPORT_LEFT, line,
		"a login without TLS: is never done to another machine, tls = starttls was set: "
		"see if the server has it, or a port 465 or 587");
}

void
import_set_password(struct import *i, struct profile *p, const char *password, unsigned line)
{
	char origin[ORIGIN_MAX];

	origin_of(i, line, origin);
	profile_set_password(p, password, origin);
	import_remark(i, IMPORT_LEFT, line,
		"the password stands here in clear and was not copied: store it in a file of its "
		"own "
		"and set password-file (the output says how), or use a keyring");
}

const char *
import_needs_shell(const char *command)
{
	char **words = child_words(command, NULL), quote = '\0';

	if (!words)
		return "only a shell can follow it";
	free(words);
	for (const char *s = command; *s; s++) {
		if (*s == '\\' && quote != '\'') {
			s += s[1] != '\0';
		} else if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? '\0' : *s;
		} else if (quote != '\'' && (*s == '$' || *s == '`')) {
			return "a shell would expand the dollar sign";
		} else if (!quote && strchr("*?[](){}#!", *s)) {
			return "a shell would expand or follow a sign in it";
		} else if (!quote && *s == '=' && !memchr(command, ' ', (size_t)(s - command))) {
			return "a shell would take its first word for a variable";
		} else if (!quote && *s == '~' && (s == command || s[-1] == ' ') && s[1] != '/') {
			return "a shell would expand the tilde";
		}
	}
	return NULL;
}

/* Commands that only print their arguments: the password is one of them. */
static bool
prints_arguments(const char *command)
{
	size_t n = strcspn(command, " ");

	return (n == 4 && memcmp(command, "echo", 4) == 0) ||
	       (n == 6 && memcmp(command, "printf", 6) == 0);
}

void
import_set_command(struct import *i, struct profile *p, const char *command, unsigned line)
{
	char origin[ORIGIN_MAX];
	const char *why;

	origin_of(i, line, origin);
	if (prints_arguments(command)) {
		profile_miss_password(p, origin);
		import_remark(i, IMPORT_WRONG, line,
			"the command prints a password that stands in it, and was not copied: "
			"store "
			"it in a file of its own (mode 600) and set password-file");
		return;
	}
	why = import_needs_shell(command);
	if (!why) {
		import_set(i, p, OPT_PASSWORD_COMMAND, command, line);
		return;
	}
	profile_miss_password(p, origin);
	import_remark(i, IMPORT_WRONG, line,
		"the command for the password was left out, since %s and no shell is run: write "
		"password-command = sh -c '...' with the command for the dots, or put it into a "
		"script",
		why);
}
