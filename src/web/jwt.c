#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "io.h"
#include "json.h"
#include "jwt.h"
#include "pin.h"

#define FILE_MAX (256 << 10)
#define RSA_BITS 2048
#define PART     32 /* octets of r and of s on P-256 (RFC 7518 section 3.4) */
#define SHA256   32

struct signer {
	const struct jwt_key *settings;
	struct pin pin;
	gnutls_privkey_t key;
	gnutls_sign_algorithm_t algorithm;
	const char *name; /* alg (RFC 7518 section 3.1) */
};

void
jwt_add_base64url(struct strbuf *out, const void *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *octets = data;
	unsigned value = 0, bits = 0;

	for (size_t i = 0; i < n; i++) {
		value = (value << 8 | octets[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			strbuf_addc(out, digits[value >> (bits - 6) & 63]);
	}
	if (bits)
		strbuf_addc(out, digits[value << (6 - bits) & 63]);
}

static bool
is_uri(const char *s)
{
	return strncmp(s, "pkcs11:", 7) == 0;
}

static int
give_pin(void *user, int attempt, const char *url, const char *label, unsigned flags, char *pin,
	size_t size)
{
	struct signer *s = user;

	(void)url;
	return pin_give(&s->pin, label, attempt || (flags & GNUTLS_PIN_WRONG),
		       flags & GNUTLS_PIN_FINAL_TRY, pin, size)
		       ? 0
		       : GNUTLS_E_PKCS11_PIN_ERROR;
}

static bool
read_pem(const char *what, const char *path, struct strbuf *ret, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t got = -1;
	char *to;

	if (fd < 0)
		return error_sys(err, FAULT_NOINPUT, errno, "%s: cannot read %s", what, path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX &&
		(to = strbuf_reserve(ret, (size_t)st.st_size)))
		got = io_read_full(fd, to, (size_t)st.st_size);
	close(fd);
	if (got < 0)
		return error_set(err, FAULT_CONFIG, "%s: %s is no file that holds it", what, path);
	strbuf_advance(ret, (size_t)got);
	return true;
}

static bool
fail_key(const struct signer *s, int rc, struct error *err)
{
	const char *key = s->settings->key ? s->settings->key : "the key that was given";
	bool token = s->settings->key && is_uri(s->settings->key);
	unsigned flags;

	if (s->pin.error.fault) {
		if (err && !err->fault)
			*err = s->pin.error;
		return false;
	}
	if (rc == GNUTLS_E_MEMORY_ERROR)
		alloc_failed();
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return error_set(
			err, FAULT_CONFIG, "oauth-key: %.200s is protected by a password", key);
	if (rc == GNUTLS_E_PKCS11_PIN_LOCKED)
		return error_set(err, FAULT_PERMISSION,
			"oauth-key: the PIN of this token is locked: %.200s", key);
	if (rc == GNUTLS_E_PKCS11_PIN_ERROR || rc == GNUTLS_E_PKCS11_PIN_EXPIRED)
		return error_set(err, FAULT_PERMISSION,
			"oauth-key: the token does not take its PIN: %.200s", key);
	/* it may only not be plugged in */
	if (token && gnutls_pkcs11_token_get_flags(key, &flags) < 0)
		return error_set(
			err, FAULT_TEMPORARY, "oauth-key: there is no token that fits %.200s", key);
	if (token && (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
			     rc == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE))
		return error_set(
			err, FAULT_CONFIG, "oauth-key: the token holds no such key: %.200s", key);
	return error_set(err, FAULT_CONFIG, "oauth-key: %.200s: %s", key, gnutls_strerror(rc));
}

static bool
load_key(struct signer *s, struct error *err)
{
	struct strbuf pem = STRBUF_INIT_SECRET(FILE_MAX);
	const struct jwt_key *k = s->settings;
	gnutls_datum_t datum;
	int rc;

	if (!k->key && !k->pem)
		return error_set(err, FAULT_CONFIG, "oauth-key is not set");
	if (k->key && is_uri(k->key)) {
		gnutls_privkey_set_pin_function(s->key, give_pin, s);
		rc = gnutls_privkey_import_url(s->key, k->key, 0);
		return rc >= 0 || fail_key(s, rc, err);
	}
	if (k->key && !read_pem("oauth-key", k->key, &pem, err))
		return false;
	datum.data = (unsigned char *)(uintptr_t)(k->key ? pem.s : k->pem);
	datum.size = (unsigned)strlen((const char *)datum.data);
	rc = gnutls_privkey_import_x509_raw(s->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	strbuf_done(&pem);
	return rc >= 0 || fail_key(s, rc, err);
}

/* What this key can sign with. Of a key on a token it is not known how many bits it has: then the
 * signature tells. */
static bool
choose(struct signer *s, struct error *err)
{
	unsigned bits = 0;
	int kind = gnutls_privkey_get_pk_algorithm(s->key, &bits);

	switch (kind) {
	case GNUTLS_PK_RSA:
	case GNUTLS_PK_RSA_PSS:
		/* RFC 7518 sections 3.3 and 3.5 */
		if (bits && bits < RSA_BITS)
			return error_set(err, FAULT_CONFIG,
				"oauth-key: an RSA key of %u bits is too weak, %d are wanted", bits,
				RSA_BITS);
		if (kind == GNUTLS_PK_RSA_PSS)
			s->algorithm = GNUTLS_SIGN_RSA_PSS_SHA256;
		else
			s->algorithm = s->settings->pss ? GNUTLS_SIGN_RSA_PSS_RSAE_SHA256
							: GNUTLS_SIGN_RSA_SHA256;
		s->name = s->algorithm == GNUTLS_SIGN_RSA_SHA256 ? "RS256" : "PS256";
		return true;
	case GNUTLS_PK_ECDSA:
		if (bits && bits != 256)
			break;
		s->algorithm = GNUTLS_SIGN_ECDSA_SHA256;
		s->name = "ES256";
		return true;
	default:
		break;
	}
	return error_set(err, FAULT_CONFIG,
		"oauth-key: neither RSA nor on the curve P-256, as assertions are signed (%s)",
		kind < 0 ? gnutls_strerror(kind) : gnutls_pk_get_name((gnutls_pk_algorithm_t)kind));
}

/* The certificate is one for this key; where the key does not leave its token, maybe. */
static bool
check_pair(const struct signer *s, gnutls_x509_crt_t crt, struct error *err)
{
	unsigned char of_key[64], of_crt[64];
	size_t n = sizeof(of_key), m = sizeof(of_crt);
	gnutls_pubkey_t public;
	bool differ;

	if (gnutls_pubkey_init(&public) < 0)
		alloc_failed();
	differ = gnutls_pubkey_import_privkey(public, s->key, 0, 0) >= 0 &&
		 gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &n) >= 0 &&
		 gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &m) >= 0 &&
		 (n != m || memcmp(of_key, of_crt, n) != 0);
	gnutls_pubkey_deinit(public);
	return !differ || error_set(err, FAULT_CONFIG, "oauth-key: %s is not the key of %s",
				  s->settings->key ? s->settings->key : "this", s->settings->cert);
}

/* RFC 7515 sections 4.1.7 and 4.1.8: which certificate; some servers know the one, some the other.
 */
static bool
add_thumbprints(const struct signer *s, gnutls_x509_crt_t crt, json_t *header, struct error *err)
{
	static const struct {
		const char *key;
		gnutls_digest_algorithm_t digest;
	} kinds[] = { { "x5t", GNUTLS_DIG_SHA1 }, { "x5t#S256", GNUTLS_DIG_SHA256 } };
	unsigned char sum[SHA256];

	for (size_t i = 0; i < 2; i++) {
		struct strbuf text = STRBUF_INIT(64);
		size_t n = sizeof(sum);
		int rc = gnutls_x509_crt_get_fingerprint(crt, kinds[i].digest, sum, &n);

		if (rc < 0)
			return error_set(err, FAULT_CONFIG, "oauth-cert: %s: %s", s->settings->cert,
				gnutls_strerror(rc));
		jwt_add_base64url(&text, sum, n);
		json_put_text(header, kinds[i].key, text.s);
		strbuf_done(&text);
	}
	return true;
}

static bool
add_certificate(const struct signer *s, json_t *header, struct error *err)
{
	struct strbuf pem = STRBUF_INIT(FILE_MAX);
	gnutls_x509_crt_t crt;
	gnutls_datum_t datum;
	bool good;
	int rc;

	if (!s->settings->cert)
		return true;
	if (!read_pem("oauth-cert", s->settings->cert, &pem, err))
		return false;
	if (gnutls_x509_crt_init(&crt) < 0)
		alloc_failed();
	datum = (gnutls_datum_t){ (unsigned char *)pem.s, (unsigned)pem.len };
	rc = gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM);
	if (rc < 0)
		good = error_set(err, FAULT_CONFIG, "oauth-cert: %s: %s", s->settings->cert,
			gnutls_strerror(rc));
	else
		good = check_pair(s, crt, err) && add_thumbprints(s, crt, header, err);
	gnutls_x509_crt_deinit(crt);
	strbuf_done(&pem);
	return good;
}

