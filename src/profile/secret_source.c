/* The sources of passwords that are read at once. */
#include "secret_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "keys.h"
#include "netrc.h"
#include "profile.h"
#include "secret.h"
#include "secret_store.h"
#include "trusted.h"

static const char *
origin(const struct secret *s, enum option_id id)
{
	return s->profile->settings[id].origin;
}

bool
source_blame(const struct secret *s, enum option_id id, struct error *err)
{
	return error_prefix(err, "%s (%s)", options[id].name, origin(s, id));
}

static bool
is_password(struct strbuf *value, struct error *err)
{
	return secret_is_line(value, "password", err);
}

bool
source_file(struct secret *s, struct error *err)
{
	const char *path = profile_text(s->profile, OPT_PASSWORD_FILE);
	/* containers mount their secrets readable, where nobody else is */
	bool mounted = strncmp(origin(s, OPT_PASSWORD_FILE), "SENDOFF_", 8) == 0 ||
		       strncmp(path, "/run/secrets/", 13) == 0;

	s->ready = trusted_read(path, mounted ? TRUSTED_MOUNTED_SECRET : TRUSTED_SECRET, &s->value,
			   NULL, err) &&
		   is_password(&s->value, err);
	return s->ready || source_blame(s, OPT_PASSWORD_FILE, err);
}

/* Where the credentials are. Root, who tries the queue by hand or looks for mistakes, and the
 * service's user find those of the machine's service while it runs; to others systemd does not show
 * them. */
static const char *
credential_folder(const struct profile *p)
{
	static const char service[] = "/run/credentials/sendoff.service";
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");

	if (!folder && profile_is_system(p) && access(service, X_OK) == 0)
		return service;
	return folder;
}

bool
source_credential(struct secret *s, struct error *err)
{
	const char *name = profile_text(s->profile, OPT_PASSWORD_CREDENTIAL);
	const char *folder = credential_folder(s->profile);
	struct strbuf path = STRBUF_INIT(8192);
	bool missing = false;
	struct error why = ERROR_NONE;

	if (!folder || *folder != '/') {
		error_set(err, FAULT_CONFIG,
			"CREDENTIALS_DIRECTORY is not set: only a systemd unit with "
			"LoadCredential=%s:FILE has this credential",
			name);
		return source_blame(s, OPT_PASSWORD_CREDENTIAL, err);
	}
	strbuf_addf(&path, "%s/%s", folder, name);
	/* the folder is what protects it: systemd grants access by an ACL, which the mode shows as
	 * that of the group */
	s->ready = trusted_read(path.s, TRUSTED_MOUNTED_SECRET, &s->value, &missing, &why);
	if (missing)
		error_set(err, FAULT_CONFIG,
			"the unit has no such credential (LoadCredential=%s:FILE)", name);
	else if (!s->ready && err && !err->fault)
		*err = why;
	s->ready = s->ready && is_password(&s->value, err);
	strbuf_done(&path);
	return s->ready || source_blame(s, OPT_PASSWORD_CREDENTIAL, err);
}

/* Why a key is not there, and what helps. */
static bool
refuse_key(const char *name, int sys, struct error *err)
{
	switch (sys) {
	case ENOKEY:
		return error_set(err, FAULT_TEMPORARY,
			"the kernel's keyring has no key of this name; after each start of the "
			"machine it must be given again: keyctl padd user %s @u",
			name);
	case EKEYEXPIRED:
	case EKEYREVOKED:
		return error_set(err, FAULT_TEMPORARY,
			"the key %s, give it again: keyctl padd user %s @u",
			sys == EKEYEXPIRED ? "has expired" : "was revoked", name);
	case EACCES:
		return error_set(err, FAULT_CONFIG,
			"this session may not read the key: keyctl setperm %%user:%s 0x3f3f0000",
			name);
	case EPERM:
	case ENOSYS:
		return error_sys(err, FAULT_CONFIG, sys,
			"the kernel's keyring cannot be used here, in a container perhaps: set "
			"password-file or password-command");
	default:
		return error_sys(err, FAULT_CONFIG, sys, "unable to read the key");
	}
}

