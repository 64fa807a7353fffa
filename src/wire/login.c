#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "session_state.h"
#include "text.h"

#define PASSWORD_MAX 8192
#define TURNS_MAX    8 /* no mechanism has more */

/* How often M has something to say. One of a single trip has said it, and forgotten the password:
 * a second answer would hold an empty one. */
static unsigned
turns(const struct sasl_mechanism *m)
{
	return m->kind & SASL_ONE_TRIP ? 1 : TURNS_MAX;
}

/* Whether a password may cross this connection (never without verified TLS, except on
 * this machine where that was asked for). */
static bool
may_log_in(const struct session *s, struct error *err)
{
	if (stream_is_tls(&s->stream) && s->report->tls.verified)
		return true;
	if (s->loopback && s->settings->cleartext_auth)
		return true;
	return error_at(err, STAGE_AUTH, FAULT_CONFIG, "a login without verified TLS is refused%s",
		s->loopback ? " unless allow-cleartext-auth is set" : "");
}

static bool
workable(const struct session *s, size_t i)
{
	const struct sasl_mechanism *m = &sasl_mechanisms[i];

	if ((s->tried >> i & 1) || !capability_has_mechanism(&s->capability, m->name))
		return false;
	if (s->settings->token || (m->kind & SASL_TOKEN))
		return s->settings->token && s->settings->user && (m->kind & SASL_TOKEN);
	if ((m->kind & SASL_NAMED) || ((m->kind & SASL_BINDING) && !stream_is_tls(&s->stream)))
		return false;
	if (m->kind & SASL_TICKET)
		return s->settings->user && s->settings->ticket;
	/* EXTERNAL is for who has a certificate and no password */
	return m->kind & SASL_CERTIFICATE ? s->settings->tls_settings.cert && !s->settings->user
					  : s->settings->user != NULL;
}

static bool
nothing_workable(const struct session *s, struct error *err)
{
	char offered[256];

	text_printable(offered, sizeof(offered), s->capability.mechanisms,
		strlen(s->capability.mechanisms));
	if (!s->capability.auth)
		return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE, "%s does not offer AUTH%s",
			s->host, stream_is_tls(&s->stream) ? "" : " on a connection without TLS");
	return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
		"%s offers no mechanism that can be used%s (offered:%s)", s->host,
		s->settings->mechanism ? " under the name set by auth" : "", offered);
}

/* GSSAPI for who has a ticket and names no source of a password: nobody is asked for one. */
static const struct sasl_mechanism *
ticket_first(const struct session *s)
{
	const struct sasl_mechanism *m = sasl_find("GSSAPI");

	return s->settings->ticket_first && workable(s, (size_t)(m - sasl_mechanisms)) ? m : NULL;
}

/* The mechanism that the provider of tokens is known to take. */
static const struct sasl_mechanism *
token_first(const struct session *s)
{
	const struct sasl_mechanism *m = s->settings->token && s->settings->token_first
						 ? sasl_find(s->settings->token_first)
						 : NULL;

	return m && workable(s, (size_t)(m - sasl_mechanisms)) ? m : NULL;
}

bool
login_choose(struct session *s, struct error *err)
{
	const char *wanted = s->settings->mechanism;
	const struct sasl_mechanism *m = NULL;
	/* without TLS a mechanism that hides the password goes before those that show it */
	bool hide = !stream_is_tls(&s->stream);

	s->mechanism = NULL;
	if (wanted && strcasecmp(wanted, "none") == 0)
		return true;
	if (wanted) {
		m = sasl_find(wanted);
		if (m && ((s->tried >> (m - sasl_mechanisms) & 1) ||
				 !capability_has_mechanism(&s->capability, m->name)))
			m = NULL;
	}
	if (!wanted)
		m = s->settings->token ? token_first(s) : ticket_first(s);
	for (int pass = hide ? 0 : 1; !wanted && !m && pass < 2; pass++)
		for (size_t i = 0; i < SASL_COUNT && !m; i++)
			if (workable(s, i) && (pass || !(sasl_mechanisms[i].kind & SASL_CLEAR)))
				m = &sasl_mechanisms[i];
	if (!m && !wanted && !s->settings->user)
		return true;
	if (!m)
		return nothing_workable(s, err);
	if ((m->kind & SASL_PASSWORD) && !s->settings->user)
		return error_at(
			err, STAGE_AUTH, FAULT_CONFIG, "%s needs a user, and none is set", m->name);
	s->mechanism = m;
	return may_log_in(s, err);
}

