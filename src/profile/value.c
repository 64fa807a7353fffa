#include "value.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "alloc.h"
#include "child.h"
#include "clock.h"
#include "envelope.h"
#include "error.h"
#include "io.h"
#include "strbuf.h"
#include "text.h"

#define NAME_MAX_OCTETS 255

static const char *const mechanisms[] = { "auto", "none", "PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL",
	"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "GSSAPI",
	"OAUTHBEARER", "XOAUTH2", "DIGEST-MD5", "NTLM" };

const char *
value_mechanism(const char *text)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if (strcasecmp(text, mechanisms[i]) == 0)
			return mechanisms[i];
	return NULL;
}

const char *
value_word(const char **at, size_t *ret_n)
{
	const char *word = *at + strspn(*at, ", \t");

	*ret_n = strcspn(word, ", \t");
	*at = word + *ret_n;
	return *ret_n ? word : NULL;
}

static bool
is_address6(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

/* A name of the DNS (a dot may end it), or of an address family with dots. */
static bool
is_host_name(const char *s, size_t n)
{
	char name[NAME_MAX_OCTETS + 1];

	if (n && s[n - 1] == '.')
		n--;
	if (!n || n > NAME_MAX_OCTETS || s[0] == '-' || s[0] == '[')
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		/* underscores are no part of host names, but exist */
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '-' && c != '.' && c != '_' && c < 0x80)
			return false;
	}
	memcpy(name, s, n);
	name[n] = '\0';
	return address_domain_is_valid(name);
}

const char *
value_host(const char *text, size_t *ret_n)
{
	const char *colon = strchr(text, ':'), *end = text + strlen(text), *close;
	uint64_t port;

	if (*text == '[') {
		close = strchr(text, ']');
		if (!close || !is_address6(text + 1, (size_t)(close - text) - 1))
			return NULL;
		*ret_n = (size_t)(close - text) - 1;
		text++;
		end = close + 1;
		if (*end && (*end != ':' || !text_number(end + 1, 1, 65535, &port)))
			return NULL;
		return text;
	}
	*ret_n = (size_t)(end - text);
	if (colon && strchr(colon + 1, ':'))
		return is_address6(text, *ret_n) ? text : NULL;
	if (colon) {
		*ret_n = (size_t)(colon - text);
		if (!text_number(colon + 1, 1, 65535, &port))
			return NULL;
	}
	return is_host_name(text, *ret_n) ? text : NULL;
}

bool
value_is_address(const char *text, size_t n)
{
	size_t plain = strnlen(text, n);
	const char *scope = memchr(text, '%', plain);
	char copy[INET6_ADDRSTRLEN];
	struct in_addr address;

	if (scope)
		return is_address6(text, (size_t)(scope - text)) && scope + 1 < text + n;
	if (is_address6(text, n))
		return true;
	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return inet_pton(AF_INET, copy, &address) == 1;
}

bool
value_proxy(const char *text, char *user, const char **ret_host)
{
	static const char scheme[] = "socks5://";
	const char *host, *at;
	size_t n;

	if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return false;
	text += sizeof(scheme) - 1;
	at = strrchr(text, '@');
	n = at ? (size_t)(at - text) : 0;
	/* RFC 1929 section 2: 1 to 255 octets. A colon would begin a password, which has no place
	 * here */
	if (at && (!n || n > 255 || memchr(text, ':', n)))
		return false;
	if (user) {
		memcpy(user, text, n);
		user[n] = '\0';
	}
	host = at ? at + 1 : text;
	*ret_host = host;
	return value_host(host, &n) != NULL;
}

/* 64 hexadecimal digits, colons between them. */
static bool
is_digest(const char *s)
{
	size_t digits = 0;

	for (; *s; s++)
		if (strchr("0123456789abcdefABCDEF", *s))
			digits++;
		else if (*s != ':')
			return false;
	return digits == 64;
}

static bool
is_pin(const char *s)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (strncmp(s, "sha256//", 8) == 0)
		return strlen(s + 8) == 44 && strspn(s + 8, base64) == 43 && s[51] == '=';
	return strncmp(s, "sha256:", 7) == 0 && is_digest(s + 7);
}

static bool
check_from(const struct option *o, const char *value, struct error *err)
{
	struct address address = ADDRESS_NONE;
	struct error why = ERROR_NONE;
	bool good;

	if (!address_parse_sender(value, strlen(value), &address, &why))
		return option_refuse(o, value, "is no address", err);
	/* both may stand in an address, but who writes them here means a pattern */
	good = address.local && *address.local && !strpbrk(address.local, "*?") &&
	       !(address.domain && strpbrk(address.domain, "*?"));
	address_done(&address);
	if (good)
		return true;
	return option_refuse(o, value,
		strpbrk(value, "*?") ? "is a pattern, and those belong in match-from"
				     : "is the null sender",
		err);
}

static bool
check_command(const struct option *o, const char *value, struct error *err)
{
	struct error why = ERROR_NONE;
	char **words = child_words(value, &why);

	if (!words)
		return option_refuse(o, value, why.text, err);
	free(words);
	return true;
}

