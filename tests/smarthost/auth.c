/* AUTH, the server's side (RFC 4954), with libgsasl. */
#include <gnutls/x509.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "smarthost.h"

static bool
is_plus(const char *mechanism)
{
	size_t n = strlen(mechanism);

	return n > 5 && strcasecmp(mechanism + n - 5, "-PLUS") == 0;
}

static bool
usable(const struct session *s, const char *mechanism)
{
	if (is_plus(mechanism))
		return s->link.tls != NULL;
	if (strcasecmp(mechanism, "EXTERNAL") == 0)
		return s->client_name != NULL;
	return true;
}

void
auth_add_mechanisms(struct session *s, struct strbuf *out)
{
	const char *at = s->config->mechanisms, *word;
	char name[32];
	size_t n;

	while (list_next(&at, &word, &n)) {
		if (n >= sizeof(name))
			continue;
		memcpy(name, word, n);
		name[n] = '\0';
		if (usable(s, name))
			strbuf_addf(out, "%s%s", out->len ? " " : "", name);
	}
}

static const struct user *
user_find(const struct config *c, const char *name)
{
	for (size_t i = 0; name && i < c->user_count; i++)
		if (strcmp(c->users[i].name, name) == 0)
			return &c->users[i];
	return NULL;
}

static int
callback(Gsasl *ctx, Gsasl_session *sasl, Gsasl_property property)
{
	struct session *s = gsasl_callback_hook_get(ctx);
	const struct user *user;

	switch ((int)property) {
	case GSASL_PASSWORD:
		user = user_find(s->config, gsasl_property_fast(sasl, GSASL_AUTHID));
		if (!user)
			return GSASL_NO_PASSWORD;
		return gsasl_property_set(sasl, GSASL_PASSWORD, user->password);
	case GSASL_VALIDATE_EXTERNAL:
		return s->client_name ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* libgsasl 2.2.0 fails plain SCRAM when it knows a binding: it is given for -PLUS only. */
static void
give_binding(struct session *s, Gsasl_session *sasl)
{
	bool new = gnutls_protocol_get_version(s->link.tls) >= GNUTLS_TLS1_3;
	gnutls_datum_t binding;
	char *encoded;
	size_t n;

	if (gnutls_session_channel_binding(
		    s->link.tls, new ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &binding) < 0)
		return;
	if (gsasl_base64_to((char *)binding.data, binding.size, &encoded, &n) == GSASL_OK) {
		gsasl_property_set(
			sasl, new ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE, encoded);
		gsasl_free(encoded);
	}
	gnutls_free(binding.data);
}

/* Sends a challenge, takes the answer. False when the connection is over or the client cancelled
 * (*RET_CANCELLED). */
static bool
turn(struct session *s, const char *challenge, struct strbuf *answer, bool *ret_cancelled)
{
	bool bare;

	smtp_reply(s, 334, NULL, "%s", challenge);
	if (!link_line(&s->link, answer, &bare))
		return false;
	*ret_cancelled = strcmp(answer->s, "*") == 0;
	return !*ret_cancelled;
}

/* The turns after the first. The result is a libgsasl code, or -1 when the connection is over, -2
 * when the client cancelled. */
static int
exchange(struct session *s, Gsasl_session *sasl, struct strbuf *answer, bool initial)
{
	bool cancelled = false;
	char *out = NULL;
	int rc;

	/* libgsasl's LOGIN asks for the name in any case; an initial response is the answer to that
	 */
	if (initial && strcasecmp(gsasl_mechanism_name(sasl), "LOGIN") == 0) {
		rc = gsasl_step64(sasl, NULL, &out);
		gsasl_free(out);
		out = NULL;
		if (rc != GSASL_NEEDS_MORE)
			return rc;
	}
	/* the answer "" without an initial response asks for the first challenge */
	for (;;) {
		rc = gsasl_step64(sasl, answer->len || initial ? answer->s : NULL, &out);
		if (rc != GSASL_NEEDS_MORE && !(rc == GSASL_OK && out && *out))
			break;
		initial = true;
		if (!turn(s, out ? out : "", answer, &cancelled)) {
			rc = cancelled ? -2 : -1;
			break;
		}
		/* the server's last word was sent as a challenge, RFC 4954 section 4 */
		if (rc == GSASL_OK)
			break;
		gsasl_free(out);
		out = NULL;
	}
	gsasl_free(out);
	return rc;
}

static void
finish(struct session *s, Gsasl_session *sasl, const char *mechanism, int rc)
{
	const char *name = gsasl_property_fast(sasl, GSASL_AUTHID);

	if (rc == -2) {
		smtp_reply(s, 501, "5.7.0", "cancelled");
	} else if (rc == GSASL_OK) {
		s->mechanism = xstrdup(mechanism);
		s->user = xstrdup(name ? name : s->client_name ? s->client_name : "");
		smtp_reply(s, 235, "2.7.0", "welcome");
	} else if (rc == GSASL_BASE64_ERROR || rc == GSASL_MECHANISM_PARSE_ERROR) {
		smtp_reply(s, 501, "5.5.2", "%s", gsasl_strerror(rc));
	} else {
		s->auth_failures++;
		smtp_reply(s, 535, "5.7.8", "authentication failed");
	}
}

static bool
run(struct session *s, const char *mechanism, const char *initial)
{
	struct strbuf answer = STRBUF_INIT_SECRET(LINE_MAX_OCTETS);
	Gsasl_session *sasl = NULL;
	Gsasl *ctx;
	int rc;

	if (gsasl_init(&ctx) != GSASL_OK)
		return false;
	gsasl_callback_hook_set(ctx, s);
	gsasl_callback_set(ctx, callback);
	rc = gsasl_server_start(ctx, mechanism, &sasl);
	if (rc == GSASL_OK) {
		if (is_plus(mechanism))
			give_binding(s, sasl);
		if (s->config->scram_salt)
			gsasl_property_set(sasl, GSASL_SCRAM_SALT, s->config->scram_salt);
		if (initial && strcmp(initial, "=") != 0)
			strbuf_adds(&answer, initial);
		rc = exchange(s, sasl, &answer, initial != NULL);
		if (rc != -1)
			finish(s, sasl, mechanism, rc);
	} else {
		smtp_reply(s, 504, "5.5.4", "unknown mechanism");
	}
	if (sasl)
		gsasl_finish(sasl);
	gsasl_done(ctx);
	strbuf_done(&answer);
	return rc != -1;
}

bool
auth_command(struct session *s, const char *argument)
{
	struct strbuf offered = STRBUF_INIT(1024);
	char mechanism[32] = "";
	size_t n = strcspn(argument, " "), i;
	bool known;

	for (i = 0; i < n && i < sizeof(mechanism) - 1; i++)
		mechanism[i] = argument[i] >= 'a' && argument[i] <= 'z' ? (char)(argument[i] - 32)
									: argument[i];
	auth_add_mechanisms(s, &offered);
	known = n && n < sizeof(mechanism) && list_has(offered.s, mechanism);
	strbuf_done(&offered);
	if (s->user)
		smtp_reply(s, 503, "5.5.1", "authenticated already");
	else if (s->sender.address)
		smtp_reply(s, 503, "5.5.1", "not within a transaction");
	else if (!known)
		smtp_reply(s, 504, "5.5.4", "unknown mechanism");
	else if (s->auth_failures >= 3)
		smtp_reply(s, 421, "4.7.0", "too many failures");
	else
		return run(s, mechanism, argument[n] ? argument + n + 1 : NULL);
	return s->auth_failures < 3;
}