bool
login_begin(struct session *s, struct error *err)
{
	struct strbuf password = STRBUF_INIT_SECRET(PASSWORD_MAX),
		      binding = STRBUF_INIT_SECRET(4096);
	struct sasl_credentials with = { .user = s->settings->user,
		.host = s->host,
		.port = s->report->port,
		.deadline = s->settings->deadline };
	bool good = true;

	sasl_done(&s->sasl);
	strbuf_clear(&s->response);
	error_clear(&s->auth_error);
	s->auth_unsupported = s->auth_more = false;
	if ((s->mechanism->kind & SASL_SCRAM) && s->settings->salted.get && !s->unsalted) {
		with.salted = s->settings->salted;
		with.ask = s->settings->secret;
		with.ask_ctx = s->settings->secret_ctx;
		with.ask_deadline = wire_deadline(s->settings);
	} else if (s->mechanism->kind & SASL_PASSWORD) {
		with.salted.put = s->settings->salted.put;
		with.salted.ctx = s->settings->salted.ctx;
		good = s->settings->secret(
			s->settings->secret_ctx, wire_deadline(s->settings), &password, err);
		if (good && password.full)
			good = error_at(err, STAGE_AUTH, FAULT_CONFIG,
				"the password is longer than %d octets", PASSWORD_MAX);
		if (!good && err && err->stage == STAGE_NONE)
			err->stage = STAGE_AUTH;
		s->no_secret = !good;
		with.password = &password;
	}
	if (s->mechanism->kind & SASL_BINDING &&
		tls_binding(&s->stream, &binding, &with.binding_is_exporter))
		with.binding = &binding;
	if (good && (!sasl_start(&s->sasl, s->mechanism, &with, &s->auth_error) ||
			    ((s->mechanism->kind & SASL_FIRST) &&
				    !sasl_step(&s->sasl, NULL, 0, &s->response, &s->auth_error))))
		s->auth_unsupported = true;
	if (s->mechanism->kind & SASL_ONE_TRIP)
		sasl_wipe(&s->sasl);
	strbuf_done(&password);
	strbuf_done(&binding);
	if (!good)
		return false;
	return !s->auth_unsupported || (login_next(s, err) && login_begin(s, err));
}

bool
login_next(struct session *s, struct error *err)
{
	struct error why = s->auth_error;
	const char *name = s->mechanism->name;
	bool more;

	s->tried |= 1u << (s->mechanism - sasl_mechanisms);
	error_clear(&s->auth_error);
	s->auth_unsupported = false;
	more = login_choose(s, NULL) && s->mechanism;
	/* the reason why the last one did not work says more than that nothing is left */
	if (!more && err && !err->fault)
		*err = why;
	else
		session_note(s, "%s did not work: %s", name, why.text);
	return more;
}

/* Answers the challenge in s->reply. False with *RET_CANCEL when the mechanism cannot go on. */
static bool
answer(struct session *s, bool *ret_cancel)
{
	size_t n = strcspn(s->reply.text.s, "\n");

	*ret_cancel = false;
	/* a server that overlooked the initial response asks for it again, with nothing */
	if ((s->mechanism->kind & (SASL_ONE_TRIP | SASL_TOKEN)) && !n && s->sasl.step == 1 &&
		!s->sasl.asked_again) {
		s->sasl.asked_again = true;
		return true;
	}
	strbuf_clear(&s->response);
	if (s->sasl.step >= turns(s->mechanism))
		error_at(&s->auth_error, STAGE_AUTH, FAULT_PROTOCOL,
			"%s asks more questions than %s has", s->host, s->mechanism->name);
	else if (sasl_step(&s->sasl, s->reply.text.s, n, &s->response, &s->auth_error))
		return true;
	s->no_secret |= s->sasl.no_secret;
	*ret_cancel = true;
	return false;
}

/* One mechanism from AUTH to the final reply. */
static bool
exchange(struct session *s, struct error *err)
{
	bool cancel;

	if (!login_begin(s, err) || !flight_push(s, VERB_AUTH, 0, err) || !flight_drain(s, err))
		return false;
	while (s->auth_more) {
		if (!answer(s, &cancel) && cancel) {
			s->auth_unsupported = !s->sasl.fatal;
			return flight_push(s, VERB_AUTH_STEP, 1, err);
		}
		if (!flight_push(s, VERB_AUTH_STEP, 0, err))
			return false;
	}
	if (s->authenticated && (s->mechanism->kind & SASL_SCRAM) && !s->sasl.done) {
		s->authenticated = false;
		error_at(&s->auth_error, STAGE_AUTH, FAULT_UNAVAILABLE,
			"%s ended %s without proving that it knows the password", s->host,
			s->mechanism->name);
	}
	return true;
}

/* What is kept of a password may be that of an old one, or damaged: then the password itself has
 * the word, once. */
static bool
again_unsalted(struct session *s)
{
	if (!s->sasl.salted || s->unsalted || s->auth_error.fault == FAULT_TEMPORARY)
		return false;
	session_note(s, "%s did not work with what is kept of the password", s->mechanism->name);
	sasl_drop(&s->sasl);
	return s->unsalted = true;
}

bool
login_perform(struct session *s, struct error *err)
{
	int64_t since = clock_ms();

	for (;;) {
		if (!exchange(s, err))
			return false;
		if (s->authenticated && !s->auth_error.fault)
			break;
		if (again_unsalted(s))
			continue;
		if (!s->auth_unsupported) {
			if (err && !err->fault)
				*err = s->auth_error;
			return false;
		}
		if (!login_next(s, err))
			return false;
	}
	sasl_keep(&s->sasl);
	sasl_wipe(&s->sasl);
	snprintf(s->report->mechanism, sizeof(s->report->mechanism), "%s", s->mechanism->name);
	session_phase(s, WIRE_PHASE_AUTH, &since);
	return true;
}