static bool
check_notify(const struct option *o, const char *value, struct error *err)
{
	struct error why = ERROR_NONE;
	unsigned bits;

	return dsn_notify_parse(value, &bits, &why) ||
	       option_refuse(o, value, "is not such a list", err);
}

bool
value_check(const struct option *o, const char *value, struct error *err)
{
	const char *host;
	unsigned number;
	int64_t seconds;
	size_t n;

	/* most options have no form of their own, so this is no place for every one's name */
	if (o->id == OPT_FROM || o->id == OPT_BOUNCE_FROM)
		return check_from(o, value, err);
	if (o->id == OPT_RATE || o->id == OPT_USER_RATE)
		return clock_parse_rate(value, &number, &seconds, NULL) ||
		       option_refuse(o, value, "is no rate", err);
	if (o->id == OPT_DSN_NOTIFY)
		return check_notify(o, value, err);
	if (o->kind == KIND_COMMAND)
		return check_command(o, value, err);
	if ((o->id == OPT_DEFAULT_DOMAIN || o->id == OPT_EHLO_NAME) &&
		!address_domain_is_valid(value))
		return option_refuse(o, value, "is no domain", err);
	if (o->id == OPT_HOST && !value_host(value, &n))
		return option_refuse(o, value, "is no host", err);
	if (o->id == OPT_PROXY && strcmp(value, "none") != 0 && !value_proxy(value, NULL, &host))
		return option_refuse(o, value, "is no proxy", err);
	if (o->id == OPT_SOURCE_ADDRESS && strcmp(value, "none") != 0 &&
		!value_is_address(value, strlen(value)))
		return option_refuse(o, value, "is no address", err);
	if (o->id == OPT_TLS_NAME &&
		(!(host = value_host(value, &n)) || host != value || value[n] != '\0'))
		return option_refuse(o, value, "is neither a host name nor an address", err);
	if (o->id == OPT_AUTH && !value_mechanism(value))
		return option_refuse(o, value, "is not known", err);
	if (o->id == OPT_TLS_PIN && !is_pin(value))
		return option_refuse(o, value, "is no pin", err);
	if (o->id == OPT_TLS_FINGERPRINT &&
		!is_digest(value + (strncmp(value, "sha256:", 7) == 0 ? 7 : 0)))
		return option_refuse(o, value, "is no fingerprint", err);
	if (o->id == OPT_PASSWORD_CREDENTIAL &&
		(strchr(value, '/') || value[0] == '.' || strlen(value) > NAME_MAX_OCTETS))
		return option_refuse(o, value, "is not a name", err);
	return true;
}

/* Appends the variable that is named behind the dollar sign at *AT, which is moved behind it. */
static bool
add_variable(struct strbuf *out, const struct option *o, const char **at, struct error *err)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	const char *name = *at + 1, *value;
	bool braces = *name == '{';
	char text[64];
	size_t n;

	if (*name == '$') {
		strbuf_addc(out, '$');
		*at += 2;
		return true;
	}
	name += braces;
	n = strspn(name, letters);
	if (!n || n >= sizeof(text) || (braces && name[n] != '}'))
		return option_refuse(o, *at, "is no variable ($$ stands for a dollar sign)", err);
	memcpy(text, name, n);
	text[n] = '\0';
	value = secure_getenv(text);
	if (!value || !*value)
		return option_refuse(o, text, "is a variable that is not set", err);
	strbuf_adds(out, value);
	*at = name + n + braces;
	return true;
}

bool
value_add_path(struct strbuf *out, const struct option *o, const char *value, bool relative,
	struct error *err)
{
	const char *at = value, *home = io_home();
	size_t begin = out->len, n;

	/* an object on a token (RFC 7512), and no file */
	if ((o->id == OPT_TLS_CERT || o->id == OPT_TLS_KEY) && strncmp(value, "pkcs11:", 7) == 0) {
		strbuf_adds(out, value);
		return !out->full || option_refuse(o, value, "is too long", err);
	}
	if (at[0] == '~' && (at[1] == '/' || !at[1])) {
		if (!home)
			return option_refuse(o, value, "needs a home directory", err);
		strbuf_adds(out, home);
		at++;
	}
	while (*at) {
		n = strcspn(at, "$");
		strbuf_add(out, at, n);
		at += n;
		if (*at && !add_variable(out, o, &at, err))
			return false;
	}
	if (out->full)
		return option_refuse(o, value, "is too long", err);
	for (const char *s = out->s + begin; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return option_refuse(o, value, "expands to a control character", err);
	if (relative || out->s[begin] == '/' ||
		(o->id == OPT_TLS_TRUST &&
			(strcmp(value, "system") == 0 || strcmp(value, "none") == 0)) ||
		((o->id == OPT_ALIASES || o->id == OPT_NETRC) && strcmp(value, "none") == 0) ||
		(o->id == OPT_LOG && (strcmp(value, "syslog") == 0 || strcmp(value, "none") == 0)))
		return true;
	return option_refuse(o, value, "does not begin with / or ~/", err);
}
