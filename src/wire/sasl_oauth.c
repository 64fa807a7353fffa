#include "sasl_oauth.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "mime.h"
#include "sasl.h"
#include "strbuf.h"
#include "text.h"

#define COMPLAINT_MAX 4096 /* octets of JSON that are looked at */
#define VALUE_MAX     120  /* octets shown of one value */
#define MEMBERS_MAX   64

static bool
is_bearer(const struct sasl_mechanism *m)
{
	return strcmp(m->name, "OAUTHBEARER") == 0;
}

/* b64token, RFC 6750 section 2.1. */
static bool
is_token(const char *s, size_t n)
{
	static const char octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-._~+/";
	size_t used = strspn(s, octets);

	return used && used + strspn(s + used, "=") == n;
}

/* The authorization identity of GS2 (RFC 5801 section 4). */
static void
add_saslname(struct strbuf *out, const char *name)
{
	for (; *name; name++)
		if (*name == '=' || *name == ',')
			strbuf_addf(out, "=%02X", (unsigned)*name);
		else
			strbuf_addc(out, *name);
}

bool
sasl_oauth_message(const struct sasl_mechanism *m, const struct sasl_credentials *with,
	struct strbuf *out, struct error *err)
{
	struct strbuf message = STRBUF_INIT_SECRET(SASL_MESSAGE);
	const struct strbuf *token = with->password;
	bool good;

	if (!token || !is_token(token->s, token->len))
		return error_at(err, STAGE_AUTH, FAULT_CONFIG,
			"%s takes an access token where others take a password, and the password "
			"source gives none: a token holds letters, digits and -._~+/= only",
			m->name);
	if (!with->user || text_has_control(with->user, strlen(with->user)))
		return error_at(
			err, STAGE_AUTH, FAULT_CONFIG, "%s cannot be used for this user", m->name);
	if (is_bearer(m)) {
		strbuf_adds(&message, "n,a=");
		add_saslname(&message, with->user);
		strbuf_addf(&message, ",\001host=%s\001port=%u", with->host, with->port);
	} else {
		strbuf_addf(&message, "user=%s", with->user);
	}
	strbuf_addf(&message, "\001auth=Bearer %s\001\001", token->s);
	mime_add_base64(out, message.s, message.len);
	good = !message.full && !out->full;
	strbuf_done(&message);
	return good || error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
			       "%s cannot be used: user and token are too long for it", m->name);
}

const char *
sasl_oauth_acknowledge(const struct sasl_mechanism *m)
{
	return is_bearer(m) ? "AQ==" : "";
}

struct cursor {
	const char *at, *end;
};

static bool
next_is(struct cursor *c, char wanted)
{
	while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
		c->at++;
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* One character behind a backslash. What is not plain ASCII is of no use here. */
static bool
add_escape(struct cursor *c, struct strbuf *out)
{
	unsigned value = 0;

	if (c->at == c->end)
		return false;
	switch (*c->at++) {
	case '"':
	case '\\':
	case '/':
		strbuf_addc(out, c->at[-1]);
		return true;
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		strbuf_addc(out, ' ');
		return true;
	case 'u':
		for (int i = 0; i < 4; i++, c->at++) {
			static const char digits[] = "0123456789abcdefABCDEF";
			const char *digit;

			if (c->at == c->end || !*c->at || !(digit = strchr(digits, *c->at)))
				return false;
			value = value * 16 + (unsigned)(digit - digits) -
				(digit - digits > 15 ? 6U : 0U);
		}
		strbuf_addc(out, value >= ' ' && value < 127 ? (char)value : '?');
		return true;
	default:
		return false;
	}
}

/* A string, behind its first quote. */
static bool
take_string(struct cursor *c, struct strbuf *out)
{
	while (c->at < c->end) {
		if (*c->at == '"') {
			c->at++;
			return true;
		}
		if (*c->at == '\\') {
			c->at++;
			if (!add_escape(c, out))
				return false;
		} else {
			strbuf_addc(out, *c->at++);
		}
	}
	return false;
}

/* An object or array as a whole, behind its first bracket: of no interest. */
static bool
skip_nested(struct cursor *c)
{
	struct strbuf ignored = STRBUF_INIT(0);
	unsigned depth = 1;

	while (depth && c->at < c->end) {
		char octet = *c->at++;

		if (octet == '"' && !take_string(c, &ignored))
			return false;
		if (octet == '{' || octet == '[')
			depth++;
		else if (octet == '}' || octet == ']')
			depth--;
	}
	return !depth;
}

/* A value; OUT is a string's or a number's text. */
static bool
take_value(struct cursor *c, struct strbuf *out)
{
	if (next_is(c, '"'))
		return take_string(c, out);
	if (next_is(c, '{') || next_is(c, '['))
		return skip_nested(c);
	while (c->at < c->end && *c->at && !strchr(",}] \t\r\n", *c->at))
		strbuf_addc(out, *c->at++);
	return out->len > 0;
}

static bool
is_telling(const char *key)
{
	static const char *const keys[] = { "status", "error", "error_description", "scope" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* Appends what an error object (RFC 7628 section 3.2.2) has to say, as far as it can be read. */
static void
add_members(struct strbuf *out, const char *json, size_t n)
{
	struct strbuf key = STRBUF_INIT(COMPLAINT_MAX), value = STRBUF_INIT(COMPLAINT_MAX);
	struct cursor c = { json, json + n };
	bool more = next_is(&c, '{');

	for (int i = 0; more && i < MEMBERS_MAX; i++) {
		strbuf_clear(&key);
		strbuf_clear(&value);
		if (!next_is(&c, '"') || !take_string(&c, &key) || !next_is(&c, ':') ||
			!take_value(&c, &value))
			break;
		if (value.len && is_telling(key.s)) {
			strbuf_addf(out, "%s%s ", out->len ? ", " : "", key.s);
			text_add_printable(out, value.s, value.len, VALUE_MAX);
		}
		more = next_is(&c, ',');
	}
	strbuf_done(&key);
	strbuf_done(&value);
}

void
sasl_oauth_complaint(char *out, size_t size, const char *challenge, size_t n)
{
	struct strbuf json = STRBUF_INIT(COMPLAINT_MAX), text = STRBUF_INIT(COMPLAINT_MAX);

	*out = '\0';
	if (n <= COMPLAINT_MAX && mime_decode_base64(&json, challenge, n)) {
		add_members(&text, json.s, json.len);
		if (!text.len)
			text_add_printable(&text, json.s, json.len, VALUE_MAX);
	} else {
		text_add_printable(&text, challenge, n, VALUE_MAX);
	}
	snprintf(out, size, "%s", text.s);
	strbuf_done(&json);
	strbuf_done(&text);
}
