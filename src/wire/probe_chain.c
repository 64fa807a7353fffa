/* What a server shows of itself, whatever comes of the handshake; and what we show it. */
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "probe.h"
#include "strbuf.h"
#include "text.h"
#include "tls_private.h"
#include "trust.h"

#define NAMES_MAX 256 /* alternative names that are looked at */

static void
describe_names(struct probe_certificate *c, gnutls_x509_crt_t crt)
{
	struct strbuf names = STRBUF_INIT(sizeof(c->names) - 1);
	bool address;
	int kind = 0;
	size_t before;

	for (unsigned i = 0; i < NAMES_MAX && kind >= 0 && !names.full; i++) {
		before = names.len;
		if (before)
			strbuf_addc(&names, ' ');
		kind = tls_alternative_name(crt, i, &address, &names);
		if (kind <= 0 || names.full)
			strbuf_truncate(&names, before);
	}
	memcpy(c->names, names.s, names.len + 1);
	strbuf_done(&names);
}

static void
describe_key(struct probe_certificate *c, gnutls_x509_crt_t crt)
{
	unsigned char digest[TLS_DIGEST];
	unsigned bits = 0;
	int key = gnutls_x509_crt_get_pk_algorithm(crt, &bits),
	    sign = gnutls_x509_crt_get_signature_algorithm(crt);
	const char *name = key < 0 ? NULL
				   : gnutls_pk_algorithm_get_name((gnutls_pk_algorithm_t)key),
		   *signature =
			   sign < 0 ? NULL : gnutls_sign_get_name((gnutls_sign_algorithm_t)sign);
	char hex[2 * TLS_DIGEST + 1];

	snprintf(c->key, sizeof(c->key), "%.20s %u", name ? name : "unknown", bits);
	snprintf(c->signature, sizeof(c->signature), "%s", signature ? signature : "unknown");
	if (!tls_key_digest(crt, digest))
		return;
	tls_print_digest(hex, digest);
	snprintf(c->pin, sizeof(c->pin), "sha256:%s", hex);
}

static void
describe(struct probe_certificate *c, gnutls_x509_crt_t crt, const gnutls_datum_t *der)
{
	unsigned char digest[TLS_DIGEST];

	tls_print_name(c->subject, sizeof(c->subject), crt, gnutls_x509_crt_get_dn3);
	tls_print_name(c->issuer, sizeof(c->issuer), crt, gnutls_x509_crt_get_issuer_dn3);
	describe_names(c, crt);
	describe_key(c, crt);
	c->begins = gnutls_x509_crt_get_activation_time(crt);
	c->expires = gnutls_x509_crt_get_expiration_time(crt);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, digest) >= 0)
		tls_print_digest(c->fingerprint, digest);
}

/* The chain alone: the name is another finding. */
static void
judge_chain(const struct tls *t, struct probe *p)
{
	const struct tls_context *c = t->context;
	gnutls_datum_t text = { NULL, 0 };
	struct error why = ERROR_NONE;
	unsigned status = 0;

	p->chain_checked = c->trust != NULL;
	if (!p->chain_checked)
		return;
	if (!trust_verify(c->trust, t->session, c->cred, NULL, &status, &why)) {
		snprintf(p->verdict, sizeof(p->verdict), "%.255s", why.text);
		return;
	}
	p->chain_good = !status;
	if (!status ||
		gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
		return;
	while (text.size && strchr(" \n", text.data[text.size - 1]))
		text.size--;
	text_printable(p->verdict, sizeof(p->verdict), (const char *)text.data, text.size);
	gnutls_free(text.data);
}

static bool
name_fits(const struct tls *t, gnutls_x509_crt_t leaf)
{
	const char *name = tls_choose_name(t, leaf);

	return !name || (tls_has_alternative_name(t, leaf) &&
				gnutls_x509_crt_check_hostname2(leaf, name, 0) != 0);
}

static void
witness(struct tls *t, void *ctx)
{
	struct probe *p = ctx;
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	unsigned n = 0;

	p->chain_length = 0;
	p->chain_good = p->name_good = false;
	chain = gnutls_certificate_get_peers(t->session, &n);
	for (unsigned i = 0; chain && i < n && i < PROBE_CERTIFICATES; i++) {
		if (!(crt = tls_import(&chain[i])))
			break;
		if (!i)
			p->name_good = name_fits(t, crt);
		p->chain[i] = (struct probe_certificate){ .begins = 0 };
		describe(&p->chain[i], crt, &chain[i]);
		gnutls_x509_crt_deinit(crt);
		p->chain_length++;
	}
	if (p->chain_length)
		judge_chain(t, p);
}

void
probe_watch(struct tls_context *context, struct probe *p)
{
	context->witness = witness;
	context->witness_ctx = p;
}

bool
probe_own(const struct tls_settings *settings, struct probe_own *ret, struct error *err)
{
	const struct tls_settings ours = {
		.trust = "none",
		.cert = settings->cert,
		.key = settings->key,
		.pin = settings->pin,
		.pin_ctx = settings->pin_ctx,
	};
	struct tls_context *context = tls_context_new(&ours, err);
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;

	*ret = (struct probe_own){ .for_clients = false };
	if (context && context->has_certificate &&
		gnutls_certificate_get_x509_crt(context->cred, 0, &list, &n) < 0)
		alloc_failed();
	for (unsigned i = 0; i < n; i++) {
		if (i < PROBE_CERTIFICATES &&
			gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER, &der) >= 0) {
			describe(&ret->chain[ret->length++], list[i], &der);
			gnutls_free(der.data);
			der.data = NULL;
		}
		if (!i)
			ret->for_clients = gnutls_x509_crt_check_key_purpose(
						   list[i], GNUTLS_KP_TLS_WWW_CLIENT, 0) != 0;
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	tls_context_free(context);
	return context != NULL;
}
