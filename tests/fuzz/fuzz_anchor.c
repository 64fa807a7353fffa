/* What the anchor scan reads of PEM text must be what GnuTLS reads. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "anchor.h"
#include "fuzz.h"

static bool
differs(struct octets ours, const gnutls_datum_t *theirs)
{
	return ours.n != theirs->size || memcmp(ours.s, theirs->data, ours.n) != 0;
}

/* Whatever GnuTLS accepts must have the same names here, or none at all. */
static void
compare(const struct anchor_block *block, struct octets issuer, struct octets subject)
{
	gnutls_datum_t pem = { (unsigned char *)(uintptr_t)block->pem, (unsigned)block->pem_len };
	gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) >= 0 &&
		gnutls_x509_crt_get_raw_issuer_dn(crt, &a) >= 0 &&
		gnutls_x509_crt_get_raw_dn(crt, &b) >= 0)
		check(!differs(issuer, &a) && !differs(subject, &b));
	gnutls_free(a.data);
	gnutls_free(b.data);
	gnutls_x509_crt_deinit(crt);
}

static void
check_block(const struct anchor_block *block)
{
	struct octets issuer, subject, again[2];
	size_t max = block->body_len, n, end;
	uint8_t *der = malloc(max + 1), *part;

	if (!der)
		return;
	n = anchor_decode(block->body, block->body_len, der, max);
	check(n <= max);
	if (anchor_names(der, n, &issuer, &subject) == 1) {
		check(issuer.s >= der && issuer.s + issuer.n <= subject.s &&
			subject.s + subject.n <= der + n);
		compare(block, issuer, subject);
		/* the octets up to the end of the subject say the same, one less says nothing */
		end = (size_t)(subject.s + subject.n - der);
		part = malloc(end);
		if (part && anchor_decode(block->body, block->body_len, part, end) == end) {
			check(anchor_names(part, end, &again[0], &again[1]) == 1);
			check(again[1].n == subject.n && !memcmp(again[1].s, subject.s, subject.n));
			check(anchor_names(part, end - 1, &again[0], &again[1]) == 0);
		}
		free(part);
	}
	free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *before = at;
	struct octets issuer, subject;
	struct anchor_block block;

	anchor_names(data, size, &issuer, &subject);
	while (anchor_next(&at, end, &block)) {
		check(at > before && at <= end);
		check(block.pem >= before && block.pem + block.pem_len == at);
		check(block.body > block.pem && block.body + block.body_len < at);
		check_block(&block);
		before = at;
	}
	check(at == end);
	return 0;
}
