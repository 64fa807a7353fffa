#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "anchor.h"
#include "tls_private.h"
#include "trust.h"

/* Appended to GnuTLS's default, which is the system's policy where there is one: removals and a
 * minimum only, so that a stricter policy holds. */
#define MINIMUM "-VERS-SSL3.0:-VERS-TLS1.0:-VERS-TLS1.1:-RSA:%PROFILE_MEDIUM"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hex with or without colons between the octets. */
static bool
parse_hex(const char *s, unsigned char out[TLS_DIGEST])
{
	for (size_t i = 0; i < TLS_DIGEST; i++) {
		int high, low;

		if (i && *s == ':')
			s++;
		if ((high = hex(s[0])) < 0 || (low = hex(s[1])) < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
		s += 2;
	}
	return !*s;
}

static bool
parse_base64(const char *s, unsigned char out[TLS_DIGEST])
{
	uint8_t all[TLS_DIGEST + 3];
	size_t n = strlen(s);

	/* 43 digits and "=", or without it */
	if (n == 44 && s[43] == '=')
		n--;
	if (n != 43 || strpbrk(s, " \t\r\n") || anchor_decode(s, n, all, sizeof(all)) != TLS_DIGEST)
		return false;
	memcpy(out, all, TLS_DIGEST);
	return true;
}

static bool
parse_pin(const char *s, unsigned char out[TLS_DIGEST])
{
	if (strncmp(s, "sha256//", 8) == 0)
		return parse_base64(s + 8, out);
	return strncmp(s, "sha256:", 7) == 0 && parse_hex(s + 7, out);
}

static bool
parse_fingerprint(const char *s, unsigned char out[TLS_DIGEST])
{
	return parse_hex(strncmp(s, "sha256:", 7) == 0 ? s + 7 : s, out);
}

static bool
set_digests(struct tls_context *c, const struct tls_settings *s, struct error *err)
{
	c->pins = xcalloc(s->pin_count + 1, TLS_DIGEST);
	c->fingerprints = xcalloc(s->fingerprint_count + 1, TLS_DIGEST);
	for (; c->pin_count < s->pin_count; c->pin_count++)
		if (!parse_pin(s->pins[c->pin_count], c->pins[c->pin_count]))
			return error_set(err, FAULT_CONFIG,
				"tls-pin: \"%.100s\" is not sha256: and 64 hexadecimal digits, nor "
				"sha256// and 44 characters of base64",
				s->pins[c->pin_count]);
	for (; c->fingerprint_count < s->fingerprint_count; c->fingerprint_count++)
		if (!parse_fingerprint(s->fingerprints[c->fingerprint_count],
			    c->fingerprints[c->fingerprint_count]))
			return error_set(err, FAULT_CONFIG,
				"tls-fingerprint: \"%.100s\" is not a SHA-256 in hexadecimal "
				"digits",
				s->fingerprints[c->fingerprint_count]);
	return true;
}

static bool
set_priority(struct tls_context *c, const struct tls_settings *s, struct error *err)
{
	const char *where = NULL;
	int rc;

	c->min = GNUTLS_VERSION_UNKNOWN;
	if (s->min && strcmp(s->min, "1.3") == 0)
		c->min = GNUTLS_TLS1_3;
	else if (s->min && strcmp(s->min, "1.2") == 0)
		c->min = GNUTLS_TLS1_2;
	else if (s->min)
		return error_set(
			err, FAULT_CONFIG, "tls-min: \"%.20s\" is neither 1.2 nor 1.3", s->min);
	c->own_priority = s->priority != NULL;
	if (s->priority)
		rc = gnutls_priority_init(&c->priority, s->priority, &where);
	else
		rc = gnutls_priority_init2(&c->priority,
			c->min == GNUTLS_TLS1_3 ? MINIMUM ":-VERS-TLS1.2" : MINIMUM, &where,
			GNUTLS_PRIORITY_INIT_DEF_APPEND);
	if (rc == GNUTLS_E_MEMORY_ERROR)
		alloc_failed();
	if (rc >= 0)
		return true;
	c->priority = NULL;
	if (!s->priority)
		return error_set(err, FAULT_CONFIG,
			"the TLS policy of this system leaves nothing to use: %s",
			gnutls_strerror(rc));
	return error_set(err, FAULT_CONFIG, "tls-priority: %s at \"%.60s\"", gnutls_strerror(rc),
		where ? where : s->priority);
}

static bool
can_read(const char *key, const char *path, struct error *err)
{
	if (tls_is_uri(path) || !access(path, R_OK))
		return true;
	return error_sys(err, FAULT_NOINPUT, errno, "%s: cannot read %s", key, path);
}

static bool
set_certificate(struct tls_context *c, const struct tls_settings *s, struct error *err)
{
	const char *key = s->key ? s->key : s->cert;
	int rc;

	if (!s->cert && s->key)
		return error_set(err, FAULT_CONFIG, "tls-key is set, but tls-cert is not");
	if (!s->cert)
		return true;
	if (!can_read("tls-cert", s->cert, err) || !can_read("tls-key", key, err))
		return false;
	tls_token_prepare(c, s);
	rc = gnutls_certificate_set_x509_key_file2(
		c->cred, s->cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	c->has_certificate = true;
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return error_set(
			err, FAULT_CONFIG, "tls-key: %s is not the key of %s", key, s->cert);
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return error_set(err, FAULT_CONFIG, "tls-key: %s is protected by a password", key);
	if (rc < 0 && (tls_is_uri(s->cert) || tls_is_uri(key)))
		return tls_token_failed(c, s, rc, err);
	if (rc < 0)
		return error_set(err, FAULT_CONFIG, "tls-cert %s with tls-key %s: %s", s->cert, key,
			gnutls_strerror(rc));
	return true;
}

static bool
set_trust(struct tls_context *c, const struct tls_settings *s, struct error *err)
{
	const char *what = s->trust ? s->trust : "system";

	if (strcmp(what, "none") == 0 || c->fingerprint_count)
		return true;
	c->trust = trust_open(what, s->crl, err);
	return c->trust != NULL;
}

static bool
set_name(struct tls_context *c, const struct tls_settings *s, struct error *err)
{
	if (!s->name)
		return true;
	if (!*s->name || strlen(s->name) > 253)
		return error_set(
			err, FAULT_CONFIG, "tls-name: \"%.100s\" is no host name", s->name);
	c->name = xstrdup(s->name);
	return true;
}

struct tls_context *
tls_context_new(const struct tls_settings *settings, struct error *err)
{
	struct tls_context *c = xcalloc(1, sizeof(*c));

	if (gnutls_certificate_allocate_credentials(&c->cred) < 0)
		alloc_failed();
	if (set_priority(c, settings, err) && set_digests(c, settings, err) &&
		set_name(c, settings, err) && set_certificate(c, settings, err) &&
		set_trust(c, settings, err)) {
		tls_identify(c, settings);
		return c;
	}
	tls_context_free(c);
	return NULL;
}

void
tls_context_forget(struct tls_context *c)
{
	gnutls_certificate_free_keys(c->cred);
}

void
tls_expect(struct tls_context *c, const struct tls_peer *peer)
{
	c->peer = peer;
}

void
tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	trust_free(c->trust);
	if (c->cred)
		gnutls_certificate_free_credentials(c->cred);
	if (c->priority)
		gnutls_priority_deinit(c->priority);
	free(c->pins);
	free(c->fingerprints);
	free(c->name);
	free(c->place);
	strbuf_done(&c->identity);
	free(c);
}
