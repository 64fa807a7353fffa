#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "profile.h"
#include "secret_store.h"
#include "trusted.h"
#include "value.h"

#define TEMPORARY_STATUS 75 /* EX_TEMPFAIL of a command */

bool
secret_is_line(struct strbuf *value, const char *noun, struct error *err)
{
	if (value->len && value->s[value->len - 1] == '\n')
		strbuf_truncate(value, value->len - 1);
	if (value->len && value->s[value->len - 1] == '\r')
		strbuf_truncate(value, value->len - 1);
	if (!value->len)
		return error_set(err, FAULT_CONFIG, "the %s is empty", noun);
	if (value->len > SECRET_MAX)
		return error_set(
			err, FAULT_CONFIG, "the %s is longer than %d octets", noun, SECRET_MAX);
	if (memchr(value->s, '\0', value->len))
		return error_set(err, FAULT_CONFIG, "the %s holds a NUL octet", noun);
	if (memchr(value->s, '\n', value->len) || memchr(value->s, '\r', value->len))
		return error_set(err, FAULT_CONFIG,
			"there is more than one line, so it is not clear what the %s is", noun);
	return true;
}

static bool
is_password(struct strbuf *value, struct error *err)
{
	return secret_is_line(value, "password", err);
}

static const char *
origin(const struct secret *s, enum option_id id)
{
	return s->profile->settings[id].origin;
}

/* "password-file (/etc/sendoff/config:3): ..." */
static bool
blame(const struct secret *s, enum option_id id, struct error *err)
{
	return error_prefix(err, "%s (%s)", options[id].name, origin(s, id));
}

static bool
start_command(struct secret *s, struct error *err)
{
	char **words = child_words(profile_text(s->profile, OPT_PASSWORD_COMMAND), err);
	bool good = words && child_start(&s->child, words, err);

	free(words);
	s->child.name = "the command";
	return good || blame(s, OPT_PASSWORD_COMMAND, err);
}

static bool
read_file(struct secret *s, struct error *err)
{
	const char *path = profile_text(s->profile, OPT_PASSWORD_FILE);
	/* containers mount their secrets readable, where nobody else is */
	bool mounted = strncmp(origin(s, OPT_PASSWORD_FILE), "SENDOFF_", 8) == 0 ||
		       strncmp(path, "/run/secrets/", 13) == 0;

	s->ready = trusted_read(path, mounted ? TRUSTED_MOUNTED_SECRET : TRUSTED_SECRET, &s->value,
			   NULL, err) &&
		   is_password(&s->value, err);
	return s->ready || blame(s, OPT_PASSWORD_FILE, err);
}

