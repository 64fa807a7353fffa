#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "child.h"
#include "clock.h"
#include "error.h"
#include "profile.h"
#include "secret.h"
#include "trusted.h"

/* The value of NAME ("pin-value=") in the query of a pkcs11: URI (RFC 7512 section 2.3); its length
 * in *RET_N. NULL without. */
static const char *
query_value(const char *uri, const char *name, size_t *ret_n)
{
	const char *at = strchr(uri, '?');

	for (; at; at = strchr(at + 1, '&'))
		if (strncmp(at + 1, name, strlen(name)) == 0) {
			at += 1 + strlen(name);
			*ret_n = strcspn(at, "&");
			return at;
		}
	return NULL;
}

void
secret_pin_strip(const char *uri, struct strbuf *out)
{
	static const char *const names[] = { "pin-value=", "pin-source=" };
	const char *query = strchr(uri, '?'), *at;
	char between = '?';
	size_t n;

	strbuf_add(out, uri, query ? (size_t)(query - uri) : strlen(uri));
	for (at = query ? query + 1 : ""; *at; at += n + (at[n] == '&')) {
		n = strcspn(at, "&");
		if (strncmp(at, names[0], strlen(names[0])) == 0 ||
			strncmp(at, names[1], strlen(names[1])) == 0)
			continue;
		strbuf_addc(out, between);
		strbuf_add(out, at, n);
		between = '&';
	}
}

static bool
decode(struct strbuf *out, const char *s, size_t n)
{
	char hex[3] = "", *end;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '%') {
			strbuf_addc(out, s[i]);
			continue;
		}
		if (i + 2 >= n)
			return false;
		memcpy(hex, s + i + 1, 2);
		strbuf_addc(out, (char)strtoul(hex, &end, 16));
		if (*end || hex[0] == '-' || hex[0] == '+' || hex[0] == ' ')
			return false;
		i += 2;
	}
	return !memchr(out->s, '\0', out->len);
}

static bool
blame(const struct profile *p, enum option_id id, struct error *err)
{
	return error_prefix(err, "%s (%s)", options[id].name, p->settings[id].origin);
}

/* A PIN that is written into the URI is a secret of the file where the URI stands. */
static bool
may_hold_pin(const char *origin, struct error *err)
{
	const char *colon = strrchr(origin, ':');
	char *path;
	bool good;

	if (origin[0] == '-' || strncmp(origin, "SENDOFF_", 8) == 0 || !colon)
		return error_set(err, FAULT_CONFIG,
			"others can see the PIN there: use tls-key-pin-file, tls-key-pin-command, "
			"or pin-source=file:/NAME in the URI");
	path = xstrndup(origin, (size_t)(colon - origin));
	good = trusted_check(path, TRUSTED_SECRET, err);
	free(path);
	return good;
}

static bool
take_value(const struct profile *p, enum option_id id, const char *s, size_t n, struct strbuf *ret,
	struct error *err)
{
	if (!may_hold_pin(p->settings[id].origin, err))
		return blame(p, id, err);
	if (decode(ret, s, n))
		return true;
	error_set(err, FAULT_CONFIG, "what stands behind pin-value= is not percent-encoded");
	return blame(p, id, err);
}

static bool
take_file(const char *path, struct strbuf *ret, struct error *err)
{
	return trusted_read(path, TRUSTED_SECRET, ret, NULL, err) &&
	       secret_is_line(ret, "PIN", err);
}

static bool
take_source(const struct profile *p, enum option_id id, const char *s, size_t n, struct strbuf *ret,
	struct error *err)
{
	struct strbuf path = STRBUF_INIT(4096);
	const char *name = "";
	bool good = decode(&path, s, n);

	if (good)
		name = path.s + (strncmp(path.s, "file:", 5) == 0 ? 5 : 0);
	if (strncmp(name, "///", 3) == 0)
		name += 2;
	good = *name == '/' ? take_file(name, ret, err)
			    : error_set(err, FAULT_CONFIG,
				      "pin-source must be file: and an absolute name; for a "
				      "command there is tls-key-pin-command");
	strbuf_done(&path);
	return good || blame(p, id, err);
}

static bool
take_command(const struct profile *p, int64_t deadline, struct strbuf *ret, struct error *err)
{
	char **words = child_words(profile_text(p, OPT_TLS_KEY_PIN_COMMAND), err);
	uint64_t seconds = profile_number(p, OPT_TIMEOUT);
	int64_t own = clock_in((int64_t)(seconds ? seconds : SECRET_SECONDS) * CLOCK_SECOND);
	struct child child = CHILD_NONE;
	int status = -1;
	bool good = words && child_start(&child, words, err);

	free(words);
	child.name = "the command";
	good = good && child_wait(&child, clock_sooner(deadline, own), ret, &status, err) &&
	       secret_is_line(ret, "PIN", err);
	child_stop(&child);
	return good || blame(p, OPT_TLS_KEY_PIN_COMMAND, err);
}

bool
secret_pin(const struct profile *p, const char *label, int64_t deadline, struct strbuf *ret,
	struct error *err)
{
	static const enum option_id uris[] = { OPT_TLS_KEY, OPT_TLS_CERT };
	struct strbuf what = STRBUF_INIT(400);
	const char *at;
	size_t n;
	bool good;

	ret->secret = true;
	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		const char *uri = profile_text(p, uris[i]);

		if (uri && strncmp(uri, "pkcs11:", 7) == 0) {
			if ((at = query_value(uri, "pin-value=", &n)))
				return take_value(p, uris[i], at, n, ret, err);
			if ((at = query_value(uri, "pin-source=", &n)))
				return take_source(p, uris[i], at, n, ret, err);
		}
	}
	if ((at = profile_text(p, OPT_TLS_KEY_PIN_FILE)))
		return take_file(at, ret, err) || blame(p, OPT_TLS_KEY_PIN_FILE, err);
	if (profile_is_set(p, OPT_TLS_KEY_PIN_COMMAND))
		return take_command(p, deadline, ret, err);
	strbuf_addf(&what, "PIN of token %.60s", label);
	good = secret_prompt_for(&what, deadline,
		"the token that tls-key names wants a PIN: set tls-key-pin-file or "
		"tls-key-pin-command",
		ret, err);
	strbuf_done(&what);
	return good;
}
