#include "sasl.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "mime.h"
#include "sasl_oauth.h"
#include "text.h"

#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000

const struct sasl_mechanism sasl_mechanisms[SASL_COUNT] = {
	{ "SCRAM-SHA-256-PLUS", SASL_PASSWORD | SASL_FIRST | SASL_SCRAM | SASL_BINDING },
	{ "SCRAM-SHA-1-PLUS", SASL_PASSWORD | SASL_FIRST | SASL_SCRAM | SASL_BINDING },
	{ "SCRAM-SHA-256", SASL_PASSWORD | SASL_FIRST | SASL_SCRAM },
	{ "SCRAM-SHA-1", SASL_PASSWORD | SASL_FIRST | SASL_SCRAM },
	{ "PLAIN", SASL_PASSWORD | SASL_FIRST | SASL_ONE_TRIP | SASL_CLEAR },
	{ "LOGIN", SASL_PASSWORD | SASL_CLEAR },
	{ "CRAM-MD5", SASL_PASSWORD },
	{ "EXTERNAL", SASL_FIRST | SASL_ONE_TRIP | SASL_CERTIFICATE },
	{ "GSSAPI", SASL_FIRST | SASL_TICKET },
	{ "OAUTHBEARER", SASL_PASSWORD | SASL_FIRST | SASL_TOKEN | SASL_NAMED },
	{ "XOAUTH2", SASL_PASSWORD | SASL_FIRST | SASL_TOKEN | SASL_NAMED },
	{ "DIGEST-MD5", SASL_PASSWORD | SASL_NAMED },
	{ "NTLM", SASL_PASSWORD | SASL_NAMED | SASL_GREETS },
};

static Gsasl *library;

const struct sasl_mechanism *
sasl_find(const char *name)
{
	for (size_t i = 0; i < SASL_COUNT; i++)
		if (strcasecmp(sasl_mechanisms[i].name, name) == 0)
			return &sasl_mechanisms[i];
	return NULL;
}

static bool
failed(struct error *err, const struct sasl *s, int rc)
{
	if (rc == GSASL_MALLOC_ERROR)
		alloc_failed();
	return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE, "%s cannot be used: %s",
		s->mechanism->name, gsasl_strerror(rc) ?: "unknown error");
}

static bool
set_properties(struct sasl *s, const struct sasl_credentials *with, struct error *err)
{
	Gsasl_session *session = s->session;
	int rc = gsasl_property_set(session, GSASL_AUTHID, with->user ?: "");
	struct strbuf binding = STRBUF_INIT(4096);

	if (rc == GSASL_OK && (s->mechanism->kind & SASL_CERTIFICATE))
		rc = gsasl_property_set(session, GSASL_AUTHZID, with->user ?: "");
	if (rc == GSASL_OK && with->password)
		rc = gsasl_property_set_raw(
			session, GSASL_PASSWORD, with->password->s, with->password->len);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(session, GSASL_HOSTNAME, with->host);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(session, GSASL_SERVICE, "smtp");
	/* libgsasl 2.2.0 fails a mechanism without -PLUS that knows of a binding */
	if (rc == GSASL_OK && (s->mechanism->kind & SASL_BINDING)) {
		mime_add_base64(&binding, with->binding->s, with->binding->len);
		rc = gsasl_property_set(session,
			with->binding_is_exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE,
			binding.s);
	}
	strbuf_done(&binding);
	return rc == GSASL_OK || failed(err, s, rc);
}

bool
sasl_start(struct sasl *s, const struct sasl_mechanism *m, const struct sasl_credentials *with,
	struct error *err)
{
	Gsasl_session *session;
	int rc;

	*s = (struct sasl){ .mechanism = m,
		.nonce = STRBUF_INIT(SASL_MESSAGE),
		.salt = STRBUF_INIT(SASL_MESSAGE),
		.late = { .salted = with->salted,
			.ask = with->ask,
			.ask_ctx = with->ask_ctx,
			.ask_deadline = with->ask_deadline },
		.token = STRBUF_INIT_SECRET(SASL_MESSAGE) };
	if ((m->kind & SASL_BINDING) && !with->binding)
		return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
			"%s cannot be used: this TLS session has no channel binding", m->name);
	if (m->kind & SASL_TOKEN)
		return sasl_oauth_message(m, with, &s->token, err);
	if (m->kind & SASL_TICKET)
		return sasl_ticket_start(&s->ticket, with, err);
	if (!library && (rc = gsasl_init(&library)) != GSASL_OK)
		return failed(err, s, rc);
	if ((rc = gsasl_client_start(library, m->name, &session)) != GSASL_OK)
		return failed(err, s, rc);
	s->session = session;
	return set_properties(s, with, err);
}

/* Finds the attribute KEY ("r=") in a SCRAM message; its length in *RET_N. */
static const char *
scram_attribute(const char *message, const char *key, size_t *ret_n)
{
	for (const char *at = message; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, key, 2) == 0) {
			*ret_n = strcspn(at + 2, ",");
			return at + 2;
		}
	return NULL;
}