static bool
add_header(const struct signer *s, struct strbuf *out, struct error *err)
{
	struct strbuf text = STRBUF_INIT(4096);
	json_t *header = json_object();
	bool good;

	if (!header)
		alloc_failed();
	json_put_text(header, "alg", s->name);
	json_put_text(header, "typ", "JWT");
	if (s->settings->key_id)
		json_put_text(header, "kid", s->settings->key_id);
	good = add_certificate(s, header, err);
	json_add_line(&text, header);
	if (good && text.len)
		jwt_add_base64url(out, text.s, text.len - 1);
	strbuf_done(&text);
	return good;
}

/* The octets of a number, as many as PART, appended to OUT. */
static bool
add_part(struct strbuf *out, const gnutls_datum_t *number)
{
	static const char zeros[PART];
	const unsigned char *s = number->data;
	unsigned n = number->size;

	for (; n && !*s; s++)
		n--;
	if (n > PART)
		return false;
	strbuf_add(out, zeros, PART - n);
	strbuf_add(out, s, n);
	return true;
}

/* ES256 has r and s side by side where everybody else has DER (RFC 7518 section 3.4). */
static bool
add_signature(const struct signer *s, const gnutls_datum_t *signature, struct strbuf *out)
{
	struct strbuf both = STRBUF_INIT(2 * PART);
	gnutls_datum_t r, t;
	bool good;

	if (s->algorithm != GNUTLS_SIGN_ECDSA_SHA256) {
		jwt_add_base64url(out, signature->data, signature->size);
		return signature->size >= RSA_BITS / 8;
	}
	if (gnutls_decode_rs_value(signature, &r, &t) < 0)
		return false;
	good = add_part(&both, &r) && add_part(&both, &t);
	gnutls_free(r.data);
	gnutls_free(t.data);
	jwt_add_base64url(out, both.s, both.len);
	strbuf_done(&both);
	return good;
}

