/* SCRAM with what is kept of the password instead of the password. */
#include <gsasl.h>
#include <string.h>

#include "error.h"
#include "sasl.h"

#define PASSWORD_MAX 8192
#define HEX_MAX      128

/* "SHA-256" of SCRAM-SHA-256-PLUS: the binding makes no difference. */
static bool
is_sha256(const struct sasl *s)
{
	return strncmp(s->mechanism->name, "SCRAM-SHA-256", 13) == 0;
}

static const char *
hash_name(const struct sasl *s)
{
	return is_sha256(s) ? "SHA-256" : "SHA-1";
}

/* As many hexadecimal digits as the hash has. */
static bool
is_salted(const struct sasl *s, const char *hex, size_t n)
{
	return n == (is_sha256(s) ? 64 : 40) && strspn(hex, "0123456789abcdef") == n;
}

static bool
use_kept(struct sasl *s)
{
	const struct wire_salted *w = &s->late.salted;
	struct strbuf hex = STRBUF_INIT_SECRET(HEX_MAX);

	s->salted = w->get(w->ctx, hash_name(s), s->salt.s, s->iterations, &hex) &&
		    is_salted(s, hex.s, hex.len) &&
		    gsasl_property_set(s->session, GSASL_SCRAM_SALTED_PASSWORD, hex.s) == GSASL_OK;
	strbuf_done(&hex);
	return s->salted;
}

bool
sasl_salted_begin(
	struct sasl *s, const char *salt, size_t n, unsigned iterations, struct error *err)
{
	struct strbuf password = STRBUF_INIT_SECRET(PASSWORD_MAX);
	bool good = true;

	strbuf_clear(&s->salt);
	strbuf_add(&s->salt, salt, n);
	s->iterations = iterations;
	if (!s->late.ask || use_kept(s))
		return true;
	if (!s->late.ask(s->late.ask_ctx, s->late.ask_deadline, &password, err)) {
		s->no_secret = true;
		good = false;
	} else if (password.full || gsasl_property_set_raw(s->session, GSASL_PASSWORD, password.s,
					    password.len) != GSASL_OK) {
		good = error_at(err, STAGE_AUTH, FAULT_CONFIG,
			"the password is longer than %d octets", PASSWORD_MAX);
	}
	/* no weaker mechanism has a password either */
	s->fatal = !good;
	if (!good && err && err->stage == STAGE_NONE)
		err->stage = STAGE_AUTH;
	strbuf_done(&password);
	return good;
}

void
sasl_keep(struct sasl *s)
{
	const struct wire_salted *w = &s->late.salted;
	struct strbuf hex = STRBUF_INIT_SECRET(HEX_MAX);
	const char *made;

	if (!w->put || !s->session || !s->done || s->salted || !s->salt.len)
		return;
	made = gsasl_property_fast(s->session, GSASL_SCRAM_SALTED_PASSWORD);
	if (made && is_salted(s, made, strlen(made))) {
		strbuf_adds(&hex, made);
		w->put(w->ctx, hash_name(s), s->salt.s, s->iterations, &hex);
	}
	strbuf_done(&hex);
}

void
sasl_drop(struct sasl *s)
{
	const struct wire_salted *w = &s->late.salted;

	if (w->put && s->salted)
		w->put(w->ctx, hash_name(s), s->salt.s, s->iterations, NULL);
}