/* The server-first message: r=NONCE,s=SALT,i=COUNT (RFC 5802 section 5.1). */
static bool
scram_check(struct sasl *s, const char *message, struct error *err)
{
	const char *nonce, *salt, *count, *why = NULL;
	size_t nonce_n = 0, salt_n = 0, count_n = 0;
	char number[12] = "";
	uint64_t iterations;

	nonce = scram_attribute(message, "r=", &nonce_n);
	salt = scram_attribute(message, "s=", &salt_n);
	count = scram_attribute(message, "i=", &count_n);
	if (count && count_n < sizeof(number)) {
		memcpy(number, count, count_n);
		number[count_n] = '\0';
	}
	if (!nonce || !s->nonce.len || nonce_n <= s->nonce.len ||
		memcmp(nonce, s->nonce.s, s->nonce.len) != 0)
		why = "its nonce does not extend ours";
	else if (!salt || !salt_n)
		why = "there is no salt";
	else if (!text_number(number, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX, &iterations))
		why = "the iteration count is not between 4096 and 1000000";
	if (why)
		return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
			"%s cannot be used: the server's challenge is unsafe: %s",
			s->mechanism->name, why);
	return sasl_salted_begin(s, salt, salt_n, (unsigned)iterations, err);
}

static bool
scram_before(struct sasl *s, const char *challenge, size_t n, struct error *err)
{
	struct strbuf message = STRBUF_INIT(SASL_MESSAGE);
	bool decoded =
		mime_decode_base64(&message, challenge, n) && !memchr(message.s, '\0', message.len);
	bool good = true;

	if (s->step == 1) {
		good = decoded ? scram_check(s, message.s, err)
			       : error_at(err, STAGE_AUTH, FAULT_PROTOCOL,
					 "the server's SCRAM challenge is no base64");
	} else if (decoded && strncmp(message.s, "e=", 2) == 0) {
		/* RFC 5802 section 7: the server's word for a password that it refuses */
		s->fatal = true;
		good = error_at(err, STAGE_AUTH, FAULT_PERMISSION,
			"the server refused the login: %s", message.s + 2);
	}
	strbuf_done(&message);
	return good;
}

/* Keeps our nonce from the client-first message: "n,,n=user,r=NONCE". */
static void
scram_after(struct sasl *s, const char *answer)
{
	struct strbuf message = STRBUF_INIT_SECRET(SASL_MESSAGE);
	const char *nonce;
	size_t n;

	if (s->step == 0 && mime_decode_base64(&message, answer, strlen(answer)) &&
		(nonce = scram_attribute(message.s, "r=", &n)))
		strbuf_add(&s->nonce, nonce, n);
	strbuf_done(&message);
}

/* The token at once, and whatever the server has to say is answered for the sake of form. */
static bool
token_step(struct sasl *s, const char *challenge, size_t n, struct strbuf *out, struct error *err)
{
	if (s->step > 1)
		return error_at(err, STAGE_AUTH, FAULT_PROTOCOL,
			"the server asks more questions than %s has", s->mechanism->name);
	if (s->step)
		sasl_oauth_complaint(s->complaint, sizeof(s->complaint), challenge, n);
	strbuf_adds(out, s->step ? sasl_oauth_acknowledge(s->mechanism) : s->token.s);
	s->done = !s->step++;
	return true;
}

bool
sasl_step(struct sasl *s, const char *challenge, size_t n, struct strbuf *out, struct error *err)
{
	bool scram = s->mechanism->kind & SASL_SCRAM, good;
	char *input, *answer = NULL;
	int rc;

	if (s->mechanism->kind & SASL_TOKEN)
		return token_step(s, challenge, n, out, err);
	if (s->mechanism->kind & SASL_TICKET) {
		s->step++;
		return sasl_ticket_step(&s->ticket, challenge, n, out, &s->done, err);
	}
	if (!s->step && (s->mechanism->kind & SASL_GREETS))
		n = 0;
	input = xstrndup(challenge ?: "", n);
	if (scram && challenge && !scram_before(s, challenge, n, err)) {
		free(input);
		return false;
	}
	rc = gsasl_step64(s->session, input, &answer);
	free(input);
	good = rc == GSASL_OK || rc == GSASL_NEEDS_MORE;
	if (!good && scram && s->step >= 2) {
		/* the last message proves that the server knows the password, or that it does not
		 */
		s->fatal = true;
		error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
			"the server failed to prove that it knows the password");
	} else if (!good && rc == GSASL_BASE64_ERROR) {
		error_at(err, STAGE_AUTH, FAULT_PROTOCOL, "the server's challenge is no base64");
	} else if (!good) {
		failed(err, s, rc);
	}
	if (good && answer) {
		if (scram)
			scram_after(s, answer);
		strbuf_adds(out, answer);
		if (out->full)
			good = error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
				"%s cannot be used: user and password are too long for it",
				s->mechanism->name);
	}
	s->done = good && rc == GSASL_OK;
	s->step++;
	if (answer) {
		explicit_bzero(answer, strlen(answer));
		gsasl_free(answer);
	}
	return good;
}

void
sasl_wipe(struct sasl *s)
{
	static const Gsasl_property wiped[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD };
	char *value;

	if (s->session)
		for (size_t i = 0; i < sizeof(wiped) / sizeof(*wiped); i++)
			if ((value = (char *)(uintptr_t)gsasl_property_fast(s->session, wiped[i])))
				explicit_bzero(value, strlen(value));
}

void
sasl_done(struct sasl *s)
{
	sasl_wipe(s);
	if (s->session)
		gsasl_finish(s->session);
	strbuf_done(&s->nonce);
	strbuf_done(&s->salt);
	strbuf_done(&s->token);
	sasl_ticket_done(&s->ticket);
	s->session = NULL;
}
