#include <string.h>
#include <strings.h>

#include "check_private.h"
#include "error.h"

static bool
set(const struct profile *p, enum option_id id)
{
	return profile_is_set(p, id);
}

static bool
check_urls(const struct profile *p, struct error *err)
{
	static const enum option_id urls[] = { OPT_OAUTH, OPT_OAUTH_AUTHORIZE_URL,
		OPT_OAUTH_TOKEN_URL, OPT_OAUTH_DEVICE_URL };
	const char *url;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		url = profile_text(p, urls[i]);
		/* a provider by its name */
		if (!url || (urls[i] == OPT_OAUTH && !strstr(url, "://")))
			continue;
		if (strncasecmp(url, "https://", 8) != 0 || !url[8] ||
			strpbrk(url, " \"<>\\^`{|}#"))
			return check_blame(
				p, urls[i], err, "must be an https address: tokens are sent there");
	}
	return true;
}

/* Tokens are the password: nothing else can be, and nothing is guessed. */
static bool
check_passwords(const struct profile *p, struct error *err)
{
	static const enum option_id sources[] = { OPT_PASSWORD_COMMAND, OPT_PASSWORD_FILE,
		OPT_PASSWORD_CREDENTIAL, OPT_PASSWORD_KEY };

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (set(p, sources[i]))
			return check_both(p, OPT_OAUTH, sources[i], err);
	if (p->password)
		return check_blame(p, OPT_OAUTH, err, "and a password are both set: keep one");
	return true;
}

static bool
check_client(const struct profile *p, struct error *err)
{
	bool file = set(p, OPT_OAUTH_CLIENT_SECRET_FILE);
	bool command = set(p, OPT_OAUTH_CLIENT_SECRET_COMMAND), key = set(p, OPT_OAUTH_KEY);

	if (file && command)
		return check_both(
			p, OPT_OAUTH_CLIENT_SECRET_FILE, OPT_OAUTH_CLIENT_SECRET_COMMAND, err);
	if (key && (file || command))
		return check_both(p, OPT_OAUTH_KEY,
			file ? OPT_OAUTH_CLIENT_SECRET_FILE : OPT_OAUTH_CLIENT_SECRET_COMMAND, err);
	if (set(p, OPT_OAUTH_CERT) && !key)
		return check_blame(p, OPT_OAUTH_CERT, err, "needs oauth-key: set both or neither");
	if (set(p, OPT_OAUTH_SERVICE_ACCOUNT)) {
		if (file || command || key)
			return check_both(p, OPT_OAUTH_SERVICE_ACCOUNT,
				file      ? OPT_OAUTH_CLIENT_SECRET_FILE
				: command ? OPT_OAUTH_CLIENT_SECRET_COMMAND
					  : OPT_OAUTH_KEY,
				err);
		return true;
	}
	if (profile_choice(p, OPT_OAUTH_GRANT) == 1 && !file && !command && !key)
		return check_blame(p, OPT_OAUTH_GRANT, err,
			"is client and needs what the client is known by: set "
			"oauth-client-secret-file, or oauth-key with oauth-cert");
	return true;
}

bool
check_oauth(const struct profile *p, struct error *err)
{
	if (!set(p, OPT_OAUTH))
		return true;
	if (!set(p, OPT_USER))
		return check_blame(
			p, OPT_OAUTH, err, "needs user: set the name of the mailbox to log in to");
	return check_urls(p, err) && check_passwords(p, err) && check_client(p, err);
}
