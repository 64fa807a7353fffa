#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "profile.h"
#include "secret_source.h"
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

static bool
start_command(struct secret *s, struct error *err)
{
	char **words = child_words(profile_text(s->profile, OPT_PASSWORD_COMMAND), err);
	bool good = words && child_start(&s->child, words, err);

	free(words);
	s->child.name = "the command";
	return good || source_blame(s, OPT_PASSWORD_COMMAND, err);
}

/* One for each of profile_sources. */
static const struct {
	enum option_id id;
	bool (*start)(struct secret *s, struct error *err);
} sources[PROFILE_SOURCES] = {
	{ OPT_PASSWORD_COMMAND, start_command },
	{ OPT_PASSWORD_FILE, source_file },
	{ OPT_PASSWORD_CREDENTIAL, source_credential },
	{ OPT_PASSWORD_KEY, source_key },
	{ OPT_NETRC, source_netrc },
};

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
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (sources[i].id == profile_source(profile))
			return sources[i].start(s, err);
	if (!source_stored(s, err))
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

	if (status == KEYRING_UNREACHABLE)
		snprintf(reason, sizeof(reason), " (the Secret Service cannot be reached: %s)",
			detail);
	else if (status == KEYRING_ABSENT)
		snprintf(reason, sizeof(reason), " (there is no keyring: %s)", detail);
	snprintf(why, sizeof(why),
		"no password is %s for %s at %s: store one with sendoff password %s, or set "
		"password-file or password-command%s",
		status == KEYRING_MISSING ? "stored" : "configured", s->user, s->host,
		s->profile->name, reason);
	return secret_prompt(s->user, s->host, deadline, why, &s->value, err);
}

/* The netrc that is usual, then a person. */
static bool
take_rest(struct secret *s, int status, const char *detail, int64_t deadline, struct error *err)
{
	struct error locked = ERROR_NONE;

	if (!source_usual_netrc(s, err))
		return false;
	if (s->ready || ask(s, status, detail, deadline, &locked))
		return true;
	if (status == KEYRING_LOCKED && locked.fault == FAULT_PERMISSION)
		return error_set(err, FAULT_TEMPORARY,
			"the keyring that holds the password for %s at %s is locked: unlock it, or "
			"set password-file or password-command",
			s->user, s->host);
	if (err && !err->fault)
		*err = locked;
	return false;
}

static bool
take_keyring(struct secret *s, int64_t deadline, struct error *err)
{
	struct error why = ERROR_NONE;
	int status = -1;

	if (child_wait(&s->child, clock_sooner(deadline, s->deadline), &s->value, &status, &why))
		return is_password(&s->value, err) || error_prefix(err, KEYRING_NAME);
	switch (status) {
	case KEYRING_MISSING:
	case KEYRING_LOCKED:
	case KEYRING_UNREACHABLE:
	case KEYRING_ABSENT:
		return take_rest(s, status, keyring_complaint(why.text, status), deadline, err);
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
	source_blame(s, OPT_PASSWORD_COMMAND, &why);
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
			s->ready = take_rest(s, -1, "", deadline, err);
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