static bool
sign(const struct signer *s, struct strbuf *out, struct error *err)
{
	gnutls_datum_t data = { (unsigned char *)out->s, (unsigned)out->len }, signature;
	int rc = gnutls_privkey_sign_data2(s->key, s->algorithm, 0, &data, &signature);
	bool good;

	if (rc < 0)
		return fail_key(s, rc, err);
	strbuf_addc(out, '.');
	good = add_signature(s, &signature, out);
	gnutls_free(signature.data);
	return good || error_set(err, FAULT_CONFIG, "oauth-key: this key signs nothing that fits");
}

bool
jwt_sign(const struct jwt_key *k, const char *claims, struct strbuf *ret, struct error *err)
{
	struct signer s = { .settings = k, .pin = { .ask = k->pin, .ctx = k->pin_ctx } };
	bool good;

	ret->secret = true;
	strbuf_clear(ret);
	if (gnutls_privkey_init(&s.key) < 0)
		alloc_failed();
	good = load_key(&s, err) && choose(&s, err) && add_header(&s, ret, err);
	if (good) {
		strbuf_addc(ret, '.');
		jwt_add_base64url(ret, claims, strlen(claims));
		good = ret->full ? error_set(err, FAULT_SOFTWARE, "an assertion that is too long")
				 : sign(&s, ret, err);
	}
	if (good && ret->full)
		good = error_set(err, FAULT_SOFTWARE, "an assertion that is too long");
	gnutls_privkey_deinit(s.key);
	if (!good)
		strbuf_clear(ret);
	return good;
}