bool
source_key(struct secret *s, struct error *err)
{
	const char *name = profile_text(s->profile, OPT_PASSWORD_KEY);
	int sys = 0;

	if (keys_read(name, &s->value, &sys))
		s->ready = is_password(&s->value, err);
	else
		refuse_key(name, sys, err);
	return s->ready || source_blame(s, OPT_PASSWORD_KEY, err);
}

/* What a netrc says, or why it says nothing: FAULT_PERMISSION where it simply has none. */
static bool
look_into(struct secret *s, const char *path, const struct strbuf *text, struct error *err)
{
	struct netrc_result found = netrc_find(text->s, text->len, s->host, s->user, &s->value);

	switch (found.answer) {
	case NETRC_FOUND:
		s->ready = is_password(&s->value, err);
		return s->ready || error_prefix(err, "%s:%zu", path, found.line);
	case NETRC_NO_MACHINE:
		return error_set(err, FAULT_PERMISSION, "%s has no machine %s", path, s->host);
	case NETRC_OTHER_LOGIN:
		if (found.logins > 1)
			return error_set(err, FAULT_PERMISSION,
				"%s has %u logins for the machine %s, but none is %s", path,
				found.logins, s->host, s->user);
		return error_set(err, FAULT_PERMISSION,
			"%s:%zu: the login for the machine %s is not %s", path, found.line, s->host,
			s->user);
	case NETRC_NO_PASSWORD:
		return error_set(err, FAULT_PERMISSION, "%s:%zu: %s has no password there", path,
			found.line, s->user);
	case NETRC_BROKEN:
		break;
	}
	return error_set(err, FAULT_CONFIG,
		"%s:%zu: this is no netrc: a password with blanks or quotes goes between \"...\"",
		path, found.line);
}

static bool
read_netrc(struct secret *s, const char *path, bool *ret_missing, struct error *err)
{
	struct strbuf text = STRBUF_INIT_SECRET(NETRC_MAX);
	bool good = trusted_read(path, TRUSTED_SECRET, &text, ret_missing, err) &&
		    look_into(s, path, &text, err);

	strbuf_done(&text);
	return good;
}

bool
source_netrc(struct secret *s, struct error *err)
{
	bool missing;

	return read_netrc(s, profile_text(s->profile, OPT_NETRC), &missing, err) ||
	       source_blame(s, OPT_NETRC, err);
}

bool
source_usual_netrc(struct secret *s, struct error *err)
{
	struct strbuf path = STRBUF_INIT(8192);
	const char *home = io_home();
	struct error why = ERROR_NONE;
	bool missing = false, good = true;

	/* only "none" can stand there, otherwise this is not reached */
	if (profile_is_set(s->profile, OPT_NETRC))
		return true;
	for (int i = home ? 0 : 1; i < 2 && good && !s->ready; i++) {
		strbuf_clear(&path);
		strbuf_addf(&path, "%s/%s", i ? SYSCONFDIR : home, i ? "netrc" : ".netrc");
		error_clear(&why);
		/* that of the system may be for others, and closed */
		good = read_netrc(s, path.s, &missing, &why) || missing ||
		       why.fault == FAULT_PERMISSION || (i && why.sys == EACCES);
	}
	strbuf_done(&path);
	if (!good && err && !err->fault)
		*err = why;
	return good;
}

/* What sendoff itself has written down. */
bool
source_stored(struct secret *s, struct error *err)
{
	enum secret_place place = SECRET_PLACE_NOWHERE;
	struct secret_name n, mine;
	bool good;

	secret_name_of(&n, s->profile, "smtp");
	mine = (struct secret_name){ n.service, s->host, s->user, n.directory, NULL };
	good = secret_read_file(&mine, s->deadline, &s->value, &place, err);
	secret_name_done(&n);
	if (!good || place == SECRET_PLACE_NOWHERE)
		return good;
	s->ready = is_password(&s->value, err);
	return s->ready || error_prefix(err, "the stored password");
}
