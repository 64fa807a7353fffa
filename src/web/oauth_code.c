/* The way to an authorization code and back: state, challenge (RFC 7636), and the query that a
 * browser brings. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/random.h>

#include "error.h"
#include "jwt.h"
#include "oauth.h"
#include "text.h"

#define RANDOM    32
#define QUERY_MAX 8192

/* 32 octets as text. */
static void
encode(const unsigned char octets[RANDOM], char out[OAUTH_SECRET])
{
	struct strbuf text = STRBUF_INIT_SECRET(OAUTH_SECRET - 1);

	jwt_add_base64url(&text, octets, RANDOM);
	memcpy(out, text.s, text.len + 1);
	strbuf_done(&text);
}

static bool
random_text(char out[OAUTH_SECRET], struct error *err)
{
	unsigned char octets[RANDOM];

	if (getrandom(octets, sizeof(octets), 0) != sizeof(octets))
		return error_sys(err, FAULT_SYSTEM, errno, "there is nothing random");
	encode(octets, out);
	explicit_bzero(octets, sizeof(octets));
	return true;
}

bool
oauth_request_init(struct oauth_request *r, struct error *err)
{
	unsigned char sum[RANDOM];

	if (!random_text(r->verifier, err) || !random_text(r->state, err))
		return false;
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, r->verifier, strlen(r->verifier), sum) != 0)
		return error_set(err, FAULT_SYSTEM, "there is no SHA-256");
	encode(sum, r->challenge);
	return true;
}

void
oauth_request_add_url(struct strbuf *out, const struct oauth_request *r,
	const struct oauth_server *s, const char *client, const char *scope, const char *redirect,
	const char *hint)
{
	struct strbuf query = STRBUF_INIT(QUERY_MAX);

	http_add_parameter(&query, "response_type", "code");
	http_add_parameter(&query, "client_id", client);
	http_add_parameter(&query, "redirect_uri", redirect);
	http_add_parameter(&query, "scope", scope);
	http_add_parameter(&query, "state", r->state);
	http_add_parameter(&query, "code_challenge", r->challenge);
	http_add_parameter(&query, "code_challenge_method", "S256");
	http_add_parameter(&query, "login_hint", hint);
	/* Google gives a refresh token for these two only; they are unknown elsewhere and passed
	 * over (RFC 6749 section 3.1) */
	if (strncmp(s->authorize, "https://accounts.google.com/", 28) == 0) {
		http_add_parameter(&query, "access_type", "offline");
		http_add_parameter(&query, "prompt", "consent");
	}
	strbuf_addf(out, "%s%c%s", s->authorize, strchr(s->authorize, '?') ? '&' : '?', query.s);
	if (query.full)
		out->full = true;
	strbuf_done(&query);
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* One encoded value; nothing that is malformed. */
static bool
decode(struct strbuf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (s[i] == '+') {
			strbuf_addc(out, ' ');
		} else if (s[i] != '%') {
			strbuf_addc(out, s[i]);
		} else {
			if (n - i < 3 || (high = digit(s[i + 1])) < 0 ||
				(low = digit(s[i + 2])) < 0)
				return false;
			strbuf_addc(out, (char)(high << 4 | low));
			i += 2;
		}
	}
	return !out->full && !memchr(out->s, '\0', out->len);
}

enum { Q_CODE, Q_STATE, Q_ISS, Q_ERROR, Q_DESCRIPTION, Q_COUNT };

/* Each parameter may be there once (RFC 6749 section 3.1). */
static bool
parse(const char *query, size_t n, struct strbuf values[Q_COUNT])
{
	static const char *const names[Q_COUNT] = { "code", "state", "iss", "error",
		"error_description" };
	unsigned seen = 0;
	const char *end = query + n;

	while (query < end) {
		const char *stop = memchr(query, '&', (size_t)(end - query)), *equals;
		size_t name;

		stop = stop ? stop : end;
		equals = memchr(query, '=', (size_t)(stop - query));
		name = (size_t)((equals ? equals : stop) - query);
		for (unsigned i = 0; equals && i < Q_COUNT; i++) {
			if (strlen(names[i]) != name || memcmp(names[i], query, name) != 0)
				continue;
			if (seen >> i & 1 ||
				!decode(&values[i], equals + 1, (size_t)(stop - equals - 1)))
				return false;
			/* words for people may hold anything: they are shown escaped */
			if (i != Q_DESCRIPTION && text_has_control(values[i].s, values[i].len))
				return false;
			seen |= 1u << i;
		}
		query = stop + (stop < end);
	}
	return true;
}

/* No time tells how much of it was right. */
static bool
is_state(const struct strbuf *got, const char *wanted)
{
	unsigned char differs = 0;

	if (got->len != strlen(wanted))
		return false;
	for (size_t i = 0; i < got->len; i++)
		differs |= (unsigned char)(got->s[i] ^ wanted[i]);
	return !differs;
}

/* RFC 9207 section 2.4. */
static bool
check_issuer(const struct oauth_server *s, const struct strbuf *iss, struct error *err)
{
	if (!s->issuer || (iss->len ? strcmp(iss->s, s->issuer) == 0 : !s->promises_iss))
		return true;
	return error_set(err, FAULT_PROTOCOL,
		"the answer comes from %.200s and not from %.200s: it is not used",
		iss->len ? iss->s : "an issuer that it does not name", s->issuer);
}

static bool
judge(const struct oauth_server *s, struct strbuf v[Q_COUNT], struct strbuf *code,
	struct error *err)
{
	if (!check_issuer(s, &v[Q_ISS], err))
		return false;
	if (v[Q_ERROR].len)
		return error_set(err,
			strcmp(v[Q_ERROR].s, "temporarily_unavailable") == 0 ||
					strcmp(v[Q_ERROR].s, "server_error") == 0
				? FAULT_TEMPORARY
			: strcmp(v[Q_ERROR].s, "access_denied") == 0 ? FAULT_PERMISSION
								     : FAULT_CONFIG,
			"access was not granted: %.64s%s%.300s", v[Q_ERROR].s,
			v[Q_DESCRIPTION].len ? ": " : "", v[Q_DESCRIPTION].s);
	if (!v[Q_CODE].len)
		return error_set(err, FAULT_PROTOCOL, "the answer holds no code");
	code->secret = true;
	strbuf_clear(code);
	strbuf_add(code, v[Q_CODE].s, v[Q_CODE].len);
	return true;
}

bool
oauth_request_take(const struct oauth_request *r, const struct oauth_server *s, const char *query,
	size_t n, bool *ret_ours, struct strbuf *code, struct error *err)
{
	struct strbuf values[Q_COUNT];
	bool good = false;

	*ret_ours = false;
	for (size_t i = 0; i < Q_COUNT; i++)
		values[i] = (struct strbuf)STRBUF_INIT_SECRET(OAUTH_CODE);
	if (n <= QUERY_MAX && parse(query, n, values) && is_state(&values[Q_STATE], r->state)) {
		*ret_ours = true;
		good = judge(s, values, code, err);
	} else {
		error_set(err, FAULT_DATA, "this is not the answer that was waited for");
	}
	for (size_t i = 0; i < Q_COUNT; i++)
		strbuf_done(&values[i]);
	return good;
}