static bool
read_credential(struct secret *s, struct error *err)
{
	const char *name = profile_text(s->profile, OPT_PASSWORD_CREDENTIAL);
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	struct strbuf path = STRBUF_INIT(8192);
	bool missing = false;
	struct error why = ERROR_NONE;

	if (!folder || *folder != '/') {
		error_set(err, FAULT_CONFIG,
			"CREDENTIALS_DIRECTORY is not set: only a systemd unit with "
			"LoadCredential=%s:FILE has this credential",
			name);
		return blame(s, OPT_PASSWORD_CREDENTIAL, err);
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
	return s->ready || blame(s, OPT_PASSWORD_CREDENTIAL, err);
}

/* What sendoff itself has written down. */
static bool
read_stored(struct secret *s, struct error *err)
{
	enum secret_place place = SECRET_PLACE_NOWHERE;
	struct secret_name n;
	bool good;

	secret_name_of(&n, s->profile, "smtp");
	good = secret_read_file(
		&(struct secret_name){ n.service, s->host, s->user, n.directory, NULL },
		s->deadline, &s->value, &place, err);
	secret_name_done(&n);
	s->ready = good && place != SECRET_PLACE_NOWHERE;
	return good && (!s->ready || is_password(&s->value, err));
}

bool
secret_start(struct secret *s, const struct profile *profile, const char *host, const char *user,
	struct error *err)
{
	uint64_t seconds = profile_number(profile, OPT_TIMEOUT);
	size_t n = strlen(host);
	const char *name = value_host(host, &n);

	*s = (struct secret)SECRET_NONE;
	s->profile = profile;
	s->host = name ? xstrndup(name, n) : xstrdup(host);
	s->user = xstrdup(user);
	s->deadline = clock_in((int64_t)(seconds ? seconds : SECRET_SECONDS) * CLOCK_SECOND);
	if (profile->password) {
		strbuf_adds(&s->value, profile->password);
		s->ready = is_password(&s->value, err);
		return s->ready || error_prefix(err, "password (%s)", profile->password_origin);
	}
	if (profile_is_set(profile, OPT_PASSWORD_COMMAND))
		return start_command(s, err);
	if (profile_is_set(profile, OPT_PASSWORD_FILE))
		return read_file(s, err);
	if (profile_is_set(profile, OPT_PASSWORD_CREDENTIAL))
		return read_credential(s, err);
	if (!read_stored(s, err))
		return false;
	if (s->ready)
		return true;
	s->keyring = profile_yes(profile, OPT_KEYRING);
	s->request = (struct keyring_request){
		.wish = KEYRING_LOOK, .service = "smtp", .host = s->host, .user = s->user
	};
	return !s->keyring ||
	       child_start_function(&s->child, KEYRING_NAME, secret_keyring_run, &s->request, err);
}

/* Nobody has the password but perhaps a person. Why there is none, should there be nobody either.
 */
static bool
ask(struct secret *s, int status, const char *detail, int64_t deadline, struct error *err)
{
	char why[512], reason[256] = "";

	if (status == KEYRING_MISSING)
		snprintf(why, sizeof(why),
			"no password is stored for %s at %s: store one with secret-tool store "
			"--label=%s host %s service smtp user %s, or set password-file or "
			"password-command",
			s->user, s->host, s->host, s->host, s->user);
	else {
		if (status == KEYRING_UNREACHABLE)
			snprintf(reason, sizeof(reason),
				", or store one with secret-tool (the Secret Service cannot be "
				"reached: %s)",
				detail);
		else if (status == KEYRING_ABSENT)
			snprintf(reason, sizeof(reason), " (there is no keyring: %s)", detail);
		snprintf(why, sizeof(why),
			"no password is configured for %s at %s: set password-file or "
			"password-command%s",
			s->user, s->host, reason);
	}
	return secret_prompt(s->user, s->host, deadline, why, &s->value, err);
}

static bool
take_keyring(struct secret *s, int64_t deadline, struct error *err)
{
	struct error why = ERROR_NONE, locked = ERROR_NONE;
	int status = -1;

	if (child_wait(&s->child, clock_sooner(deadline, s->deadline), &s->value, &status, &why))
		return is_password(&s->value, err) || error_prefix(err, KEYRING_NAME);
	switch (status) {
	case KEYRING_MISSING:
	case KEYRING_UNREACHABLE:
	case KEYRING_ABSENT:
		return ask(s, status, keyring_complaint(why.text, status), deadline, err);
	case KEYRING_LOCKED:
		if (ask(s, status, "", deadline, &locked))
			return true;
		if (locked.fault == FAULT_PERMISSION)
			return error_set(err, FAULT_TEMPORARY,
				"the keyring that holds the password for %s at %s is locked: "
				"unlock it, or set password-file or password-command",
				s->user, s->host);
		why = locked;
		break;
	default: /* no answer in time, or it crashed */
		if (why.fault != FAULT_TEMPORARY)
			why.fault = FAULT_TEMPORARY;
		break;
	}
	if (err && !err->fault)
		*err = why;
	return false;
}

static bool
take_command(struct secret *s, int64_t deadline, struct error *err)
{
	struct error why = ERROR_NONE;
	int status = -1;

	if (child_wait(&s->child, clock_sooner(deadline, s->deadline), &s->value, &status, &why)) {
		is_password(&s->value, &why);
	} else if (status == TEMPORARY_STATUS) {
		why.fault = FAULT_TEMPORARY;
	}
	if (!why.fault)
		return true;
	blame(s, OPT_PASSWORD_COMMAND, &why);
	if (err && !err->fault)
		*err = why;
	return false;
}

bool
secret_get(struct secret *s, int64_t deadline, struct strbuf *ret, struct error *err)
{
	if (!s->ready) {
		if (s->keyring)
			s->ready = take_keyring(s, deadline, err);
		else if (profile_is_set(s->profile, OPT_PASSWORD_COMMAND))
			s->ready = take_command(s, deadline, err);
		else
			s->ready = ask(s, -1, "", deadline, err);
	}
	if (!s->ready)
		return false;
	ret->secret = true;
	strbuf_clear(ret);
	strbuf_add(ret, s->value.s, s->value.len);
	return !ret->full || error_set(err, FAULT_SOFTWARE, "no room for the password");
}

void
secret_done(struct secret *s)
{
	child_stop(&s->child);
	strbuf_done(&s->value);
	free(s->host);
	free(s->user);
	s->host = s->user = NULL;
}
